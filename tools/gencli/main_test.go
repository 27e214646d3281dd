package main

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFresh: docs/cli.md is what the commands say.
func TestFresh(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(text), page()); diff != "" {
		t.Errorf("run go generate ./tools/gencli: -docs/cli.md +commands\n%s", diff)
	}
}
