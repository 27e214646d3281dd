package manifest

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// testEnvironment is what the references of the test data name.
var testEnvironment = []string{"SET=value", "EMPTY=", "NOT_UTF8=caf\xe9"}

// cases lists the inputs of a folder: a .yaml or .json file is given with
// -f, a .dir directory with KEEP_PROVIDERS_DIRECTORY, a .env file is the environment.
func cases(t testing.TB, dir string) map[string]Options {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]Options{}
	for _, entry := range entries {
		name, path := entry.Name(), dir+"/"+entry.Name()
		options := Options{Environ: slices.Clone(testEnvironment)}
		switch filepath.Ext(name) {
		case ".yaml", ".json", ".jsonl":
			options.Files = []string{path}
		case ".dir":
			options.Environ = append(options.Environ, directoryVariable+"="+path)
		case ".env":
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			options.Environ = append(options.Environ, strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")...)
		default:
			continue
		}
		cases[name] = options
	}
	return cases
}

// TestBad compares the messages for every bad input with the golden ones.
func TestBad(t *testing.T) {
	t.Parallel()
	bad := cases(t, "testdata/bad")
	if len(bad) < 80 {
		t.Errorf("only %d bad inputs", len(bad))
	}
	for name, options := range bad {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			manifest, err := Load(options)
			problems, ok := errors.AsType[*Problems](err)
			if !ok {
				t.Fatalf("error %v, want problems; read %+v", err, manifest)
			}
			if len(manifest.Providers) > 0 {
				t.Error("a bad input gave providers")
			}
			got := render(problems.List)
			if more := problems.Total - len(problems.List); more > 0 {
				got += "and " + strconv.Itoa(more) + " more\n"
			}
			if len(manifest.Warnings) > 0 {
				got += "warnings:\n" + render(manifest.Warnings)
			}
			if strings.Contains(got, "CANARY") && !strings.HasPrefix(name, "env-path") {
				t.Errorf("a secret is shown:\n%s", got)
			}
			for _, p := range problems.List {
				if p.Code == "" || p.Message == "" || p.Hint == "" || p.File == "" {
					t.Errorf("a problem lacks code, message, hint or file: %+v", p)
				}
			}
			golden(t, "testdata/bad/"+name+".golden", got)
		})
	}
}

// golden compares with a golden file, or writes it.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestGood compares what is read from good inputs with the golden files.
func TestGood(t *testing.T) {
	t.Parallel()
	for name, options := range cases(t, "testdata/good") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got strings.Builder
			m := load(t, options)
			for _, p := range m.Providers {
				fmt.Fprintf(&got, "%s: %q type %q\n  authentication %s\n", p.Source, p.Name, p.Type, p.Authentication)
				if p.DeduplicationRules != nil {
					fmt.Fprintf(&got, "  rules %s\n", *p.DeduplicationRules)
				}
				if p.RenamedFrom != nil {
					fmt.Fprintf(&got, "  renamed from %q\n", p.RenamedFrom)
				}
				if p.Description != nil {
					fmt.Fprintf(&got, "  description %q\n", *p.Description)
				}
				fmt.Fprintf(&got, "  webhook %s (default %t), pulling %s, prevent delete %s\n",
					say(p.InstallWebhook), p.InstallWebhookDefault, say(p.PullingEnabled), say(p.PreventDelete))
			}
			describe(&got, m)
			if len(m.Warnings) > 0 {
				got.WriteString("warnings:\n" + render(m.Warnings))
			}
			golden(t, "testdata/good/"+name+".golden", got.String())
		})
	}
}

// describe prints the resources that are no providers.
func describe(out *strings.Builder, m *Manifest) {
	if m.Given != (Kinds{Providers: true}) {
		fmt.Fprintf(out, "given %+v\n", m.Given)
	}
	file := func(path *string) string {
		if path == nil {
			return "none"
		}
		folder, err := filepath.Abs(".")
		if err != nil {
			return err.Error()
		}
		return strings.Replace(*path, folder, "$PWD", 1)
	}
	for _, w := range m.Workflows {
		fmt.Fprintf(out, "%s: workflow %q file %s\n  definition %s\n", w.Source, w.Name, file(w.ProvisionedFile), w.Definition)
		out.WriteString("  raw " + strings.ReplaceAll(w.Raw, "\n", "\n  | ") + "\n")
	}
	for _, d := range m.Dashboards {
		fmt.Fprintf(out, "%s: dashboard %q config %s\n", d.Source, d.Name, d.Config)
	}
	for _, r := range m.MappingRules {
		fmt.Fprintf(out, "%s: mapping rule %q file %s\n  definition %s\n", r.Source, r.Name, file(r.ProvisionedFile), r.Definition)
	}
	if u := m.User; u != nil {
		fmt.Fprintf(out, "%s: user %q password %q reset %t\n", u.Source, u.Username, u.Password, u.ResetPassword)
	}
	for _, k := range m.APIKeys {
		fmt.Fprintf(out, "%s: API key %q role %q secret %q\n", k.Source, k.Name, k.Role, k.Secret)
	}
}

// say prints an optional boolean.
func say(value *bool) string {
	if value == nil {
		return "not given"
	}
	return fmt.Sprint(*value)
}

// render prints problems with their lines and carets.
func render(problems []Problem) string {
	var text strings.Builder
	for _, p := range problems {
		text.WriteString(p.String() + " [" + p.Code + "]\n")
		if p.Snippet != "" {
			text.WriteString("    | " + p.Snippet + "\n    | " + strings.Repeat(" ", min(p.Column, len(p.Snippet)+1)-1) + "^\n")
		}
	}
	return text.String()
}
