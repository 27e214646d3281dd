package manifest

import "keep-bootstrap/internal/document"

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
	before := i.failed()
	if !i.object(v) {
		return
	}
	i.checkSecretive(v, userKeys)
	user := User{Username: defaultUsername, Password: defaultPassword, Source: i.source.at(key)}
	if username := v.Member("username"); username != nil && i.named(v, username, "username", MaxName) {
		user.Username = i.name
	}
	if password := v.Member("password"); password != nil {
		user.Password, _ = i.secret(password, "password")
	}
	if reset := v.Member("reset_password"); reset != nil {
		value := i.boolean(reset, "reset_password")
		user.ResetPassword = value != nil && *value
	}
	i.known(v, userKeys)
	if i.failed() == before {
		i.reader.manifest.User = &user
	}
}
