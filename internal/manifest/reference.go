package manifest

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"
)

// A reference is a whole value of the form $(NAME), $(env:NAME) or
// $(file:/path). It is resolved once, after parsing, and what it stands for is
// never looked at again: a password may hold any $, brace, quote or line break.
// $$(... is the text $(... itself. Any other $ is just a character.

var (
	variableName    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	templatePattern = regexp.MustCompile(`^\{\{\s*env\.[A-Za-z_][A-Za-z0-9_]*\s*\}\}$`)
)

// reference is what a file stands for, or why it cannot be read.
type reference struct {
	text    string
	problem string
	hint    string
}

// referenceOf returns what is between the brackets of a whole-value $(...) that
// has the form of a reference.
func referenceOf(text string) (inner string, ok bool) {
	inner, ok = betweenBrackets(text)
	if !ok {
		return "", false
	}
	if strings.HasPrefix(inner, "env:") || strings.HasPrefix(inner, "file:") {
		return inner, true
	}
	return inner, variableName.MatchString(inner)
}

// betweenBrackets returns NAME of $(NAME).
func betweenBrackets(text string) (string, bool) {
	if len(text) < 3 || !strings.HasPrefix(text, "$(") || text[len(text)-1] != ')' {
		return "", false
	}
	return text[2 : len(text)-1], true
}

// resolve replaces the text of n by what it refers to, if it is a reference.
func (e *entry) resolve(n *node, key string) {
	if strings.HasPrefix(n.text, "$$(") {
		n.text = n.text[1:]
		return
	}
	inner, ok := betweenBrackets(n.text)
	if !ok {
		if strings.HasPrefix(n.text, "{{") && templatePattern.MatchString(n.text) {
			e.warn(fault{
				line: n.line, column: n.column, key: key, code: CodeTemplate,
				message: "`{{ env.NAME }}` is stored as it is; Keep fills it in from its own environment when it loads the provider",
				hint:    "write $(NAME) to store the value instead",
			})
		}
		return
	}
	f := fault{line: n.line, column: n.column, key: key, code: CodeReference}
	if _, ok := referenceOf(n.text); ok {
		n.unresolved = true // until it is resolved
		if e.skipReferences {
			return
		}
	}
	if path, ok := strings.CutPrefix(inner, "file:"); ok {
		r := e.file(path)
		if r.problem == "" {
			n.text, n.unresolved = e.take(r.text, f)
			return
		}
		f.message, f.hint = "the file "+quote(path)+" of a reference "+r.problem, r.hint
		e.fail(f)
		return
	}

	name, explicit := strings.CutPrefix(inner, "env:")
	value, set := e.environment[name]
	switch {
	case set:
		if !utf8.ValidString(value) {
			f.message, f.hint = "the variable "+quote(name)+" is not UTF-8", "put the value into a file as UTF-8 and write $(file:/path)"
			e.fail(f)
			return
		}
		n.text, n.unresolved = e.take(value, f)
	case variableName.MatchString(name):
		f.message = "the variable " + quote(name) + " is not set"
		f.hint = "set it, or write $$(" + name + ") if the text itself is meant"
		e.fail(f)
	case explicit:
		f.message, f.hint = "$(env:...) without the name of a variable", "write $(env:NAME)"
		e.fail(f)
	default:
		f.message = "this looks like a reference but is none, and is stored as it is"
		f.hint = "write $(NAME), $(env:NAME) or $(file:/path), or $$(... to say that it is meant so"
		e.warn(f)
	}
}

// take counts what references stand for, so that a small input that names one
// large file many times stays bounded.
func (e *entry) take(text string, f fault) (_ string, tooMuch bool) {
	before := e.resolved
	e.resolved += len(text)
	if e.resolved <= MaxResolvedSize {
		return text, false
	}
	if before <= MaxResolvedSize {
		f.code = CodeTooLarge
		f.message = fmt.Sprintf("the references of the input stand for more than %d MiB together", MaxResolvedSize>>20)
		f.hint = "are large files named by mistake?"
		e.fail(f)
	}
	return "", true
}

// file reads a file that a reference names, once.
func (e *entry) file(path string) reference {
	if path == "" {
		return reference{problem: "has no path", hint: "write $(file:/path)"}
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(e.source.directory, path)
	}
	if known, ok := e.files[path]; ok {
		return known
	}
	r := readReference(path)
	e.files[path] = r
	return r
}

// readReference reads a file and cuts one line end off its end, which editors
// and `echo` leave there.
func readReference(path string) reference {
	data, err := readFile(path, MaxReferenceSize, false)
	if err != nil {
		message, hint := explainFile(err, MaxReferenceSize)
		return reference{problem: "cannot be used: " + message, hint: hint}
	}
	text := string(data)
	switch {
	case !utf8.ValidString(text):
		return reference{problem: "is not UTF-8", hint: "a binary secret must be encoded, for example as base64"}
	case strings.IndexByte(text, 0) >= 0:
		return reference{problem: "holds a NUL byte, which PostgreSQL cannot store", hint: "a binary secret must be encoded, for example as base64"}
	}
	if line, ok := strings.CutSuffix(text, "\n"); ok {
		text = strings.TrimSuffix(line, "\r")
	}
	return reference{text: text}
}
