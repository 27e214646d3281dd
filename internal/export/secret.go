package export

import (
	"net/url"
	"slices"
	"strings"
	"unicode"

	"keep-bootstrap/internal/catalogue"
	"keep-bootstrap/internal/document"
)

// secretName is a name of a field or of a part of a URL whose value is a credential.
var secretName = document.Pattern(`(?i)(pass|pwd|secret|token|key|credential|auth|sig|private|cert|dsn|webhook|code|session|jwt|bearer)`)

// secretField reports whether a field of authentication is secret by what the catalogue says of it, and otherwise by
// its name: a field that it does not know may hold anything.
func secretField(typeName, name string) bool {
	t, ok := catalogue.BuiltIn().Type(typeName)
	if !ok {
		return true
	}
	f, ok := t.Field(name)
	return !ok && name != "pulling_enabled" || ok && (f.Secret || slices.Contains([]string{"string", "file", "object", "list"}, f.Kind) && secretName().MatchString(name))
}

// webhook matches hosts of services where whoever knows the path of a URL may post.
var webhook = document.Pattern(`(?i)(^|\.)(hooks?\.slack\.com|discord(app)?\.com|webhook\.office\.com|outlook\.office\.com|logic\.azure\.com|powerplatform\.com|` +
	`chat\.googleapis\.com|api\.telegram\.org|hooks?\.zapier\.com|maker\.ifttt\.com|webhook\.site|events\.pagerduty\.com|oapi\.dingtalk\.com|qyapi\.weixin\.qq\.com|` +
	`open\.feishu\.cn|open\.larksuite\.com|ntfy\.sh|alert\.victorops\.com|hc-ping\.com)$`)

// longSecret is a part of a path that nobody types: a token.
var longSecret = document.Pattern(`^[A-Za-z0-9_-]{24,}$`)

// hasCredential reports whether a text is or holds a URL, or an address without a scheme, with a credential: user and
// password, a part of the query or fragment with such a name, or a path that is the secret.
func hasCredential(text string) bool {
	if assignment().MatchString(text) {
		return true
	}
	words := strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("\"'<>()", r) })
	return slices.ContainsFunc(words, func(word string) bool {
		_, rest, isURL := strings.Cut(word, "://")
		if !isURL {
			rest = word
		}
		return urlHasCredential(rest, isURL)
	})
}

// assignment matches a secret of a connection string of the form key=value.
var assignment = document.Pattern(`(?i)(?:^|[\s;])(?:password|passwd|pwd|secret|token|api_?key)=[^\s;]`)

// userInfo matches a user with a password before a host.
var userInfo = document.Pattern(`^[^\s/:@]+:[^\s/@]+@[^\s/@]`)

func urlHasCredential(rest string, isURL bool) bool {
	authority, _, _ := strings.Cut(rest, "/")
	if isURL && strings.Contains(authority, "@") || userInfo().MatchString(authority) {
		return true
	}
	for _, mark := range []string{"?", "#"} {
		_, tail, _ := strings.Cut(rest, mark)
		for _, part := range strings.FieldsFunc(tail, func(r rune) bool { return strings.ContainsRune("?#&;/", r) }) {
			name, value, ok := strings.Cut(part, "=")
			if unescaped, err := url.QueryUnescape(name); err == nil {
				name = unescaped
			}
			if ok && value != "" && secretName().MatchString(name) || isURL && longSecret().MatchString(part) {
				return true
			}
		}
	}
	if !isURL {
		return false
	}
	host, path, _ := strings.Cut(rest, "/")
	host, _, _ = strings.Cut(host, ":")
	path, _, _ = strings.Cut(path, "?")
	if webhook().MatchString(host) && strings.Trim(path, "/") != "" {
		return true
	}
	return slices.ContainsFunc(strings.Split(path, "/"), func(part string) bool {
		return longSecret().MatchString(part) && strings.ContainsAny(part, "0123456789") || secretPath().MatchString(part)
	})
}

// secretPath is a part of a path that names itself.
var secretPath = document.Pattern(`(?i)^(api[-_]?key|token|secret)[=:].`)
