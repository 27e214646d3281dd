package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"keep-bootstrap/internal/document"
	"keep-bootstrap/internal/file"
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

// sourceVariables are all variables that can be a source on their own, except KEEP_PROVIDER_<NAME>.
func sourceVariables() (names []string) {
	for i := range Table {
		names = append(names, Table[i].Variables...)
	}
	return names
}

// variables reads Keep's variables. An empty one counts as unset, as in Keep.
func (r *reader) variables() error {
	set := func(name string) bool { return r.environment[name] != "" }
	single := r.single()
	if !slices.ContainsFunc(sourceVariables(), set) && len(single) == 0 {
		return fmt.Errorf("%w: no -f, and %s, %s, %s<NAME> and Keep's other variables are not set or empty",
			ErrNoSource, providersVariable, directoryVariable, providerPrefix)
	}
	for i := range Table {
		if slices.ContainsFunc(Table[i].Variables, set) || Table[i].Word == KindProvider && len(single) > 0 {
			r.manifest.Given[Table[i].Word] = true
		}
	}
	for _, name := range append(append(sourceVariables(), single...), resetVariable) {
		r.unwrapped(name)
	}
	r.oneOf(KindProvider, document.JSON)
	r.environmentProviders(single)
	r.oneOf(KindWorkflow, document.YAML)
	r.oneOf(KindDashboard, document.JSON)
	r.oneOf(KindMappingRule, document.YAML)
	if r.manifest.Given[KindUser] {
		r.environmentUser()
	}
	if keys, s := r.value(apiKeysVariable, apiKeysVariable+fileSuffix); s != nil {
		r.apiKeyList(s, keys)
	}
	return nil
}

// unwrapped reports what a tool left around the value of a variable, and then takes the variable for unset.
func (r *reader) unwrapped(name string) {
	value := r.environment[name]
	withoutEnd := strings.TrimRight(value, "\r\n")
	path := strings.HasSuffix(name, fileSuffix) && !strings.HasPrefix(name, providerPrefix) ||
		strings.HasSuffix(name, "_DIRECTORY") || isPath(withoutEnd)
	f := whole(CodeValue, "", "")
	switch {
	case InQuotes(strings.TrimSpace(value)):
		f.Message, f.Hint = "the value of "+name+" is wrapped in quotes", "remove the quotes: docker run --env-file and Kubernetes keep them"
		if slices.Contains([]string{usernameVariable, passwordVariable, apiKeysVariable}, name) {
			f.Hint += "; if they belong to the value, give it in a file"
		}
	case path && !utf8.ValidString(value):
		f.Code, f.Message, f.Hint = CodeEncoding, "the path in "+name+" is not UTF-8", "rename the file or directory"
	case path && value != withoutEnd:
		f.Message, f.Hint = "the path in "+name+" ends with a line break", "remove it: write the variable with printf instead of echo"
	default:
		return
	}
	r.about(name).fail(f)
	delete(r.environment, name)
}

// single are the variables that hold one provider each, sorted.
func (r *reader) single() []string {
	var single []string
	for name := range r.environment {
		if r.providerVariable(name) {
			single = append(single, name)
		}
	}
	slices.Sort(single)
	return single
}

// oneOf reads the variable of a kind that is set; they exclude each other. It holds a text, or names a file or a directory.
func (r *reader) oneOf(kind string, format document.Format) {
	unset := func(name string) bool { return r.environment[name] == "" }
	names := slices.DeleteFunc(slices.Clone(KindOf(kind).Variables), unset)
	if len(names) == 0 {
		return
	}
	name := names[0]
	switch value := r.environment[name]; {
	case len(names) > 1:
		r.conflict(name, names[1])
	case strings.HasSuffix(name, "_DIRECTORY"):
		r.directory(value, kind, name)
	case strings.HasSuffix(name, fileSuffix), format == document.JSON && isPath(value):
		r.loadFile(r.newSource(source{name: value, kind: kind, format: format}), value, name)
	default:
		r.load(r.newSource(source{name: name, kind: kind, format: format, variable: true}), []byte(value))
	}
}

// environmentProviders reads the variables that hold one provider each.
func (r *reader) environmentProviders(single []string) {
	for _, name := range single {
		entry := strings.ToLower(strings.ReplaceAll(name[len(providerPrefix):], "_", "-"))
		if entry == "" {
			r.about(name).fail(whole(CodeName,
				"the variable has no provider name after "+providerPrefix, "name it "+providerPrefix+"<NAME>"))
			continue
		}
		s := r.newSource(source{name: name, kind: KindProvider, entry: entry, format: document.JSON, variable: true})
		r.load(s, []byte(r.environment[name]))
	}
}

// conflict reports two variables that exclude each other.
func (r *reader) conflict(one, other string) {
	hint := "unset one of them"
	if !strings.HasSuffix(one, fileSuffix) && !strings.HasSuffix(other, fileSuffix) {
		hint += "; Keep itself does not start with both"
	}
	r.about(one).fail(whole(CodeConflict, one+" and "+other+" are both set", hint))
}

// value gives the value of a variable or of the file that its twin names, and which of the two it is; nil if neither.
func (r *reader) value(name, twin string) (value string, s *source) {
	value, path := r.environment[name], r.environment[twin]
	empty := whole(CodeEmpty, "the variable "+name+" is empty", "set it, or unset it")
	switch {
	case value == "" && path == "":
		return "", nil
	case value != "" && path != "":
		r.conflict(name, twin)
		return "", nil
	case path == "":
		s = r.newSource(source{name: name, variable: true})
	default:
		s = r.newSource(source{name: path})
		empty = whole(CodeEmpty, "the file named by "+twin+" is empty", "check that the secret is mounted")
		data, err := file.Read(path, MaxReferenceSize)
		if err != nil {
			r.unreadable(s, err, MaxReferenceSize, twin)
			return "", nil
		}
		value = string(data)
	}
	value = withoutLineEnd(value)
	f := document.CheckEncoding([]byte(value))
	if Blank(value) {
		f = &empty
	}
	if f != nil {
		r.of(s).fail(*f)
		return "", nil
	}
	r.read(s.name, []byte(value))
	return value, s
}

// environmentUser reads the variables of the default user.
func (r *reader) environmentUser() {
	i := &item{reader: r, kind: KindUser, before: r.problems.Total}
	username, named := r.value(usernameVariable, "")
	if named != nil {
		i.source = named
		name := document.Value{Kind: document.Text, Text: username, Place: document.Place{Line: 1, Column: 1}}
		i.named(&name, &name, "username", MaxName)
	}
	const passwordFile = passwordVariable + fileSuffix
	for _, name := range []string{passwordVariable, passwordFile} {
		if _, set := r.environment[name]; set && r.environment[passwordVariable]+r.environment[passwordFile] == "" {
			r.about(name).fail(whole(CodeEmpty,
				"the variable "+name+" is empty", "set it, or unset it to keep Keep's own password"))
		}
	}
	password := text(defaultPassword)
	secret, given := r.value(passwordVariable, passwordFile)
	if given != nil {
		i.source = given
		password = text(secret)
		i.placeholder(&password, "")
	}
	resets := false
	if reset := r.environment[resetVariable]; reset != "" {
		var ok bool
		if resets, ok = Boolean(reset); !ok {
			r.about(resetVariable).fail(whole(CodeValue,
				resetVariable+" must be true, false, 1 or 0; Keep does not start with anything else", "write true or false"))
		}
	}
	if i.source = cmp.Or(named, given); i.source != nil {
		i.addUser(&document.Value{}, password, resets)
	}
}

// providerVariable reports whether a variable defines a provider. Kubernetes sets variables such as
// KEEP_PROVIDER_X_SERVICE_HOST for a service keep-provider-x; those are none.
func (r *reader) providerVariable(name string) bool {
	if !strings.HasPrefix(name, providerPrefix) {
		return false
	}
	value := r.environment[name]
	if strings.HasPrefix(strings.TrimSpace(value), "{") {
		return true
	}
	return !strings.HasSuffix(name, "_SERVICE_HOST") && !strings.Contains(name, "_SERVICE_PORT") &&
		!strings.Contains(name, "_PORT_") && !(strings.HasSuffix(name, "_PORT") && strings.Contains(value, "://"))
}

// isPath reports whether KEEP_PROVIDERS is a path, by Keep's own rule.
func isPath(value string) bool {
	return strings.HasSuffix(value, ".json") &&
		(strings.HasPrefix(value, "/") || strings.HasPrefix(value, "./") || strings.HasPrefix(value, "../"))
}
