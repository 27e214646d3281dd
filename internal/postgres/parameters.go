package postgres

import (
	"bytes"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgservicefile"

	"keep-bootstrap/internal/file"
)

// treatment says how a parameter is handled.
type treatment int

const (
	driver      treatment = iota // pgx honours it
	own                          // this package honours it
	ignored                      // it only tunes: a warning names it
	unsupported                  // libpq would act on it: the connection is refused
)

// parameter is one of libpq's.
type parameter struct {
	variable  string
	treatment treatment
	names     bool     // its variable gives a database
	values    []string // the allowed ones; nil when anything is
	number    bool
}

var protocols = []string{"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"}

// parameters are those of libpq, https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS. Each is
// honoured, or refused by its name, or ignored with a warning; one that is not here is refused. None of them is sent to
// the server as a setting, except application_name and options.
var parameters = map[string]parameter{
	"host":     {variable: "PGHOST", names: true},
	"hostaddr": {variable: "PGHOSTADDR", names: true, treatment: own},
	"port":     {variable: "PGPORT", names: true},
	"dbname":   {variable: "PGDATABASE", names: true},
	"user":     {variable: "PGUSER", names: true},
	"password": {variable: "PGPASSWORD", names: true},
	"passfile": {variable: "PGPASSFILE", names: true},

	"service":     {variable: "PGSERVICE", names: true},
	"servicefile": {variable: "PGSERVICEFILE", names: true},

	"application_name":          {variable: "PGAPPNAME", treatment: own},
	"fallback_application_name": {treatment: own},
	"options":                   {variable: "PGOPTIONS", treatment: own},
	"client_encoding":           {variable: "PGCLIENTENCODING", treatment: own},
	"replication":               {treatment: own, values: []string{"false", "off", "no", "0"}},

	"connect_timeout":     {variable: "PGCONNECT_TIMEOUT", treatment: own, number: true},
	"keepalives":          {treatment: own, number: true},
	"keepalives_idle":     {treatment: own, number: true},
	"keepalives_interval": {treatment: own, number: true},
	"keepalives_count":    {treatment: own, number: true},
	"tcp_user_timeout":    {treatment: own, number: true},
	"load_balance_hosts":  {variable: "PGLOADBALANCEHOSTS", treatment: own, values: []string{"disable", "random"}},
	"target_session_attrs": {
		variable: "PGTARGETSESSIONATTRS", names: true,
		values: []string{"any", "read-write", "read-only", "primary", "standby", preferStandby},
	},

	"sslmode":                  {variable: "PGSSLMODE", names: true, values: []string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}},
	"sslnegotiation":           {variable: "PGSSLNEGOTIATION", names: true, values: []string{"postgres", "direct"}},
	"sslcert":                  {variable: "PGSSLCERT", names: true},
	"sslkey":                   {variable: "PGSSLKEY", names: true},
	"sslpassword":              {},
	"sslcertmode":              {variable: "PGSSLCERTMODE", names: true, values: []string{"disable", "allow", "require"}},
	"sslrootcert":              {variable: "PGSSLROOTCERT", names: true},
	"sslsni":                   {variable: "PGSSLSNI", names: true, values: []string{"0", "1"}},
	"ssl_min_protocol_version": {variable: "PGSSLMINPROTOCOLVERSION", names: true, treatment: own, values: protocols},
	"ssl_max_protocol_version": {variable: "PGSSLMAXPROTOCOLVERSION", names: true, treatment: own, values: protocols},
	"channel_binding":          {variable: "PGCHANNELBINDING", names: true, values: []string{"disable", "prefer", "require"}},
	"require_auth":             {variable: "PGREQUIREAUTH", names: true},
	"min_protocol_version":     {variable: "PGMINPROTOCOLVERSION", values: []string{"3.0", "3.2", "latest"}},
	"max_protocol_version":     {variable: "PGMAXPROTOCOLVERSION", values: []string{"3.0", "3.2", "latest"}},
	"gssencmode":               {variable: "PGGSSENCMODE", names: true, treatment: own, values: []string{"disable", "prefer"}},

	"sslcrl":              {variable: "PGSSLCRL", names: true, treatment: unsupported},
	"sslcrldir":           {variable: "PGSSLCRLDIR", names: true, treatment: unsupported},
	"sslkeylogfile":       {treatment: unsupported},
	"requirepeer":         {variable: "PGREQUIREPEER", names: true, treatment: unsupported},
	"requiressl":          {variable: "PGREQUIRESSL", names: true, treatment: unsupported},
	"scram_client_key":    {treatment: unsupported},
	"scram_server_key":    {treatment: unsupported},
	"oauth_issuer":        {treatment: unsupported},
	"oauth_client_id":     {treatment: unsupported},
	"oauth_client_secret": {treatment: unsupported},
	"oauth_scope":         {treatment: unsupported},

	"sslcompression": {variable: "PGSSLCOMPRESSION", treatment: ignored},
	"krbsrvname":     {variable: "PGKRBSRVNAME", treatment: ignored},
	"gsslib":         {variable: "PGGSSLIB", treatment: ignored},
	"gssdelegation":  {variable: "PGGSSDELEGATION", treatment: ignored},

	// Settings of the session that libpq knows as variables only. Each transaction sets its own.
	"PGDATESTYLE": {variable: "PGDATESTYLE", treatment: ignored},
	"PGTZ":        {variable: "PGTZ", treatment: ignored},
	"PGGEQO":      {variable: "PGGEQO", treatment: ignored},
}

// setting is the value of a parameter, and who gave it.
type setting struct{ value, from string }

// settings are the parameters of a connection by libpq's keywords.
type settings map[string]setting

func (s settings) get(name string) string { return s[name].value }

// resolve completes the parameters of a connection string by those of a service file and of libpq's variables, and checks
// them all.
func (s Source) resolve(given options, warnings *[]string) (settings, error) {
	all := settings{}
	for name, p := range parameters {
		if value := s.variables[p.variable]; p.variable != "" && value != "" {
			all[name] = setting{value, p.variable}
		}
	}
	for name, value := range given {
		all[name] = setting{value, s.Origin + ": " + name}
	}
	if service := all.get("service"); service != "" {
		path, values, err := readService(service, all.get("servicefile"))
		if err != nil {
			return nil, err
		}
		for name, value := range values {
			if _, explicit := given[name]; !explicit {
				all[name] = setting{value, path + ": " + name}
			}
		}
		all["servicefile"] = setting{path, all["servicefile"].from}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		warning, err := all.check(name)
		if err != nil {
			return nil, err
		}
		if warning != "" {
			*warnings = append(*warnings, warning)
		}
	}
	return all, all.checkTLS(warnings)
}

// plain is a value or name that is shown in messages: long or odd ones may be part of a password.
var plain = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,40}$`)

// check judges one parameter. It returns a warning when the parameter is ignored.
func (s settings) check(name string) (warning string, err error) {
	value, from := s[name].value, s[name].from
	p, known := parameters[name]
	switch {
	case !known && plain.MatchString(name):
		return "", Usage(from+" is not a connection parameter of PostgreSQL", "remove it; it may belong to another driver or tool")
	case !known:
		return "", Usage("an unknown connection parameter is given (its name is not shown because it may be part of a password)", passwordHint)
	case p.treatment == unsupported:
		return "", Usage(from+" is not supported by this program", "remove it, and protect the connection in another way, for example with sslmode=verify-full")
	case p.treatment == ignored:
		return from + " is ignored", nil
	case name == "gssencmode" && value == "require":
		return "", Usage(from+"=require is not supported: this program has no GSSAPI encryption", "use TLS: sslmode=verify-full")
	case name == "client_encoding" && !slices.Contains([]string{"", "utf8", "utf-8", "unicode", "auto"}, strings.ToLower(value)):
		return from + " is ignored: this program always uses UTF8", nil
	case p.number:
		if _, err := strconv.Atoi(strings.TrimSpace(value)); err != nil {
			return "", s.bad(name, "is not a number")
		}
	case name == "port":
		return "", s.checkPort()
	case name == "hostaddr":
		for address := range strings.SplitSeq(value, ",") {
			if _, err := netip.ParseAddr(strings.TrimSpace(address)); err != nil && address != "" {
				return "", s.bad(name, "is not an IP address")
			}
		}
	case name == "sslsni" || p.values == nil || value == "" && name != "sslmode" && name != "sslcertmode":
	case !slices.ContainsFunc(p.values, func(v string) bool {
		return strings.EqualFold(v, value) && (v == value || strings.HasPrefix(name, "ssl_"))
	}):
		return "", s.bad(name, "is unknown; known values are "+strings.Join(p.values, ", "))
	}
	return "", nil
}

// bad is the error of a value. What a URL has for a port may be a password.
func (s settings) bad(name, what string) error {
	value, from := s.get(name), s[name].from
	isVariable := strings.HasPrefix(from, "PG")
	shown, hint := "", ""
	if isVariable && name != "password" || plain.MatchString(value) && name != "port" {
		shown = fmt.Sprintf(" %q", value)
	}
	switch {
	case isVariable && strings.HasPrefix(value, "tcp://"):
		hint = "Kubernetes sets such a variable for a service of that name: give PGPORT a number, or set enableServiceLinks: false"
	case name == "port" && !isVariable:
		hint = "use the form " + urlForm
	}
	return Usage(from+shown+" "+what, hint)
}

// checkPort checks a list of ports.
func (s settings) checkPort() error {
	for port := range strings.SplitSeq(s.get("port"), ",") {
		if number, err := strconv.Atoi(strings.TrimSpace(port)); port != "" && (err != nil || number < 1 || number > 65535) {
			return s.bad("port", "is not a port number from 1 to 65535")
		}
	}
	return nil
}

// number is the value of a parameter that was checked; 0 when it is not given.
func (s settings) number(name string) int {
	number, _ := strconv.Atoi(strings.TrimSpace(s.get(name)))
	return number
}

// seconds is a number of seconds; 0 when it is not positive.
func (s settings) seconds(name string) time.Duration {
	return time.Duration(max(s.number(name), 0)) * time.Second
}

// readService reads a service from a file, or from ~/.pg_service.conf.
func readService(service, path string) (string, options, error) {
	if path == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", nil, Usage("there is no home directory with a service file", "set PGSERVICEFILE")
		}
		path = filepath.Join(home, ".pg_service.conf")
	}
	var services *pgservicefile.Servicefile
	text, err := file.Read(path, 1<<20)
	if err == nil {
		services, err = pgservicefile.ParseServicefile(bytes.NewReader(text))
	}
	if err != nil {
		return "", nil, Usage(fmt.Sprintf("the service file %s cannot be read: %v", path, err),
			"correct PGSERVICEFILE or the file")
	}
	found, err := services.GetService(service)
	if err != nil {
		return "", nil, Usage(fmt.Sprintf("there is no service %q in %s", service, path),
			"correct PGSERVICE, or add the service to the file")
	}
	return path, found.Settings, nil
}
