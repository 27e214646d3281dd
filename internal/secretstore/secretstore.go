// Package secretstore reads the secrets that Keep keeps outside of its database: in files, or in Kubernetes. It writes nothing.
package secretstore

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"keep-bootstrap/internal/postgres"
)

// Contents is what a store has of the secrets that were asked for.
type Contents struct {
	Entries []Entry
	// Unused are names in the store that look like secrets of the tenant, and that were not asked for.
	Unused []string
}

// Entry is a secret that the store has. One that it lacks has no entry.
type Entry struct {
	Key   string
	Value string
	// Problem says why there is no value; "" when there is one. It never quotes a value.
	Problem string
}

// maxValue is how large a secret may be, in bytes. Kubernetes allows 1 MiB.
const maxValue = 1 << 20

// newEntry is the entry of a value. Keep reads every store as UTF-8 text, and PostgreSQL has no text with a byte 0.
func newEntry(key string, value []byte) Entry {
	switch {
	case len(value) > maxValue:
		return Entry{Key: key, Problem: "the value in the store is larger than 1 MiB"}
	case !utf8.Valid(value):
		return Entry{Key: key, Problem: "the value in the store is not UTF-8 text"}
	case bytes.IndexByte(value, 0) >= 0:
		return Entry{Key: key, Problem: "the value in the store contains a NUL byte"}
	}
	return Entry{Key: key, Value: string(value)}
}

// looksOwn reports whether a name has the form of a secret of the tenant: keep_grafana_..., keep-webhook.
func looksOwn(name, tenant string) bool {
	rest, ok := strings.CutPrefix(name, tenant)
	return ok && len(rest) > 1 && (rest[0] == '_' || rest[0] == '-')
}

// unreadable is an error in what was given to find the store: exit code 65.
func unreadable(message, hint string) error { return postgres.New(postgres.CodeInput, message, hint) }
