// Package postgres finds the database that the program works on, connects to it, and waits for it. It turns any error
// of a run into the one form that users see: a code, a message, what to do about it, the exit code of the program and
// whether a retry can help. Text, log and JSON are all made from that form, so they agree.
//
// Nothing here writes to a database.
package postgres

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"keep-bootstrap/internal/file"
)

// Source says which database to use and where that was given. The zero value means that none was given.
type Source struct {
	// ConnString is a URL or key=value string of libpq. It is empty when libpq's variables name the database.
	ConnString string
	// Origin names what gave it: a file, a variable, or "PG* variables". It holds no secret.
	Origin string

	variables map[string]string // of the process
	warnings  []string
}

// Given reports whether a database was named at all.
func (s Source) Given() bool { return s.Origin != "" }

const (
	urlVariable     = "DATABASE_URL"
	keepVariable    = "DATABASE_CONNECTION_STRING" // the one that Keep itself reads
	urlFileVariable = "BOOTSTRAP_DATABASE_URL_FILE"
	urlForm         = "postgresql://user:password@host:port/database"
)

// Find returns the database by precedence: urlFile, DATABASE_URL, DATABASE_CONNECTION_STRING (the form of SQLAlchemy is
// understood in all of them), the variables and the service file of libpq, none. The first that is set counts. None
// means that nothing at all hints at a database: a variable that is set but empty, or only a part of a connection, is an
// error.
//
// Errors are of code "usage" (exit code 64) and hold no part of a URL.
func Find(urlFile string, variables map[string]string) (Source, error) {
	s := Source{variables: variables}
	if _, set := variables[urlFileVariable]; set && urlFile == "" {
		return s, emptyVariable(urlFileVariable)
	}
	if urlFile != "" {
		text, err := file.Read(urlFile, largestURLFile)
		if err != nil {
			reason, _ := file.Explain(err, largestURLFile)
			return s, Usage(fmt.Sprintf("the file with the database URL cannot be read: %s: %s", urlFile, reason), "correct --database-url-file")
		}
		if s.Origin = urlFile; strings.TrimSpace(string(text)) == "" {
			return s, Usage(urlFile+" is empty, and should contain a database URL", "write "+urlForm+" into it")
		}
		return s.read(strings.TrimRight(string(text), "\r\n"))
	}
	for _, name := range []string{urlVariable, keepVariable} {
		if text, set := variables[name]; set {
			if s.Origin = name; strings.TrimSpace(text) == "" {
				return s, emptyVariable(name)
			}
			return s.read(text)
		}
	}
	return s.fromVariables()
}

// largestURLFile is how long a file with a URL may be, in bytes.
const largestURLFile = 64 << 10

func emptyVariable(name string) error {
	return Usage(name+" is set but empty", "give it a value, or unset it")
}

// fromVariables looks at libpq's variables, and refuses an incomplete connection.
func (s Source) fromVariables() (Source, error) {
	var parts []string
	for _, p := range parameters {
		if value, set := s.variables[p.variable]; set && p.names {
			if strings.TrimSpace(value) == "" {
				return s, emptyVariable(p.variable)
			}
			parts = append(parts, p.variable)
		}
	}
	for _, name := range []string{"PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE"} {
		if s.variables[name] != "" {
			s.Origin = "PG* variables"
			return s, nil
		}
	}
	for name := range s.variables {
		if strings.HasPrefix(name, "DATABASE_") {
			parts = append(parts, name)
		}
	}
	if len(parts) == 0 {
		return Source{}, nil
	}
	slices.Sort(parts)
	verb := "is"
	if len(parts) > 1 {
		verb = "are"
	}
	return s, Usage(
		fmt.Sprintf("%s %s set, but none of the variables that give a database: %s, %s, PGHOST, PGHOSTADDR, PGDATABASE, PGSERVICE", strings.Join(parts, ", "), verb, urlVariable, keepVariable),
		"set "+urlVariable+" to "+urlForm+", or unset these variables to use a local PostgreSQL")
}

// unfilled are references that something else should have replaced before the program started.
var unfilled = regexp.MustCompile(`\$\([A-Za-z_]\w*\)|\$\{[A-Za-z_]\w*\}|\{\{[^{}]*\}\}|<path:[^<>]*>`)

// wrapped is a string in quotes.
var wrapped = regexp.MustCompile(`(?s)^(".*"|'.*')$`)

// read looks at a connection string for slips that would lead to a wrong message later.
func (s Source) read(text string) (Source, error) {
	if strings.HasPrefix(text, "\uFEFF") || strings.HasPrefix(text, "\xFF\xFE") || strings.HasPrefix(text, "\xFE\xFF") {
		return s, Usage(s.Origin+" begins with a byte order mark", "save it as UTF-8 without one")
	}
	if trimmed := strings.TrimSpace(text); trimmed != text {
		s.warnings = []string{s.Origin + ": blanks or line ends around the database URL are ignored; " +
			"Keep itself would not accept them"}
		text = trimmed
	}
	if wrapped.MatchString(text) {
		return s, Usage(s.Origin+" is wrapped in quotes", "remove them; docker run --env-file and Kubernetes keep quotes")
	}
	if reference := unfilled.FindString(text); reference != "" {
		return s, Usage(fmt.Sprintf("%s contains the unresolved reference %s", s.Origin, reference),
			"define it where the variable is set; in Kubernetes, $(NAME) needs the variable NAME earlier in the same container")
	}
	s.ConnString = text
	scheme, _, isURL := strings.Cut(text, "://")
	switch dialect, _, _ := strings.Cut(strings.ToLower(scheme), "+"); {
	case !isURL && !keywordForm.MatchString(text):
		return s, Usage(s.Origin+" does not begin with postgresql://", "use the form "+urlForm)
	case isURL && dialect == "postgres", isURL && dialect == "postgresql":
	case isURL && !keywordForm.MatchString(text):
		kind := "another kind"
		if plain.MatchString(strings.TrimPrefix(dialect, "jdbc:")) {
			kind = fmt.Sprintf("kind %q", dialect)
		}
		return s, Usage(s.Origin+" names a database of "+kind+"; only PostgreSQL is supported",
			"give a PostgreSQL URL: "+urlForm+" (Keep with SQLite or MySQL cannot be bootstrapped by this program)")
	}
	return s, nil
}

// keywordForm is the beginning of libpq's form keyword=value.
var keywordForm = regexp.MustCompile(`^\s*[a-z_]+\s*=`)

// parse takes the connection string apart. hidden means that a password may have ended up in another part.
func (s Source) parse() (given options, hidden bool, err error) {
	scheme, rest, isURL := strings.Cut(s.ConnString, "://")
	switch {
	case s.ConnString == "":
		return nil, false, nil
	case !isURL || keywordForm.MatchString(s.ConnString):
		given, err = parseKeywords(s.ConnString)
	case strings.Contains(scheme, "+") || s.Origin == keepVariable:
		given, err = sqlAlchemy.parse(s.ConnString)
	default:
		given, err = libpq.parse(s.ConnString)
	}
	if err != nil {
		return nil, errors.Is(err, errSplit), s.refuse(err)
	}
	// One @ ends the user and password. Another one, outside of the parameters, may have been meant as a part of them.
	front, _, _ := strings.Cut(rest, "?")
	hidden = isURL && (strings.Count(front, "@") > 1 || given["user"] == "" && strings.Contains(rest, "@"))
	return given, hidden, nil
}
