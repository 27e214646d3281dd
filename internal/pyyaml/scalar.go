package pyyaml

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"keep-bootstrap/internal/document"
)

// traits are what decides how a text can be written.
type traits struct {
	plain, singleQuoted, block bool // allowed
}

func (d *dumper) scalar(v *document.Value, at position) {
	style, text := document.Plain, scalarText(v)
	allowed := traitsOf(text)
	if quotable(v) {
		style = v.Style
		if style == document.Plain && (!allowed.plain || !document.ReadsAsText(text)) {
			style = document.SingleQuoted
		}
	}
	if at.isKey && hasBreak(text) {
		style = document.DoubleQuoted
	}
	if style == document.SingleQuoted && !allowed.singleQuoted || style == document.Literal && (!allowed.block || at.isKey) {
		style = document.DoubleQuoted
	}
	switch style {
	case document.Plain:
		d.plain(text)
	case document.SingleQuoted:
		d.singleQuoted(text)
	case document.DoubleQuoted:
		d.doubleQuoted(text)
	case document.Literal:
		d.literal(text)
	}
}

// quotable reports whether a value is a text. Dates and infinite numbers are texts only to JSON.
func quotable(v *document.Value) bool {
	return v.Kind == document.Text && v.Flaw != document.Date && v.Flaw != document.NotFinite
}

// scalarText is a scalar as Keep dumps it: of a number with a point before an exponent, so that it reads as a number again.
func scalarText(v *document.Value) string {
	text := v.Text
	switch {
	case v.Kind == document.Null:
		return "null"
	case v.Kind != document.Number:
		return text
	}
	if text = document.PythonNumber(text); strings.Contains(text, "e") && !strings.Contains(text, ".") {
		text = strings.Replace(text, "e", ".0e", 1)
	}
	if text == "-0" {
		return "0"
	}
	return text
}

func isBreak(r rune) bool {
	return r == '\n' || r == '\r' || r == '\u0085' || r == '\u2028' || r == '\u2029'
}

func isBlankOrBreak(r rune) bool { return r == ' ' || r == '\t' || isBreak(r) }

func hasBreak(text string) bool { return strings.ContainsFunc(text, isBreak) }

// printable is what libyaml writes as it is: not tabs, and nothing beyond the basic plane.
func printable(r rune) bool {
	return r == '\n' || r >= ' ' && r <= '~' || r >= 0xa0 && r < 0x10000 && r != 0xfeff && r != 0xfffe && r != 0xffff
}

// traitsOf says which styles can hold a text.
func traitsOf(text string) traits {
	if text == "" {
		return traits{plain: true, singleQuoted: true}
	}
	allowed := traits{plain: true, singleQuoted: true, block: true}
	if strings.HasPrefix(text, "---") || strings.HasPrefix(text, "...") {
		allowed.plain = false
	}
	before := ' '
	for i, r := range text {
		size := utf8.RuneLen(r)
		first, last := i == 0, i+size == len(text)
		next := ' '
		if !last {
			next, _ = utf8.DecodeRuneInString(text[i+size:])
		}
		if indicates(r, before, next, first) || isBreak(r) || r == ' ' && (first || last) {
			allowed.plain = false
		}
		switch afterFirst := !first; {
		case !printable(r), isBreak(r) && afterFirst && before == ' ':
			return traits{}
		case r == ' ' && afterFirst && isBreak(before):
			allowed.plain, allowed.singleQuoted = false, false
		}
		if r == ' ' && last {
			allowed.block = false
		}
		before = r
	}
	return allowed
}

// indicates reports whether a character has a meaning of its own in a plain text.
func indicates(r, before, next rune, first bool) bool {
	switch r {
	case '#':
		return first || isBlankOrBreak(before)
	case ':':
		return isBlankOrBreak(next)
	case '?', '-':
		return first && isBlankOrBreak(next)
	}
	return first && strings.ContainsRune(",[]{}&*!|>'\"%@`", r)
}

func (d *dumper) plain(text string) {
	if !d.whitespace {
		d.put(" ")
	}
	d.put(text)
	d.whitespace, d.indention = false, false
}

func (d *dumper) singleQuoted(text string) {
	d.indicator("'", true, false)
	afterBreak := false
	for _, r := range text {
		switch {
		case r == ' ':
			d.put(" ")
		case isBreak(r):
			if !afterBreak && r == '\n' {
				d.lineBreak()
			}
			d.writeBreak(r)
			d.indention, afterBreak = true, true
		default:
			if afterBreak {
				d.newLine()
			}
			if r == '\'' {
				d.put("'")
			}
			d.put(string(r))
			d.indention, afterBreak = false, false
		}
	}
	if afterBreak {
		d.newLine()
	}
	d.indicator("'", false, false)
	d.whitespace, d.indention = false, false
}

// writeBreak writes a line break of the text itself.
func (d *dumper) writeBreak(r rune) {
	d.out.WriteRune(r)
	d.column = 0
}

// escapes are the characters with a letter after the backslash.
var escapes = map[rune]string{
	0: "0", '\a': "a", '\b': "b", '\t': "t", '\n': "n", '\v': "v", '\f': "f", '\r': "r", 0x1b: "e", '"': `"`, '\\': `\`,
	0x85: "N", 0x2028: "L", 0x2029: "P",
}

func (d *dumper) doubleQuoted(text string) {
	d.indicator(`"`, true, false)
	for _, r := range text {
		if !printable(r) || isBreak(r) || r == '"' || r == '\\' {
			d.put(escaped(r))
		} else {
			d.put(string(r))
		}
	}
	d.indicator(`"`, false, false)
	d.whitespace, d.indention = false, false
}

func escaped(r rune) string {
	letter, ok := escapes[r]
	switch {
	case ok:
		return `\` + letter
	case r <= 0xff:
		return fmt.Sprintf(`\x%02X`, r)
	case r <= 0xffff:
		return fmt.Sprintf(`\u%04X`, r)
	}
	return fmt.Sprintf(`\U%08X`, r)
}

func (d *dumper) literal(text string) {
	d.indicator("|", true, false)
	d.literalHints(text)
	d.lineBreak()
	d.indention, d.whitespace = true, true
	afterBreak := true
	for _, r := range text {
		if isBreak(r) {
			d.writeBreak(r)
			d.indention, afterBreak = true, true
			continue
		}
		if afterBreak {
			d.newLine()
		}
		d.put(string(r))
		d.indention, afterBreak = false, false
	}
}

// literalHints writes how a block text is indented, when that cannot be seen from it, and how it ends.
func (d *dumper) literalHints(text string) {
	if first, _ := utf8.DecodeRuneInString(text); first == ' ' || isBreak(first) {
		d.indicator(fmt.Sprint(indentStep), false, false)
	}
	d.openEnded = false
	last, size := utf8.DecodeLastRuneInString(text)
	if !isBreak(last) {
		d.indicator("-", false, false)
		return
	}
	before, _ := utf8.DecodeLastRuneInString(text[:len(text)-size])
	if len(text) == size || isBreak(before) {
		d.indicator("+", false, false)
		d.openEnded = true
	}
}
