package cli

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"keep-bootstrap/internal/document"
	"keep-bootstrap/internal/manifest"
	"keep-bootstrap/internal/postgres"
)

// readVariables gives every flag that was not set the value of its variable: BOOTSTRAP_MAX_PRUNE for --max-prune. An
// empty variable counts as not set.
func (a *app) readVariables(flags *pflag.FlagSet) error {
	var failed error
	flags.VisitAll(func(flag *pflag.Flag) {
		value := a.variables[variable(flag.Name)]
		if flag.Changed || value == "" || failed != nil {
			return
		}
		values := []string{value}
		if flag.Value.Type() == "stringArray" {
			values = filepath.SplitList(value)
		}
		if manifest.InQuotes(value) {
			failed = postgres.Usage("the value of "+variable(flag.Name)+" is wrapped in quotes", "remove the quotes: docker run --env-file and Kubernetes keep them")
			return
		}
		if strings.HasPrefix(flag.Value.Type(), "bool") {
			if _, ok := manifest.Boolean(value); !ok {
				failed = postgres.Usage(fmt.Sprintf("variable %s must be true, false, 1 or 0", variable(flag.Name)), "write "+variable(flag.Name)+"=true")
				return
			}
			values[0] = strings.ToLower(value)
		}
		for _, value := range values {
			if err := flags.Set(flag.Name, value); err != nil {
				failed = postgres.Usage(fmt.Sprintf("variable %s: %v", variable(flag.Name), err), "")
			}
		}
	})
	return failed
}

// warnOfVariables warns of unknown variables with the prefix BOOTSTRAP_, and names the nearest known one: a misspelt guard must not
// be ignored silently.
func (a *app) warnOfVariables(root *cobra.Command) {
	var known []string
	for _, cmd := range commands(root) {
		cmd.LocalFlags().VisitAll(func(flag *pflag.Flag) { known = append(known, variable(flag.Name)) })
	}
	for _, name := range slices.Sorted(maps.Keys(a.variables)) {
		ofService := strings.Contains(name, "_SERVICE_") || strings.Contains(name, "_PORT") // set by Kubernetes for a service of that name
		if !strings.HasPrefix(name, variable("")) || strings.HasPrefix(name, variable("test-")) || slices.Contains(known, name) || ofService {
			continue
		}
		if near := document.Similar(name, known); near != "" {
			a.log.Warn("unknown variable", "name", name, "did_you_mean", near)
		} else {
			a.log.Warn("unknown variable", "name", name)
		}
	}
}

// commands are a command and all below it.
func commands(cmd *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{cmd}
	for _, below := range cmd.Commands() {
		all = append(all, commands(below)...)
	}
	return all
}

// variable is the name of the variable of a flag.
func variable(flag string) string {
	return "BOOTSTRAP_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// optional adds a flag that is true or false, or nil if it is not given.
func optional(flags *pflag.FlagSet, option **bool, name, usage string) {
	flags.BoolFunc(name, usage, func(text string) error {
		value, err := strconv.ParseBool(text)
		*option = &value
		return err
	})
}

// choice gives a command a flag whose value is one of some words, in any case. The shell completes it.
func choice[T ~string](cmd *cobra.Command, flags *pflag.FlagSet, word *T, name, short, usage string, words ...string) {
	flags.FuncP(name, short, usage, func(text string) error {
		text = strings.ToLower(text)
		if !slices.Contains(words, text) {
			return errors.New("must be " + strings.Join(words, " or "))
		}
		*word = T(text)
		return nil
	})
	completion := cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
	if err := cmd.RegisterFlagCompletionFunc(name, completion); err != nil {
		panic(err) // the flag is there
	}
}

// noArguments refuses arguments: mostly files without -f. An argument may be a URL with a password.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	message, hint := fmt.Sprintf("unexpected argument %q", args[0]), "run "+cmd.CommandPath()+" --help for the flags"
	switch {
	case strings.Contains(args[0], "://"):
		message, hint = "unexpected argument (not shown because it may contain a password)", "set DATABASE_URL instead"
	case cmd.Flags().Lookup("file") != nil:
		hint = fmt.Sprintf("did you mean -f %s?", args[0])
	}
	return postgres.Usage(message, hint)
}

// waitDefault is how long --wait waits when it is given without a duration.
const waitDefault = "5m"

// setWait takes the value of --wait: a duration, or true and false for its variable.
func (a *app) setWait(text string) error {
	switch strings.ToLower(text) {
	case "true":
		text = waitDefault
	case "false":
		text = "0"
	}
	limit, err := time.ParseDuration(text)
	if err != nil || limit < 0 {
		return errors.New("must be a duration such as 90s or 5m")
	}
	a.wait = limit
	return nil
}
