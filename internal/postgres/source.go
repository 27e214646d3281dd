// Package postgres finds the database that the program works on, connects to it, and waits for it. It turns any error
// of a run into the one form that users see: a code, a message, what to do about it, the exit code of the program and
// whether a retry can help. Text, log and JSON are all made from that form, so they agree.
//
// Nothing here writes to a database.
package postgres

import (
	"fmt"
	"os"
	"strings"
)

// Source says which database to use and where that was given. The zero value means that none was given.
type Source struct {
	// ConnString is a URL or key=value string of libpq. It is empty for PG* variables, which pgx reads itself.
	ConnString string
	// Origin names what gave it: a file, a variable, or "PG* variables". It holds no secret.
	Origin string
}

// Given reports whether a database was named at all.
func (s Source) Given() bool { return s.Origin != "" }

// urlVariables are looked at in this order. The second is the one that Keep itself reads.
var urlVariables = []string{"DATABASE_URL", "DATABASE_CONNECTION_STRING"}

// libpqVariables name a database when no URL does. A lone PGPASSWORD or PGSSLMODE is no database.
var libpqVariables = []string{"PGHOST", "PGSERVICE", "PGDATABASE", "PGPORT", "PGUSER"}

// Find returns the database by precedence: urlFile, DATABASE_URL, DATABASE_CONNECTION_STRING (the form of SQLAlchemy is
// understood in all of them), PG* variables and service file, none. getenv is os.Getenv, or a substitute in tests.
//
// Errors are of code "usage" (exit code 64) and hold no part of a URL.
func Find(urlFile string, getenv func(string) string) (Source, error) {
	if urlFile != "" {
		text, err := os.ReadFile(urlFile)
		if err != nil {
			return Source{}, Usage(fmt.Sprintf("the file with the database URL cannot be read: %v", err), "correct --database-url-file")
		}
		return fromText(strings.TrimSpace(string(text)), urlFile)
	}
	for _, name := range urlVariables {
		if text := strings.TrimSpace(getenv(name)); text != "" {
			return fromText(text, name)
		}
	}
	for _, name := range libpqVariables {
		if getenv(name) != "" {
			return Source{Origin: "PG* variables"}, nil
		}
	}
	return Source{}, nil
}

func fromText(text, origin string) (Source, error) {
	if text == "" {
		return Source{}, Usage(origin+" holds no database URL", "write postgresql://user:password@host:port/database into it")
	}
	scheme, _, isURL := strings.Cut(text, "://")
	if !isURL {
		return Source{ConnString: text, Origin: origin}, nil
	}
	dialect, driver, _ := strings.Cut(strings.ToLower(scheme), "+")
	if dialect != "postgres" && dialect != "postgresql" {
		return Source{}, Usage(
			fmt.Sprintf("%s names a database of kind %q; only PostgreSQL is supported", origin, dialect),
			"give a PostgreSQL URL: postgresql://user:password@host:port/database (Keep with SQLite or MySQL cannot be bootstrapped by this program)")
	}
	if driver != "" || origin == "DATABASE_CONNECTION_STRING" {
		converted, err := fromSQLAlchemy(text)
		if err != nil {
			return Source{}, Usage(origin+": "+err.Error(), "form: postgresql+psycopg2://user:password@host:port/database")
		}
		text = converted
	}
	return Source{ConnString: text, Origin: origin}, nil
}
