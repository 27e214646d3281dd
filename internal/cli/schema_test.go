package cli_test

import (
	"encoding/json"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// outputSchema is docs/output.schema.json, compiled.
var outputSchema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	text, err := os.Open("../../docs/output.schema.json")
	if err != nil {
		return nil, err
	}
	defer text.Close()
	document, err := jsonschema.UnmarshalJSON(text)
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("output.schema.json", document); err != nil {
		return nil, err
	}
	return compiler.Compile("output.schema.json")
})

// fitsSchema checks a line of output.
func fitsSchema(t testing.TB, line string) {
	t.Helper()
	schema, err := outputSchema()
	if err != nil {
		t.Fatal(err)
	}
	object, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(object); err != nil {
		t.Errorf("docs/output.schema.json does not fit %s\n%v", line, err)
	}
}

// Each definition of the schema is one that the schema uses, and refuses what is not there.
func TestOutputSchema(t *testing.T) {
	t.Parallel()
	schema, err := outputSchema()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`{}`, `{"type": "none"}`, `{"type": "note"}`, `{"type": "note", "text": "x", "more": 1}`,
		`{"type": "change", "action": "explode", "kind": "provider", "name": "a", "fields": [], "reason": "r"}`,
		`{"type": "change", "action": "add", "kind": "provider", "name": "a", "fields": null, "reason": "r"}`,
	} {
		object, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
		if err != nil {
			t.Fatal(err)
		}
		if schema.Validate(object) == nil {
			t.Errorf("the schema takes %s", line)
		}
	}
	for _, args := range [][]string{{"version"}, {"types"}, {"types", "grafana"}, {"validate", "-f", file(t, twoProviders)}, {"validate", "-f", file(t, "providers:\n  a: {type: grafanna}\n")}} {
		lines(t, run(t, nil, append(args, "-o", "json")...).stdout)
	}
	var object map[string]any
	failed := run(t, nil, "plan", "-o", "json").want(t, 64)
	if err := json.Unmarshal([]byte(failed.stderr), &object); err != nil {
		t.Fatal(err)
	}
	fitsSchema(t, failed.stderr)
}
