package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"keep-bootstrap/internal/cli"
)

// TestManPages: each command has a page, and each word of its texts is in it, <NAME> too.
func TestManPages(t *testing.T) {
	directory := t.TempDir()
	if err := write(directory, "1.2.3"); err != nil {
		t.Fatal(err)
	}
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		name := strings.ReplaceAll(cmd.CommandPath(), " ", "-") + ".1"
		page, err := os.ReadFile(filepath.Join(directory, "man", name))
		if err != nil {
			t.Error(err)
			return
		}
		plain := strings.NewReplacer(`\-`, "-", `\&`, "", `\_`, "_", `\(ga`, "`").Replace(string(page))
		if strings.Contains(plain, `\<`) || !strings.Contains(plain, "keep-bootstrap 1.2.3") {
			t.Errorf("%s:\n%s", name, page)
		}
		texts := []string{cmd.Long}
		cmd.LocalFlags().VisitAll(func(flag *pflag.Flag) { texts = append(texts, flag.Usage) })
		for _, text := range texts {
			for _, word := range regexp.MustCompile(`[A-Za-z0-9_<>$()-]+`).FindAllString(text, -1) {
				if !strings.Contains(plain, word) {
					t.Errorf("%s lacks %q", name, word)
				}
			}
		}
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				walk(sub)
			}
		}
	}
	walk(cli.Command("1.2.3"))
	for _, shell := range []string{"bash", "zsh", "fish"} {
		script, err := os.ReadFile(filepath.Join(directory, "completions", "keep-bootstrap."+shell))
		if err != nil || !strings.Contains(string(script), "__complete") {
			t.Errorf("%s: %v", shell, err)
		}
	}
}
