package manifest

import (
	"cmp"

	"keep-bootstrap/internal/document"
)

var userKeys = []string{"username", "password", "reset_password"}

// Keep's own default user.
const (
	defaultUsername = "keep"
	defaultPassword = "keep"
)

// readUser reads what is below `default_user:`.
func readUser(i *item, key, v *document.Value) {
	if first, free := i.reader.take(KindUser, "", i.source.at(key)); !free {
		i.fail(at(key, key.Text, CodeDuplicate, "duplicate default user, already at "+first.String(), "keep one of the two"))
		return
	}
	if !i.object(v) {
		return
	}
	i.check(v, document.Deep, "username")
	if username := v.Member("username"); username != nil {
		i.named(v, username, "username", MaxName)
	}
	password := text(defaultPassword)
	if given := v.Member("password"); given != nil {
		i.secret(given, "password")
		password = *given
	}
	reset := false
	if given := v.Member("reset_password"); given != nil {
		value := i.boolean(given, "reset_password")
		reset = value != nil && *value
	}
	i.known(v, userKeys)
	i.addUser(key, password, reset)
}

// addUser adds the default user.
func (i *item) addUser(start *document.Value, password document.Value, reset bool) {
	i.name = cmp.Or(i.name, defaultUsername)
	i.add(start, object(member("password", password), member("reset_password", boolean(reset))))
}
