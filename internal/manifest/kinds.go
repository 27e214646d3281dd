package manifest

import (
	"slices"
	"strings"

	"keep-bootstrap/internal/document"
)

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

	// home is the variable that it belongs into.
	home string
	// read reads an entry of the list below Key; nil for the default user.
	read func(*item, *document.Value)
}

// Table has the kinds in the order in which they are written and shown. It is not changed.
var Table []Kind

func init() { // the readers name the table
	Table = []Kind{
		{
			Word: KindProvider, One: "provider", Many: "providers", Key: "providers",
			Variables: []string{providersVariable + fileSuffix, providersVariable, directoryVariable}, home: directoryVariable,
			read: func(i *item, v *document.Value) {
				if i.object(v) {
					readProvider(i, &document.Member{Value: *v}, false)
				}
			},
		},
		{
			Word: KindUser, One: "user", Many: "users", Key: "default_user",
			Variables: []string{usernameVariable, passwordVariable, passwordVariable + fileSuffix}, home: usernameVariable + " and " + passwordVariable,
		},
		{
			Word: KindAPIKey, One: "API key", Many: "API keys", Key: "api_keys",
			Variables: []string{apiKeysVariable, apiKeysVariable + fileSuffix}, home: apiKeysVariable, read: readAPIKey,
		},
		{
			Word: KindWorkflow, One: "workflow", Many: "workflows", Key: "workflows",
			Variables: []string{workflowVariable, workflowsVariable}, home: workflowsVariable, read: readWorkflow,
		},
		{
			Word: KindDashboard, One: "dashboard", Many: "dashboards", Key: "dashboards",
			Variables: []string{dashboardsVariable}, home: dashboardsVariable, read: readDashboard,
		},
		{
			Word: KindMappingRule, One: "mapping rule", Many: "mapping rules", Key: "mapping_rules",
			Variables: []string{mappingsVariable}, home: mappingsVariable, read: readMappingRule,
		},
	}
}

// KindOf returns the kind of a word; nil if there is none.
func KindOf(word string) *Kind {
	if i := slices.IndexFunc(Table, func(k Kind) bool { return k.Word == word }); i >= 0 {
		return &Table[i]
	}
	return nil
}

// kindOfKey returns the kind of a key of a file; nil if there is none.
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

// aKind is called with its article.
func aKind(word string) string {
	if word == KindAPIKey {
		return "an " + called(word)
	}
	return "a " + called(word)
}

// Limits of Keep's tables and of schema bootstrap. Names are in indexes, so their limits are in bytes.
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
	value, ok = map[string]bool{"true": true, "1": true, "false": false, "0": false}[strings.ToLower(text)]
	return value, ok
}
