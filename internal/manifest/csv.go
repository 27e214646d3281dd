package manifest

import (
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"strings"

	"keep-bootstrap/internal/document"
	"keep-bootstrap/internal/file"
)

// MaxRowsSize is the largest CSV file of a mapping rule, in bytes.
const MaxRowsSize = 16 << 20

// csv replaces a reference to a CSV file by its rows: objects of texts with the names of the first line as keys. Where
// references are not resolved, it stays.
func (i *item) csv(v *document.Value) {
	inner, _ := referenceOf(v.Text)
	path, ok := strings.CutPrefix(inner, "file:")
	v.Flaw = document.Unresolved
	switch {
	case !ok || path == "":
		i.fail(at(v, "rows", CodeReference, "`rows` must be a list or a reference to a file", "write rows: $(file:rows.csv)"))
		return
	case i.reader.options.SkipReferences:
		return
	}
	problem := func(line int, message, hint string) {
		where := "the file " + document.Quote(path)
		if line > 0 {
			where += fmt.Sprintf(", line %d", line)
		}
		i.fail(at(v, "rows", CodeReference, where+": "+message, hint))
	}
	data, err := file.Read(i.resolvedPath(path), MaxRowsSize)
	if err != nil {
		message, hint := file.Explain(err, MaxRowsSize)
		problem(0, message, hint)
		return
	}
	cut := strings.TrimPrefix(string(data), "\ufeff")
	if f := document.CheckEncoding([]byte(cut)); f != nil {
		problem(int(f.Line), f.Message, f.Hint)
		return
	}
	rows := csv.NewReader(strings.NewReader(cut))
	all, err := rows.ReadAll()
	if broken, ok := errors.AsType[*csv.ParseError](err); ok {
		message := "a misplaced quote"
		if errors.Is(err, csv.ErrFieldCount) {
			message = "this row does not have as many cells as the first line"
		}
		problem(broken.Line, message, "put a cell with commas, quotes or line ends in double quotes")
		return
	}
	if len(all) < 2 {
		problem(0, "it is empty, or it has no rows", "write the names of the attributes on the first line, and rows below it")
		return
	}
	names := all[0]
	if column := unnamed(names); column > 0 {
		problem(1, fmt.Sprintf("column %d has an empty or duplicate name", column), "use a unique name for each column")
		return
	}
	v.Kind, v.Flaw, v.Members = document.List, document.Sound, nil
	for _, cells := range all[1:] {
		row := object()
		row.Place = v.Place
		for j, cell := range cells {
			row.Members = append(row.Members, member(names[j], text(cell)))
		}
		v.Members = append(v.Members, document.Member{Value: row})
	}
}

// unnamed is the number of the first column without a unique name, or 0. Spaces around names are removed.
func unnamed(names []string) int {
	for i, name := range names {
		names[i] = strings.TrimSpace(name)
		if names[i] == "" || slices.Contains(names[:i], names[i]) {
			return i + 1
		}
	}
	return 0
}
