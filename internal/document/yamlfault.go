package document

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v4"
)

// Line returns a line of a text without its end, counted from 1; "" if there is none.
func Line(data []byte, number int) string {
	if number < 1 {
		return ""
	}
	for ; number > 1 && data != nil; number-- {
		_, data, _ = bytes.Cut(data, []byte{'\n'})
	}
	line, _, _ := bytes.Cut(data, []byte{'\n'})
	return string(bytes.TrimSuffix(line, []byte{'\r'}))
}

// characterAt is the character at a place; 0 at the end of a line and after it.
func characterAt(data []byte, place Place) rune {
	runes := []rune(Line(data, int(place.Line)))
	if int(place.Column) > len(runes) {
		return 0
	}
	return runes[place.Column-1]
}

// yamlFault says what is wrong with the YAML. The library's own message is ignored: it changes, and it quotes.
func yamlFault(data []byte, err error, deep bool) *Fault {
	load, ok := errors.AsType[*yaml.LoadError](err)
	if !ok {
		load = &yaml.LoadError{}
	}
	f := &Fault{
		Code: CodeSyntax, Message: "not valid YAML",
		Hint: "check the indentation, colons and quotes of this line and the one before",
	}
	if deep {
		*f = faults[tooDeep]
	}
	f.Place = Place{max(1, int32(load.Mark.Line)), max(1, int32(load.Mark.Column))}
	context := Place{int32(load.ContextMark.Line), max(1, int32(load.ContextMark.Column))}
	switch {
	case deep:
	case load.Stage == yaml.ReaderStage:
		f.Message, f.Hint = "a control character", `put the text in double quotes and write the character as \xNN`
		f.Place = PlaceAt(data, max(0, bytes.IndexFunc(data, isControl)))
	case load.Stage == yaml.ComposerStage:
		f.Message, f.Hint = "an alias (*name) without its anchor (&name)", `put a string that starts with * in quotes`
	case load.Stage == yaml.ParserStage:
		f.Message, f.Hint = parserMistake(characterAt(data, f.Place), characterAt(data, context), f.Place, context)
	case load.Stage == yaml.ScannerStage:
		scannerMistake(f, data, context)
	}
	return f
}

func isControl(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r >= 0x7f && r < 0xa0 && r != 0x85
}

// parserMistake explains a mistake by the character there and by the one that opened the unfinished collection.
func parserMistake(found, opened rune, at, context Place) (message, hint string) {
	switch {
	case context.Line == 0 && found == '%':
		return "unknown YAML version", "remove the %YAML line"
	case context.Line == 0:
		return "text after the end of the document", "write one document per file"
	case context == at:
		return "expected a value", "close open brackets and quotes on this line and before it, and quote special characters"
	case opened == '[' || opened == '{':
		return fmt.Sprintf("a [ or { is not closed, or a comma is missing; it was opened at line %d, column %d", context.Line, context.Column),
			"put a string with brackets or braces, such as ${NAME}, in quotes"
	case opened == '-':
		return "expected the next list item", "indent all items of a list by the same width"
	}
	return "expected a key here", "check the indentation and the quotes of this line and the one before"
}

// noSpace is a line with a key whose colon is not followed by a space.
var noSpace = Pattern(`^(\s*(?:- +)*[A-Za-z_][A-Za-z0-9_-]*):[^\s:/]`)

// scannerMistakes explain what makes no token by the character that opened it, or else by the one found.
var scannerMistakes = []struct{ opened, found, message, hint string }{
	{"*&", "", "an anchor (&) or alias (*) without a name", "put a string that starts with & or * in quotes"},
	{"!", "", "an incomplete tag (!name)", "put a string that starts with ! in quotes"},
	{
		"|>", "", "the header of a block text is incomplete",
		"write | or > alone, and indent the lines below it with spaces",
	},
	{"", "\t", "a tab in the indentation", "indent with spaces"},
	{
		"", "@`%", "an unquoted string cannot start with this character",
		"put strings that start with @, `, % or a tab in quotes",
	},
	{"", "#", "a # must have a space before it to start a comment", "put a space before #, or quotes around the text"},
	{"", ":", "an unexpected colon", `put a string that contains ": " in quotes; otherwise check the indentation`},
}

// scannerMistake explains what makes no token.
func scannerMistake(f *Fault, data []byte, context Place) {
	found, opened := characterAt(data, f.Place), characterAt(data, context)
	switch {
	case opened == '"' || opened == '\'':
		quotedMistake(f, data, found, context)
		return
	case opened == '%' && context.Column == 1:
		f.Message, f.Hint = "unknown YAML directive: a line that starts with % is one", "put the text in quotes"
		return
	}
	for _, m := range scannerMistakes {
		if strings.ContainsRune(m.opened, opened) || strings.ContainsRune(m.found, found) {
			f.Message, f.Hint = m.message, m.hint
			if m.found == ":" {
				missingSpace(f, data, f.Line-1)
			}
			return
		}
	}
	switch {
	case found == '-' && context.Line == 0:
		f.Message = "an unexpected list item"
		f.Hint = `write lists on lines of their own, or put a string that starts with "- " in quotes`
	case context.Line > 0:
		f.Message = "expected a colon after the key"
		f.Hint = "write `key: value`, with a space after the colon; check the line before for a quote that is not closed"
		missingSpace(f, data, context.Line)
	}
}

// missingSpace explains a line with a colon that is not followed by a space.
func missingSpace(f *Fault, data []byte, line int32) {
	if part := noSpace().FindStringSubmatch(Line(data, int(line))); part != nil {
		f.Line, f.Column = line, int32(utf8.RuneCountInString(part[1]))+1
		f.Message, f.Hint = "a space is missing after the colon", "write `key: value`"
	}
}

// quotedMistake is for what cannot be in a text in quotes.
func quotedMistake(f *Fault, data []byte, found rune, context Place) {
	const useSingle = `write \\ for a backslash, or use single quotes`
	before := []rune(Line(data, int(f.Line)))
	escape := rune(0)
	if at := int(f.Column) - 2; at >= 1 && at < len(before) && before[at-1] == '\\' {
		escape = before[at]
	}
	switch {
	case found == '\\':
		f.Message, f.Hint = "a backslash in double quotes is followed by a character that YAML does not allow", useSingle
	case strings.ContainsRune("xuU", escape) && !strings.ContainsRune("0123456789abcdefABCDEF", found):
		f.Message, f.Hint = `a \x or \u escape without its digits`, useSingle
	case strings.ContainsRune("xuU", escape):
		f.Message, f.Hint = "an escape that is not a character", "write the character itself"
	case found == '\t':
		f.Message, f.Hint = "a tab in the indentation", "indent with spaces"
	default:
		f.Place = context
		f.Message, f.Hint = "a quote is not closed", "close it, or put the text in the other kind of quotes"
	}
}
