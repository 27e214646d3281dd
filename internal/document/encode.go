package document

import (
	"fmt"
	"unicode/utf16"
)

// AppendJSON appends the value as Python's json.dumps writes it: ", " and ": "
// between, everything but printable ASCII as \uXXXX. Keep's own rows look so, and
// equal text is how an unchanged provider is recognised without parsing.
func (v *Value) AppendJSON(text []byte) []byte {
	opening, closing := byte('{'), byte('}')
	switch v.Kind {
	case Null:
		return append(text, "null"...)
	case Boolean, Number:
		return append(text, v.Text...)
	case Text:
		return AppendText(text, v.Text)
	case List:
		opening, closing = '[', ']'
	}
	text = append(text, opening)
	for i := range v.Members {
		if i > 0 {
			text = append(text, ", "...)
		}
		if v.Kind == Object {
			text = append(AppendText(text, v.Members[i].Key.Text), ": "...)
		}
		text = v.Members[i].Value.AppendJSON(text)
	}
	return append(text, closing)
}

// escapes are the characters that JSON has a letter for.
var escapes = [128]byte{'"': '"', '\\': '\\', '\n': 'n', '\r': 'r', '\t': 't', '\b': 'b', '\f': 'f'}

// AppendText appends a text as JSON, in the same form.
func AppendText(text []byte, s string) []byte {
	text = append(text, '"')
	for _, r := range s {
		switch {
		case r < 128 && escapes[r] != 0:
			text = append(text, '\\', escapes[r])
		case r >= ' ' && r <= '~':
			text = append(text, byte(r))
		default:
			for _, unit := range utf16.AppendRune(nil, r) {
				text = fmt.Appendf(text, `\u%04x`, unit)
			}
		}
	}
	return append(text, '"')
}
