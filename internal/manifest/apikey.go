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
	switch {
	case v.Kind != document.Text:
		i.fail(at(v, key, CodeKind, "`"+key+"` must be a string, not "+v.Kind.String(), "put it in quotes, or write $(NAME) or $(file:/path)"))
		return false
	case v.Text == "":
		i.fail(at(v, key, CodeMissing, "`"+key+"` is empty", "write it, or $(NAME) or $(file:/path)"))
		return false
	}
	before := i.failed()
	i.placeholder(v, key)
	i.resolve(v, key)
	return v.Flaw != document.Unresolved && i.failed() == before
}

// checkSecretive is check for a resource with secrets. After a missing space or quote a value is a key, so keys that are not
// known are not shown.
func (i *item) checkSecretive(v *document.Value, keys []string) {
	if name := v.Member(keys[0]); name != nil && name.Kind == document.Text {
		i.name = name.Text
	}
	v.Check(document.Deep, func(f document.Fault) {
		if f.Code == document.CodeDuplicateKey && !slices.Contains(keys, f.Key) {
			f.Key, f.Message = "", "a duplicate key"
		}
		i.fail(f)
	})
}

// readAPIKey reads an entry of `api_keys:`.
func readAPIKey(i *item, v *document.Value) {
	before := i.failed()
	if !i.object(v) {
		return
	}
	i.checkSecretive(v, apiKeyKeys)
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
		i.uniqueSecret(secret.Text, secret, "secret")
	}
	i.known(v, apiKeyKeys)
	i.addKey(before, v, role, secret)
}

// addKey adds an API key.
func (i *item) addKey(before int, start, role, secret *document.Value) {
	if i.failed() == before {
		i.add(before, start, object(member("role", *role), member("secret", *secret)))
	}
}

// role checks a role. An invalid one is shown only if it looks like a role: it may be a misplaced secret.
func (i *item) role(v *document.Value) {
	if v.Kind == document.Text && slices.Contains(Roles, v.Text) {
		return
	}
	f := at(v, "role", CodeValue, "Keep does not know this role", "write one of "+strings.Join(Roles, ", "))
	if meant := similar(v.Text, Roles); v.Kind == document.Text && meant != "" {
		f.Message, f.Hint = "Keep does not know the role "+document.Quote(v.Text), "did you mean `"+meant+"`?"
	}
	i.fail(f)
}

// uniqueSecret reports a secret that another key has: Keep tells keys apart by it.
func (i *item) uniqueSecret(secret string, v *document.Value, key string) {
	if first, taken := i.reader.secrets[secret]; taken {
		i.fail(at(v, key, CodeDuplicate, "this API key has the same secret as "+document.Quote(first), "use a unique secret for each API key"))
		return
	}
	i.reader.secrets[secret] = i.name
}

// apiKeyList reads the form of KEEP_DEFAULT_API_KEYS: name:role:secret, with commas between.
func (r *reader) apiKeyList(s *source, text string) {
	s.data = bytes.TrimPrefix([]byte(text), []byte("\xef\xbb\xbf"))
	if f := document.CheckEncoding(s.data); f != nil {
		r.of(s).fail(*f)
		return
	}
	offset := 0
	previous := ""
	for number, written := range strings.Split(string(s.data), ",") {
		start := offset + len(written) - len(strings.TrimLeft(written, " \t\r\n"))
		offset += len(written) + 1
		place := document.Value{Kind: document.Text, Place: document.PlaceAt(s.data, min(start, len(s.data)))}
		i := &item{reader: r, source: s, kind: KindAPIKey}
		previous = i.apiKeyEntry(strings.TrimSpace(written), number+1, previous, place)
	}
	s.data = nil
}

// apiKeyEntry reads one entry and returns its name, "" for one that is malformed.
func (i *item) apiKeyEntry(written string, number int, previous string, place document.Value) string {
	if written == "" {
		i.warn(at(&place, "", CodeEmpty, fmt.Sprintf("entry %d is empty and ignored", number), "remove the comma"))
		return previous
	}
	parts := strings.Split(written, ":")
	if len(parts) != 3 {
		i.malformedEntry(parts, number, previous, place)
		return ""
	}
	before := i.failed()
	name, role, secret := place, place, place
	name.Text, role.Text = parts[0], parts[1]
	if i.named(&place, &name, "name", MaxName) {
		i.take(&name, "")
	}
	known := i.name
	if number > 1 && !slices.Contains(Roles, role.Text) {
		i.name = "" // it may be the end of a secret with a comma in it
	}
	i.role(&role)
	i.name = known
	secret.Text = parts[2]
	if secret.Text == "" {
		i.fail(at(&place, "", CodeMissing, "the secret is empty", "write name:role:secret"))
	} else {
		i.placeholder(&secret, "")
		i.uniqueSecret(secret.Text, &place, "")
	}
	i.addKey(before, &place, &role, &secret)
	return parts[0]
}

// malformedEntry reports an entry that is not name:role:secret. A comma inside a secret makes an entry of the rest of it, so
// the first part is shown only where it must be a name.
func (i *item) malformedEntry(parts []string, number int, previous string, place document.Value) {
	colons := fmt.Sprintf("%d colons", len(parts)-1)
	if len(parts) == 2 {
		colons = "one colon"
	}
	f := at(&place, "", CodeValue, fmt.Sprintf("entry %d is not name:role:secret: it has %s, not two", number, colons),
		"write name:role:secret, without : or , in the secret")
	if number == 1 && len(parts) > 1 || len(parts) > 3 && slices.Contains(Roles, parts[1]) {
		i.name = parts[0]
	}
	if i.name == "" && previous != "" {
		f.Message += "; it follows the API key " + document.Quote(previous)
	}
	i.fail(f)
}
