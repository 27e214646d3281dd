package manifest

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Kinds says which kinds of resources an input has. A kind that it has none of, but names (`workflows: []`, an empty
// directory), is given: what is installed of it is to go. A kind that is not given is left alone.
type Kinds struct {
	Providers, Workflows, Dashboards, MappingRules, User, APIKeys bool
}

// The words for the kinds, as in Problem.Kind, in the database and in the output.
const (
	KindWorkflow    = "workflow"
	KindDashboard   = "dashboard"
	KindMappingRule = "mapping_rule"
	KindUser        = "user"
	KindAPIKey      = "api_key"
)

// kindNames are the kinds as people call them.
var kindNames = map[string]string{
	KindWorkflow: "workflow", KindDashboard: "dashboard", KindMappingRule: "mapping rule", KindUser: "user", KindAPIKey: "API key",
}

// Workflow is one workflow as the input declares it.
type Workflow struct {
	// Name identifies the workflow: that of the YAML, or its id when it has none.
	Name string
	// Definition is what is inside of `workflow:` or `alert:`, or the whole, as a JSON object. A date and an infinite
	// number are texts in it.
	Definition string
	// Raw is the text as Keep stores it.
	Raw string
	// ProvisionedFile is the path as Keep stores it, nil for one that has no file of its own.
	ProvisionedFile *string
	Source          Position
}

// Dashboard is one dashboard as the input declares it.
type Dashboard struct {
	Name string
	// Config is a JSON object as text.
	Config string
	Source Position
}

// MappingRule is one mapping rule as the input declares it.
type MappingRule struct {
	Name string
	// Definition is a JSON object as text, with the keys of Keep's manifest that are given, numbers and booleans as such.
	Definition string
	// ProvisionedFile is the absolute path of the file, nil for a rule that has no file of its own.
	ProvisionedFile *string
	Source          Position
}

// User is the default user.
type User struct {
	Username string
	Password string // secret
	// ResetPassword sets the password of a user that exists, too.
	ResetPassword bool
	Source        Position
}

// APIKey is one API key as the input declares it.
type APIKey struct {
	Name, Role string
	Secret     string // secret
	Source     Position
}

// resource is something other than a provider while it is being read.
type resource struct {
	*loader
	source *source
	kind   string
	name   string
}

func (r *resource) fail(f fault)  { r.problem(r.source, "", r.of(f), false) }
func (r *resource) warn(f fault)  { r.warning(r.source, "", r.of(f)) }
func (r *resource) shown(f fault) { r.problem(r.source, "", r.of(f), true) }

// of says of which resource a fault is.
func (r *resource) of(f fault) fault {
	f.kind, f.name = r.kind, r.name
	return f
}

// claim reports a name that a resource of the kind has already, and otherwise takes it.
func (r *resource) claim(n *node, key string) bool {
	id := r.kind + "\x00" + r.name
	if first, taken := r.claims[id]; taken {
		r.shown(fault{
			line: n.line, column: n.column, key: key, code: CodeDuplicate,
			message: "the name " + quote(r.name) + " is already used at " + first.String(),
			hint:    "give each " + kindNames[r.kind] + " a name of its own",
		})
		return false
	}
	r.claims[id] = r.source.at(n)
	return true
}

// text checks a name or another text of limited length. What is no text, but Keep takes for one, is one.
func (r *resource) text(n *node, key string, longest int) (string, bool) {
	f := fault{line: n.line, column: n.column, key: key, code: CodeKind}
	switch {
	case n.kind != kindText && n.kind != kindNumber:
		f.message, f.hint = "`"+key+"` must be a text, not "+n.kind.String(), "write "+key+`: "..."`
		if n.kind == kindBool {
			f.hint = "write " + asText(n) + ", in quotes"
		}
	case utf8.RuneCountInString(n.text) > longest:
		f.code = CodeTooLarge
		f.message = fmt.Sprintf("`%s` has %d characters", key, utf8.RuneCountInString(n.text))
		f.hint = fmt.Sprintf("at most %d fit", longest)
	default:
		return n.text, true
	}
	r.fail(f)
	return "", false
}

// named checks the name of a resource and sets it. At most so many characters, and bytes, fit.
func (r *resource) named(at, n *node, key string, longest int) bool {
	f := fault{code: CodeMissing}
	switch {
	case n == nil:
		f.line, f.column = at.line, at.column
		f.message, f.hint = "a "+kindNames[r.kind]+" without `"+key+"`", "add `"+key+":`"
		if r.kind == KindAPIKey {
			f.message = "an API key without a name"
		}
	case n.kind == kindNull || n.kind == kindText && strings.TrimSpace(n.text) == "":
		f.line, f.column, f.key = n.line, n.column, key
		f.message, f.hint = "the name is empty", "give it a name"
	default:
		text, ok := r.text(n, key, longest)
		if ok && len(text) > MaxName {
			r.fail(fault{
				line: n.line, column: n.column, key: key, code: CodeName,
				message: fmt.Sprintf("the name has %d bytes", len(text)), hint: fmt.Sprintf("at most %d fit", MaxName),
			})
			return false
		}
		r.name = text
		return ok
	}
	r.fail(f)
	return false
}

// integer takes a number that fits the database, also as text.
func (r *resource) integer(n *node, key string) (int64, bool) {
	text := n.text
	if n.kind == kindText {
		text = strings.TrimPrefix(strings.TrimSpace(text), "+")
	}
	value, err := strconv.ParseInt(text, 10, 32)
	if (n.kind == kindNumber || n.kind == kindText) && err == nil {
		return value, true
	}
	r.fail(fault{
		line: n.line, column: n.column, key: key, code: CodeValue,
		message: "`" + key + "` must be a whole number from " + strconv.Itoa(math.MinInt32) + " to " + strconv.Itoa(math.MaxInt32),
		hint:    "write a number such as 10",
	})
	return 0, false
}

// boolean takes true and false, and the texts that Keep takes for them.
func (r *resource) boolean(n *node, key string) (value, ok bool) {
	switch strings.ToLower(n.text) {
	case "true", "yes", "on", "y", "t", "1":
		value, ok = true, true
	case "false", "no", "off", "n", "f", "0":
		ok = true
	}
	if ok && n.scalar() {
		return value, true
	}
	r.fail(fault{
		line: n.line, column: n.column, key: key, code: CodeKind,
		message: "`" + key + "` must be true or false, not " + otherThan(n), hint: "write true or false",
	})
	return false, false
}

// keysOf reports the keys that a resource does not have.
func (r *resource) keysOf(n *node, known []string) {
	for i := range n.members {
		key := &n.members[i].key
		if key.kind == kindText && contains(known, key.text) {
			continue
		}
		r.unknown(key, known, "Keep has no such key here: remove it")
	}
}

// unknown is unknownKey for a resource.
func (r *resource) unknown(key *node, known []string, hint string) {
	name := key.text
	if key.written != "" {
		name = key.written
	}
	f := fault{line: key.line, column: key.column, key: name, code: CodeUnknownKey, message: "unknown key " + quote(name), hint: hint}
	meant := similar(name, known)
	if meant == "" && r.secretive() {
		f.key, f.message = "", "an unknown key"
	}
	switch {
	case meant != "":
		f.hint = "did you mean `" + meant + "`?"
		r.fail(f)
	case r.strict:
		r.fail(f)
	default:
		f.message += " is ignored"
		r.warn(f)
	}
}

// secretive says whether a value may be secret. A missing space or quote makes a key of a value, so keys that are not
// known are then not shown.
func (r *resource) secretive() bool { return r.kind == KindAPIKey || r.kind == KindUser }

func contains(list []string, text string) bool {
	for _, known := range list {
		if known == text {
			return true
		}
	}
	return false
}

// resourceLists are the keys beside `providers:` that hold lists, and what reads an entry of each.
var resourceLists = map[string]struct {
	kind  string
	given func(*Kinds) *bool
	read  func(*loader, *source, document, *node)
}{
	"workflows":     {KindWorkflow, func(k *Kinds) *bool { return &k.Workflows }, (*loader).workflow},
	"dashboards":    {KindDashboard, func(k *Kinds) *bool { return &k.Dashboards }, (*loader).dashboard},
	"mapping_rules": {KindMappingRule, func(k *Kinds) *bool { return &k.MappingRules }, (*loader).mappingRule},
	"api_keys":      {KindAPIKey, func(k *Kinds) *bool { return &k.APIKeys }, (*loader).apiKey},
}

// defaultUser is the one key beside them.
const defaultUser = "default_user"

// envelopeKeys are the keys of a file that holds all.
var envelopeKeys = []string{"providers", "workflows", "dashboards", "mapping_rules", defaultUser, "api_keys"}

// resources reads what is below a key of resourceLists, or the default user. It says whether the key is one of them.
func (l *loader) resources(s *source, d document, m *member) bool {
	if m.key.text == defaultUser {
		l.manifest.Given.User = true
		l.defaultUser(s, d, &m.key, &m.value)
		return true
	}
	list, ok := resourceLists[m.key.text]
	if !ok {
		return false
	}
	*list.given(&l.manifest.Given) = true
	key := m.key.text
	switch m.value.kind {
	case kindList:
		value := m.value
		d.children(&value, true, func(item *member) bool {
			list.read(l, s, d, &item.value)
			return true
		})
	case kindNull:
		l.problem(s, "", fault{
			line: m.key.line, column: m.key.column, key: key, code: CodeEmpty,
			message: "there is nothing below `" + key + ":`", hint: "write `" + key + ": []` to mean none",
		}, false)
	default:
		l.problem(s, "", fault{
			line: m.value.line, column: m.value.column, key: key, code: CodeKind,
			message: "`" + key + ":` must hold a list, not " + m.value.kind.String(),
			hint:    "write `- ` before each " + kindNames[list.kind] + " below it",
		}, false)
	}
	return true
}

// readResource reads everything below the object n, or says that n is none.
func (l *loader) readResource(s *source, d document, n *node, kind string) (r *resource, ok bool) {
	r = &resource{loader: l, source: s, kind: kind}
	if n.kind != kindObject {
		r.fail(fault{
			line: n.line, column: n.column, code: CodeKind,
			message: "expected a " + kindNames[kind] + ", an object, not " + n.kind.String(),
			hint:    "write its keys below each other",
		})
		return r, false
	}
	before := l.problems.total
	l.reading, l.found, l.foundMore = true, l.found[:0], 0
	d.read(n)
	l.reading = false
	if kind != KindWorkflow {
		for _, key := range []string{"name", "dashboard_name", "username"} {
			if inside := n.member(key); inside != nil && inside.kind == kindText {
				r.name = inside.text
			}
		}
	}
	for _, f := range l.found {
		if f.code == CodeDuplicateKey && r.secretive() && !contains(apiKeyKeys, f.key) && !contains(userKeys, f.key) {
			f.key, f.message = "", "a key that is there twice"
		}
		r.fail(f)
	}
	l.problems.total += l.foundMore
	return r, l.problems.total == before
}
