package manifest

import (
	"fmt"
	"runtime"
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

// TestMemory: what stays after loading is in proportion to the input, and the
// input itself is let go.
func TestMemory(t *testing.T) {
	const n = 50_000
	path := write(t, t.TempDir(), "many.json", manyJSON(n))
	catalogue.BuiltIn() // is held once, not for each provider
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	m := load(t, Options{Files: []string{path}, Catalogue: catalogue.BuiltIn()})
	runtime.GC()
	runtime.ReadMemStats(&after)
	if perProvider := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / n; perProvider > 800 {
		t.Errorf("%d bytes are held for each provider", perProvider)
	}
	if allocated := (after.TotalAlloc - before.TotalAlloc) / n; allocated > 6000 {
		t.Errorf("%d bytes were allocated for each provider", allocated)
	}
	runtime.KeepAlive(m)
}
