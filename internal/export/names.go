package export

import (
	"strconv"
	"strings"

	"keep-bootstrap/internal/document"
)

// origin is what a text belongs to.
type origin struct {
	owner   string // the name of the provider or other resource
	path    []string
	secret  bool
	literal bool // nothing is a reference where it is written
}

func (o origin) below(key string) origin {
	o.path = append(o.path[:len(o.path):len(o.path)], key)
	return o
}

var (
	notOfNames = document.Pattern(`[^A-Z0-9]+`)
	// variables that have a meaning for this program, for Keep or for libpq.
	reserved = document.Pattern(`^(?:KEEP_PROVIDER.*|BOOTSTRAP_.*|DATABASE_URL|DATABASE_CONNECTION_STRING|SECRET_MANAGER_TYPE|PROVISION_RESOURCES|PG.*|[0-9].*)$`)
)

// variable names a variable after an origin: owner and key in capitals.
func (w *writer) variable(at origin) string {
	const longest = 120
	part := func(s, otherwise string) string {
		if s = strings.Trim(notOfNames().ReplaceAllString(strings.ToUpper(s), "_"), "_"); s == "" {
			return otherwise
		}
		return s[:min(len(s), longest)]
	}
	name := part(at.owner, "PROVIDER")
	for _, key := range at.path {
		name += "_" + part(key, "KEY")
	}
	if reserved().MatchString(name) {
		name = "SECRET_" + name
	}
	unique := name
	for i := 2; w.names[unique]; i++ {
		unique = name + "_" + strconv.Itoa(i)
	}
	w.names[unique] = true
	return unique
}
