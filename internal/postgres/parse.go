package postgres

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
)

// options are connection parameters by libpq's keywords, as one source gives them.
type options map[string]string

// errSplit is the error of a URL whose parts cannot be told apart: nothing of it may be quoted.
var errSplit = errors.New("its parts cannot be told apart")

// sqlAlchemyURL is the grammar by which SQLAlchemy splits a URL. It is laxer than that of a URL: the password may hold
// / : # ? as they are.
var sqlAlchemyURL = regexp.MustCompile(`^[\w+]+://(?:([^:/]*)(?::([^@]*))?@)?([^/?]*)(?:/([^?]*))?(?:\?(.*))?$`)

// parseSQLAlchemy reads a URL as SQLAlchemy and psycopg2 do: each valid %XX is decoded once, a % that starts none stays,
// and + is a blank in the query only.
func parseSQLAlchemy(text string) (options, error) {
	part := sqlAlchemyURL.FindStringSubmatch(text)
	if part == nil {
		return nil, errSplit
	}
	o := options{}
	o.set("user", unescape(part[1]))
	o.set("password", unescape(part[2]))
	if err := o.setHosts(part[3], func(s string) (string, error) { return unescape(s), nil }); err != nil {
		return nil, err
	}
	// Without a port PGPORT counts, and one after the last host is for all.
	if ports := strings.TrimLeft(o["port"], ","); ports == "" {
		delete(o, "port")
	} else if !strings.Contains(ports, ",") {
		o["port"] = ports
	}
	o.set("dbname", unescape(part[4]))
	var hosts, ports []string
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(part[5], "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, value = unescape(strings.ReplaceAll(name, "+", " ")), unescape(strings.ReplaceAll(value, "+", " "))
		if name == "database" { // as psycopg2 calls it
			name = "dbname"
		}
		switch {
		case value == "": // SQLAlchemy drops it
		case name == "host":
			hosts = append(hosts, value)
		case name == "port":
			ports = append(ports, value)
		case seen[name]:
			return nil, errors.New("the parameter " + name + " is given more than once")
		default:
			seen[name] = true
			o[name] = value
		}
	}
	if len(hosts) > 0 {
		o.setHostParameters(hosts, len(ports) > 0)
	}
	if len(ports) > 0 {
		o["port"] = strings.Join(ports, ",")
	}
	return o, nil
}

// hostAndPort is host:port as a value of the parameter host. A socket directory may hold a colon; an IPv6 address with a
// port has brackets.
var hostAndPort = regexp.MustCompile(`^(?:\[([^\]]+)\]|([^:/\[\]]*))(?::(\d*))?$`)

// setHostParameters takes the values of host=A:1&host=B:2 and host=A,B. With a parameter port, hosts have none.
func (o options) setHostParameters(values []string, hasPorts bool) {
	var hosts, ports []string
	given := strings.Contains(strings.Join(values, ","), ",")
	for host := range strings.SplitSeq(strings.Join(values, ","), ",") {
		port := ""
		if part := hostAndPort.FindStringSubmatch(host); part != nil && !(hasPorts && part[3] != "") {
			host, port = part[1]+part[2], part[3]
		}
		given = given || port != ""
		hosts, ports = append(hosts, host), append(ports, port)
	}
	o["host"] = strings.Join(hosts, ",")
	if given {
		o["port"] = strings.Join(ports, ",")
	}
}

// parseURI reads a URL as libpq does.
func parseURI(text string) (options, error) {
	_, rest, _ := strings.Cut(text, "://")
	o := options{}
	// decoded sets name to the decoded text.
	decoded := func(name, text string) error {
		value, err := decode(text)
		if err != nil {
			return errors.New("the " + name + " " + err.Error())
		}
		o.set(name, value)
		return nil
	}
	if end := strings.IndexAny(rest, "@/"); end >= 0 && rest[end] == '@' {
		user, password, _ := strings.Cut(rest[:end], ":")
		if err := errors.Join(decoded("user", user), decoded("password", password)); err != nil {
			return nil, err
		}
		rest = rest[end+1:]
	}
	hosts, query := rest, ""
	if end := strings.IndexAny(rest, "/?"); end >= 0 {
		var database string
		database, query, _ = strings.Cut(strings.TrimPrefix(rest[end:], "/"), "?")
		hosts = rest[:end]
		if err := decoded("dbname", database); err != nil {
			return nil, err
		}
	}
	if err := o.setHosts(hosts, decode); err != nil {
		return nil, err
	}
	if query == "" {
		return o, nil
	}
	for pair := range strings.SplitSeq(strings.TrimSuffix(query, "&"), "&") {
		name, value, found := strings.Cut(pair, "=")
		if !found || strings.Contains(value, "=") {
			return nil, errSplit
		}
		name, err := decode(name)
		if err != nil {
			return nil, errSplit
		}
		if name == "ssl" && value == "true" {
			name, value = "sslmode", "require"
		}
		if value, err = decode(value); err != nil {
			return nil, errors.New("the parameter " + name + " " + err.Error())
		}
		o[name] = value
	}
	return o, nil
}

// set keeps what is not empty.
func (o options) set(name, value string) {
	if value != "" {
		o[name] = value
	}
}

// setHosts takes libpq's list of hosts: host:port,host:port, with IPv6 addresses in brackets.
func (o options) setHosts(list string, decode func(string) (string, error)) error {
	var hosts, ports []string
	for element := range strings.SplitSeq(list, ",") {
		host, port, _ := strings.Cut(element, ":")
		if strings.HasPrefix(element, "[") {
			closing := strings.Index(element, "]")
			if closing < 2 || element[closing+1:] != "" && element[closing+1] != ':' {
				return errSplit
			}
			host, port = element[1:closing], strings.TrimPrefix(element[closing+1:], ":")
		}
		host, err := decode(host)
		if err != nil {
			return errors.New("the host " + err.Error())
		}
		hosts, ports = append(hosts, host), append(ports, port)
	}
	o.set("host", strings.Join(hosts, ","))
	o.set("port", strings.Join(ports, ","))
	return nil
}

// parseKeywords reads libpq's form keyword=value keyword='quoted value'.
func parseKeywords(text string) (options, error) {
	o := options{}
	for rest := strings.TrimLeft(text, blanks); rest != ""; rest = strings.TrimLeft(rest, blanks) {
		keyword, after, found := strings.Cut(rest, "=")
		keyword = strings.TrimRight(keyword, blanks)
		if !found || keyword == "" || strings.ContainsAny(keyword, blanks) {
			return nil, errSplit
		}
		rest = strings.TrimLeft(after, blanks)
		quoted := strings.HasPrefix(rest, "'")
		if quoted {
			rest = rest[1:]
		}
		var value strings.Builder
		closed := false
		for rest != "" && !closed {
			c := rest[0]
			rest = rest[1:]
			switch {
			case c == '\\' && rest != "":
				value.WriteByte(rest[0])
				rest = rest[1:]
			case c == '\\':
			case quoted && c == '\'', !quoted && strings.IndexByte(blanks, c) >= 0:
				closed = true
			default:
				value.WriteByte(c)
			}
		}
		if quoted && !closed {
			return nil, errSplit
		}
		o[keyword] = value.String()
	}
	return o, nil
}

// blanks separate keywords.
const blanks = " \t\n\r\v\f"

// decode undoes percent encoding as libpq does: every % must start an escape, + is a plus.
func decode(text string) (string, error) {
	plain, err := url.PathUnescape(text)
	if err != nil {
		return "", errors.New("has a % that starts no escape: write it as %25")
	}
	if strings.Contains(plain, "\x00") {
		return "", errors.New("contains %00, which PostgreSQL does not allow")
	}
	return plain, nil
}

// escape is a valid percent escape.
var escape = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

// unescape undoes percent encoding as Python does: what is not an escape stays, and what is not UTF-8 is replaced.
func unescape(text string) string {
	plain := escape.ReplaceAllStringFunc(text, func(s string) string {
		character, _ := url.PathUnescape(s) // it is a valid escape
		return character
	})
	return strings.ToValidUTF8(plain, "\uFFFD")
}
