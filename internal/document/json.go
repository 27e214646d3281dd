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
	tooDeep bool     // the error is in a value deeper than MaxDepth
}

// parseJSON reads one value, or a list of any number of them, as JSON lines have.
func parseJSON(data []byte, lines bool) (*Value, *Fault) {
	r := &jsonReader{
		Decoder: jsontext.NewDecoder(bytes.NewBuffer(data), jsontext.AllowDuplicateNames(true)),
		data:    data, at: cursor{Place: Place{1, 1}},
	}
	root := Value{Kind: List, Place: Place{1, 1}}
	var err error
	if !lines {
		root, err = r.value(0)
	}
	for lines && err == nil {
		var m Member
		if m.Value, err = r.value(1); err == nil {
			root.Members = append(root.Members, m)
		}
	}
	if err != nil && !(lines && errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF)) {
		return nil, r.fault(err)
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
	opens := next == '{' || next == '['
	if !opens || depth >= MaxDepth {
		v, err = r.whole()
		r.tooDeep = opens && err != nil
		return v, err
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
		v.Kind, v.Text = Boolean, strconv.FormatBool(raw[0] == 't')
	case '"':
		v.Kind, v.Style, v.Text = Text, DoubleQuoted, unquoteJSON(raw)
	case '[':
		v.Kind, v.Flaw = List, tooDeep
	case '{':
		v.Kind, v.Flaw = Object, tooDeep
	default:
		v.setNumber(string(raw))
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

// setNumber sets the value from a number of JSON, as it is written. Python reads what has a fraction or an exponent
// into a float, and integers up to 4,300 digits. A float that PostgreSQL's numbers may be too small for, like
// 1e-99999 or one with thousands of digits, is set as Keep writes it.
func (v *Value) setNumber(literal string) {
	const longest, farthest = 300, 3 // characters, digits of the exponent
	v.Kind, v.Text = Number, literal
	if !strings.ContainsAny(literal, ".eE") {
		if len(strings.TrimPrefix(literal, "-")) > maxDigits {
			v.Flaw = tooLarge
		}
		return
	}
	value, _ := strconv.ParseFloat(literal, 64)
	exponent := literal[strings.LastIndexAny(literal, "eE")+1:]
	switch {
	case math.IsInf(value, 0):
		v.Flaw = tooLarge
	case len(literal) > longest || exponent != literal && len(exponent) > farthest:
		v.Text = pythonFloat(value)
	}
}
