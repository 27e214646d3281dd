package manifest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"keep-bootstrap/internal/document"
)

var apiKeyKeys = []string{"name", "role", "secret"}

// secret resolves a text that may be a reference. Of what cannot be resolved it returns false; where that is because references
// are not resolved at all, there is no problem.
func (i *item) secret(v *document.Value, key string) bool {
	if !i.is(document.Text, v, key, "put it in quotes, or write $(NAME) or $(file:/path)") {
		return false
	}
	if v.Text == "" {
		i.fail(at(v, key, CodeMissing, "`"+key+"` is empty", "write it, or $(NAME) or $(file:/path)"))
		return false
	}
	i.placeholder(v, key)
	i.resolve(v, key)
	return v.Flaw != document.Unresolved
}

// readAPIKey reads an entry of `api_keys:`.
func readAPIKey(i *item, v *document.Value) {
	if !i.object(v) {
		return
	}
	i.check(v, document.Deep, "name")
	name, role, secret := v.Member("name"), v.Member("role"), v.Member("secret")
	if i.named(v, name, "name", MaxName) {
		i.take(name, "name")
	}
	if role == nil {
		i.fail(at(v, "", CodeMissing, "an API key without a role", "add `role:`, one of "+strings.Join(Roles, ", ")))
	} else {
		i.role(role)
	}
	if secret == nil {
		i.fail(at(v, "", CodeMissing, "an API key without a secret", "add `secret:`, for example $(NAME)"))
	} else if i.secret(secret, "secret") {
		i.uniqueSecret(secret, "secret")
	}
	i.known(v, apiKeyKeys)
	if i.sound() {
		i.add(v, object(member("role", *role), member("secret", *secret)))
	}
}

// role checks a role. An invalid one is shown only if it looks like a role: it may be a misplaced secret.
func (i *item) role(v *document.Value) {
	if v.Kind == document.Text && slices.Contains(Roles, v.Text) {
		return
	}
	f := at(v, "role", CodeValue, "Keep does not know this role", "write one of "+strings.Join(Roles, ", "))
	if meant := document.Similar(v.Text, Roles); v.Kind == document.Text && meant != "" {
		f.Message, f.Hint = "Keep does not know the role "+document.Quote(v.Text), "did you mean `"+meant+"`?"
	}
	i.fail(f)
}

// uniqueSecret reports a secret that another key has: Keep tells keys apart by it.
func (i *item) uniqueSecret(v *document.Value, key string) {
	if first, taken := i.reader.secrets[v.Text]; taken {
		i.fail(at(v, key, CodeDuplicate, "this API key has the same secret as "+document.Quote(first),
			"use a unique secret for each API key"))
		return
	}
	i.reader.secrets[v.Text] = i.name
}

// apiKeyList reads the form of KEEP_DEFAULT_API_KEYS: name:role:secret, with commas between.
func (r *reader) apiKeyList(s *source, text string) {
	s.data = bytes.TrimPrefix([]byte(text), []byte("\xef\xbb\xbf"))
	offset := 0
	for number, written := range strings.Split(string(s.data), ",") {
		start := offset + len(written) - len(strings.TrimLeft(written, " \t\r\n"))
		offset += len(written) + 1
		place := document.Value{Kind: document.Text, Place: document.PlaceAt(s.data, min(start, len(s.data)))}
		i := r.of(s).entry(KindAPIKey)
		i.apiKeyEntry(strings.TrimSpace(written), number+1, place)
	}
	s.data = nil
}

// apiKeyEntry reads one entry. A comma inside a secret makes an entry of the rest of it: what may be that is not shown.
func (i *item) apiKeyEntry(written string, number int, place document.Value) {
	parts := strings.Split(written, ":")
	if written == "" {
		i.warn(at(&place, "", CodeEmpty, fmt.Sprintf("entry %d is empty and ignored", number), "remove the comma"))
		return
	}
	if len(parts) != 3 {
		if number == 1 && len(parts) > 1 {
			i.name = parts[0]
		}
		i.fail(at(&place, "", CodeValue, fmt.Sprintf("entry %d is not name:role:secret", number),
			"write name:role:secret, without : or , in the secret"))
		return
	}
	name, role, secret := place, place, place
	name.Text, role.Text, secret.Text = parts[0], parts[1], parts[2]
	i.role(&role) // before the name is known, which may be the end of a secret
	if i.named(&place, &name, "name", MaxName) {
		i.take(&name, "")
	}
	if secret.Text == "" {
		i.fail(at(&place, "", CodeMissing, "the secret is empty", "write name:role:secret"))
	} else {
		i.placeholder(&secret, "")
		i.uniqueSecret(&secret, "")
	}
	i.add(&place, object(member("role", role), member("secret", secret)))
}
