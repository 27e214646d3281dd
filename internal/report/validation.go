package report

import (
	"io"
	"strings"

	"keep-bootstrap/internal/manifest"
)

// problemLine is a problem or a warning as JSON.
type problemLine struct {
	Type string `json:"type"`
	manifest.Problem
}

// Contents words what a manifest holds: "2 providers, 1 workflow".
func Contents(m *manifest.Manifest) string {
	var parts []string
	for _, k := range manifest.Table {
		if m.Given[k.Word] {
			parts = append(parts, Number(m.Count(k.Word), k.One))
		}
	}
	if parts == nil {
		return Number(0, "provider")
	}
	return strings.Join(parts, ", ")
}

// resourcesOf are the other kinds that a manifest gives, with the number of objects of each.
func resourcesOf(m *manifest.Manifest) map[string]int {
	all := map[string]int{}
	for _, k := range otherKinds() {
		if m.Given[k.Word] {
			all[k.Word] = m.Count(k.Word)
		}
	}
	return all
}

// Validation shows what validate found. In text, the mistakes of an invalid input are left to ErrorText.
func (w *Writer) Validation(m *manifest.Manifest, valid bool, problems *manifest.Problems) error {
	if w.Format != JSON {
		if valid {
			w.printf("valid: %s in %s\n", Contents(m), Number(len(m.Sources), "source"))
		}
		return w.err
	}
	total := 0
	if problems != nil {
		total = problems.Total
		for _, problem := range problems.List {
			w.line(problemLine{"problem", problem})
		}
	}
	for _, warning := range m.Warnings {
		w.line(problemLine{"warning", warning})
	}
	summary := object{"valid", valid, "providers", len(m.Providers)}
	if resources := resourcesOf(m); valid && len(resources) > 0 {
		summary = append(summary, "resources", resources)
	}
	return w.summary("validate", append(summary, "sources", len(m.Sources), "problems", total, "warnings", len(m.Warnings)))
}

// Warnings writes the warnings of an input for people; carets show their places.
func Warnings(out io.Writer, warnings []manifest.Problem, carets bool) {
	for _, warning := range warnings {
		_, _ = io.WriteString(out, "warning: "+problemText(warning, carets))
	}
}
