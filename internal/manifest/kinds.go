package manifest

import (
	"slices"
	"strings"

	"keep-bootstrap/internal/document"
)

// Kinds says which kinds of resources an input has. A kind that it has none of, but names (`workflows: []`, an empty
// directory), is given: its installed objects are removed. A kind that is not given is left alone.
type Kinds struct {
	Providers, Workflows, Dashboards, MappingRules, User, APIKeys bool
}

// The words for the kinds, as in Problem.Kind, in the database and in the output.
const (
	KindProvider    = "provider"
	KindUser        = "user"
	KindAPIKey      = "api_key"
	KindWorkflow    = "workflow"
	KindDashboard   = "dashboard"
	KindMappingRule = "mapping_rule"
)

// Kind is a kind of what Keep provisions.
type Kind struct {
	// Word is the kind in the database and in the output of programs.
	Word string
	// One and Many are what people call it.
	One, Many string
	// Key is the key of a file below which it stands.
	Key string
	// Variables give it: a text, a directory, or a file with the text.
	Variables []string
	// Given is the part of Kinds that says whether the input is about it, and Count how many a manifest has.
	Given func(*Kinds) *bool
	Count func(*Manifest) int

	// read reads an entry of the list below Key; nil for providers and for the default user.
	read func(*item, *document.Value)
}

// Table has the kinds in the order in which they are written and shown. It is not changed.
var Table []Kind

func init() { // the readers name the table
	Table = []Kind{
		{
			Word: KindProvider, One: "provider", Many: "providers", Key: "providers",
			Variables: []string{providersVariable, providersVariable + fileSuffix, directoryVariable},
			Given:     func(k *Kinds) *bool { return &k.Providers }, Count: func(m *Manifest) int { return len(m.Providers) },
		},
		{
			Word: KindUser, One: "user", Many: "users", Key: "default_user",
			Variables: []string{usernameVariable, passwordVariable, passwordVariable + fileSuffix},
			Given:     func(k *Kinds) *bool { return &k.User }, Count: func(m *Manifest) int { return map[bool]int{true: 1}[m.User != nil] },
		},
		{
			Word: KindAPIKey, One: "API key", Many: "API keys", Key: "api_keys", Variables: []string{apiKeysVariable, apiKeysVariable + fileSuffix},
			Given: func(k *Kinds) *bool { return &k.APIKeys }, Count: func(m *Manifest) int { return len(m.APIKeys) }, read: readAPIKey,
		},
		{
			Word: KindWorkflow, One: "workflow", Many: "workflows", Key: "workflows", Variables: []string{workflowVariable, workflowsVariable},
			Given: func(k *Kinds) *bool { return &k.Workflows }, Count: func(m *Manifest) int { return len(m.Workflows) }, read: readWorkflow,
		},
		{
			Word: KindDashboard, One: "dashboard", Many: "dashboards", Key: "dashboards", Variables: []string{dashboardsVariable},
			Given: func(k *Kinds) *bool { return &k.Dashboards }, Count: func(m *Manifest) int { return len(m.Dashboards) }, read: readDashboard,
		},
		{
			Word: KindMappingRule, One: "mapping rule", Many: "mapping rules", Key: "mapping_rules", Variables: []string{mappingsVariable},
			Given: func(k *Kinds) *bool { return &k.MappingRules }, Count: func(m *Manifest) int { return len(m.MappingRules) }, read: readMappingRule,
		},
	}
}

// KindOf returns the kind of a word; nil where there is none.
func KindOf(word string) *Kind {
	if i := slices.IndexFunc(Table, func(k Kind) bool { return k.Word == word }); i >= 0 {
		return &Table[i]
	}
	return nil
}

// kindOfKey returns the kind that stands below a key of a file; nil where none does.
func kindOfKey(key string) *Kind {
	if i := slices.IndexFunc(Table, func(k Kind) bool { return k.Key == key }); i >= 0 {
		return &Table[i]
	}
	return nil
}

// called is what people call a kind.
func called(word string) string {
	if k := KindOf(word); k != nil {
		return k.One
	}
	return word
}

// Limits of what Keep's tables and our own take. Names stand in indexes, so theirs are in bytes.
const (
	MaxName               = 1000 // bytes of a name, of any kind
	MaxType               = 200  // bytes of a provider's type
	MaxMappingText        = 255  // characters of a mapping rule's name and other short texts
	MaxMappingDescription = 2048 // characters
	MaxPriorityDigits     = 9    // of a deduplication rule
)

// Roles are the roles of API keys that Keep knows.
var Roles = []string{"admin", "noc", "webhook", "workflowrunner"}

// Boolean reads a boolean as Keep reads its own variables: true and 1, false and 0, in any case.
func Boolean(text string) (value, ok bool) {
	switch strings.ToLower(text) {
	case "true", "1":
		return true, true
	case "false", "0":
		return false, true
	}
	return false, false
}
