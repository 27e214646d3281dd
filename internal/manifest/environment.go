package manifest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The variables that Keep reads what it provisions from.
const (
	providersVariable = "KEEP_PROVIDERS"
	directoryVariable = "KEEP_PROVIDERS_DIRECTORY"
	providerPrefix    = "KEEP_PROVIDER_"

	workflowVariable   = "KEEP_WORKFLOW"
	workflowsVariable  = "KEEP_WORKFLOWS_DIRECTORY"
	dashboardsVariable = "KEEP_DASHBOARDS"
	mappingsVariable   = "KEEP_MAPPINGS_DIRECTORY"
	usernameVariable   = "KEEP_DEFAULT_USERNAME"
	passwordVariable   = "KEEP_DEFAULT_PASSWORD"
	resetVariable      = "KEEP_FORCE_RESET_DEFAULT_PASSWORD"
	apiKeysVariable    = "KEEP_DEFAULT_API_KEYS"

	// fileSuffix makes the name of the variable that names a file with the value, so that a secret is in no variable.
	fileSuffix = "_FILE"
)

// sourceVariables are all of them that can be a source on their own, but for KEEP_PROVIDER_<NAME>.
var sourceVariables = []string{
	providersVariable, providersVariable + fileSuffix, directoryVariable, workflowVariable, workflowsVariable, dashboardsVariable,
	mappingsVariable, usernameVariable, passwordVariable, passwordVariable + fileSuffix, apiKeysVariable, apiKeysVariable + fileSuffix,
}

// loadEnvironment reads Keep's variables. An empty one counts as unset, as in Keep.
func (l *loader) loadEnvironment() error {
	if !slices.ContainsFunc(sourceVariables, func(name string) bool { return l.environment[name] != "" }) && len(l.single()) == 0 {
		return l.noSource()
	}
	l.environmentProviders()
	l.environmentWorkflows()
	l.environmentDashboards()
	l.environmentMappings()
	l.environmentUser()
	l.environmentAPIKeys()
	return nil
}

// single are the variables that hold one provider each, sorted.
func (l *loader) single() []string {
	var single []string
	for name := range l.environment {
		if l.providerVariable(name) {
			single = append(single, name)
		}
	}
	slices.Sort(single)
	return single
}

func (l *loader) environmentProviders() {
	providers, directory, file := l.environment[providersVariable], l.environment[directoryVariable], l.environment[providersVariable+fileSuffix]
	single := l.single()
	l.manifest.Given.Providers = providers != "" || directory != "" || file != "" || len(single) > 0
	switch {
	case providers != "" && directory != "":
		l.conflict(providersVariable, directoryVariable)
	case file != "" && (providers != "" || directory != ""):
		l.conflict(providersVariable+fileSuffix, map[bool]string{true: providersVariable, false: directoryVariable}[providers != ""])
	case directory != "":
		l.loadDirectoryVariable(directoryVariable, layoutSingle)
	case file != "":
		l.loadFile(l.newSource(file, filepath.Dir(file), layoutAny, formatJSON), false, providersVariable+fileSuffix)
	case isPath(providers):
		l.loadFile(l.newSource(providers, filepath.Dir(providers), layoutAny, formatJSON), false, providersVariable)
	case providers != "":
		l.loadSource(l.newSource(providersVariable, "", layoutAny, formatJSON), []byte(providers))
	}
	for _, name := range single {
		s := l.newSource(name, "", layoutEntry, formatJSON)
		s.entry = strings.ToLower(strings.ReplaceAll(name[len(providerPrefix):], "_", "-"))
		if s.entry == "" {
			l.problem(s, "", whole(CodeName, "the variable has no provider name after "+providerPrefix,
				"name it "+providerPrefix+"<NAME>"), false)
			continue
		}
		l.loadSource(s, []byte(l.environment[name]))
	}
}

// conflict reports two variables that exclude each other.
func (l *loader) conflict(one, other string) {
	hint := "unset one of them"
	if !strings.HasSuffix(one, fileSuffix) && !strings.HasSuffix(other, fileSuffix) {
		hint += "; Keep itself does not start with both"
	}
	l.problem(l.newSource(one, "", layoutAny, formatJSON), "", whole(CodeConflict, one+" and "+other+" are both set", hint), false)
}

func (l *loader) environmentWorkflows() {
	text, directory := l.environment[workflowVariable], l.environment[workflowsVariable]
	l.manifest.Given.Workflows = text != "" || directory != ""
	switch {
	case text != "" && directory != "":
		l.conflict(workflowVariable, workflowsVariable)
	case text != "":
		l.loadSource(l.newSource(workflowVariable, "", layoutWorkflow, formatYAML), []byte(text))
	case directory != "":
		l.loadDirectoryVariable(workflowsVariable, layoutWorkflow)
	}
}

func (l *loader) environmentDashboards() {
	text := l.environment[dashboardsVariable]
	l.manifest.Given.Dashboards = text != ""
	switch {
	case isPath(text):
		l.loadFile(l.newSource(text, filepath.Dir(text), layoutDashboards, formatJSON), false, dashboardsVariable)
	case text != "":
		l.loadSource(l.newSource(dashboardsVariable, "", layoutDashboards, formatJSON), []byte(text))
	}
}

func (l *loader) environmentMappings() {
	if l.environment[mappingsVariable] != "" {
		l.manifest.Given.MappingRules = true
		l.loadDirectoryVariable(mappingsVariable, layoutMapping)
	}
}

// secretVariable gives the value of a variable or of the file that its twin names, and which of the two it is.
func (l *loader) secretVariable(name string) (value string, s *source, ok bool) {
	path := l.environment[name+fileSuffix]
	value = l.environment[name]
	switch {
	case value != "" && path != "":
		l.conflict(name, name+fileSuffix)
		return "", nil, false
	case path == "":
		return value, l.newSource(name, "", layoutAny, formatJSON), value != ""
	}
	s = l.newSource(path, "", layoutAny, formatJSON)
	data, err := readFile(path, MaxReferenceSize, false)
	if err != nil {
		l.unreadable(s, err, MaxReferenceSize, name+fileSuffix)
		return "", nil, false
	}
	value = strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if value == "" {
		l.problem(s, "", whole(CodeEmpty, "the file is empty, and "+name+fileSuffix+" names it", "is the secret mounted?"), false)
		return "", nil, false
	}
	return value, s, true
}

func (l *loader) environmentUser() {
	username, reset := l.environment[usernameVariable], l.environment[resetVariable]
	given := username != "" || l.environment[passwordVariable] != "" || l.environment[passwordVariable+fileSuffix] != ""
	if !given {
		return
	}
	l.manifest.Given.User = true
	user := User{Username: defaultUsername, Password: defaultPassword, ResetPassword: reset == "true"}
	r := &resource{loader: l, kind: KindUser, name: username}
	before := l.problems.total
	if username != "" {
		r.source = l.newSource(usernameVariable, "", layoutAny, formatJSON)
		l.manifest.Sources = append(l.manifest.Sources, Source{Name: usernameVariable, SHA256: digest([]byte(username))})
		user.Username, user.Source = username, Position{File: usernameVariable}
		if r.storable(username, "the username") && len(username) > MaxName {
			r.fail(fault{line: 1, column: 1, code: CodeName, message: fmt.Sprintf("the username has %d bytes", len(username)), hint: fmt.Sprintf("at most %d fit", MaxName)})
		}
	}
	if password, s, ok := l.secretVariable(passwordVariable); ok {
		r.source = s
		l.manifest.Sources = append(l.manifest.Sources, Source{Name: s.name, SHA256: digest([]byte(password))})
		user.Password = password
		if user.Source.File == "" {
			user.Source.File = s.name
		}
		r.storable(password, "the password")
	}
	if reset != "" && reset != "true" && reset != "false" {
		r.source = l.newSource(resetVariable, "", layoutAny, formatJSON)
		r.warn(fault{code: CodeValue, message: "Keep takes only true for this variable: the password is not reset", hint: "write true or false"})
	}
	if l.problems.total == before {
		l.manifest.User = &user
	}
}

func (l *loader) environmentAPIKeys() {
	if l.environment[apiKeysVariable] == "" && l.environment[apiKeysVariable+fileSuffix] == "" {
		return
	}
	l.manifest.Given.APIKeys = true
	if text, s, ok := l.secretVariable(apiKeysVariable); ok {
		l.manifest.Sources = append(l.manifest.Sources, Source{Name: s.name, SHA256: digest([]byte(text))})
		l.apiKeyList(s, text)
	}
}

// noSource says which variables were looked at.
func (l *loader) noSource() error {
	state := func(name string) string {
		if _, ok := l.environment[name]; ok {
			return name + " is empty"
		}
		return name + " is not set"
	}
	return fmt.Errorf("%w: %s, %s, there is no %s<NAME>, and no -f; nor is there %s, %s, %s, %s, %s or %s", ErrNoSource,
		state(providersVariable), state(directoryVariable), providerPrefix,
		workflowsVariable, workflowVariable, dashboardsVariable, mappingsVariable, usernameVariable, apiKeysVariable)
}

// providerVariable says whether a variable defines a provider. Kubernetes sets
// variables such as KEEP_PROVIDER_X_SERVICE_HOST for a service keep-provider-x;
// those are none.
func (l *loader) providerVariable(name string) bool {
	if !strings.HasPrefix(name, providerPrefix) {
		return false
	}
	value := l.environment[name]
	if strings.HasPrefix(strings.TrimSpace(value), "{") {
		return true
	}
	return !strings.HasSuffix(name, "_SERVICE_HOST") && !strings.Contains(name, "_SERVICE_PORT") &&
		!strings.Contains(name, "_PORT_") && !(strings.HasSuffix(name, "_PORT") && strings.Contains(value, "://"))
}

// isPath says whether KEEP_PROVIDERS is a path, by Keep's own rule.
func isPath(value string) bool {
	return strings.HasSuffix(value, ".json") &&
		(strings.HasPrefix(value, "/") || strings.HasPrefix(value, "./") || strings.HasPrefix(value, "../"))
}

// loadDirectoryVariable reads the directory that a variable names.
func (l *loader) loadDirectoryVariable(variable string, layout layout) {
	directory := l.environment[variable]
	info, err := os.Stat(directory)
	if err == nil && info.IsDir() {
		l.loadDirectory(directory, layout)
		return
	}
	s := l.newSource(directory, "", layoutAny, formatYAML)
	switch {
	case err == nil:
		hint := "give the directory that the file is in"
		if variable == directoryVariable {
			hint = "set KEEP_PROVIDERS to a .json file, or give the file with -f"
		}
		l.problem(s, "", whole(CodeUnreadable, "this is a file, and "+variable+" names a directory", hint), false)
	case errors.Is(err, fs.ErrNotExist):
		l.problem(s, "", whole(CodeUnreadable, "the directory that "+variable+" names does not exist",
			"check the path and the volume's mount"), false)
	default:
		l.unreadable(s, err, 0, variable)
	}
}
