//go:build !race

package manifest

import (
	"runtime"
	"testing"

	"keep-bootstrap/internal/catalogue"
)

// TestMemory: what stays after loading is in proportion to the input, and the
// input itself is let go. Without the race detector, which allocates for itself.
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
