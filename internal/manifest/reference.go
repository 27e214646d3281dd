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

// references are the resolved references.
type references struct {
	environment map[string]string
	skip        bool                // leave them as they are
	files       map[string]contents // read so far
	resolved    int                 // bytes that references stood for
}

// contents is what a file holds, or why it cannot be used.
type contents struct {
	text          string
	problem, hint string
}

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

// resolve replaces a text by what it refers to, if it is a reference.
func (i *item) resolve(v *document.Value, key string) {
	if IsEscaped(v.Text) {
		v.Text = v.Text[1:]
		return
	}
	inner, ok := betweenBrackets(v.Text)
	if !ok {
		if strings.HasPrefix(v.Text, "{{") && envTemplate().MatchString(v.Text) {
			i.warn(at(v, key, CodeTemplate, "`{{ env.NAME }}` is stored as it is; Keep fills it in from its own environment when it loads the provider",
				"write $(NAME) to store the value instead"))
		}
		return
	}
	if _, ok := referenceOf(v.Text); ok {
		v.Flaw = document.Unresolved // until it is resolved
		if i.reader.references.skip {
			return
		}
	}
	if path, ok := strings.CutPrefix(inner, "file:"); ok {
		i.resolveFile(v, key, path)
		return
	}
	name, explicit := strings.CutPrefix(inner, "env:")
	value, set := i.reader.references.environment[name]
	f := at(v, key, CodeReference, "", "")
	switch {
	case set && Blank(value):
		f.Message = "the variable " + document.Quote(name) + " is empty"
		f.Hint = `set it, or write "" for an empty string`
	case set && utf8.ValidString(value):
		value = withoutLineEnd(value)
		if InQuotes(value) {
			i.warn(at(v, key, CodeReference, "the value of the variable "+document.Quote(name)+" is wrapped in quotes, which are stored", "remove the quotes if they are not part of the value"))
		}
		i.replace(v, key, value)
		return
	case set:
		f.Message, f.Hint = "the variable "+document.Quote(name)+" is not UTF-8", "put the value into a file as UTF-8 and write $(file:/path)"
	case variableName().MatchString(name):
		f.Message = "the variable " + document.Quote(name) + " is not set"
		f.Hint = "set it, or write $$(" + name + ") for the literal text"
	case explicit:
		f.Message, f.Hint = "$(env:...) without the name of a variable", "write $(env:NAME)"
	default:
		f.Message = "not a valid reference; it is stored as written"
		f.Hint = "write $(NAME), $(env:NAME) or $(file:/path), or $$(... for the literal text"
		i.warn(f)
		return
	}
	i.fail(f)
}

// replace sets a text to what it refers to. The resolved values are counted, so that a small input that names one large
// file many times stays bounded.
func (i *item) replace(v *document.Value, key, text string) {
	known := &i.reader.references
	before := known.resolved
	known.resolved += len(text)
	if known.resolved <= MaxResolvedSize {
		v.Text, v.Flaw = text, document.Sound
		return
	}
	if before <= MaxResolvedSize {
		i.fail(at(v, key, CodeTooLarge, fmt.Sprintf("the references of the input resolve to more than %d MiB", MaxResolvedSize>>20),
			"check for large files that are referenced by mistake"))
	}
	v.Text = ""
}

func (i *item) resolveFile(v *document.Value, key, path string) {
	if path == "" {
		i.fail(at(v, key, CodeReference, `the file "" of a reference has no path`, "write $(file:/path)"))
		return
	}
	read := i.readReference(path)
	if read.problem != "" {
		i.fail(at(v, key, CodeReference, "the file "+document.Quote(path)+" of a reference "+read.problem, read.hint))
		return
	}
	i.replace(v, key, read.text)
}

// readReference reads a file that a reference names, once, and cuts one line end off its end, which editors and `echo` leave
// there.
func (i *item) readReference(path string) contents {
	path = i.resolvedPath(path)
	files := i.reader.references.files
	if known, ok := files[path]; ok {
		return known
	}
	data, err := file.Read(path, MaxReferenceSize)
	text := string(data)
	read := contents{text: withoutLineEnd(text)}
	switch {
	case err != nil:
		message, hint := file.Explain(err, MaxReferenceSize)
		read = contents{problem: "cannot be used: " + message, hint: hint}
	case Blank(text):
		read = contents{problem: "contains no text", hint: `check that the secret is mounted, or write "" for an empty string`}
	case !utf8.ValidString(text):
		read = contents{problem: "is not UTF-8", hint: "a binary secret must be encoded, for example as base64"}
	case strings.IndexByte(text, 0) >= 0:
		read = contents{problem: "contains a NUL byte, which PostgreSQL cannot store", hint: "a binary secret must be encoded, for example as base64"}
	}
	files[path] = read
	return read
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
