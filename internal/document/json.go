package document

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// jsonReader makes values of JSON.
type jsonReader struct {
	*jsontext.Decoder
	data    []byte
	at      cursor
	pending []Member // members of what is not closed yet
}

// parseJSON reads one value, or a list of any number of them, as JSON lines have.
func parseJSON(data []byte, lines bool) (*Value, *Fault) {
	r := &jsonReader{
		Decoder: jsontext.NewDecoder(bytes.NewBuffer(data), jsontext.AllowDuplicateNames(true)),
		data:    data, at: cursor{Place: Place{1, 1}},
	}
	root, err := r.value(0)
	if lines {
		root = Value{Kind: List, Place: root.Place, Members: []Member{{Value: root}}}
		for err == nil {
			var next Value
			if next, err = r.value(1); err == nil {
				root.Members = append(root.Members, Member{Value: next})
			}
		}
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			err = nil
		}
	}
	if err != nil {
		return nil, jsonFault(data, err)
	}
	if rest := bytes.TrimLeft(data[r.InputOffset():], " \t\r\n"); len(rest) > 0 {
		return nil, &Fault{
			Place: PlaceAt(data, len(data)-len(rest)), Code: CodeSyntax,
			Message: "unexpected data after the JSON value", Hint: "remove what follows the last bracket",
		}
	}
	return &root, nil
}

// value reads the next value.
func (r *jsonReader) value(depth int) (v Value, err error) {
	next := r.PeekKind()
	if next != '{' && next != '[' || depth >= MaxDepth {
		return r.whole()
	}
	if _, err := r.ReadToken(); err != nil {
		return v, err
	}
	v.Kind = List
	if next == '{' {
		v.Kind = Object
	}
	r.at.advance(r.data, int(r.InputOffset())-1)
	v.Place = r.at.Place
	first := len(r.pending)
	var keys map[string]bool
	for {
		if next := r.PeekKind(); next == '}' || next == ']' {
			break
		}
		var m Member
		if v.Kind == Object {
			if m.Key, err = r.whole(); err != nil {
				return v, err
			}
			if keys[m.Key.Text] {
				m.Key.Flaw = duplicateKey
			}
			if keys == nil {
				keys = map[string]bool{}
			}
			keys[m.Key.Text] = true
		}
		if m.Value, err = r.value(depth + 1); err != nil {
			return v, err
		}
		r.pending = append(r.pending, m)
	}
	_, err = r.ReadToken()
	v.Members = append([]Member(nil), r.pending[first:]...)
	r.pending = r.pending[:first]
	return v, err
}

// whole reads a key, a scalar, or what is nested too deep.
func (r *jsonReader) whole() (v Value, err error) {
	raw, err := r.ReadValue()
	if err != nil {
		return v, err
	}
	r.at.advance(r.data, int(r.InputOffset())-len(raw))
	v.Place = r.at.Place
	v.setJSON(raw)
	return v, nil
}

// setJSON sets kind and text of the value from its JSON.
func (v *Value) setJSON(raw []byte) {
	switch raw[0] {
	case 'n':
		v.Kind = Null
	case 't', 'f':
		v.Kind, v.Text = Boolean, string(raw)
	case '"':
		v.Kind, v.Style, v.Text = Text, DoubleQuoted, unquoteJSON(raw)
	case '[':
		v.Kind, v.Flaw = List, tooDeep
	case '{':
		v.Kind, v.Flaw = Object, tooDeep
	default:
		v.Kind, v.Text = Number, string(raw)
		if !storable(v.Text) {
			v.Flaw = tooLarge
		}
		v.Text = withinReach(v.Text)
	}
}

// unquoteJSON returns the text of a JSON string that is known to be valid.
func unquoteJSON(raw []byte) string {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1])
	}
	text, _ := jsontext.AppendUnquote(nil, raw)
	return string(text)
}

// maxDigits is the longest integer that Python converts.
const maxDigits = 4300

// storable reports whether Keep could read the number: Python makes a float of
// what has a fraction or an exponent, and reads integers up to 4,300 digits.
func storable(literal string) bool {
	if len(literal) <= 300 && !strings.ContainsAny(literal, "eE") {
		return true
	}
	if !strings.ContainsAny(literal, ".eE") {
		return len(strings.TrimPrefix(literal, "-")) <= maxDigits
	}
	value, _ := strconv.ParseFloat(literal, 64)
	return !math.IsInf(value, 0)
}

// withinReach writes a float that PostgreSQL's numbers may be too small for, like
// 1e-99999 or one with thousands of digits, as Keep does, which reads all of them
// into floats. Any other number stays as it is written.
func withinReach(literal string) string {
	const longest, farthest = 300, 3 // characters, digits of the exponent
	at := strings.IndexAny(literal, "eE")
	switch {
	case at >= 0 && len(literal)-at-1 > farthest:
	case len(literal) > longest && strings.ContainsAny(literal, ".eE"):
	default:
		return literal
	}
	value, _ := strconv.ParseFloat(literal, 64)
	if math.IsInf(value, 0) {
		return "0" // it was reported
	}
	return pythonFloat(value)
}
