package manifest

import (
	"strings"

	"keep-bootstrap/internal/document"
)

// placeholders are the forms in which other tools write what they fill in. A password may hold any sign, so each is narrow:
// $NAME, for one, is three or more
// capitals where a value may begin, and no further letter follows.
var placeholders = document.Pattern(`(?:^|[^$])\$\{[A-Z_][A-Z0-9_]*(?:[:?+=-][^}]*)?\}` +
	`|(?:^|[\s:/=,"'(\[{&?])\$[A-Z][A-Z0-9_]{2,}(?:$|[^A-Za-z0-9_])` +
	`|(?:^|[^$])\$\((?:env:)?[A-Za-z_][A-Za-z0-9_]*\)` +
	`|<path:[^>]+>` +
	`|\bref\+[a-z0-9]+://` +
	`|^(?:vault:[^#\s]+#\S+|op://\S+)$` +
	`|^ENC\[[^\]]*\]$`)

// templates are {{ ... }}, of which Keep itself fills in {{ env.NAME }}.
var (
	templates   = document.Pattern(`\{\{[^{}]*\}\}`)
	envTemplate = document.Pattern(`^\{\{\s*env\.[A-Za-z_][A-Za-z0-9_]*\s*\}\}$`)
)

// unfilled reports whether a text looks like what another tool was to fill in.
func unfilled(text string) bool {
	if !strings.ContainsAny(text, "${<[") && !strings.Contains(text, "ref+") && !strings.HasPrefix(text, "vault:") && !strings.HasPrefix(text, "op://") {
		return false // as almost all are
	}
	if _, whole := betweenBrackets(text); whole {
		return false // a reference, or said to be none
	}
	for _, template := range templates().FindAllString(text, -1) {
		if !envTemplate().MatchString(template) {
			return true
		}
	}
	return placeholders().MatchString(text)
}

// placeholder reports a text that nothing has filled in.
func (i *item) placeholder(v *document.Value, key string) {
	if unfilled(v.Text) {
		i.suspect(at(v, key, CodePlaceholder, "unfilled placeholder", "replace it before the run, or write $(NAME) or $(file:/path)"))
	}
}
