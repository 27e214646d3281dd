package document

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// The largest texts that are read, in bytes. YAML takes a tree of nodes many times its size.
const (
	MaxJSONSize = 256 << 20
	MaxYAMLSize = 16 << 20
)

// Format says how a text must be read.
type Format uint8

// The formats.
const (
	Sniffed Format = iota // JSON if it is valid JSON, else YAML
	JSON
	JSONLines // one value after the other, without brackets and commas around
	YAML
)

// IsJSON holds for one value and for lines.
func (f Format) IsJSON() bool { return f == JSON || f == JSONLines }

// MaxSize is how many bytes of the format are read.
func (f Format) MaxSize() int64 {
	if f == YAML {
		return MaxYAMLSize
	}
	return MaxJSONSize
}

// Parse reads a text and says in which format. JSON lines become a list. Of an empty text there is neither value nor
// fault; a byte order mark counts as empty. Pass the value to Check.
func Parse(text []byte, format Format) (root *Value, read Format, fault *Fault) {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	if f := CheckEncoding(text); f != nil {
		return nil, format, f
	}
	start := bytes.TrimLeft(text, " \t\r\n")
	if len(start) == 0 {
		return nil, format, nil
	}
	if format == Sniffed {
		format = YAML
		if start[0] == '{' || start[0] == '[' {
			return sniff(text, start[0] == '{')
		}
	}
	if format == YAML {
		if len(text) > MaxYAMLSize {
			return nil, YAML, &Fault{
				Place: Place{1, 1}, Code: CodeTooLarge, Message: fmt.Sprintf("the text is larger than %d MiB", MaxYAMLSize>>20),
				Hint: fmt.Sprintf("split it, or write it as JSON (up to %d MiB)", MaxJSONSize>>20),
			}
		}
		root, fault = parseYAML(text)
		return root, YAML, fault
	}
	root, fault = parseJSON(text, format == JSONLines)
	return root, format, fault
}

// sniff reads what starts like JSON: as one value, as lines, as YAML's flow style.
func sniff(text []byte, mayBeLines bool) (*Value, Format, *Fault) {
	root, fault := parseJSON(text, false)
	if fault == nil {
		return root, JSON, nil
	}
	if mayBeLines {
		if root, f := parseJSON(text, true); f == nil {
			return root, JSONLines, nil
		}
	}
	if len(text) <= MaxYAMLSize {
		if root, f := parseYAML(text); f == nil && root != nil {
			return root, YAML, nil
		}
	}
	return nil, JSON, fault
}

// CheckEncoding says where a text is not UTF-8, or contains a NUL byte.
func CheckEncoding(text []byte) *Fault {
	if utf8.Valid(text) && bytes.IndexByte(text, 0) < 0 {
		return nil
	}
	f := &Fault{Place: Place{1, 1}, Code: CodeEncoding, Message: "the text is not UTF-8", Hint: "save it as UTF-8"}
	if bytes.HasPrefix(text, []byte{0xff, 0xfe}) || bytes.HasPrefix(text, []byte{0xfe, 0xff}) {
		f.Message = "the text is UTF-16, not UTF-8"
		return f
	}
	offset, first, size := 0, rune(-1), 0
	for first != 0 && (first != utf8.RuneError || size != 1) {
		offset += size
		first, size = utf8.DecodeRune(text[offset:])
	}
	f.Place = PlaceAt(text, offset)
	if first == 0 {
		f.Message, f.Hint = "the text contains a NUL byte", "remove it, and check that this is a text file"
	}
	return f
}

// cursor is an offset with its place.
type cursor struct {
	offset int
	Place
}

// advance moves the cursor forward to offset.
func (c *cursor) advance(data []byte, offset int) {
	segment := data[c.offset:offset]
	if i := bytes.LastIndexByte(segment, '\n'); i >= 0 {
		c.Line += int32(bytes.Count(segment, []byte{'\n'}))
		c.Column = 1
		segment = segment[i+1:]
	}
	c.Column += int32(utf8.RuneCount(segment))
	c.offset = offset
}

// PlaceAt is the place of an offset.
func PlaceAt(data []byte, offset int) Place {
	c := cursor{Place: Place{1, 1}}
	c.advance(data, offset)
	return c.Place
}
