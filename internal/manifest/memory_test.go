//go:build !race

package manifest

import (
	"runtime"
	"testing"

	"keep-bootstrap/internal/catalogue"
)

// TestMemory: what stays after loading is in proportion to the input, and the input itself is let go. Without the race detector, which allocates for itself.
func TestMemory(t *testing.T) {
	const n = 50_000
	path := write(t, t.TempDir(), "many.json", manyJSON(n))
	catalogue.BuiltIn()               // is held once, not for each provider
	const kept, allocated = 800, 8000 // bytes a provider
	inUse, before := memory()
	m, err := Load(Options{Files: []string{path}, Catalogue: catalogue.BuiltIn()})
	if err != nil {
		t.Fatal(err)
	}
	inUseNow, allocatedNow := memory()
	if perProvider := (inUseNow - inUse) / n; perProvider > kept {
		t.Errorf("%d bytes are held for each provider", perProvider)
	}
	if perProvider := (allocatedNow - before) / n; perProvider > allocated {
		t.Errorf("%d bytes were allocated for each provider", perProvider)
	}
	runtime.KeepAlive(m)
}

// memory is how many bytes are in use, and how many have been allocated in all.
func memory() (inUse, allocated int64) {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc), int64(m.TotalAlloc)
}
