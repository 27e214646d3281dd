package report

import (
	"io"
	"strings"

	"keep-bootstrap/internal/manifest"
)

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

// Validation shows what validate found. In text, the mistakes of an invalid input are left to ErrorText.
func (w *Writer) Validation(m *manifest.Manifest, valid bool, problems *manifest.Problems) {
	if problems == nil {
		problems = &manifest.Problems{}
	}
	for _, problem := range problems.List {
		w.line("problem", problem)
	}
	for _, warning := range m.Warnings {
		w.line("warning", warning)
	}
	summary := object{"valid", valid, "providers", len(m.Providers)}
	resources := map[string]int{}
	for _, k := range otherKinds() {
		if m.Given[k.Word] {
			resources[k.Word] = m.Count(k.Word)
		}
	}
	if valid && len(resources) > 0 {
		summary = append(summary, "resources", resources)
	}
	summary = append(summary, "sources", len(m.Sources), "problems", problems.Total, "warnings", len(m.Warnings))
	w.summary("validate", summary)
	if valid {
		w.printf("valid: %s in %s\n", Contents(m), Number(len(m.Sources), "source"))
	}
}

// Warnings writes the warnings of an input for people; carets show their places.
func Warnings(out io.Writer, warnings []manifest.Problem, carets bool) {
	for _, warning := range warnings {
		_, _ = io.WriteString(out, "warning: "+problemText(warning, carets))
	}
}
