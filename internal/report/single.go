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
	line := struct {
		head
		Changed bool  `json:"changed"`
		From    int32 `json:"schema_from"`
		To      int32 `json:"schema_to"`
	}{summaryOf("migrate"), result.Changed(), result.From, result.To}
	switch {
	case result.Changed() && result.To == 0:
		return w.end(line, "schema bootstrap removed")
	case result.Changed():
		return w.end(line, "schema bootstrap migrated from version %d to %d", result.From, result.To)
	case result.To == 0:
		return w.end(line, "schema bootstrap is not installed")
	}
	return w.end(line, "schema bootstrap is up to date (version %d)", result.To)
}

// Export shows the result of export to a file.
func (w *Writer) Export(tenant, path string, result export.Result) error {
	what := Number(result.Providers, "provider")
	if result.Others > 0 {
		what += " and " + Number(result.Others, "other resource")
	}
	return w.end(struct {
		head
		Tenant    string `json:"tenant"`
		File      string `json:"file"`
		Providers int    `json:"providers"`
		Resources int    `json:"resources,omitempty"`
		Variables int    `json:"variables"`
	}{summaryOf("export"), tenant, path, result.Providers, result.Others, len(result.Variables)}, "%s written to %s", what, path)
}

// Local shows the state of the local server; without its password.
func (w *Writer) Local(status local.Status) error {
	return w.end(struct {
		Type string `json:"type"`
		local.Status
	}{"local", status}, "%s", status)
}

// Program shows the version of the program and its migrations.
func (w *Writer) Program() error {
	names, platform := migrate.Names(), runtime.GOOS+"/"+runtime.GOARCH
	return w.end(struct {
		Type       string   `json:"type"`
		Go         string   `json:"go"`
		Platform   string   `json:"platform"`
		Schema     int32    `json:"schema"`
		Migrations []string `json:"migrations"`
	}{"program", runtime.Version(), platform, migrate.Known(), names},
		"keep-bootstrap %s (%s, %s)\nmigrations 1 to %d: %s", w.Version, runtime.Version(), platform, migrate.Known(), strings.Join(names, " "))
}
