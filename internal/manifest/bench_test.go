package manifest

import (
	"fmt"
	"strings"
	"testing"

	"keep-bootstrap/internal/catalogue"
)

// manyJSON writes n providers of about 200 bytes in Keep's object form.
func manyJSON(n int) string {
	var text strings.Builder
	text.WriteString("{")
	for i := range n {
		if i > 0 {
			text.WriteString(",\n")
		}
		fmt.Fprintf(&text, `  "provider-%06d": {"type": "victoriametrics", "authentication": {"VMAlertHost": "http://alert-%d.example.com", `+
			`"VMAlertPort": 8880, "BasicAuthUsername": "keep", "BasicAuthPassword": "p\u00e4ss-%d", "insecure": false}}`, i, i, i)
	}
	text.WriteString("}")
	return text.String()
}

// manyYAML writes them as a list below providers.
func manyYAML(n int) string {
	var text strings.Builder
	text.WriteString("providers:\n")
	for i := range n {
		fmt.Fprintf(&text, "  - name: provider-%06d\n    type: victoriametrics\n    authentication:\n      VMAlertHost: http://alert-%d.example.com\n"+
			"      VMAlertPort: 8880\n      BasicAuthUsername: keep\n      BasicAuthPassword: pässword-%d\n      insecure: false\n", i, i, i)
	}
	return text.String()
}

func BenchmarkLoad(b *testing.B) {
	for _, c := range []struct {
		form  string
		text  func(int) string
		sizes []int
	}{{"json", manyJSON, []int{1, 100, 10_000, 100_000}}, {"yaml", manyYAML, []int{1, 100, 10_000}}} {
		for _, n := range c.sizes {
			text := c.text(n)
			path := write(b, b.TempDir(), "many."+c.form, text)
			b.Run(fmt.Sprintf("%s/%d", c.form, n), func(b *testing.B) {
				b.SetBytes(int64(len(text)))
				b.ReportAllocs()
				for b.Loop() {
					if m := load(b, Options{Files: []string{path}, Catalogue: catalogue.BuiltIn()}); len(m.Providers) != n {
						b.Fatalf("%d providers", len(m.Providers))
					}
				}
				b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "providers/s")
			})
		}
	}
}
