// Package cli is the command line: flags and their variables, and the exit code.
//
// Results go to stdout, logs and errors to stderr. What a command does to the database is in the packages install, migrate and
// activate, and how it is shown in report; this one only calls them.
package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"keep-bootstrap/internal/file"
	"keep-bootstrap/internal/postgres"
	"keep-bootstrap/internal/report"
)

// Environment is what the program gets from its process.
type Environment struct {
	Args    []string // without the program's name
	Environ []string // as os.Environ
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Version string // of the program; if "", the build information has it
}

// Main runs one command and returns the exit code. It never prints a secret, except in `local url`,
// which exists to print one.
func Main(ctx context.Context, env Environment) int {
	a := &app{Environment: env, variables: map[string]string{}, begin: time.Now()}
	for _, variable := range env.Environ {
		name, value, _ := strings.Cut(variable, "=")
		if _, ok := a.variables[name]; !ok {
			a.variables[name] = value
		}
	}
	if a.Version == "" {
		a.Version = buildVersion()
	}
	a.log = a.newLog("")
	a.out = report.Writer{Out: a.Stdout, Format: report.Text, Version: a.Version}
	if a.asksForJSON() {
		a.out.Format = report.JSON
	}

	root := a.root()
	root.SetArgs(forPSQL(root, env.Args))
	root.SetIn(env.Stdin)
	root.SetOut(&a.out)
	root.SetErr(env.Stderr)
	if err := a.written(root.ExecuteContext(ctx)); err != nil {
		a.exit = a.fail(postgres.Interrupted(ctx, err))
	}
	a.writeMetrics()
	return a.exit
}

// app is one execution of the program.
type app struct {
	Environment
	variables    map[string]string
	log          *slog.Logger
	out          report.Writer
	exit         int
	server       string // host and port, or socket, of the database
	isLocal      bool   // the database is the local PostgreSQL
	localVersion string // of the local PostgreSQL
	committed    *int64 // run that was committed, or nil

	// For --metrics-file.
	begin   time.Time
	command string         // that runs; "" if the command line was not understood
	counts  *report.Counts // nil unless the run came to its end

	// Flags of all commands.
	envFile         string
	databaseURLFile string
	tenant          string
	metricsFile     string
	logFormat       string
	wait            time.Duration
}

// Command is the command line, for generators.
func Command(version string) *cobra.Command {
	return (&app{Environment: Environment{Version: version}}).root()
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "keep-bootstrap",
		Short: "install what Keep provisions at startup directly into its database",
		Long: `keep-bootstrap installs everything that Keep provisions at startup directly into Keep's PostgreSQL
database: the tenant, the default user, API keys, providers with their deduplication rules,
workflows, dashboards and mapping rules. A run is one transaction. It can be repeated any number of
times, from any number of replicas.

Every flag has a variable: for --max-prune it is BOOTSTRAP_MAX_PRUNE. A flag takes precedence over
its variable. No flag takes a secret.

The database is the first of these that is set: --database-url-file, DATABASE_URL,
DATABASE_CONNECTION_STRING (both also in Keep's form postgresql+psycopg2://), the variables and
service file of libpq (PGHOST, PGSERVICE, ...). If none is set, a private local PostgreSQL is used,
except with --wait. A variable that is set but empty is an error.

Exit codes: 0 done or up to date, 1 unexpected error, 2 changes (plan --detailed-exitcode), 64
usage, 65 bad input, 69 database or Keep's tables not available, 75 temporary failure, 77 missing
privilege, 78 refused. After 69 and 75, run the command again.`,
		Example:       "  DATABASE_URL=postgresql://keep@db/keep keep-bootstrap up -f providers.yaml",
		Version:       a.Version,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			a.command = cmd.Name()
			return a.prepare(cmd)
		},
	}
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return postgres.Usage(err.Error(), "run "+cmd.CommandPath()+" --help for the flags")
	})
	flags := root.PersistentFlags()
	flags.StringVar(&a.envFile, "env-file", "", "read variables from this `file` (NAME=value lines); they override the environment")
	flags.StringVar(&a.databaseURLFile, "database-url-file", "", "read the database URL from this `file`")
	flags.StringVar(&a.tenant, "tenant", "keep", "`id` of Keep's tenant")
	choice(root, flags, &a.out.Format, "output", "o",
		"format of the result on stdout: `{text|json|markdown}`; markdown for plan, apply and up only",
		"text", "json", "markdown")
	flags.Lookup("output").DefValue = string(a.out.Format)
	choice(root, flags, &a.logFormat, "log-format", "",
		"format of the log on stderr: `{text|json}` (default text on a terminal, otherwise json)", "text", "json")
	flags.Func("wait", "how long to wait for the database and Keep's tables (5m if no `duration` is given)", a.setWait)
	flags.Lookup("wait").NoOptDefVal = waitDefault
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages", ".FlagUsagesWrapped 100"))
	root.AddGroup(&cobra.Group{ID: "first", Title: "Commands to begin with:"})
	first := []*cobra.Command{a.upCommand(), a.planCommand(), a.applyCommand(), a.validateCommand(), a.verifyCommand()}
	for _, cmd := range first {
		cmd.GroupID = "first"
		root.AddCommand(cmd)
	}
	root.AddCommand(
		a.activateCommand(), a.typesCommand(), a.migrateCommand(), a.statusCommand(), a.historyCommand(), a.exportCommand(),
		a.importSecretsCommand(), a.sqlCommand(), a.localCommand(), a.fleetReportCommand(), a.versionCommand())
	for _, cmd := range commands(root) { // no arguments, unless a command says so
		if cmd.Args == nil && cmd.Runnable() {
			cmd.Args = noArguments
		}
	}
	return root
}

// prepare reads what is for all commands: variables and flags.
func (a *app) prepare(cmd *cobra.Command) error {
	if err := a.readEnvFile(cmp.Or(a.envFile, a.variables[variable("env-file")])); err != nil {
		return err
	}
	flags := cmd.Flags()
	if err := a.readVariables(flags); err != nil {
		return err
	}
	a.log = a.newLog(a.logFormat)
	a.out.Colour = a.variables["NO_COLOR"] == "" && a.variables["TERM"] != "dumb" && terminal(a.Stdout)
	var empty error
	flags.Visit(func(f *pflag.Flag) { // as with --plan "$PLAN" where PLAN is not set
		if f.Value.Type() == "string" && f.Value.String() == "" {
			empty = postgres.Usage("--"+f.Name+" is empty", "give it a value, or omit it")
		}
	})
	if empty != nil {
		return empty
	}
	for _, name := range []string{"tenant", "tenant-name"} {
		f := flags.Lookup(name)
		if f != nil && (!utf8.ValidString(f.Value.String()) || strings.Contains(f.Value.String(), "\x00")) {
			return postgres.Usage("--"+name+" is not valid UTF-8",
				"PostgreSQL cannot store it: correct the flag or its variable")
		}
	}
	if a.out.Format == report.Markdown && !slices.Contains([]string{"plan", "apply", "up"}, cmd.Name()) {
		return postgres.Usage("--output markdown is only available for plan, apply and up", "use text or json")
	}
	a.warnOfVariables(cmd.Root())
	return nil
}

// written returns the error of a command whose result is complete, or says why it is not.
func (a *app) written(err error) error {
	unwritten := a.out.Err()
	if unwritten == nil {
		return err
	}
	reason := file.Reason(unwritten)
	if a.committed != nil {
		return postgres.New(postgres.CodeOutput,
			fmt.Sprintf("run %d was committed, but its report cannot be written: %s", *a.committed, reason),
			fmt.Sprintf("run keep-bootstrap history %d to see what it did", *a.committed))
	}
	return postgres.New(postgres.CodeOutput, "the result cannot be written: "+reason,
		"make room, or send stdout elsewhere")
}

// asksForJSON looks for -o json before the other flags are known, so that an error in them is also JSON.
func (a *app) asksForJSON() bool {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.ParseErrorsAllowlist.UnknownFlags = true
	flags.BoolP("help", "h", false, "")
	format := flags.StringP("output", "o", a.variables[variable("output")], "")
	_ = flags.Parse(a.Args) // an error comes again
	return strings.EqualFold(*format, string(report.JSON))
}

// terminal reports whether w is a terminal.
func terminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && isatty.IsTerminal(file.Fd())
}

// newLog returns the log on stderr. form is text, json, or "" for text on a terminal and json otherwise.
func (a *app) newLog(form string) *slog.Logger {
	if form == "text" || form == "" && terminal(a.Stderr) {
		return report.NewLog(a.Stderr)
	}
	return slog.New(slog.NewJSONHandler(a.Stderr, nil))
}
