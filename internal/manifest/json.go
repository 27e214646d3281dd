package manifest

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// jsonDocument reads JSON by ranges: the text is checked once, then each entry
// is read when its turn comes, and nothing else is held than the text itself.
type jsonDocument struct {
	data   []byte
	lines  bool // values follow each other, and are read as the items of a list
	report func(fault)

	inner jsonDecoder    // for whole entries
	outer []*jsonDecoder // for members, one for each level that is being walked
	level int

	arena   arena
	keys    map[string]string // texts of keys by how they are written
	pending []member          // members of the objects that are not closed yet
}

// place is an offset with its line and column, both from 1.
type place struct {
	offset       int
	line, column int32
}

// advance moves the place forward to offset.
func (p *place) advance(data []byte, offset int) {
	segment := data[p.offset:offset]
	if i := bytes.LastIndexByte(segment, '\n'); i >= 0 {
		p.line += int32(bytes.Count(segment, []byte{'\n'}))
		p.column = 1
		segment = segment[i+1:]
	}
	p.column += int32(utf8.RuneCount(segment))
	p.offset = offset
}

// jsonDecoder is a jsontext decoder over a range of the document that knows
// the line and column of what it reads.
type jsonDecoder struct {
	data   []byte
	base   int
	buffer bytes.Buffer
	*jsontext.Decoder
	place place
}

// open starts at the value n.
func (d *jsonDecoder) open(data []byte, n *node) {
	d.data, d.base = data, n.start
	d.place = place{offset: n.start, line: n.line, column: n.column}
	d.buffer = *bytes.NewBuffer(data[n.start:n.end])
	if d.Decoder == nil {
		d.Decoder = jsontext.NewDecoder(&d.buffer, jsontext.AllowDuplicateNames(true))
		return
	}
	d.Reset(&d.buffer, jsontext.AllowDuplicateNames(true))
}

// token reads a bracket or brace.
func (d *jsonDecoder) token() (ok bool) {
	_, err := d.ReadToken()
	return err == nil
}

// value reads a whole value and says where it starts.
func (d *jsonDecoder) value() (raw jsontext.Value, n node, ok bool) {
	raw, err := d.ReadValue()
	if err != nil {
		return nil, node{}, false // never, since the syntax was checked
	}
	n.end = d.base + int(d.InputOffset())
	n.start = n.end - len(raw)
	d.place.advance(d.data, n.start)
	n.line, n.column = d.place.line, d.place.column
	return raw, n, true
}

// openJSON checks the syntax of data: one value, or any number of them, as JSON lines have. The fault, if any, is a syntax
// error.
func openJSON(data []byte, report func(fault), lines bool) (*jsonDocument, *fault) {
	decoder := jsontext.NewDecoder(bytes.NewBuffer(data), jsontext.AllowDuplicateNames(true))
	if err := decoder.SkipValue(); err != nil {
		return nil, jsonSyntax(data, err)
	}
	document := &jsonDocument{data: data, lines: lines, report: report, keys: map[string]string{}}
	for lines {
		switch err := decoder.SkipValue(); {
		case errors.Is(err, io.EOF):
			return document, nil
		case err != nil:
			return nil, jsonSyntax(data, err)
		}
	}
	end := int(decoder.InputOffset())
	if rest := bytes.TrimLeft(data[end:], " \t\r\n"); len(rest) > 0 {
		at := place{line: 1, column: 1}
		at.advance(data, len(data)-len(rest))
		return nil, &fault{
			line: at.line, column: at.column, code: CodeSyntax,
			message: "the JSON goes on after its end", hint: "remove what follows the last bracket",
		}
	}
	return document, nil
}

func (d *jsonDocument) root() node {
	start := bytes.IndexFunc(d.data, func(r rune) bool { return !strings.ContainsRune(" \t\r\n", r) })
	at := place{line: 1, column: 1}
	at.advance(d.data, start)
	n := node{start: start, end: len(bytes.TrimRight(d.data, " \t\r\n")), line: at.line, column: at.column}
	d.scalar(&n, d.data[n.start:n.end])
	if d.lines {
		n.kind = kindList
	}
	return n
}

// scalar sets kind and text of n from its JSON.
func (d *jsonDocument) scalar(n *node, raw []byte) {
	switch raw[0] {
	case 'n':
		n.kind = kindNull
	case 't', 'f':
		n.kind, n.text = kindBool, string(raw)
	case '"':
		n.kind, n.text = kindText, unquoteJSON(raw)
	case '[':
		n.kind = kindList
	case '{':
		n.kind = kindObject
	default:
		n.kind, n.text = kindNumber, string(raw)
	}
}

func (d *jsonDocument) children(n *node, report bool, yield func(*member) bool) {
	if d.level == len(d.outer) {
		d.outer = append(d.outer, &jsonDecoder{})
	}
	decoder := d.outer[d.level]
	d.level++
	defer func() { d.level-- }()
	decoder.open(d.data, n)
	if isStream := d.lines && d.level == 1; !isStream && !decoder.token() {
		return
	}
	var m member
	for {
		if next := decoder.PeekKind(); next == '}' || next == ']' || next == 0 {
			return
		}
		m = member{}
		if n.kind == kindObject {
			raw, key, ok := decoder.value()
			if !ok {
				return
			}
			m.key = key
			d.scalar(&m.key, raw)
			if report {
				d.checkText(&m.key, m.key.text)
			}
		}
		raw, value, ok := decoder.value()
		if !ok {
			return
		}
		m.value = value
		d.scalar(&m.value, raw)
		if !yield(&m) {
			return
		}
	}
}

func (d *jsonDocument) read(n *node) {
	d.arena.reset()
	d.pending = d.pending[:0]
	d.inner.open(d.data, n)
	read := d.value("", 0)
	n.kind, n.text, n.members = read.kind, read.text, read.members
}

// value reads the next value. The key that it belongs to is for messages.
func (d *jsonDocument) value(key string, depth int) (n node) {
	decoder := &d.inner
	next := decoder.PeekKind()
	if next != '{' && next != '[' {
		raw, n, ok := decoder.value()
		if !ok {
			return n
		}
		d.scalar(&n, raw)
		if n.kind == kindNumber {
			if !storable(n.text) {
				d.report(faultNumber(&n, key))
			}
			n.text = withinReach(n.text)
		}
		d.checkText(&n, key)
		return n
	}
	if depth >= MaxDepth {
		_, n, _ := decoder.value()
		d.report(faultDepth(n.line, n.column))
		return n
	}
	if !decoder.token() {
		return n
	}
	n.kind = kindList
	if next == '{' {
		n.kind = kindObject
	}
	decoder.place.advance(d.data, decoder.base+int(decoder.InputOffset())-1)
	n.line, n.column = decoder.place.line, decoder.place.column
	first := len(d.pending)
	for {
		if next := decoder.PeekKind(); next == '}' || next == ']' || next == 0 {
			decoder.token()
			break
		}
		var m member
		below := key
		if n.kind == kindObject {
			m.key = d.key()
			below = m.key.text
		}
		m.value = d.value(below, depth+1)
		d.pending = append(d.pending, m)
	}
	n.members = d.arena.take(len(d.pending) - first)
	copy(n.members, d.pending[first:])
	d.pending = d.pending[:first]
	if n.kind == kindObject && len(n.members) > 1 {
		var keys duplicates
		for i := range n.members {
			if first := keys.add(&n.members[i].key); first != nil {
				d.report(faultDuplicateKey(&n.members[i].key, first))
			}
		}
	}
	return n
}

// key reads the next key. Most keys come again with every provider, so their
// texts are shared.
func (d *jsonDocument) key() node {
	raw, n, ok := d.inner.value()
	if !ok {
		return n
	}
	n.kind = kindText
	if n.text, ok = d.keys[string(raw)]; !ok {
		n.text = unquoteJSON(raw)
		const most, longest = 1000, 100
		if len(d.keys) < most && len(raw) < longest {
			d.keys[string(raw)] = n.text
		}
	}
	d.checkText(&n, n.text)
	return n
}

// checkText reports a NUL. What is not UTF-8 was refused before, surrogates
// without their other half by the decoder.
func (d *jsonDocument) checkText(n *node, key string) {
	if n.kind == kindText && strings.IndexByte(n.text, 0) >= 0 {
		d.report(faultNUL(n, key))
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

// storable says whether Keep could read the number: Python makes a float of
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

// jsonSyntax says what is wrong with the JSON. The decoder's own words are not
// shown, because they quote from the input.
func jsonSyntax(data []byte, err error) *fault {
	offset := len(data)
	var pointer jsontext.Pointer
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		offset = min(int(syntactic.ByteOffset), len(data))
		pointer = syntactic.JSONPointer
	}
	cause := err.Error()

	f := &fault{code: CodeSyntax}
	f.message, f.hint = explainJSON(data, offset, cause)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		offset = len(bytes.TrimRight(data, " \t\r\n"))
		f.message, f.hint = "the JSON ends too early", `a closing ", ] or } is missing`
	}
	if strings.Contains(cause, "exceeded max depth") {
		deep := faultDepth(0, 0)
		f.code, f.message, f.hint = deep.code, deep.message, deep.hint
		pointer = ""
	}
	if below := objectPath(pointer); below != "" {
		f.message += ", below " + below
	}
	at := place{line: 1, column: 1}
	at.advance(data, offset)
	f.line, f.column = at.line, at.column
	return f
}

// objectPath gives the keys that lead to the object or list with the error. The
// last one is left out: where the syntax is broken it may be a value.
func objectPath(pointer jsontext.Pointer) string {
	var path []string
	for token := range pointer.Parent().Tokens() {
		if len(path) == 4 {
			path = append(path, "...")
			break
		}
		path = append(path, quote(token))
	}
	return strings.Join(path, " ")
}

// closes says whether the next thing is a closing bracket.
func closes(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	return len(text) > 0 && (text[0] == '}' || text[0] == ']')
}

func digitAt(data []byte, offset int) bool {
	return offset >= 0 && offset < len(data) && data[offset] >= '0' && data[offset] <= '9'
}

// explainJSON words the usual mistakes of JSON written by hand.
func explainJSON(data []byte, offset int, cause string) (message, hint string) {
	rest := data[offset:]
	before := bytes.TrimRight(data[:offset], " \t\r\n")
	starts := func(words ...string) bool {
		for _, word := range words {
			if bytes.HasPrefix(rest, []byte(word)) {
				return true
			}
		}
		return false
	}
	inText := strings.Contains(cause, "in string") || strings.Contains(cause, "escape")
	switch {
	case strings.Contains(cause, "surrogate") || inText && starts(`\ud`, `\uD`):
		return `a \ud800 to \udfff escape is without its other half`, "write the character itself"
	case strings.Contains(cause, "escape"):
		return "a backslash is followed by something that JSON does not know", `write \\ for a backslash`
	case strings.Contains(cause, "in string"):
		return "a text holds a line break, tab or other control character", `write \n for a line break and \t for a tab`
	case starts("NaN", "Infinity", "-Infinity"):
		return "NaN and Infinity are not JSON and cannot be stored", "put the value in quotes, or use null"
	case starts("'"):
		return "a single quote", "JSON wants double quotes around texts and keys"
	case starts("//", "/*", "#"):
		return "a comment", "JSON has none: remove it, or write the file as YAML"
	case starts("True", "False", "None"):
		return "true, false and null are written in lower case", "write true, false or null"
	case starts("}", "]") && bytes.HasSuffix(before, []byte(",")):
		return "the comma before this bracket is one too many", "remove the comma"
	case starts(",") && closes(rest[1:]):
		return "the comma before the closing bracket is one too many", "remove the comma"
	case starts("}", "]") && (strings.Contains(cause, "mismatching") || strings.Contains(cause, "expecting ','")):
		return "this bracket closes what another kind of bracket opened", "close { with } and [ with ]"
	case starts(",") && bytes.HasSuffix(before, []byte("}")):
		return "a comma between two values", "in JSON lines nothing stands between them: remove the comma"
	case digitAt(data, offset) && digitAt(data, offset-1):
		return "a number with a leading zero", "remove the zero, or put the value in quotes"
	case strings.Contains(cause, "expecting ':'"):
		return "expected a colon after the key", "write \"key\": value"
	case strings.Contains(cause, "expecting ','"):
		return "expected a comma or a closing bracket", `is a comma missing, or a \ before a " inside a text?`
	case strings.Contains(cause, "must be a string"):
		return "expected a key in double quotes", "write \"key\": value"
	case strings.Contains(cause, "missing value"):
		return "a key is without a value", "write \"key\": value"
	case strings.Contains(cause, "in number"):
		return "not a number as JSON writes it", "write no leading zeros or +, or put the value in quotes"
	case bytes.HasSuffix(before, []byte("{")):
		return "expected a key in double quotes", "write \"key\": value"
	case bytes.HasSuffix(before, []byte(",")):
		return "expected a value, or a key in double quotes", "texts and keys are in double quotes"
	case strings.Contains(cause, "in literal"), strings.Contains(cause, "start of value"), strings.Contains(cause, "start of string"):
		return "expected a value", "texts are in double quotes; the other values are numbers, true, false, null, [...] and {...}"
	}
	return "not valid JSON", "check the brackets, quotes and commas before this place"
}
