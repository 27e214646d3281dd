package manifest

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// roles are the roles that Keep knows.
var roles = []string{"admin", "noc", "webhook", "workflowrunner"}

var (
	apiKeyKeys = []string{"name", "role", "secret"}
	userKeys   = []string{"username", "password", "reset_password"}
)

// Keep's own default user.
const (
	defaultUsername = "keep"
	defaultPassword = "keep"
)

// entryOf lends a resource the reading of references.
func (r *resource) entryOf() *entry { return &entry{loader: r.loader, source: r.source, resource: r} }

// secret takes a text that may be a reference. Of what cannot be resolved it returns false; where that is because
// references are not resolved at all, there is no problem.
func (r *resource) secret(n *node, key string) (string, bool) {
	f := fault{line: n.line, column: n.column, key: key, code: CodeKind}
	switch {
	case n.kind != kindText:
		f.message, f.hint = "`"+key+"` must be a text, not "+n.kind.String(), "put it in quotes, or write $(NAME) or $(file:/path)"
		r.fail(f)
		return "", false
	case n.text == "":
		f.code, f.message, f.hint = CodeMissing, "`"+key+"` is empty", "write it, or $(NAME) or $(file:/path)"
		r.fail(f)
		return "", false
	}
	before := r.problems.total
	r.entryOf().resolve(n, key)
	if n.unresolved || r.problems.total > before {
		return "", false
	}
	if n.text == "" {
		f.code, f.message, f.hint = CodeMissing, "what `"+key+"` refers to is empty", "is the variable or file filled in?"
		r.fail(f)
		return "", false
	}
	return n.text, true
}

// apiKey reads an entry of `api_keys:`.
func (l *loader) apiKey(s *source, d document, n *node) {
	r, ok := l.readResource(s, d, n, KindAPIKey)
	if n.kind != kindObject {
		return
	}
	before := l.problems.total
	name, role, secret := n.member("name"), n.member("role"), n.member("secret")
	if r.named(n, name, "name", MaxName) {
		r.claim(name, "name")
	}
	key := APIKey{Name: r.name, Source: s.at(n)}
	if role == nil {
		r.fail(fault{line: n.line, column: n.column, code: CodeMissing, message: "an API key without a role", hint: "add `role:`, one of " + strings.Join(roles, ", ")})
	} else {
		key.Role = role.text
		r.role(role)
	}
	if secret == nil {
		r.fail(fault{line: n.line, column: n.column, code: CodeMissing, message: "an API key without a secret", hint: "add `secret:`, for example $(NAME)"})
	} else if text, resolved := r.secret(secret, "secret"); resolved {
		key.Secret = text
		r.uniqueSecret(key.Secret, secret, "secret")
	}
	r.keysOf(n, apiKeyKeys)
	if ok && l.problems.total == before {
		l.manifest.APIKeys = append(l.manifest.APIKeys, key)
	}
}

// role checks a role. One that is none is shown only where it looks like one: it may be a secret in the wrong place.
func (r *resource) role(n *node) {
	if n.kind == kindText && slices.Contains(roles, n.text) {
		return
	}
	f := fault{
		line: n.line, column: n.column, key: "role", code: CodeValue,
		message: "Keep does not know this role", hint: "write one of " + strings.Join(roles, ", "),
	}
	if meant := similar(n.text, roles); n.kind == kindText && meant != "" {
		f.message, f.hint = "Keep does not know the role "+quote(n.text), "did you mean `"+meant+"`?"
	}
	r.fail(f)
}

// uniqueSecret reports a secret that another key has: Keep tells keys apart by it.
func (r *resource) uniqueSecret(secret string, n *node, key string) {
	if first, taken := r.secrets[secret]; taken {
		r.fail(fault{
			line: n.line, column: n.column, key: key, code: CodeDuplicate,
			message: "this API key has the same secret as " + quote(first), hint: "give each API key a secret of its own",
		})
		return
	}
	r.secrets[secret] = r.name
}

// apiKeyList reads the form of KEEP_DEFAULT_API_KEYS: name:role:secret, with commas between.
func (l *loader) apiKeyList(s *source, text string) {
	s.data = []byte(text)
	if f := s.decode(); f != nil {
		l.problem(s, "", *f, false)
		return
	}
	offset := 0
	previous := ""
	for i, written := range strings.Split(string(s.data), ",") {
		at := node{kind: kindText, line: 1, column: 1}
		start := offset + len(written) - len(strings.TrimLeft(written, " \t\r\n"))
		place := place{line: 1, column: 1}
		place.advance(s.data, min(start, len(s.data)))
		at.line, at.column = place.line, place.column
		offset += len(written) + 1
		previous = l.apiKeyEntry(s, strings.TrimSpace(written), i+1, previous, &at)
	}
	s.data, s.lines = nil, nil
}

// apiKeyEntry reads one entry and returns its name, "" for one that is malformed.
func (l *loader) apiKeyEntry(s *source, written string, number int, previous string, at *node) string {
	r := &resource{loader: l, source: s, kind: KindAPIKey}
	if written == "" {
		r.warn(fault{
			line: at.line, column: at.column, code: CodeEmpty,
			message: fmt.Sprintf("entry %d is empty and ignored", number), hint: "remove the comma",
		})
		return previous
	}
	parts := strings.Split(written, ":")
	if len(parts) != 3 {
		// A comma inside a secret makes an entry of the rest of it. So the first part is shown only where it must be a name.
		f := fault{line: at.line, column: at.column, code: CodeValue, hint: "write name:role:secret, without : or , in the secret"}
		if number == 1 && len(parts) > 1 || len(parts) > 3 && slices.Contains(roles, parts[1]) {
			r.name = parts[0]
		}
		f.message = fmt.Sprintf("entry %d is not name:role:secret: it has %d colons, not two", number, len(parts)-1)
		if len(parts) == 2 {
			f.message = fmt.Sprintf("entry %d is not name:role:secret: it has one colon, not two", number)
		}
		if r.name == "" && previous != "" {
			f.message += "; it follows the API key " + quote(previous)
		}
		r.fail(f)
		return ""
	}
	before := l.problems.total
	name := *at
	name.text = parts[0]
	if r.named(at, &name, "name", MaxName) {
		r.claim(&name, "")
	}
	role := *at
	role.text = parts[1]
	name.text = r.name
	if number > 1 && !slices.Contains(roles, role.text) {
		r.name = "" // it may be the end of a secret with a comma in it
	}
	r.role(&role)
	r.name = name.text
	if parts[2] == "" {
		r.fail(fault{line: at.line, column: at.column, code: CodeMissing, message: "the secret is empty", hint: "write name:role:secret"})
	} else {
		r.uniqueSecret(parts[2], at, "")
	}
	if l.problems.total == before {
		l.manifest.APIKeys = append(l.manifest.APIKeys, APIKey{Name: parts[0], Role: parts[1], Secret: parts[2], Source: s.at(at)})
	}
	return parts[0]
}

// defaultUser reads what is below `default_user:`.
func (l *loader) defaultUser(s *source, d document, key, n *node) {
	r := &resource{loader: l, source: s, kind: KindUser}
	if first, taken := l.claims[KindUser]; taken {
		r.fail(fault{
			line: key.line, column: key.column, key: defaultUser, code: CodeDuplicate,
			message: "the default user is already at " + first.String(), hint: "there is one: keep one of the two",
		})
		return
	}
	l.claims[KindUser] = s.at(key)
	r, ok := l.readResource(s, d, n, KindUser)
	if n.kind != kindObject {
		return
	}
	before := l.problems.total
	user := User{Username: defaultUsername, Password: defaultPassword, Source: s.at(key)}
	if username := n.member("username"); username != nil && r.named(n, username, "username", MaxName) {
		user.Username = r.name
	}
	if password := n.member("password"); password != nil {
		user.Password, _ = r.secret(password, "password")
	}
	if reset := n.member("reset_password"); reset != nil && reset.kind != kindNull {
		if reset.kind == kindText {
			r.entryOf().resolve(reset, "reset_password")
		}
		if !reset.unresolved {
			user.ResetPassword, _ = r.boolean(reset, "reset_password")
		}
	}
	r.keysOf(n, userKeys)
	if ok && l.problems.total == before {
		l.manifest.User = &user
	}
}

// storable checks a text that comes from a variable or file as a whole.
func (r *resource) storable(text, what string) bool {
	f := fault{line: 1, column: 1, code: CodeEncoding}
	switch {
	case !utf8.ValidString(text):
		f.message, f.hint = what+" is not UTF-8", "write it as UTF-8"
	case strings.IndexByte(text, 0) >= 0:
		f.message, f.hint = what+" holds a NUL byte, which PostgreSQL cannot store", "remove it"
	default:
		return true
	}
	r.fail(f)
	return false
}
