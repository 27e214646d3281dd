package local

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
)

// PSQL is the path of a psql on this machine. The distributions that are downloaded have the server's programs only.
func PSQL() (string, error) {
	if path, err := exec.LookPath("psql"); err == nil {
		return path, nil
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin/psql", "/usr/pgsql-*/bin/psql", "/opt/homebrew/opt/libpq/bin/psql",
		`C:\Program Files\PostgreSQL\*\bin\psql.exe`,
	} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return slices.Max(found), nil
		}
	}
	return "", failure("there is no psql on this machine",
		"install a PostgreSQL client (Debian: postgresql-client), or use the URL with another program", nil)
}

// Environment has the connection as variables for psql and everything else that is built on libpq. The password must not
// be an argument: arguments can be read by every user.
func (s Status) Environment() []string {
	return []string{
		"PGHOST=127.0.0.1", "PGPORT=" + strconv.Itoa(s.Port), "PGUSER=" + User, "PGPASSWORD=" + s.password,
		"PGDATABASE=" + Database, "PGSSLMODE=disable",
	}
}
