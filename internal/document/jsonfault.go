package document

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// fault says what is wrong with the JSON. The decoder's own words are not shown, because they quote from the input.
func (r *jsonReader) fault(err error) *Fault {
	syntactic, ok := errors.AsType[*jsontext.SyntacticError](err)
	if !ok {
		syntactic = &jsontext.SyntacticError{ByteOffset: int64(len(r.data))}
	}
	offset := min(int(syntactic.ByteOffset), len(r.data))
	f := &Fault{Code: CodeSyntax}
	switch {
	case r.tooDeep:
		*f = faults[tooDeep]
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		offset = len(bytes.TrimRight(r.data, " \t\r\n"))
		f.Message, f.Hint = "the JSON ends too early", `a closing ", ] or } is missing`
	default:
		f.Message, f.Hint = r.explain(offset)
	}
	if below := objectPath(syntactic.JSONPointer); below != "" && !r.tooDeep {
		f.Message += ", below " + below
	}
	f.Place = PlaceAt(r.data, offset)
	return f
}

// objectPath gives the keys that lead to the object or list with the error. The
// last one is left out: where the syntax is broken it may be a value.
func objectPath(pointer jsontext.Pointer) string {
	var path []string
	for token := range pointer.Parent().Tokens() {
		path = append(path, Quote(token))
	}
	if len(path) > 4 {
		path = append(path[:4], "...")
	}
	return strings.Join(path, " ")
}

var (
	extraComma  = Pattern(`^,\s*[]}]`)
	leadingZero = Pattern(`^0[0-9]`)
)

// explain words the usual mistakes of JSON written by hand, by what is at the offset and before it.
func (r *jsonReader) explain(offset int) (message, hint string) {
	rest := r.data[offset:]
	starts := func(words ...string) bool {
		return slices.ContainsFunc(words, func(word string) bool { return bytes.HasPrefix(rest, []byte(word)) })
	}
	// Between the last token and the offset: a comma, a colon, half a token.
	between := string(bytes.Trim(r.data[r.InputOffset():offset], " \t\r\n"))
	inString := strings.Contains(between, `"`)
	inside, length := r.StackIndex(r.StackDepth())
	afterKey := inside == '{' && length%2 == 1
	switch {
	case inString && starts(`\ud`, `\uD`):
		return `a \ud800 to \udfff escape without its other half`, "write the character itself"
	case inString && starts(`\`):
		return "a backslash is followed by a character that JSON does not allow", `write \\ for a backslash`
	case inString:
		return "a string contains a line break, tab or other control character", `write \n for a line break and \t for a tab`
	case starts("NaN", "Infinity", "-Infinity"):
		return "NaN and Infinity are not JSON and cannot be stored", "put the value in quotes, or use null"
	case starts("'"):
		return "a single quote", "JSON requires double quotes around strings and keys"
	case starts("//", "/*", "#"):
		return "a comment", "JSON has no comments: remove it, or write the file as YAML"
	case starts("True", "False", "None"):
		return "true, false and null are written in lower case", "write true, false or null"
	case extraComma().Match(rest):
		return "an extra comma before the closing bracket", "remove the comma"
	case starts(",") && inside == jsontext.KindInvalid && length > 0:
		return "a comma between two values", "JSON lines have nothing between them: remove the comma"
	case leadingZero().Match(r.data[max(0, offset-1):]):
		return "a number with a leading zero", "remove the zero, or put the value in quotes"
	case between == "" && afterKey:
		return "expected a colon after the key", "write \"key\": value"
	case between == "" && length > 0 && starts("}", "]"):
		return "this bracket does not match the opening one", "close { with } and [ with ]"
	case between == "" && length > 0 && inside != jsontext.KindInvalid:
		return "expected a comma or a closing bracket", `is a comma missing, or a \ before a " inside a string?`
	case inside == '{' && !afterKey:
		return "expected a key in double quotes", "write \"key\": value"
	}
	return "expected a value", "put strings in double quotes; other values are numbers, true, false, null, [...] and {...}"
}
