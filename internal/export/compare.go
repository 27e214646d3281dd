package export

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/manifest"
)

// compare reads the text as a run would and says what is not as it was in the database.
func compare(result *Result, providers []db.ExportedProvider, resources []db.ExportedResource) []string {
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
	if err != nil || read.Providers.Len() != len(providers) {
		return []string{"the export could not be read again"}
	}
	var warnings []string
	i := 0
	for provider := range read.Providers.All() {
		keys := differences(text(providers[i].Authentication), provider.Authentication)
		if len(keys) > 0 {
			warnings = append(warnings, fmt.Sprintf("provider %q: YAML cannot express exactly %q; the next run writes what the file says", text(providers[i].Name), keys))
		}
		i++
	}
	return append(warnings, changedWorkflows(read, resources)...)
}

// changedWorkflows names the workflows whose text is not as Keep would write it: the next run writes it so.
func changedWorkflows(read *manifest.Manifest, resources []db.ExportedResource) (warnings []string) {
	texts := map[string]string{}
	for i := range read.Workflows {
		texts[read.Workflows[i].Name] = read.Workflows[i].Raw
	}
	for i := range resources {
		r := &resources[i]
		if text(r.Kind) != manifest.KindWorkflow {
			continue
		}
		raw, err := rawOf(r)
		if now, ok := texts[text(r.Name)]; err != nil || ok && now != raw {
			warnings = append(warnings, fmt.Sprintf("workflow %q: its text in the database is not as Keep writes it; the next run writes it anew", text(r.Name)))
		}
	}
	return warnings
}

// differences are the keys whose values differ.
func differences(was, is string) []string {
	before, err := parse(was)
	after, afterErr := parse(is)
	if err != nil || afterErr != nil {
		return []string{"authentication"}
	}
	values := func(v value) map[string]any {
		all, _ := v.comparable().(map[string]any)
		return all
	}
	old, now := values(before), values(after)
	var keys []string
	for key := range old {
		if !reflect.DeepEqual(old[key], now[key]) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// comparable is the value without the order of keys, its numbers as PostgreSQL writes them.
func (v value) comparable() any {
	switch {
	case v.object != nil:
		all := make(map[string]any, len(v.object))
		for _, m := range v.object {
			all[m.key] = m.value.comparable()
		}
		return all
	case v.isList:
		all := make([]any, len(v.list))
		for i := range v.list {
			all[i] = v.list[i].comparable()
		}
		return all
	}
	if n, ok := v.scalar.(json.Number); ok {
		return json.Number(number(n.String()))
	}
	return v.scalar
}
