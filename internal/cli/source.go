package cli

import (
	"fmt"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"keep-bootstrap/internal/catalogue"
	"keep-bootstrap/internal/file"
	"keep-bootstrap/internal/manifest"
	"keep-bootstrap/internal/planfile"
	"keep-bootstrap/internal/postgres"
)

// sourceFlags gives a command the flags that say where the providers are and how they are checked.
func sourceFlags(cmd *cobra.Command, o *planfile.Options) {
	flags := cmd.Flags()
	flags.StringArrayVarP(&o.File, "file", "f", nil,
		"`path` of a YAML, JSON or JSON lines file, a directory, or - for stdin; repeatable; replaces Keep's variables")
	flags.BoolVar(&o.Strict, "strict", false,
		"treat unknown keys and fields, unfilled placeholders and workflows that never run as errors")
	optional(flags, &o.AllowUnknownTypes, "allow-unknown-types", "install provider types that are not in the catalogue")
	catalogueFlag(cmd, &o.Catalogue)
}

// source says where the providers are.
func (a *app) source(o planfile.Options) (source manifest.Options, err error) {
	for _, path := range o.File {
		if !utf8.ValidString(path) {
			return source, postgres.Usage(fmt.Sprintf("the path %+q is not UTF-8", path), "rename the file")
		}
	}
	types, err := loadCatalogue(o.Catalogue)
	return manifest.Options{
		Files: o.File, Environ: a.Environ, Stdin: a.Stdin, Strict: o.Strict, Catalogue: types,
		AllowUnknownTypes: o.AllowUnknownTypes != nil && *o.AllowUnknownTypes,
	}, err
}

// load reads and checks the manifest. It comes before anything that needs a database.
func (a *app) load(o planfile.Options) (*manifest.Manifest, error) {
	source, err := a.source(o)
	if err != nil {
		return nil, err
	}
	m, err := manifest.Load(source)
	if m != nil {
		for _, warning := range m.Warnings {
			a.log.Warn(warning.String())
		}
	}
	if err != nil {
		return nil, err
	}
	if a.variables["PROVISION_RESOURCES"] == "true" { // Keep compares with this very text
		a.log.Warn("Keep will overwrite this run at its next start", "variable", "PROVISION_RESOURCES", "value", "true", "instead", "false")
	}
	return m, nil
}

// catalogueFlag is the path of a file that adds types to the catalogue.
func catalogueFlag(cmd *cobra.Command, path *string) {
	cmd.Flags().StringVar(path, "catalogue", "", "JSON `file` of provider types to add to the catalogue, or to replace in it")
}

// loadCatalogue returns the catalogue with the types of a file, if there is one.
func loadCatalogue(path string) (*catalogue.Catalogue, error) {
	if path == "" {
		return catalogue.BuiltIn(), nil
	}
	const largest = 16 << 20
	data, err := file.Read(path, largest)
	if err != nil {
		message, _ := file.Explain(err, largest)
		return nil, postgres.Usage("--catalogue: "+path+": "+message, "give a JSON file of the form {\"types\": {...}}, as in docs/validate.md")
	}
	types, err := catalogue.BuiltIn().Extend(data)
	if err != nil {
		return nil, postgres.Usage(fmt.Sprintf("--catalogue: %s: %v", path, err), "see the example in docs/validate.md")
	}
	return types, nil
}
