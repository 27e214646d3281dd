// Command genman writes the man pages of keep-bootstrap and the completions of its shells below a directory:
// man/keep-bootstrap-COMMAND.1 and completions/keep-bootstrap.SHELL.
package main

import (
	"flag"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"

	"keep-bootstrap/internal/cli"
)

func main() {
	version := flag.String("version", "unknown", "`version` of the program")
	flag.Parse()
	if err := write(flag.Arg(0), *version); err != nil {
		log.Fatal(err)
	}
}

func write(directory, version string) error {
	man, completions := filepath.Join(directory, "man"), filepath.Join(directory, "completions")
	for _, path := range []string{man, completions} {
		if err := os.MkdirAll(path, 0o755); err != nil {
			return err
		}
	}
	root := cli.Command(version)
	for shell, write := range map[string]func(string) error{
		"bash": func(path string) error { return root.GenBashCompletionFileV2(path, true) },
		"zsh":  root.GenZshCompletionFile,
		"fish": func(path string) error { return root.GenFishCompletionFile(path, true) },
	} {
		if err := write(filepath.Join(completions, "keep-bootstrap."+shell)); err != nil {
			return err
		}
	}
	escape(root)
	return doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "keep-bootstrap " + version, Manual: "keep-bootstrap"}, man)
}

// escape keeps <NAME> and A_B_C in the texts of a command: a man page is made by way of Markdown, for which they are markup.
func escape(cmd *cobra.Command) {
	cmd.InitDefaultHelpFlag()
	cmd.DisableAutoGenTag = true // it has the date
	texts := []*string{&cmd.Short, &cmd.Long}
	add := func(flag *pflag.Flag) { texts = append(texts, &flag.Usage) }
	cmd.LocalNonPersistentFlags().VisitAll(add)
	if !cmd.HasParent() {
		cmd.PersistentFlags().VisitAll(add)
	}
	for _, text := range texts {
		*text = strings.NewReplacer("<", `\<`, "*", `\*`, "_", `\_`).Replace(*text)
	}
	for _, sub := range cmd.Commands() {
		escape(sub)
	}
}
