package manifest

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestExamples: the examples need no variable and no file, and say the same.
func TestExamples(t *testing.T) {
	t.Parallel()
	read := func(options Options) []Provider {
		options.Strict = true
		m := load(t, options)
		if len(m.Warnings) > 0 {
			t.Errorf("%v: %v", options, m.Warnings)
		}
		providers := m.Providers
		slices.SortFunc(providers, func(a, b Provider) int { return strings.Compare(a.Name, b.Name) })
		for i := range providers {
			p := &providers[i]
			// Only Keep's own fields, and where the forms differ, what they come to.
			p.InstallWebhook = p.InstallWebhook && p.Type == "grafana" // the others have none to install
			p.Source, p.RenamedFrom, p.Description, p.PullingEnabled, p.PreventDelete = Position{}, nil, nil, nil, nil
		}
		return providers
	}
	want := read(Options{Environ: []string{"KEEP_PROVIDERS=../../examples/providers.json"}})
	if len(want) != 5 {
		t.Errorf("%d providers", len(want))
	}
	for name, options := range map[string]Options{
		"file":      {Files: []string{"../../examples/providers.yaml"}},
		"directory": {Environ: []string{"KEEP_PROVIDERS_DIRECTORY=../../examples/providers"}},
	} {
		if diff := cmp.Diff(want, read(options)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}
