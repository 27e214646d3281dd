package pyyaml

import (
	"bufio"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keep-bootstrap/internal/document"
)

var corpus = flag.String("corpus", "testdata/random.jsonl", "JSON lines of workflows and what Keep stores of them, as generate.py writes them")

// store gives what is stored of a workflow and its value as JSON, or what is wrong with it.
func store(text string) (raw string, value []byte, faults []document.Fault) {
	v, _, f := document.Parse([]byte(text), document.YAML)
	switch {
	case f != nil:
		return "", nil, []document.Fault{*f}
	case v == nil:
		return "", nil, []document.Fault{{Message: "empty"}}
	}
	v.Check(document.Workflow, func(f document.Fault) { faults = append(faults, f) })
	if len(faults) > 0 {
		return "", nil, faults
	}
	return Dump(v), v.AppendJSON(nil), nil
}

// TestStoredAsKeep compares with what Keep's own reader and writer make of the same text, byte for byte.
func TestStoredAsKeep(t *testing.T) {
	t.Parallel()
	file, err := os.Open(*corpus)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 16<<20)
	compared, failed := 0, 0
	for lines.Scan() {
		var c struct{ YAML, Raw string }
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		compared++
		got, _, faults := store(c.YAML)
		if len(faults) > 0 || got != c.Raw {
			if failed++; failed <= 20 {
				t.Errorf("document %d: %s\nfaults %+v\n%s", compared, c.YAML, faults, cmp.Diff(strings.Split(c.Raw, "\n"), strings.Split(got, "\n")))
			}
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if compared < 400 {
		t.Errorf("only %d documents", compared)
	}
	t.Logf("%d documents, %d differ", compared, failed)
}

// FuzzStored: what is stored means the same as what was read, and storing it again changes nothing.
func FuzzStored(f *testing.F) {
	for _, pattern := range []string{"testdata/*.yaml", "../manifest/testdata/good/*.yaml"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(text))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		first, value, faults := store(text)
		if len(text) > 1<<16 || len(faults) > 0 || len(value) == 0 || value[0] != '{' {
			t.Skip()
		}
		second, again, faults := store(first)
		if len(faults) > 0 || string(again) != string(value) || second != first {
			t.Errorf("%q is stored as %q: that reads as %s, not %s, faults %+v, and is stored as %q", text, first, again, value, faults, second)
		}
	})
}

// TestStoredGolden compares the workflows of testdata, which are like those that people write.
func TestStoredGolden(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) < 5 {
		t.Errorf("only %d workflows", len(paths))
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(path + ".golden")
		if err != nil {
			t.Fatal(err)
		}
		got, _, faults := store(string(text))
		if diff := cmp.Diff(string(want), got); diff != "" || len(faults) > 0 {
			t.Errorf("%s: %+v\n-want +got:\n%s", path, faults, diff)
		}
	}
}
