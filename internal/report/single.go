package report

import (
	"runtime"
	"strings"

	"keep-bootstrap/internal/export"
	"keep-bootstrap/internal/local"
	"keep-bootstrap/internal/migrate"
)

// Migration shows the result of migrate.
func (w *Writer) Migration(result migrate.Result) error {
	switch {
	case w.Format == JSON:
		return w.summary("migrate", object{"changed", result.Changed(), "schema_from", result.From, "schema_to", result.To})
	case result.Changed() && result.To == 0:
		w.printf("schema bootstrap removed\n")
	case result.Changed():
		w.printf("schema bootstrap migrated from version %d to %d\n", result.From, result.To)
	case result.To == 0:
		w.printf("schema bootstrap is not installed\n")
	default:
		w.printf("schema bootstrap is up to date (version %d)\n", result.To)
	}
	return w.err
}

// Export shows the result of export to a file.
func (w *Writer) Export(tenant, path string, result export.Result) error {
	if w.Format == JSON {
		summary := object{"tenant", tenant, "file", path, "providers", result.Providers}.with("resources", result.Others)
		return w.summary("export", append(summary, "variables", len(result.Variables)))
	}
	what := Number(result.Providers, "provider")
	if result.Others > 0 {
		what += " and " + Number(result.Others, "other resource")
	}
	w.printf("%s written to %s\n", what, path)
	return w.err
}

// Local shows the state of the local server; without its password.
func (w *Writer) Local(status local.Status) error {
	if w.Format == JSON {
		w.line(struct {
			Type string `json:"type"`
			local.Status
		}{"local", status})
	} else {
		w.printf("%s\n", status)
	}
	return w.err
}

// Program shows the version of the program and its migrations.
func (w *Writer) Program() error {
	names, platform := migrate.Names(), runtime.GOOS+"/"+runtime.GOARCH
	if w.Format == JSON {
		w.line(object{"type", "program", "go", runtime.Version(), "platform", platform, "schema", migrate.Known(), "migrations", names})
	} else {
		w.printf("keep-bootstrap %s (%s, %s)\nmigrations 1 to %d: %s\n",
			w.Version, runtime.Version(), platform, migrate.Known(), strings.Join(names, " "))
	}
	return w.err
}
