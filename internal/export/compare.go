package export

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/document"
	"keep-bootstrap/internal/manifest"
)

// compare reads the text as a run would, and reports what differs from the database.
func compare(result *Result, providers []provider, resources []db.ExportedObject) []string {
	environ := make([]string, len(result.Variables))
	for i, v := range result.Variables {
		environ[i] = v.Name + "=" + v.Value
	}
	read, err := manifest.Load(manifest.Options{Files: []string{"-"}, Stdin: bytes.NewReader(result.Text), Environ: environ})
	if problems, ok := errors.AsType[*manifest.Problems](err); ok {
		warnings := make([]string, 0, len(problems.List)+1)
		for _, p := range problems.List {
			p.File = "the export"
			warnings = append(warnings, "this program would refuse "+p.String())
		}
		if more := problems.Total - len(problems.List); more > 0 {
			warnings = append(warnings, fmt.Sprintf("and %d more", more))
		}
		return warnings
	}
	if err != nil || len(read.Providers) != len(providers) {
		return []string{"the export could not be read again"}
	}
	var warnings []string
	for i := range read.Providers {
		keys := differences(providers[i].Content, read.Providers[i].Authentication)
		if len(keys) > 0 {
			warnings = append(warnings, fmt.Sprintf("provider %q: YAML cannot express exactly %q; the next run writes what the file says", providers[i].Name, keys))
		}
	}
	return append(warnings, changedWorkflows(read, resources)...)
}

// changedWorkflows names the workflows whose text is not as Keep would write it: the next run writes it so.
func changedWorkflows(read *manifest.Manifest, resources []db.ExportedObject) (warnings []string) {
	texts := map[string]string{}
	for _, r := range read.Resources {
		if r.Kind == manifest.KindWorkflow {
			texts[r.Name], _ = rawOf(r.Content)
		}
	}
	for i := range resources {
		r := &resources[i]
		if r.Kind != manifest.KindWorkflow {
			continue
		}
		raw, err := rawOf(r.Content)
		if now, ok := texts[r.Name]; err != nil || ok && now != raw {
			warnings = append(warnings, fmt.Sprintf("workflow %q: its text in the database is not as Keep writes it; the next run writes it anew", r.Name))
		}
	}
	return warnings
}

// differences are the keys whose values differ.
func differences(was, is string) []string {
	before, ok := parse(was)
	after, okAfter := parse(is)
	if !ok || !okAfter {
		return []string{"authentication"}
	}
	var keys []string
	for i := range before.Members {
		key := before.Members[i].Key.Text
		if other := after.Member(key); other == nil || !same(&before.Members[i].Value, other) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// same compares without the order of keys, and numbers as PostgreSQL writes them.
func same(a, b *document.Value) bool {
	if a.Kind != b.Kind || len(a.Members) != len(b.Members) {
		return false
	}
	switch a.Kind {
	case document.Number:
		return number(a.Text) == number(b.Text)
	case document.Object:
		return !slices.ContainsFunc(a.Members, func(m document.Member) bool {
			other := b.Member(m.Key.Text)
			return other == nil || !same(&m.Value, other)
		})
	case document.List:
		return slices.EqualFunc(a.Members, b.Members, func(x, y document.Member) bool { return same(&x.Value, &y.Value) })
	}
	return a.Text == b.Text
}
