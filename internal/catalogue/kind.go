package catalogue

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Kind says what the value of a field must be.
type Kind string

// The kinds of Keep's fields.
const (
	KindString        Kind = "string"
	KindFile          Kind = "file" // the text of a file
	KindBoolean       Kind = "boolean"
	KindInteger       Kind = "integer"
	KindPort          Kind = "port"
	KindAnyHTTPURL    Kind = "any_http_url"
	KindHTTPSURL      Kind = "https_url"
	KindNoSchemeURL   Kind = "no_scheme_url"
	KindNoSchemeHosts Kind = "no_scheme_multihost_url"
	KindMultihostURL  Kind = "multihost_url"
	KindEnum          Kind = "enum"
	KindObject        Kind = "object"
	KindList          Kind = "list"
)

// described says what each kind wants, for "which must be ...". KindEnum depends on the field.
var described = map[Kind]string{
	KindString:        "a text",
	KindFile:          "a text",
	KindBoolean:       "true or false",
	KindInteger:       "a whole number",
	KindPort:          "a port number from 1 to 65535",
	KindAnyHTTPURL:    "a URL that begins with http:// or https://",
	KindHTTPSURL:      "a URL that begins with https://",
	KindNoSchemeURL:   "a host, with or without a port",
	KindNoSchemeHosts: "one or more hosts",
	KindMultihostURL:  "a URL with a scheme, as in mongodb://host",
	KindEnum:          "",
	KindObject:        "an object",
	KindList:          "a list",
}

func (k Kind) known() bool {
	_, ok := described[k]
	return ok
}

func kindNames() string {
	var names []string
	for kind := range described {
		names = append(names, string(kind))
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// Wants says what the value must be: "a port number from 1 to 65535".
func (f *Field) Wants() string {
	if f.Kind != KindEnum {
		return described[f.Kind]
	}
	quoted := make([]string, len(f.Values))
	for i, value := range f.Values {
		quoted[i] = quote(value)
	}
	return "one of " + strings.Join(quoted, ", ")
}

// patterns are the forms of texts. White space is that of ASCII, and letters are written in both cases, because the rules
// must not depend on the server's locale in SQL nor on Unicode's folding here.
type patterns struct {
	template, integer, port, httpURL, httpsURL, host, scheme, schemed, bareHost, bareHosts *regexp.Regexp
}

var forms = sync.OnceValue(func() patterns {
	const (
		space  = `[ \t\n\v\f\r]`
		stop   = `/?# \t\n\v\f\r`
		scheme = `^` + space + `*[A-Za-z][A-Za-z0-9+.-]*://`
		http   = `[Hh][Tt][Tt][Pp]`
	)
	return patterns{
		template:  regexp.MustCompile(`(?s)^` + space + `*\{\{.*\}\}` + space + `*$`),
		integer:   regexp.MustCompile(`^` + space + `*[+-]?[0-9]+(_[0-9]+)*(\.0*)?` + space + `*$`),
		port:      regexp.MustCompile(`^` + space + `*\+?[0-9]+(_[0-9]+)*(\.0*)?` + space + `*$`),
		httpURL:   regexp.MustCompile(`^` + space + `*` + http + `[Ss]?://[^` + stop + `]`),
		httpsURL:  regexp.MustCompile(`^` + space + `*` + http + `[Ss]://[^` + stop + `]`),
		host:      regexp.MustCompile(`^` + space + `*[^,` + stop + `]*[^,.` + stop + `]\.[^,.` + stop + `]`),
		scheme:    regexp.MustCompile(scheme),
		schemed:   regexp.MustCompile(scheme + `[^` + stop + `]`),
		bareHost:  regexp.MustCompile(`(?s)^` + space + `*[^,:` + stop + `-][^/?#,]*([/?#].*)?$`),
		bareHosts: regexp.MustCompile(`^` + space + `*[^:` + stop + `-]`),
	}
})

// Fits says whether Keep accepts the value for the field. What each kind accepts was measured on Keep; where nothing was,
// the answer is yes, because refusing a configuration that works is worse than missing a mistake. A text that is one
// template as a whole ({{ env.NAME }}) is filled in by Keep later and always fits.
func (f *Field) Fits(v Value) bool {
	text := v.Kind == Text
	scalar := text || v.Kind == Number || v.Kind == Boolean
	switch {
	case v.Kind == Null:
		return f.Nullable
	case text && (f.Kind == KindString || f.Kind == KindFile): // most of them
		return true
	case text && strings.Contains(v.Text, "{{") && forms().template.MatchString(v.Text):
		return true
	}
	switch f.Kind {
	case KindString, KindFile:
		return scalar
	case KindEnum:
		return text && slices.Contains(f.Values, v.Text)
	case KindList:
		return v.Kind == List
	case KindObject:
		return v.Kind == Object || text && v.Text == "" || v.Kind == List && allPairs(v.Items)
	case KindBoolean:
		return v.Kind == Boolean || v.Kind == Number && isZeroOrOne(v.Text) || text && isBooleanText(v.Text)
	case KindInteger:
		return v.Kind == Number || v.Kind == Boolean || text && forms().integer.MatchString(v.Text)
	case KindPort:
		return v.Kind == Boolean && v.Text == "true" || v.Kind == Number && isPort(v.Text) ||
			text && forms().port.MatchString(v.Text) && isPort(plainNumber(v.Text))
	case KindAnyHTTPURL:
		return text && forms().httpURL.MatchString(v.Text)
	case KindHTTPSURL:
		if strings.Contains(v.Text, "://") {
			return text && forms().httpsURL.MatchString(v.Text)
		}
		return text && forms().host.MatchString(v.Text)
	case KindMultihostURL:
		return text && forms().schemed.MatchString(v.Text)
	case KindNoSchemeURL:
		return scalar && forms().bareHost.MatchString(withoutScheme(v.Text))
	case KindNoSchemeHosts:
		return scalar && forms().bareHosts.MatchString(withoutScheme(v.Text))
	}
	return true
}

// allPairs says whether each item is a list of two, which Python makes an object of.
func allPairs(items []Value) bool {
	return !slices.ContainsFunc(items, func(v Value) bool { return v.Kind != List || len(v.Items) != 2 })
}

func isBooleanText(text string) bool {
	switch lowerASCII(text) {
	case "0", "off", "f", "false", "n", "no", "1", "on", "t", "true", "y", "yes":
		return true
	}
	return false
}

// withoutScheme cuts a leading scheme:// off.
func withoutScheme(text string) string {
	if at := forms().scheme.FindStringIndex(text); at != nil {
		return text[at[1]:]
	}
	return text
}

// plainNumber drops what Python's int() overlooks.
func plainNumber(text string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("_ \t\n\v\f\r", r) {
			return -1
		}
		return r
	}, text)
}
