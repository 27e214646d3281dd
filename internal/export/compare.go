package export

import (
	"bytes"
	"errors"
	"slices"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/document"
	"keep-bootstrap/internal/manifest"
)

// compare reads the text as a run would, and warns of what differs from the database.
func (w *writer) compare(providers []db.ExportedObject) {
	environ := make([]string, len(w.result.Variables))
	for i, v := range w.result.Variables {
		environ[i] = v.Name + "=" + v.Value
	}
	read, err := manifest.Load(manifest.Options{
		Files: []string{"-"}, Stdin: bytes.NewReader(w.result.Text), Environ: environ,
	})
	if problems, ok := errors.AsType[*manifest.Problems](err); ok {
		for _, p := range problems.List {
			p.File = "the export"
			w.warn("this program would refuse %s", p)
		}
		if more := problems.Total - len(problems.List); more > 0 {
			w.warn("and %d more", more)
		}
		return
	}
	if err != nil || len(read.Providers) != len(providers) {
		w.warn("the export could not be read again")
		return
	}
	for i := range providers {
		if keys := differences(providers[i].Content, read.Providers[i].Authentication); len(keys) > 0 {
			w.warn("provider %q: YAML cannot express exactly %q; the next run writes what the file says",
				providers[i].Name, keys)
		}
	}
}

// differences are the keys whose values differ.
func differences(was, is string) (keys []string) {
	before, err := object(was)
	after, errAfter := object(is)
	if err = errors.Join(err, errAfter); err != nil {
		panic(err) // both were read before
	}
	for _, m := range before.Members {
		if other := after.Member(m.Key.Text); other == nil || !same(&m.Value, other) {
			keys = append(keys, m.Key.Text)
		}
	}
	slices.Sort(keys)
	return keys
}

// same compares without the order of keys, and numbers as PostgreSQL writes them.
func same(a, b *document.Value) bool {
	if a.Kind != b.Kind || len(a.Members) != len(b.Members) {
		return false
	}
	switch a.Kind {
	case document.Number:
		return number(a.Text) == number(b.Text)
	case document.Object:
		return !slices.ContainsFunc(a.Members, func(m document.Member) bool {
			other := b.Member(m.Key.Text)
			return other == nil || !same(&m.Value, other)
		})
	case document.List:
		return slices.EqualFunc(a.Members, b.Members, func(x, y document.Member) bool { return same(&x.Value, &y.Value) })
	}
	return a.Text == b.Text
}
