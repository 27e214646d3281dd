package cli

import (
	"fmt"
	"strings"

	"keep-bootstrap/internal/document"
	"keep-bootstrap/internal/file"
	"keep-bootstrap/internal/manifest"
	"keep-bootstrap/internal/postgres"
)

var variableName = document.Pattern(`^[A-Za-z_][A-Za-z0-9_]*$`)

// readEnvFile adds the variables of --env-file to those of the process, and replaces those of the same name. Each line is
// NAME=value, and the value is what follows, as it is; empty lines and lines that begin with # count for nothing.
func (a *app) readEnvFile(path string) error {
	if path == "" {
		return nil
	}
	const largest = 64 << 20 // it may contain manifests
	content, err := file.Read(path, largest)
	if err != nil {
		reason, _ := file.Explain(err, largest)
		return postgres.Usage(fmt.Sprintf("cannot read variables from %s: %s", path, reason), "check --env-file")
	}
	given := map[string]bool{}
	var environ []string
	for i, line := range strings.Split(string(content), "\n") {
		line = strings.TrimSuffix(line, "\r")
		if text := strings.TrimSpace(line); text == "" || text[0] == '#' {
			continue
		}
		name, value, found := strings.Cut(line, "=")
		wrong := ""
		switch {
		case !found || !variableName().MatchString(name):
			wrong = "expected NAME=value" // never the line itself: it may hold a secret
		case given[name]:
			wrong = "duplicate variable " + name
		case manifest.InQuotes(value):
			wrong = "the quotes around the value of " + name + " would be part of it"
		}
		if wrong != "" {
			return postgres.Usage(fmt.Sprintf("%s:%d: %s", path, i+1, wrong),
				"write one NAME=value per line, without export and without quotes")
		}
		given[name] = true
		environ = append(environ, line)
		a.variables[name] = value
	}
	a.Environ = append(environ, a.Environ...) // the first of two equal names counts
	return nil
}
