package sqlfiles_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	keeptypes "keep-bootstrap/internal/catalogue"
	"keep-bootstrap/internal/install"
	input "keep-bootstrap/internal/manifest"
	"keep-bootstrap/internal/postgres"
)

// installer installs what the reader takes.
type installer struct {
	database
	run       *install.Run
	installed int
}

func newInstaller(d database) *installer {
	yes := true
	config, err := postgres.Source{ConnString: d.Config().ConnString(), Origin: "test"}.Config()
	if err != nil {
		d.t.Fatal(err)
	}
	return &installer{database: d, run: &install.Run{
		Session: postgres.Session{Config: config},
		Log:     slog.New(slog.DiscardHandler),
		Tenant:  "keep",
		Options: install.Options{AllowEmpty: &yes, MaxPrune: "100%", AllowUnknownTypes: &yes, AssumeSecretManager: "db"},
	}}
}

// install loads the text and installs it when it is valid.
func (i *installer) install(text string) error {
	m, invalid := input.Load(input.Options{
		Files: []string{"-"}, Stdin: strings.NewReader(text), Environ: []string{"SET=value", "EMPTY="},
		Catalogue: keeptypes.BuiltIn(), AllowUnknownTypes: true,
	})
	if invalid != nil {
		return nil //nolint:nilerr // what is not valid is of no interest here
	}
	i.installed++
	i.run.Manifest = m
	i.run.Tenant = fmt.Sprint("tenant-", i.installed) // a new one each time: nothing is there that a guard could be about
	if _, err := i.run.Apply(context.Background()); err != nil {
		return fmt.Errorf("valid, but not installed: %w\n%q", err, text)
	}
	return nil
}

// corpusTexts are the inputs of the reader's tests, and what fuzzing found on this machine.
func corpusTexts(t *testing.T) (texts []string) {
	t.Helper()
	patterns := []string{
		"../examples/*.yaml", "../examples/*.json", "../examples/types/*.yaml",
		"../internal/manifest/testdata/good/*.*", "../internal/manifest/testdata/bad/*.*", "../internal/manifest/testdata/fuzz/*/*",
	}
	cache := os.Getenv("GOCACHE")
	if directory, err := os.UserCacheDir(); cache == "" && err == nil {
		cache = filepath.Join(directory, "go-build")
	}
	patterns = append(patterns, filepath.Join(cache, "fuzz/keep-bootstrap/internal/manifest/FuzzRead*/*"))
	for _, pattern := range patterns {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil || len(text) > 1<<16 {
				continue
			}
			if found, ok := strings.CutPrefix(string(text), "go test fuzz v1\n[]byte("); ok {
				unquoted, err := strconv.Unquote(strings.TrimSuffix(strings.TrimSpace(found), ")"))
				if err != nil {
					t.Fatalf("%s: %v", path, err)
				}
				text = []byte(unquoted)
			}
			texts = append(texts, string(text))
		}
	}
	return texts
}

// TestValidCorpusInstalls: every input of the corpus that is valid installs without an error.
func TestValidCorpusInstalls(t *testing.T) {
	d := newDatabase(t)
	i := newInstaller(d)
	texts := corpusTexts(t)
	if most := 2000; len(texts) > most {
		texts = texts[:most]
	}
	// Most of them have types whose fields they lack; those of http are all optional.
	harmless := strings.NewReplacer("victoriametrics", "http", "grafana", "http", "prometheus", "http")
	for _, text := range texts {
		for _, text := range []string{text, harmless.Replace(text)} {
			if err := i.install(text); err != nil {
				t.Error(err)
			}
		}
	}
	if len(texts) < 200 || i.installed < 20 {
		t.Errorf("%d texts, %d installed", len(texts), i.installed)
	}
	t.Logf("%d texts, %d of them valid", len(texts), i.installed)
}

// Parts of random manifests: odd but possible.
var (
	oddText = rapid.OneOf(
		rapid.StringMatching(`[a-z_]{1,6}`), rapid.String(),
		rapid.SampledFrom([]string{"", " ", "$(SET)", "$$(SET)", "{{ env.X }}", "a\nb", "\u2028", "é😀", "\ufffd", "\x7f", "'\"\\", "%s", "NULL", "true", strings.Repeat("é", 500)}))
	oddNumber = rapid.OneOf(
		rapid.StringMatching(`-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][-+]?[0-9]{1,3})?`),
		rapid.SampledFrom([]string{"0", "-0", "1e308", "1e-308", "1e-400", "1e-20000", "1E+5", "0." + strings.Repeat("0", 20000) + "1", strings.Repeat("9", 4300), "1e-99999999999", "0e99999999999", "0e-99999999999"}))
)

func oddValue(depth int) *rapid.Generator[string] {
	scalar := rapid.OneOf(
		rapid.Map(oddText, jsonText), oddNumber, rapid.SampledFrom([]string{"null", "true", "false"}))
	if depth == 0 {
		return scalar
	}
	return rapid.OneOf(scalar, scalar,
		rapid.Map(rapid.SliceOfN(oddValue(depth-1), 0, 3), func(items []string) string { return "[" + strings.Join(items, ",") + "]" }),
		rapid.Map(rapid.SliceOfN(member(oddText, oddValue(depth-1)), 0, 3), func(members []string) string { return "{" + strings.Join(members, ",") + "}" }))
}

func member(key, value *rapid.Generator[string]) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string { return jsonText(key.Draw(t, "key")) + ":" + value.Draw(t, "value") })
}

// oddManifest is an object of providers, mostly well formed.
func oddManifest() *rapid.Generator[string] {
	field := rapid.Custom(func(t *rapid.T) string {
		switch rapid.IntRange(0, 6).Draw(t, "field") {
		case 0:
			return `"deduplication_rules":{` + jsonText(oddText.Draw(t, "rule")) + `:{` + rapid.SampledFrom([]string{
				``, `"description":"é"`, `"priority":-999999999`, `"priority":1000000000`, `"fingerprint_fields":["a","\u2028"],"ignore_fields":[]`,
				`"full_deduplication":true,"enabled":false`, `"description":null,"unheard_of":1`,
			}).Draw(t, "rule") + `}}`
		case 1:
			return `"renamed_from":` + rapid.OneOf(rapid.Map(oddText, jsonText), rapid.Just("null"), rapid.Just(`["x","y"]`)).Draw(t, "old names")
		case 2:
			return `"description":` + oddValue(0).Draw(t, "description")
		case 3:
			return rapid.SampledFrom([]string{`"pulling_enabled":"False"`, `"install_webhook":null`, `"prevent_delete":false`, `"unheard_of":{}`}).Draw(t, "flag")
		}
		return `"authentication":{` + strings.Join(rapid.SliceOfN(member(
			rapid.OneOf(oddText, rapid.SampledFrom([]string{"host", "token", "url", "pulling_enabled"})), oddValue(3)), 0, 4).Draw(t, "fields"), ",") + `}`
	})
	provider := rapid.Custom(func(t *rapid.T) string {
		typeName := rapid.OneOf(rapid.SampledFrom([]string{"http", "grafana", "webhook", "kafka", "checkmk"}), oddText).Draw(t, "type")
		fields := append([]string{`"type":` + jsonText(typeName)}, rapid.SliceOfN(field, 0, 3).Draw(t, "fields")...)
		return "{" + strings.Join(fields, ",") + "}"
	})
	return rapid.Map(rapid.SliceOfN(member(oddText, provider), 0, 4), func(members []string) string { return "{" + strings.Join(members, ",") + "}" })
}

// TestValidInstalls: random manifests that are valid install without an error.
func TestValidInstalls(t *testing.T) {
	d := newDatabase(t)
	i := newInstaller(d)
	tried := 0
	rapid.Check(t, func(t *rapid.T) {
		for range 4 { // most of them are refused
			tried++
			if err := i.install(oddManifest().Draw(t, "manifest")); err != nil {
				t.Fatal(err)
			}
		}
	})
	t.Logf("%d of %d manifests were valid", i.installed, tried)
	if i.installed*10 < tried { // how many are tried depends on the model's number of sequences
		t.Errorf("only %d of %d manifests were valid", i.installed, tried)
	}
}

func jsonText(text string) string {
	encoded, err := json.Marshal(text)
	if err != nil {
		panic(err) // a text
	}
	return string(encoded)
}
