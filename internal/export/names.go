package export

import (
	"regexp"
	"strconv"
	"strings"
)

// place is where a text stands.
type place struct {
	provider string
	path     []string
	secret   bool
}

func (p place) below(key string) place {
	p.path = append(p.path[:len(p.path):len(p.path)], key)
	return p
}

// looksLikeReference says whether the reader would take the text for a reference, or warn that it looks like one.
func looksLikeReference(s string) bool {
	return strings.HasPrefix(s, "$(") && strings.HasSuffix(s, ")")
}

// isEscape says whether the reader would take the text for an escaped reference. There is no escape for it, but what a
// reference stands for is never looked at again.
func isEscape(s string) bool { return strings.HasPrefix(s, "$$(") }

var (
	notOfNames = regexp.MustCompile(`[^A-Z0-9]+`)
	// variables that have a meaning for this program, for Keep or for libpq.
	reserved = regexp.MustCompile(`^(?:KEEP_PROVIDER.*|BOOTSTRAP_.*|DATABASE_URL|DATABASE_CONNECTION_STRING|SECRET_MANAGER_TYPE|PROVISION_RESOURCES|PG.*|[0-9].*)$`)
)

// variable names a variable after a place: provider and key in capitals.
func (w *writer) variable(at place) string {
	const longest = 120
	part := func(s, otherwise string) string {
		if s = strings.Trim(notOfNames.ReplaceAllString(strings.ToUpper(s), "_"), "_"); s == "" {
			return otherwise
		}
		return s[:min(len(s), longest)]
	}
	name := part(at.provider, "PROVIDER")
	for _, key := range at.path {
		name += "_" + part(key, "KEY")
	}
	if reserved.MatchString(name) {
		name = "SECRET_" + name
	}
	unique := name
	for i := 2; w.names[unique]; i++ {
		unique = name + "_" + strconv.Itoa(i)
	}
	w.names[unique] = true
	return unique
}
