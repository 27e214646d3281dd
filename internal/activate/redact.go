package activate

import (
	"cmp"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// hidden replaces what must not be shown.
const hidden = "***"

// shortest is the length below which a text is no secret: to hide it would make every message unreadable.
const shortest = 3

// longestText is how many characters of a text of Keep are shown.
const longestText = 300

var (
	addresses = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*)://([^\s'"<>()\[\]{}]+)`)
	paths     = regexp.MustCompile(`(^|[\s'"=(])/[^\s'"<>()\[\]{}/][^\s'"<>()\[\]{}]*`)
	named     = regexp.MustCompile(`(?i)((?:pass\w*|secret|token|key|auth\w*|credential\w*)["']?\s*[:=]\s*["']?|(?:bearer|basic)\s+)([^\s"',;&]+)`)
	words     = regexp.MustCompile(`[A-Za-z0-9_+/=*-]{16,}`)
)

// redact makes a text of Keep safe to show: it often quotes an answer of the outside system. The given secrets are
// replaced wherever they occur; addresses are reduced to scheme and host, and what looks like a credential is removed.
func redact(text string, secrets []string) string {
	for _, secret := range secrets {
		if len(secret) >= shortest {
			text = strings.ReplaceAll(text, secret, hidden)
		}
	}
	text = addresses.ReplaceAllStringFunc(text, func(address string) string {
		scheme, rest, _ := strings.Cut(address, "://")
		end := strings.IndexAny(rest, `/?#\`)
		if end < 0 {
			end = len(rest)
		}
		host, more := rest[:end], rest[end:]
		if strings.Contains(more, "@") {
			return scheme + "://" + hidden // a password may hold a slash
		}
		host = host[strings.LastIndex(host, "@")+1:]
		if more != "" && more != "/" {
			more = "/..."
		}
		return scheme + "://" + host + more
	})
	text = paths.ReplaceAllString(text, "$1/...")
	text = named.ReplaceAllString(text, "$1"+hidden)
	text = words.ReplaceAllStringFunc(text, func(word string) string {
		if strings.ContainsAny(word, "0123456789") && strings.ContainsFunc(word, unicode.IsLetter) {
			return hidden
		}
		return word
	})
	if shown := []rune(text); len(shown) > longestText {
		text = string(shown[:longestText]) + "..."
	}
	return strings.TrimSpace(text)
}

// harmless are the keys of authentication whose values a message may quote, unless there is a user or password in them.
var harmless = regexp.MustCompile(`(?i)(host|url|port|domain|region|realm|deployment|environment|verify|slug|org|sender|project|topic)`)

// secretsOf are the texts within the secret of a provider that must not be shown, in the forms that they take in messages, the
// longest first. What redact does with addresses is enough for them.
func secretsOf(secret string) []string {
	var content struct {
		Authentication map[string]any `json:"authentication"`
	}
	if json.Unmarshal([]byte(secret), &content) != nil {
		return nil // Keep cannot read it, so it cannot quote it
	}
	var all []string
	var collect func(any)
	collect = func(value any) {
		switch value := value.(type) {
		case string:
			quoted, _ := json.Marshal(value)
			all = append(all, value, string(quoted[1:len(quoted)-1]), strings.ReplaceAll(value, "'", `\'`), url.QueryEscape(value), url.PathEscape(value))
			for line := range strings.Lines(value) { // keys in PEM, JSON
				all = append(all, strings.TrimSpace(line))
			}
		case []any:
			for _, element := range value {
				collect(element)
			}
		case map[string]any:
			for _, element := range value {
				collect(element)
			}
		}
	}
	for key, value := range content.Authentication {
		text, isText := value.(string)
		user, _, hasUser := strings.Cut(text, "@")
		_, rest, isAddress := strings.Cut(user, "://")
		switch {
		case !isText || !harmless.MatchString(key), hasUser && !isAddress:
			collect(value)
		case hasUser:
			_, password, _ := strings.Cut(rest, ":")
			collect(password)
		}
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(len(b)-len(a), cmp.Compare(a, b)) })
	return slices.Compact(all)
}
