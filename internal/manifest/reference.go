package manifest

import (
	"fmt"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"keep-bootstrap/internal/document"
	"keep-bootstrap/internal/file"
)

// A reference is a whole value of the form $(NAME), $(env:NAME) or $(file:/path). It is resolved once, after parsing. The
// result is never expanded again: a password may contain any $, brace, quote or line break. $$(... is the text $(...
// itself, $$$(... the text $$(..., and so on. Any other $ is just a character.

var variableName = document.Pattern(`^[A-Za-z_][A-Za-z0-9_]*$`)

// referenceOf returns what is between the brackets of a whole-value $(...) that has the form of a reference.
func referenceOf(text string) (inner string, ok bool) {
	inner, ok = betweenBrackets(text)
	if !ok {
		return "", false
	}
	if strings.HasPrefix(inner, "env:") || strings.HasPrefix(inner, "file:") {
		return inner, true
	}
	return inner, variableName().MatchString(inner)
}

// IsEscaped reports whether a text begins with several $ and a bracket, so that reading it cuts the first $.
func IsEscaped(text string) bool {
	return strings.HasPrefix(text, "$$") && strings.HasPrefix(strings.TrimLeft(text, "$"), "(")
}

// betweenBrackets returns NAME of $(NAME).
func betweenBrackets(text string) (string, bool) {
	if len(text) < 3 || !strings.HasPrefix(text, "$(") || text[len(text)-1] != ')' {
		return "", false
	}
	return text[2 : len(text)-1], true
}

// resolve replaces a text by what it refers to, if it is a reference. The resolved values are counted, so that a small
// input that names one large file many times stays bounded.
func (i *item) resolve(v *document.Value, key string) {
	inner, ok := betweenBrackets(v.Text)
	switch {
	case v.Kind != document.Text:
		return
	case IsEscaped(v.Text):
		v.Text = v.Text[1:]
		return
	case !ok:
		if strings.HasPrefix(v.Text, "{{") && envTemplate().MatchString(v.Text) {
			i.warn(at(v, key, CodeTemplate,
				"`{{ env.NAME }}` is stored as it is; Keep fills it in from its own environment when it loads the provider",
				"write $(NAME) to store the value instead"))
		}
		return
	}
	if _, ok := referenceOf(v.Text); ok {
		v.Flaw = document.Unresolved // until it is resolved
		if i.reader.options.SkipReferences {
			return
		}
	}
	f := at(v, key, CodeReference, "", "")
	path, isFile := strings.CutPrefix(inner, "file:")
	name, explicit := strings.CutPrefix(inner, "env:")
	value, set := i.reader.environment[name]
	variable := "the variable " + document.Quote(name)
	switch {
	case isFile:
		value, f.Message, f.Hint = i.referencedFile(path)
	case set && Blank(value):
		f.Message, f.Hint = variable+" is empty", `set it, or write "" for an empty string`
	case set && !utf8.ValidString(value):
		f.Message, f.Hint = variable+" is not UTF-8", "put the value into a file as UTF-8 and write $(file:/path)"
	case set:
		value = withoutLineEnd(value)
		if InQuotes(value) {
			i.warn(at(v, key, CodeReference, "the value of "+variable+" is wrapped in quotes, which are stored",
				"remove the quotes if they are not part of the value"))
		}
	case variableName().MatchString(name):
		f.Message, f.Hint = variable+" is not set", "set it, or write $$("+name+") for the literal text"
	case explicit:
		f.Message, f.Hint = "$(env:...) without the name of a variable", "write $(env:NAME)"
	default:
		i.warn(at(v, key, CodeReference, "not a valid reference; it is stored as written",
			"write $(NAME), $(env:NAME) or $(file:/path), or $$(... for the literal text"))
		return
	}
	if f.Message == "" {
		before := i.reader.resolved
		i.reader.resolved += len(value)
		if i.reader.resolved <= MaxResolvedSize {
			v.Text, v.Flaw = value, document.Sound
			return
		}
		v.Text = ""
		if before > MaxResolvedSize {
			return // reported once
		}
		f.Code = CodeTooLarge
		f.Message = fmt.Sprintf("the references of the input resolve to more than %d MiB", MaxResolvedSize>>20)
		f.Hint = "check for large files that are referenced by mistake"
	}
	i.fail(f)
}

// referencedFile reads a file that a reference names, and cuts off one line end, which editors and `echo` leave there.
func (i *item) referencedFile(path string) (text, problem, hint string) {
	named := "the file " + document.Quote(path) + " of a reference "
	if path == "" {
		return "", named + "has no path", "write $(file:/path)"
	}
	data, err := file.Read(i.resolvedPath(path), MaxReferenceSize)
	text = withoutLineEnd(string(data))
	const binary = "a binary secret must be encoded, for example as base64"
	switch {
	case err != nil:
		problem, hint = file.Explain(err, MaxReferenceSize)
		return "", named + "cannot be used: " + problem, hint
	case Blank(text):
		return "", named + "contains no text", `check that the secret is mounted, or write "" for an empty string`
	case !utf8.ValidString(text):
		return "", named + "is not UTF-8", binary
	case strings.IndexByte(text, 0) >= 0:
		return "", named + "contains a NUL byte, which PostgreSQL cannot store", binary
	}
	return text, "", ""
}

// Blank reports whether a text holds nothing but spaces and line ends, so that a reference to it is one to nothing.
func Blank(text string) bool { return strings.Trim(text, " \t\r\n") == "" }

// InQuotes reports whether a text is wrapped in quotes.
func InQuotes(text string) bool {
	return len(text) > 1 && (text[0] == '"' || text[0] == '\'') && text[len(text)-1] == text[0]
}

// resolvedPath is the path of a reference; a relative one starts at the directory of the file that names it.
func (i *item) resolvedPath(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(i.source.directory, path)
}

// withoutLineEnd cuts one line end off the end of a text.
func withoutLineEnd(text string) string {
	if line, ok := strings.CutSuffix(text, "\n"); ok {
		return strings.TrimSuffix(line, "\r")
	}
	return text
}
