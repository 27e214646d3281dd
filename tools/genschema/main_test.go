package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	yaml "go.yaml.in/yaml/v4"

	"keep-bootstrap/internal/catalogue"
	"keep-bootstrap/internal/manifest"
)

const schemaFile = "../../schema/manifest.schema.json"

// TestFresh: the file is what the catalogue gives.
func TestFresh(t *testing.T) {
	t.Parallel()
	base, err := os.ReadFile("../../schema/manifest.base.json")
	if err != nil {
		t.Fatal(err)
	}
	want, err := generate(base, catalogue.BuiltIn())
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error(schemaFile + " is stale: go generate ./internal/catalogue")
	}
}

// compiled returns the schema, or a definition of it.
func compiled(t *testing.T, fragment string) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	schema, err := compiler.Compile(schemaFile + fragment)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// decode reads a file as an editor does.
func decode(path string) (value any, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if filepath.Ext(path) == ".json" {
		return jsonschema.UnmarshalJSON(bytes.NewReader(text))
	}
	if err := yaml.Unmarshal(text, &value); err != nil {
		return nil, err
	}
	// Through JSON, so that numbers and keys are as the library wants them.
	encoded, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(encoded))
}

func files(t *testing.T, patterns ...string) (paths []string) {
	t.Helper()
	for _, pattern := range patterns {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, found...)
	}
	return paths
}

// notManifests are files of examples/ that are no input of -f.
var notManifests = map[string]bool{"compose.yaml": true, "dashboards.json": true}

// TestExamples: every example is valid, and those in YAML name the schema.
func TestExamples(t *testing.T) {
	t.Parallel()
	schema := compiled(t, "")
	checked := 0
	for _, path := range files(t, "../../examples/*.json", "../../examples/*.yaml", "../../examples/providers/*.yaml", "../../examples/types/*.yaml") {
		if notManifests[filepath.Base(path)] {
			continue
		}
		checked++
		value, err := decode(path)
		if err == nil {
			err = schema.Validate(value)
		}
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if filepath.Ext(path) != ".yaml" {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		line, _, _ := strings.Cut(string(text), "\n")
		named, ok := strings.CutPrefix(line, "# yaml-language-server: $schema=")
		if _, err := os.Stat(filepath.Join(filepath.Dir(path), named)); !ok || err != nil {
			t.Errorf("%s does not name the schema: %s", path, line)
		}
	}
	if checked < 20 {
		t.Errorf("only %d examples", checked)
	}
}

// TestResourceExamples: so are those of one kind in a file of its own.
func TestResourceExamples(t *testing.T) {
	t.Parallel()
	for pattern, definition := range map[string]string{
		"../../examples/workflows/*.yaml": "workflow", "../../examples/mappings/*.yaml": "mapping-rule", "../../internal/pyyaml/testdata/[!a]*.yaml": "workflow",
	} {
		schema := compiled(t, "#/$defs/"+definition)
		paths := files(t, pattern)
		if len(paths) == 0 {
			t.Errorf("%s: no files", pattern)
		}
		for _, path := range paths {
			value, err := decode(path)
			if err != nil {
				continue // what an editor's reader of YAML 1.2 does not take
			}
			if err := schema.Validate(value); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
}

// withoutTypes is the schema without what it says of types, because those of the bad inputs are made up.
func withoutTypes(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	provider := document.(map[string]any)["$defs"].(map[string]any)["provider"].(map[string]any)
	delete(provider, "allOf")
	provider["properties"].(map[string]any)["type"] = map[string]any{"type": "string", "minLength": json.Number("1"), "not": map[string]any{"$ref": "#/$defs/reference"}}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// beyondSchema are the bad inputs that a schema cannot tell from good ones, and why.
var beyondSchema = because(map[string]string{
	"a schema has no depth":                          "deep-block.yaml deep-flow.yaml json-deep.json",
	"the parser reads it all the same":               "encoding-utf16.yaml json-latin1.json json-surrogate.json two-documents.yaml value-anchor.yaml value-tag.yaml",
	"an editor reads YAML 1.2, where this is a text": "key-name-boolean.yaml name-boolean.yaml name-date.yaml value-binary-digits.yaml value-date.yaml value-datetime.yaml value-equals.yaml value-merge.yaml",
	"a schema does not compare two places":           "name-duplicate.yaml renamed-from-self.yaml renamed-from-twice.yaml",
	"parsers keep the last of two keys":              "json-duplicate-key.json json-duplicate-name.json json-duplicate-providers.json",
	"a schema resolves no reference":                 "reference-description.yaml reference-env-name.yaml reference-file-missing.yaml reference-not-utf8.yaml reference-undefined.yaml",
	"a schema does not count digits":                 "value-huge.yaml json-number-huge.json",
	"only names are looked at for NUL":               "value-nul.yaml value-nul-key.yaml json-nul.json",
})

// because turns lists of files by reason into reasons by file.
func because(files map[string]string) map[string]string {
	reasons := map[string]string{}
	for reason, names := range files {
		for name := range strings.FieldsSeq(names) {
			reasons[name] = reason
		}
	}
	return reasons
}

// TestBad: every bad input that an editor can parse is refused, except for those that a schema cannot see.
func TestBad(t *testing.T) {
	t.Parallel()
	schema := withoutTypes(t)
	broken, refused := 0, 0
	for _, path := range files(t, "../../internal/manifest/testdata/bad/*.yaml", "../../internal/manifest/testdata/bad/*.json") {
		name := filepath.Base(path)
		value, err := decode(path)
		if err != nil {
			broken++ // the editor says so itself
			continue
		}
		err = schema.Validate(value)
		if err != nil {
			refused++
		}
		why, beyond := beyondSchema[name]
		switch {
		case err == nil && !beyond:
			t.Errorf("%s is valid by the schema", name)
		case err != nil && beyond:
			t.Errorf("%s is refused, although %s", name, why)
		}
	}
	t.Logf("%d cannot be parsed, %d are refused, %d are beyond a schema", broken, refused, len(beyondSchema))
}

// TestGood: what the reader takes with --strict, the schema takes.
func TestGood(t *testing.T) {
	t.Parallel()
	schema := compiled(t, "")
	checked := 0
	for _, path := range files(t, "../../internal/manifest/testdata/good/*.yaml", "../../internal/manifest/testdata/good/*.json") {
		_, err := manifest.Load(manifest.Options{Files: []string{path}, Strict: true, Catalogue: catalogue.BuiltIn(), SkipReferences: true})
		if err != nil {
			continue // its types are made up
		}
		value, err := decode(path)
		if err == nil {
			err = schema.Validate(value)
		}
		checked++
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	t.Logf("%d checked", checked)
}

// TestKinds goes through what was measured of Keep's kinds of fields.
func TestKinds(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../internal/catalogue/testdata/field-kinds.json")
	if err != nil {
		t.Fatal(err)
	}
	var measured struct {
		Kinds map[string]struct {
			Accepts []struct {
				Value json.RawMessage `json:"value"`
			} `json:"accepts"`
			Rejects []json.RawMessage `json:"rejects"`
		} `json:"kinds"`
	}
	if err := json.Unmarshal(data, &measured); err != nil {
		t.Fatal(err)
	}
	for kind, of := range measured.Kinds {
		schema := compiled(t, "#/$defs/kind-"+kind)
		valid := func(raw json.RawMessage) bool {
			value, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
			if err != nil {
				t.Fatal(err)
			}
			return schema.Validate(value) == nil
		}
		for _, accepted := range of.Accepts {
			if !valid(accepted.Value) {
				t.Errorf("%s refuses %s", kind, accepted.Value)
			}
		}
		for _, rejected := range of.Rejects {
			if valid(rejected) {
				t.Errorf("%s accepts %s", kind, rejected)
			}
		}
		for _, later := range []string{`"$(NAME)"`, `"$(file:/run/secrets/a)"`, `"{{ env.NAME }}"`} {
			if !valid(json.RawMessage(later)) {
				t.Errorf("%s refuses %s", kind, later)
			}
		}
	}
}

// TestFields: required fields, sets and unknown fields of types.
func TestFields(t *testing.T) {
	t.Parallel()
	schema := compiled(t, "")
	good := []string{
		`{"a": {"type": "grafana", "authentication": {"host": "https://g", "token": "t"}}}`,
		`{"a": {"type": "grafana", "authentication": {"host": "https://g", "token": "t", "pulling_enabled": "false"}}}`,
		`{"a": {"type": "slack", "authentication": {"access_token": "x"}}}`,
		`{"a": {"type": "http"}}`,
		`{"a": {"type": "http", "authentication": null}}`,
		`{"providers": {"type": "http"}}`,
		`{"providers": [{"name": "a", "type": "http"}], "x-b": 1}`,
		`{"name": "a", "type": "http"}`,
		`{}`,
		`[]`,
	}
	bad := []string{
		`{"a": {"type": "grafana", "authentication": {"host": "https://g"}}}`,
		`{"a": {"type": "grafana", "authentication": null}}`,
		`{"a": {"type": "grafana"}}`,
		`{"a": {"type": "grafana", "authentication": {"host": "https://g", "token": "t", "x": 1}}}`,
		`{"a": {"type": "slack", "authentication": {}}}`,
		`{"a": {"type": "checkmk"}}`,
		`{"a": {"type": "grafan"}}`,
		`[{"type": "http"}]`,
		`null`,
	}
	for i, text := range slices.Concat(good, bad) {
		valid := i < len(good)
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); (err == nil) != valid {
			t.Errorf("%s: %v", text, err)
		}
		// The reader says the same, with --strict.
		_, err = manifest.Load(manifest.Options{Files: []string{"-"}, Stdin: strings.NewReader(text), Strict: true, Catalogue: catalogue.BuiltIn()})
		if problems, _ := errors.AsType[*manifest.Problems](err); (problems == nil) != valid {
			t.Errorf("the reader, on %s: %v", text, err)
		}
	}
}
