package manifest

import (
	"encoding/json"
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

	"keep-bootstrap/internal/document"
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
					fmt.Fprintf(&got, "  rules %s\n", rulesOf(&p))
				}
				if p.RenamedFrom != nil {
					fmt.Fprintf(&got, "  renamed from %q\n", p.RenamedFrom)
				}
				if p.Description != nil {
					fmt.Fprintf(&got, "  description %q\n", *p.Description)
				}
				fmt.Fprintf(&got, "  webhook %t, pulling %s, prevent delete %s\n", p.InstallWebhook, say(p.PullingEnabled), say(p.PreventDelete))
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
	given := struct{ Providers, Workflows, Dashboards, MappingRules, User, APIKeys bool }{
		m.Given[KindProvider], m.Given[KindWorkflow], m.Given[KindDashboard], m.Given[KindMappingRule], m.Given[KindUser], m.Given[KindAPIKey],
	}
	if len(m.Given) != 1 || !given.Providers {
		fmt.Fprintf(out, "given %+v\n", given)
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
	for _, kind := range []string{KindWorkflow, KindDashboard, KindMappingRule, KindUser, KindAPIKey} {
		for _, r := range of(m, kind) {
			fmt.Fprintf(out, "%s: %s %q ", r.Source, called(kind), r.Name)
			switch kind {
			case KindWorkflow:
				fmt.Fprintf(out, "file %s\n  definition %s\n  raw %s\n", file(r.ProvisionedFile), r.Definition, strings.ReplaceAll(r.Raw, "\n", "\n  | "))
			case KindDashboard:
				fmt.Fprintf(out, "config %s\n", r.Content)
			case KindMappingRule:
				fmt.Fprintf(out, "file %s\n  definition %s\n", file(r.ProvisionedFile), r.Definition)
			case KindUser:
				fmt.Fprintf(out, "password %q reset %t\n", r.Password, r.ResetPassword)
			case KindAPIKey:
				fmt.Fprintf(out, "role %q secret %q\n", r.Role, r.Secret)
			}
		}
	}
}

// decoded is a resource with what is in its content.
type decoded struct {
	Resource
	Definition             string
	Raw                    string
	ProvisionedFile        *string
	Role, Secret, Password string
	ResetPassword          bool
}

// of returns the resources of a kind.
func of(m *Manifest, kind string) (all []decoded) {
	for _, r := range m.Resources {
		if r.Kind != kind {
			continue
		}
		var content struct {
			Definition             json.RawMessage
			Raw                    string
			ProvisionedFile        *string `json:"provisioned_file"`
			Role, Secret, Password string
			ResetPassword          bool `json:"reset_password"`
		}
		if err := json.Unmarshal([]byte(r.Content), &content); err != nil {
			panic(err)
		}
		all = append(all, decoded{
			r, string(content.Definition), content.Raw, content.ProvisionedFile, content.Role, content.Secret, content.Password, content.ResetPassword,
		})
	}
	return all
}

// rulesOf is an object of the rules of a provider.
func rulesOf(p *Provider) string {
	all := object()
	for _, rule := range p.DeduplicationRules {
		content, _, fault := document.Parse([]byte(rule.Content), document.JSON)
		if fault != nil {
			panic(fault.Message)
		}
		all.Members = append(all.Members, member(rule.Name, *content))
	}
	return string(all.AppendJSON(nil))
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
