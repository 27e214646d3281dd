//go:build !race

package manifest

import (
	"os"
	"runtime"
	"testing"

	"keep-bootstrap/internal/catalogue"
)

// TestMemory: what stays after loading is in proportion to the input, and the input itself is let go; of a large source it is
// the text and little more, also while its providers are read again. Without the race detector, which allocates for itself.
func TestMemory(t *testing.T) {
	const n = 50_000
	path := write(t, t.TempDir(), "many.json", manyJSON(n))
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	catalogue.BuiltIn() // is held once, not for each provider
	for name, test := range map[string]struct {
		holds           int
		kept, allocated int64 // bytes a provider
	}{
		"held":  {0, 800, 6000},
		"large": {-1, info.Size()/n + 40, 6000},
	} {
		t.Run(name, func(t *testing.T) {
			inUse, allocated := memory()
			m, err := Load(Options{Files: []string{path}, Catalogue: catalogue.BuiltIn(), holds: test.holds})
			if err != nil {
				t.Fatal(err)
			}
			inUseNow, allocatedNow := memory()
			if perProvider := (inUseNow - inUse) / n; perProvider > test.kept {
				t.Errorf("%d bytes are held for each provider", perProvider)
			}
			if perProvider := (allocatedNow - allocated) / n; perProvider > test.allocated {
				t.Errorf("%d bytes were allocated for each provider", perProvider)
			}
			read := 0
			for range m.Providers.All() {
				if read++; read == n/2 {
					if inUseNow, _ := memory(); (inUseNow-inUse)/n > test.kept {
						t.Errorf("%d bytes are held for each provider while they are read again", (inUseNow-inUse)/n)
					}
				}
			}
			runtime.KeepAlive(m)
		})
	}
}

// memory is how many bytes are in use, and how many have been allocated in all.
func memory() (inUse, allocated int64) {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc), int64(m.TotalAlloc)
}
