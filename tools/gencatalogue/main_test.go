package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestFilesAreFresh(t *testing.T) {
	t.Parallel()
	files, err := generate(filepath.Join("..", "..", "sql", "catalogue"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join("..", "..", "sql", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("sql/%s is not what sql/catalogue says; run: go generate ./...", name)
		}
	}
}

func TestFit(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{"SELECT 1;\n": true, "SELECT '{{1}}';\n": false, "SELECT 'é';\n": false} {
		if err := fit([]byte(text)); (err == nil) != ok {
			t.Errorf("fit(%q) = %v", text, err)
		}
	}
}
