package postgres

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
)

// ApplicationName is what the program is called in pg_stat_activity, unless URL or PGAPPNAME say otherwise.
const ApplicationName = "keep-bootstrap"

// defaultConnectTimeout bounds one attempt to connect to one address when neither URL nor PGCONNECT_TIMEOUT do.
const defaultConnectTimeout = 10 * time.Second

// Settings is a statement that makes the rest of its transaction independent of the settings of role and database:
// texts travel as UTF-8, dates as ISO, and operators are those of PostgreSQL, whatever someone made in schema public.
// Send it first in a transaction or in a batch, which is one transaction: it then costs no round trip, and it is safe
// behind a pooler in transaction mode, where nothing that is set for a session survives.
const Settings = `SELECT pg_catalog.set_config('client_encoding', 'UTF8', true), pg_catalog.set_config('datestyle', 'ISO, MDY', true),
	pg_catalog.set_config('intervalstyle', 'postgres', true), pg_catalog.set_config('bytea_output', 'hex', true),
	pg_catalog.set_config('extra_float_digits', '1', true), pg_catalog.set_config('standard_conforming_strings', 'on', true),
	pg_catalog.set_config('quote_all_identifiers', 'off', true), pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true)`

// Config says how to connect. The connection works through pgbouncer in transaction mode too: no named prepared statements
// (query mode exec, no caches) and no startup parameter but application_name and, when given, options.
type Config struct {
	// Host, Port, Database and User are those of the first host, as they were understood.
	Host     string
	Port     uint16
	Database string
	User     string
	// Warnings name the parameters that are ignored.
	Warnings []string

	hosts      []*pgx.ConnConfig // in the order in which they are tried
	random     bool              // load_balance_hosts=random
	attributes string            // target_session_attrs
	hidden     bool              // parts of the connection string may be mixed up: nothing of it is shown
}

// preferStandby is the value of target_session_attrs that takes any server if there is no standby.
const preferStandby = "prefer-standby"

// Config reads the source, the service file and libpq's variables.
//
// Errors are of code "usage", exit code 64. They name the parameter, and never show a password.
func (s Source) Config() (*Config, error) {
	given, hidden, err := s.parse()
	c := &Config{Warnings: slices.Clone(s.warnings), hidden: hidden}
	var all settings
	if err == nil {
		all, err = s.resolve(given, &c.Warnings)
	}
	if err != nil && hidden {
		return nil, s.unsplittable()
	}
	if err != nil {
		return nil, err
	}
	c.random, c.attributes = all.get("load_balance_hosts") == "random", all.get("target_session_attrs")
	if c.attributes == preferStandby {
		all["target_session_attrs"] = setting{value: "standby"}
	}
	hosts, addresses, ports := all.list("host"), all.list("hostaddr"), all.list("port")
	count := max(len(hosts), len(addresses))
	if len(hosts) > 1 && len(addresses) > 0 && len(hosts) != len(addresses) || len(ports) > 1 && len(ports) != count {
		return nil, Usage(s.Origin+": the numbers of hosts, of addresses and of ports differ",
			"give one port for all hosts, or one for each; an element of a list may be empty")
	}
	for i := range max(count, 1) {
		host, ip, port := at(hosts, i), at(addresses, i), at(ports, min(i, len(ports)-1))
		if host == "" || strings.HasPrefix(host, "/") && ip != "" {
			host = ip
		}
		if !strings.HasPrefix(host, "/") && strings.ContainsAny(host, "@?#/\\ \t\n") {
			return nil, s.unsplittable()
		}
		all["host"], all["port"] = setting{value: host}, setting{value: port}
		config, err := all.config()
		if err != nil {
			return nil, s.refuse(err)
		}
		if ip != "" {
			config.LookupFunc = func(context.Context, string) ([]string, error) { return []string{ip}, nil }
		}
		c.hosts = append(c.hosts, config)
	}
	first := c.hosts[0]
	c.Host, c.Port, c.Database, c.User = first.Host, first.Port, first.Database, first.User
	return c, nil
}

// Address is host and port, or the socket, of each server.
func (c *Config) Address() string {
	var all []string
	for _, host := range c.hosts {
		all = append(all, address(host))
	}
	return strings.Join(all, ", ")
}

// list is the value of a parameter that is a list; nil when it is not given.
func (s settings) list(name string) []string {
	if s.get(name) == "" {
		return nil
	}
	return strings.Split(s.get(name), ",")
}

// at is an element of a list, or "".
func at(list []string, i int) string {
	if i < 0 || i >= len(list) {
		return ""
	}
	return strings.TrimSpace(list[i])
}

// checkTLS refuses what libpq refuses, and leaves out the files that libpq does without when they are missing.
func (s settings) checkTLS(warnings *[]string) error {
	if hosts := s.list("host"); hosts != nil && !slices.ContainsFunc(hosts, func(host string) bool { return !strings.HasPrefix(host, "/") }) {
		return nil // sockets have no TLS
	}
	mode := s.get("sslmode")
	verify := strings.HasPrefix(mode, "verify-")
	home, _ := os.UserHomeDir() // without one there are no files in it
	missing := func(path string) bool { _, err := os.Stat(path); return os.IsNotExist(err) }
	root := s.get("sslrootcert")
	switch {
	case root == "system" && mode != "" && mode != "verify-full":
		return Usage("sslrootcert=system needs sslmode=verify-full", "set sslmode=verify-full")
	case verify && root == "" && missing(filepath.Join(home, ".postgresql", "root.crt")):
		return Usage("sslmode="+mode+" needs a root certificate", "set sslrootcert to a file, or to system for the authorities that the system trusts")
	case verify && root != "" && root != "system" && missing(root):
		return Usage(fmt.Sprintf("%s: the file %s does not exist", s["sslrootcert"].from, root), "mount the root certificate there, or correct sslrootcert")
	case s.get("sslnegotiation") == "direct" && mode != "require" && !verify:
		return Usage("sslnegotiation=direct needs sslmode=require or stronger", "set sslmode=verify-full")
	case mode != "disable" && (verify || root != "") && !missing(filepath.Join(home, ".postgresql", "root.crl")):
		return Usage("the revocation list "+filepath.Join(home, ".postgresql", "root.crl")+" is not supported by this program", "move it away, if revoked certificates may be accepted")
	}
	for name, with := range map[string]string{"sslrootcert": "sslrootcert", "sslcert": "sslkey"} {
		if path := s.get(name); path != "" && path != "system" && missing(path) {
			*warnings = append(*warnings, fmt.Sprintf("%s is ignored: the file %s does not exist", s[name].from, path))
			s[name], s[with] = setting{}, setting{}
		}
	}
	if s.get("sslkey") != "" && s.get("sslcert") == "" {
		*warnings = append(*warnings, s["sslkey"].from+" is ignored: there is no sslcert")
		s["sslkey"] = setting{}
	}
	lowest, highest := protocol(s.get("ssl_min_protocol_version"), tls.VersionTLS12), protocol(s.get("ssl_max_protocol_version"), tls.VersionTLS13)
	if lowest > highest {
		return Usage("ssl_min_protocol_version is higher than ssl_max_protocol_version", "")
	}
	return nil
}

// protocol is the number of a version of TLS.
func protocol(name string, otherwise uint16) uint16 {
	if i := slices.IndexFunc(protocols, func(p string) bool { return strings.EqualFold(p, name) }); i >= 0 {
		return tls.VersionTLS10 + uint16(i)
	}
	return otherwise
}

// config is the driver's form of the parameters of one host.
func (s settings) config() (*pgx.ConnConfig, error) {
	var text strings.Builder
	text.WriteString("connect_timeout=0 ") // or pgx would read its variable
	for name, setting := range s {
		if parameters[name].treatment == driver {
			fmt.Fprintf(&text, "%s='%s' ", name, strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(setting.value))
		}
	}
	for _, name := range []string{"passfile", "sslcert", "sslkey", "sslrootcert"} {
		// The driver would wait for the other end of a pipe, and read a device without end.
		if info, err := os.Stat(s.get(name)); err == nil && !info.Mode().IsRegular() && s.get(name) != os.DevNull {
			return nil, Usage(fmt.Sprintf("%s: %s is not a regular file", name, s.get(name)), "give the path of a file")
		}
	}
	config, err := pgx.ParseConfig(text.String())
	if err != nil {
		return nil, err
	}
	config.RuntimeParams = map[string]string{
		"application_name": cmp.Or(s.get("application_name"), s.get("fallback_application_name"), ApplicationName),
	}
	if value := s.get("options"); value != "" {
		config.RuntimeParams["options"] = value
	}
	config.ConnectTimeout = cmp.Or(s.seconds("connect_timeout"), defaultConnectTimeout)
	config.DialFunc = s.dialer().DialContext
	for _, c := range append([]*pgconn.FallbackConfig{{TLSConfig: config.TLSConfig}}, config.Fallbacks...) {
		if c.TLSConfig != nil {
			c.TLSConfig.MinVersion = protocol(s.get("ssl_min_protocol_version"), tls.VersionTLS12)
			c.TLSConfig.MaxVersion = protocol(s.get("ssl_max_protocol_version"), 0)
		}
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	config.StatementCacheCapacity = 0
	config.DescriptionCacheCapacity = 0
	// An interrupted program asks the server to cancel what it is doing, instead of leaving it to finish and commit.
	config.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: 5 * time.Second}
	}
	return config, nil
}

// dialer has the TCP settings of the parameters. Zero means the system's default in libpq.
func (s settings) dialer() *net.Dialer {
	d := &net.Dialer{}
	if s.get("keepalives") != "" && s.number("keepalives") == 0 {
		d.KeepAlive = -1
	} else if s.get("keepalives_idle")+s.get("keepalives_interval")+s.get("keepalives_count") != "" {
		d.KeepAliveConfig = net.KeepAliveConfig{
			Enable: true, Idle: s.seconds("keepalives_idle"), Interval: s.seconds("keepalives_interval"),
			Count: s.number("keepalives_count"),
		}
	}
	if timeout := s.number("tcp_user_timeout"); timeout > 0 {
		d.Control = func(network, _ string, raw syscall.RawConn) error {
			if !strings.HasPrefix(network, "tcp") {
				return nil
			}
			var failed error
			err := raw.Control(func(fd uintptr) { failed = setUserTimeout(fd, timeout) })
			return errors.Join(err, failed)
		}
	}
	return d
}

// Connect opens one connection: to the first host that accepts it. It does not wait for a server to start. Each address
// has its own timeout.
//
// Errors: exit code 69 when no server or database is there or ready, 77 for a wrong password or a role that may not
// connect, 64 or 78 when a pooler refuses the connection for good. They name host, port, database and role.
func Connect(ctx context.Context, config *Config) (*pgx.Conn, error) {
	if end := waitEnd(ctx); !end.IsZero() { // whatever connect_timeout is
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end.Add(afterWait))
		defer cancel()
	}
	order := slices.Clone(config.hosts)
	if config.random {
		rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	if config.attributes == preferStandby {
		for _, host := range slices.Clone(order) {
			host = host.Copy()
			host.ValidateConnect = nil // any server will do
			order = append(order, host)
		}
	}
	var failures []failure
	for _, host := range order {
		conn, err := connectTo(ctx, host)
		if err == nil {
			return conn, nil
		}
		failures = append(failures, failure{host, err})
		if final(err) || ctx.Err() != nil {
			break
		}
	}
	return nil, config.unreachable(failures)
}

// connectTo connects to one host and watches the connection for a server that stops answering.
func connectTo(ctx context.Context, config *pgx.ConnConfig) (*pgx.Conn, error) {
	w := &watch{config: config}
	config = config.Copy()
	config.BuildFrontend = w.frontend
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, lastAttempt(err)
	}
	w.start(conn.PgConn(), waitEnd(ctx))
	return conn, nil
}

// final reports whether no other host is tried, as in libpq: the server has refused role, password or database.
func final(err error) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (strings.HasPrefix(pgErr.Code, "28") || Is(err, pgerrcode.InvalidCatalogName, pgerrcode.InsufficientPrivilege))
}

// Close ends a connection politely, also when the context of the run is over already.
func Close(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	_ = conn.Close(ctx) // the work is done; a connection that breaks while it closes changes nothing
}
