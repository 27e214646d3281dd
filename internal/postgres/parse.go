package postgres

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// options are connection parameters by libpq's keywords, as one source gives them.
type options map[string]string

// errSplit is the error of a URL whose parts cannot be told apart: nothing of it may be quoted.
var errSplit = errors.New("its parts cannot be told apart")

// dialect is a way to read a URL.
type dialect struct {
	grammar *regexp.Regexp // user, password, hosts, database, query
	decode  func(string) (string, error)
	query   func(options, string) error
}

// libpq ends user and password at the first @ or /. SQLAlchemy is laxer: the password may hold / : # ? as they are.
var (
	libpq = dialect{
		regexp.MustCompile(`(?s)^.*?://(?:([^:@/]*)(?::([^@/]*))?@)?([^/?]*)(?:/([^?]*))?(?:\?(.*))?$`),
		decode, options.libpqQuery,
	}
	sqlAlchemy = dialect{
		regexp.MustCompile(`^[\w+]+://(?:([^:/]*)(?::([^@]*))?@)?([^/?]*)(?:/([^?]*))?(?:\?(.*))?$`),
		unescape, options.sqlAlchemyQuery,
	}
)

// parse reads a URL.
func (d dialect) parse(text string) (options, error) {
	part := d.grammar.FindStringSubmatch(text)
	if part == nil {
		return nil, errSplit
	}
	o := options{}
	for _, p := range []struct{ name, text string }{{"user", part[1]}, {"password", part[2]}, {"dbname", part[4]}} {
		value, err := d.decode(p.text)
		if err != nil {
			return nil, fmt.Errorf("the %s %w", p.name, err)
		}
		o.set(p.name, value)
	}
	if err := o.setHosts(part[3], d.decode); err != nil {
		return nil, err
	}
	return o, d.query(o, part[5])
}

// set keeps what is not empty.
func (o options) set(name, value string) {
	if value != "" {
		o[name] = value
	}
}

// listedHost is an element of libpq's list of hosts: host:port, with IPv6 addresses in brackets.
var listedHost = regexp.MustCompile(`(?s)^(?:\[([^\]]+)\]|([^:\[][^:]*)?)(?::(.*))?$`)

// setHosts takes the list of hosts before the database.
func (o options) setHosts(list string, decode func(string) (string, error)) error {
	var hosts, ports []string
	for element := range strings.SplitSeq(list, ",") {
		part := listedHost.FindStringSubmatch(element)
		if part == nil {
			return errSplit
		}
		host, err := decode(part[1] + part[2])
		if err != nil {
			return fmt.Errorf("the host %w", err)
		}
		hosts, ports = append(hosts, host), append(ports, part[3])
	}
	o.set("host", strings.Join(hosts, ","))
	o.set("port", strings.Join(ports, ","))
	return nil
}

// libpqQuery takes the parameters of a URL as libpq does.
func (o options) libpqQuery(query string) error {
	if query == "" {
		return nil
	}
	for pair := range strings.SplitSeq(strings.TrimSuffix(query, "&"), "&") {
		name, value, found := strings.Cut(pair, "=")
		name, err := decode(name)
		if err != nil || !found || strings.Contains(value, "=") {
			return errSplit
		}
		if name == "ssl" && value == "true" {
			name, value = "sslmode", "require"
		}
		if o[name], err = decode(value); err != nil {
			return fmt.Errorf("the parameter %s %w", name, err)
		}
	}
	return nil
}

// sqlAlchemyQuery takes the parameters of a URL as SQLAlchemy and psycopg2 do: + is a blank, and empty values are
// dropped.
func (o options) sqlAlchemyQuery(query string) error {
	// Without a port PGPORT counts, and one after the last host is for all.
	if ports := strings.TrimLeft(o["port"], ","); ports == "" {
		delete(o, "port")
	} else if !strings.Contains(ports, ",") {
		o["port"] = ports
	}
	given := map[string][]string{}
	for pair := range strings.SplitSeq(strings.ReplaceAll(query, "+", " "), "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, _ = unescape(name)
		if name == "database" { // as psycopg2 calls it
			name = "dbname"
		}
		if value, _ = unescape(value); value != "" {
			given[name] = append(given[name], value)
		}
		if len(given[name]) > 1 && name != "host" && name != "port" {
			return fmt.Errorf("the parameter %s is given more than once", name)
		}
	}
	for name, values := range given {
		o[name] = strings.Join(values, ",")
	}
	if given["host"] != nil {
		o.splitHosts(given["port"] != nil)
	}
	return nil
}

// hostAndPort is host:port as a value of the parameter host. A socket directory may hold a colon; an IPv6 address with a
// port has brackets.
var hostAndPort = regexp.MustCompile(`^(?:\[([^\]]+)\]|([^:/\[\]]*))(?::(\d*))?$`)

// splitHosts takes the ports out of host=A:1&host=B:2 and host=A,B. With a parameter port, hosts have none.
func (o options) splitHosts(hasPorts bool) {
	var hosts, ports []string
	given := strings.Contains(o["host"], ",")
	for host := range strings.SplitSeq(o["host"], ",") {
		port := ""
		if part := hostAndPort.FindStringSubmatch(host); part != nil && !(hasPorts && part[3] != "") {
			host, port = part[1]+part[2], part[3]
		}
		given = given || port != ""
		hosts, ports = append(hosts, host), append(ports, port)
	}
	o["host"] = strings.Join(hosts, ",")
	if given && !hasPorts {
		o["port"] = strings.Join(ports, ",")
	}
}

// blanks separate keywords.
const blanks = " \t\n\r\v\f"

// parseKeywords reads libpq's form keyword=value keyword='quoted value'. What follows a backslash is taken as it is.
func parseKeywords(text string) (options, error) {
	o := options{}
	for rest := strings.TrimLeft(text, blanks); rest != ""; rest = strings.TrimLeft(rest, blanks) {
		keyword, after, found := strings.Cut(rest, "=")
		keyword = strings.TrimRight(keyword, blanks)
		if !found || keyword == "" || strings.ContainsAny(keyword, blanks) {
			return nil, errSplit
		}
		rest = strings.TrimLeft(after, blanks)
		end, quoted := blanks, strings.HasPrefix(rest, "'")
		if quoted {
			end, rest = "'", rest[1:]
		}
		var value strings.Builder
		for rest != "" && !strings.Contains(end, rest[:1]) {
			if rest = strings.TrimPrefix(rest, `\`); rest != "" {
				value.WriteByte(rest[0])
				rest = rest[1:]
			}
		}
		if quoted && rest == "" {
			return nil, errSplit
		}
		if quoted {
			rest = rest[1:]
		}
		o[keyword] = value.String()
	}
	return o, nil
}

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
func unescape(text string) (string, error) {
	plain := escape.ReplaceAllStringFunc(text, func(s string) string {
		character, _ := url.PathUnescape(s) // it is a valid escape
		return character
	})
	return strings.ToValidUTF8(plain, "\uFFFD"), nil
}
