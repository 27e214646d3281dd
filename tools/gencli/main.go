// Command gencli writes docs/cli.md, the reference of the command line, from the commands themselves.
package main

import (
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"keep-bootstrap/internal/cli"
)

const header = `# Commands and flags

For whoever looks up a command or a flag: the help texts of the program, all on one page.

<!-- Generated from the commands; do not edit. To write it again: go generate ./tools/gencli -->

`

func main() {
	if err := os.WriteFile(os.Args[1], []byte(page()), 0o644); err != nil {
		log.Fatal(err)
	}
}

// page is the text of docs/cli.md.
func page() string {
	root := cli.Command("")
	root.InitDefaultCompletionCmd("up") // any argument: without one, cobra leaves the command out
	var out strings.Builder
	out.WriteString(header)
	section(&out, root, "Flags of all commands", root.PersistentFlags())
	for _, cmd := range root.Commands() {
		section(&out, cmd, "", cmd.NonInheritedFlags())
		if cmd.Name() == "completion" {
			continue // one command per shell; their help describes how to install them
		}
		for _, sub := range cmd.Commands() {
			section(&out, sub, "", sub.NonInheritedFlags())
		}
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// section writes what the help of a command says.
func section(out *strings.Builder, cmd *cobra.Command, title string, flags *pflag.FlagSet) {
	fmt.Fprintf(out, "## %s\n\n", cmd.CommandPath())
	text := cmd.Long
	if text == "" {
		text = cmd.Short
	}
	fmt.Fprintf(out, "```text\n%s\n```\n\n", strings.TrimSpace(text))
	if cmd.Example != "" {
		fmt.Fprintf(out, "```sh\n%s\n```\n\n", strings.ReplaceAll(strings.TrimPrefix(cmd.Example, "  "), "\n  ", "\n"))
	}
	if title != "" {
		fmt.Fprintf(out, "%s:\n\n", title)
	}
	if usages := flags.FlagUsagesWrapped(100); usages != "" {
		fmt.Fprintf(out, "```text\n%s```\n\n", usages)
	}
}
