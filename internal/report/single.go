package report

import (
	"runtime"
	"strings"

	"keep-bootstrap/internal/export"
	"keep-bootstrap/internal/local"
	"keep-bootstrap/internal/migrate"
)

// Migration shows the result of migrate.
func (w *Writer) Migration(result migrate.Result) {
	w.summary("migrate", object{"changed", result.Changed(), "schema_from", result.From, "schema_to", result.To})
	switch {
	case result.Changed() && result.To == 0:
		w.printf("schema bootstrap removed\n")
	case result.Changed():
		w.printf("schema bootstrap migrated from version %d to %d\n", result.From, result.To)
	case result.To == 0:
		w.printf("schema bootstrap is not installed\n")
	default:
		w.printf("schema bootstrap is up to date (version %d)\n", result.To)
	}
}

// Export shows the result of export to a file.
func (w *Writer) Export(tenant, path string, result export.Result) {
	summary := object{"tenant", tenant, "file", path, "providers", result.Providers}.with("resources", result.Others)
	w.summary("export", append(summary, "variables", len(result.Variables)))
	what := Number(result.Providers, "provider")
	if result.Others > 0 {
		what += " and " + Number(result.Others, "other resource")
	}
	w.printf("%s written to %s\n", what, path)
}

// Local shows the state of the local server; without its password.
func (w *Writer) Local(status local.Status) {
	w.line("local", status)
	w.printf("%s\n", status)
}

// Program shows the version of the program and its migrations.
func (w *Writer) Program() {
	names, platform := migrate.Names(), runtime.GOOS+"/"+runtime.GOARCH
	w.line("program", object{
		"go", runtime.Version(), "platform", platform, "schema", migrate.Known(), "migrations", names,
	})
	w.printf("keep-bootstrap %s (%s, %s)\nmigrations 1 to %d: %s\n",
		w.Version, runtime.Version(), platform, migrate.Known(), strings.Join(names, " "))
}
