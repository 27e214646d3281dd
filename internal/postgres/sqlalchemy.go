package postgres

import (
	"errors"
	"net"
	"net/url"
	"regexp"
	"strings"
)

// sqlAlchemyURL is the grammar by which SQLAlchemy takes a URL apart. It is laxer than that of a URL: the password may
// hold / : # ? as they are, so that a string with which Keep works would not parse otherwise.
var sqlAlchemyURL = regexp.MustCompile(
	`^[\w+]+://(?:([^:/]*)(?::([^@]*))?@)?(?:(?:\[([^/?]+)\]|([^/:?]+))?(?::([^/?]*))?)?(?:/([^?]*))?(?:\?(.*))?$`)

// fromSQLAlchemy turns postgresql+driver://... into a URL that libpq and pgx understand. Its error quotes nothing.
func fromSQLAlchemy(text string) (string, error) {
	part := sqlAlchemyURL.FindStringSubmatch(text)
	if part == nil {
		return "", errors.New("the database URL cannot be read")
	}
	user, password, host, port, database, query := unescape(part[1]), unescape(part[2]), part[3]+part[4], part[5], part[6], part[7]
	result := url.URL{Scheme: "postgresql", Path: "/" + unescape(database)}
	if user != "" {
		result.User = url.User(user)
		if password != "" {
			result.User = url.UserPassword(user, password)
		}
	}
	result.Host = host
	if strings.Contains(host, ":") {
		result.Host = "[" + host + "]"
	}
	if port != "" {
		result.Host = net.JoinHostPort(host, port)
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return "", errors.New("the part of the database URL after ? cannot be read")
	}
	// asyncpg calls sslmode ssl.
	if mode := values.Get("ssl"); mode != "" && !values.Has("sslmode") {
		if mode == "true" {
			mode = "require"
		}
		values.Set("sslmode", mode)
	}
	values.Del("ssl")
	result.RawQuery = values.Encode()
	return result.String(), nil
}

// unescape undoes percent encoding; what is not encoded properly stays as it is, as in SQLAlchemy.
func unescape(text string) string {
	if plain, err := url.PathUnescape(text); err == nil {
		return plain
	}
	return text
}
