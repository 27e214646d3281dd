package document

import "unicode/utf8"

// AppendJSON appends the value as Python's json.dumps writes it: ", " and ": "
// between, everything but printable ASCII as \uXXXX. Keep's own rows look so, and
// equal text is how an unchanged provider is recognised without parsing.
func (v *Value) AppendJSON(text []byte) []byte {
	switch v.Kind {
	case Null:
		return append(text, "null"...)
	case Boolean, Number:
		return append(text, v.Text...)
	case Text:
		return AppendText(text, v.Text)
	case List:
		text = append(text, '[')
		for i := range v.Members {
			if i > 0 {
				text = append(text, ", "...)
			}
			text = v.Members[i].Value.AppendJSON(text)
		}
		return append(text, ']')
	}
	text = append(text, '{')
	for i := range v.Members {
		if i > 0 {
			text = append(text, ", "...)
		}
		text = AppendText(text, v.Members[i].Key.Text)
		text = append(text, ": "...)
		text = v.Members[i].Value.AppendJSON(text)
	}
	return append(text, '}')
}

// escapes are the characters that JSON has a letter for.
var escapes = [256]byte{'"': '"', '\\': '\\', '\n': 'n', '\r': 'r', '\t': 't', '\b': 'b', '\f': 'f'}

// AppendText appends a text as JSON, in the same form.
func AppendText(text []byte, s string) []byte {
	text = append(text, '"')
	for i := 0; i < len(s); {
		start := i
		for i < len(s) && s[i] >= ' ' && s[i] <= '~' && escapes[s[i]] == 0 {
			i++
		}
		if text = append(text, s[start:i]...); i == len(s) {
			break
		}
		if letter := escapes[s[i]]; letter != 0 {
			text = append(text, '\\', letter)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		if r >= 0x10000 {
			r -= 0x10000
			text = appendUnit(text, 0xd800+r>>10)
			r = 0xdc00 + r&0x3ff
		}
		text = appendUnit(text, r)
	}
	return append(text, '"')
}

// appendUnit appends one UTF-16 unit as \uXXXX.
func appendUnit(text []byte, unit rune) []byte {
	const hex = "0123456789abcdef"
	return append(text, '\\', 'u', hex[unit>>12&15], hex[unit>>8&15], hex[unit>>4&15], hex[unit&15])
}
