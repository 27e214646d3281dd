package manifest

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"keep-bootstrap/internal/document"
	"keep-bootstrap/internal/file"
)

// MaxRowsSize is the largest CSV file of a mapping rule, in bytes.
const MaxRowsSize = 16 << 20

// csv replaces a reference to a CSV file by its rows: objects of texts with the names of the first line as keys. It says
// whether there are any; where references are not resolved, there are none and no problem.
func (m *mapping) csv(v *document.Value) bool {
	inner, _ := referenceOf(v.Text)
	path, ok := strings.CutPrefix(inner, "file:")
	v.Flaw = document.Unresolved
	switch {
	case !ok || path == "":
		m.fail(at(v, "rows", CodeReference, "`rows` must be a list or a reference to a file", "write rows: $(file:rows.csv)"))
		return false
	case m.reader.references.skip:
		return false
	}
	problem := func(line int, message, hint string) bool {
		where := "the file " + document.Quote(path)
		if line > 0 {
			where += fmt.Sprintf(", line %d", line)
		}
		m.fail(at(v, "rows", CodeReference, where+": "+message, hint))
		return false
	}
	data, err := file.Read(m.resolvedPath(path), MaxRowsSize)
	if err != nil {
		message, hint := file.Explain(err, MaxRowsSize)
		return problem(0, message, hint)
	}
	cut := strings.TrimPrefix(string(data), "\ufeff")
	if f := document.CheckEncoding([]byte(cut)); f != nil {
		return problem(int(f.Line), f.Message, f.Hint)
	}
	rows := csv.NewReader(strings.NewReader(cut))
	names, err := rows.Read()
	if errors.Is(err, io.EOF) {
		return problem(0, "it is empty", "write the names of the attributes on the first line, and rows below it")
	}
	if column := unnamed(names); column > 0 {
		return problem(1, fmt.Sprintf("column %d has an empty or duplicate name", column), "use a unique name for each column")
	}
	v.Kind, v.Flaw, v.Members = document.List, document.Sound, nil
	for err == nil {
		var cells []string
		if cells, err = rows.Read(); err == nil {
			v.Members = append(v.Members, document.Member{Value: csvRow(names, cells, v.Place)})
		}
	}
	if broken, ok := errors.AsType[*csv.ParseError](err); ok {
		message := "a misplaced quote"
		if errors.Is(err, csv.ErrFieldCount) {
			message = fmt.Sprintf("this row does not have as many cells as the first line, %d", len(names))
		}
		return problem(broken.Line, message, "put a cell with commas, quotes or line ends in double quotes")
	}
	if len(v.Members) == 0 {
		return problem(0, "it has no rows", "write rows below the names")
	}
	return true
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

// csvRow is a row as an object of texts.
func csvRow(names, cells []string, at document.Place) document.Value {
	row := object()
	row.Place = at
	for i, cell := range cells {
		row.Members = append(row.Members, member(names[i], text(cell)))
	}
	return row
}
