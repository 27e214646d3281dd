package document

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// TestYAMLValues goes through everything that was measured of Keep's reader.
func TestYAMLValues(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/yaml-values.json")
	if err != nil {
		t.Fatal(err)
	}
	var measured struct {
		Cases []struct {
			YAML     *string         `json:"yaml"`
			Document *string         `json:"document"`
			Type     string          `json:"type"`
			Value    json.RawMessage `json:"value"`
			Error    string          `json:"error"`
		} `json:"cases"`
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&measured); err != nil {
		t.Fatal(err)
	}
	if len(measured.Cases) < 60 {
		t.Fatalf("only %d cases", len(measured.Cases))
	}
	// What Keep takes but cannot store as JSON, or gets wrong.
	refused := map[string]string{
		"date": CodeValue, "datetime": CodeValue, ".inf": CodeValue, ".nan": CodeValue, "-.inf": CodeValue,
		"a: 1\na: 2\n": CodeDuplicateKey,
	}
	for _, c := range measured.Cases {
		document, path := "", ""
		if c.YAML != nil {
			document, path = "v: "+*c.YAML, "v"
		} else {
			document = *c.Document
		}
		t.Run(document, func(t *testing.T) {
			value, faults := readYAML(t, document)
			want := refused[c.Type]
			if code, ok := refused[strings.TrimPrefix(document, "v: ")]; ok {
				want = code
			}
			switch {
			case c.Error != "" || want != "":
				if len(faults) == 0 {
					t.Fatalf("read as %s, want a problem", value)
				}
				if want != "" && (faults[0].Code != want || want == CodeValue && !strings.Contains(faults[0].Hint, `v: "..."`)) {
					t.Errorf("problem %+v, want code %s", faults[0], want)
				}
				return
			case len(faults) > 0:
				t.Fatalf("problems %+v, want %s", faults, c.Value)
			}
			expected := string(c.Value)
			if path != "" {
				expected = `{"v": ` + expected + `}`
			}
			if got, want := compact(t, value), compact(t, expected); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

// readYAML reads a document and returns it as JSON; an empty one is null.
func readYAML(t testing.TB, text string) (value string, faults []Fault) {
	t.Helper()
	v, _, f := Parse([]byte(text), YAML)
	switch {
	case f != nil:
		return "", append(faults, *f)
	case v == nil:
		return "null", nil
	}
	v.Check(Deep, func(f Fault) { faults = append(faults, f) })
	return string(v.AppendJSON(nil)), faults
}

// compact gives JSON without the spaces, numbers as they are.
func compact(t testing.TB, text string) string {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	out, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
