package document

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// jsonFault says what is wrong with the JSON. The decoder's own words are not
// shown, because they quote from the input.
func jsonFault(data []byte, err error) *Fault {
	offset := len(data)
	var pointer jsontext.Pointer
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		offset = min(int(syntactic.ByteOffset), len(data))
		pointer = syntactic.JSONPointer
	}
	cause := err.Error()

	f := &Fault{Code: CodeSyntax}
	f.Message, f.Hint = explainJSON(data, offset, cause)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		offset = len(bytes.TrimRight(data, " \t\r\n"))
		f.Message, f.Hint = "the JSON ends too early", `a closing ", ] or } is missing`
	}
	if strings.Contains(cause, "exceeded max depth") {
		deep := faultDepth(Place{})
		f.Code, f.Message, f.Hint = deep.Code, deep.Message, deep.Hint
		pointer = ""
	}
	if below := objectPath(pointer); below != "" {
		f.Message += ", below " + below
	}
	f.Place = PlaceAt(data, offset)
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
		path = append(path, Quote(token))
	}
	return strings.Join(path, " ")
}

// closes reports whether the next thing is a closing bracket.
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
		return `a \ud800 to \udfff escape without its other half`, "write the character itself"
	case strings.Contains(cause, "escape"):
		return "a backslash is followed by a character that JSON does not allow", `write \\ for a backslash`
	case strings.Contains(cause, "in string"):
		return "a string contains a line break, tab or other control character", `write \n for a line break and \t for a tab`
	case starts("NaN", "Infinity", "-Infinity"):
		return "NaN and Infinity are not JSON and cannot be stored", "put the value in quotes, or use null"
	case starts("'"):
		return "a single quote", "JSON requires double quotes around strings and keys"
	case starts("//", "/*", "#"):
		return "a comment", "JSON has no comments: remove it, or write the file as YAML"
	case starts("True", "False", "None"):
		return "true, false and null are written in lower case", "write true, false or null"
	case starts("}", "]") && bytes.HasSuffix(before, []byte(",")):
		return "an extra comma before this bracket", "remove the comma"
	case starts(",") && closes(rest[1:]):
		return "an extra comma before the closing bracket", "remove the comma"
	case starts("}", "]") && (strings.Contains(cause, "mismatching") || strings.Contains(cause, "expecting ','")):
		return "this bracket does not match the opening one", "close { with } and [ with ]"
	case starts(",") && bytes.HasSuffix(before, []byte("}")):
		return "a comma between two values", "JSON lines have nothing between them: remove the comma"
	case digitAt(data, offset) && digitAt(data, offset-1):
		return "a number with a leading zero", "remove the zero, or put the value in quotes"
	case strings.Contains(cause, "expecting ':'"):
		return "expected a colon after the key", "write \"key\": value"
	case strings.Contains(cause, "expecting ','"):
		return "expected a comma or a closing bracket", `is a comma missing, or a \ before a " inside a string?`
	case strings.Contains(cause, "must be a string"):
		return "expected a key in double quotes", "write \"key\": value"
	case strings.Contains(cause, "missing value"):
		return "a key has no value", "write \"key\": value"
	case strings.Contains(cause, "in number"):
		return "not a valid JSON number", "write no leading zeros or +, or put the value in quotes"
	case bytes.HasSuffix(before, []byte("{")):
		return "expected a key in double quotes", "write \"key\": value"
	case bytes.HasSuffix(before, []byte(",")):
		return "expected a value, or a key in double quotes", "put strings and keys in double quotes"
	case strings.Contains(cause, "in literal"), strings.Contains(cause, "start of value"), strings.Contains(cause, "start of string"):
		return "expected a value", "put strings in double quotes; other values are numbers, true, false, null, [...] and {...}"
	}
	return "not valid JSON", "check the brackets, quotes and commas before this place"
}
