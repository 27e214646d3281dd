package pgtest

import (
	"os"
	"testing"

	"keep-bootstrap/internal/local"
)

// PSQL is the path of psql. Without one the test is skipped, and fails in CI, which must have it.
func PSQL(t testing.TB) string {
	t.Helper()
	program, err := local.PSQL()
	if err != nil {
		Missing(t, err)
	}
	return program
}

// Missing skips a test that needs what this machine does not have. In CI, where nothing may be missing, it fails.
func Missing(t testing.TB, reason any) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("CI must run this test: %v", reason)
	}
	t.Skip(reason)
}
