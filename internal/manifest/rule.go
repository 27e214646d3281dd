package manifest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"keep-bootstrap/internal/document"
)

// ruleKinds are the keys of a deduplication rule and the kinds of their values.
var ruleKinds = map[string]document.Kind{
	"description": document.Text, "fingerprint_fields": document.List, "ignore_fields": document.List,
	"full_deduplication": document.Boolean, "enabled": document.Boolean, "priority": document.Number,
}

// ruleKeys are the keys alone.
var ruleKeys = slices.Sorted(maps.Keys(ruleKinds))

// deduplicationRules reads {rule name: rule} or a list of rules with names.
func (p *provider) deduplicationRules(v *document.Value) {
	rules := []Rule{}
	add := func(name, rule *document.Value) {
		if !p.string(name, "the name of a deduplication rule", MaxName, at(name, "name", CodeName, "", "give it a name")) {
			return
		}
		first, free := p.reader.take("deduplication_rule", name.Text, p.source.at(name))
		f := at(name, "name", CodeDuplicate, "duplicate deduplication rule "+document.Quote(name.Text)+", already at "+
			first.String()+"; Keep stores one rule per name", "use a unique name for each rule")
		switch same := func(r Rule) bool { return r.Name == name.Text }; {
		case free:
		case slices.ContainsFunc(rules, same):
			p.fail(f)
			return
		default:
			p.warn(f) // of another provider
		}
		rules = append(rules, Rule{name.Text, p.rule(rule)})
	}
	switch v.Kind {
	case document.Null:
		return
	case document.Object:
		for m := range v.Members {
			add(&v.Members[m].Key, &v.Members[m].Value)
		}
	case document.List:
		for m := range v.Members {
			rule := &v.Members[m].Value
			name := rule.Member("name")
			if name == nil {
				p.fail(at(rule, "", CodeMissing, "a deduplication rule without a name", "add `name:` to the rule, or write the rules as an object {rule name: rule}"))
				continue
			}
			add(name, rule)
		}
	default:
		p.fail(at(v, "deduplication_rules", CodeKind, "`deduplication_rules` must be an object or a list, not "+v.Kind.String(), "write the rules as an object {rule name: rule}"))
		return
	}
	p.result.DeduplicationRules = rules
}

// rule is the JSON of a rule, with the keys that Keep knows.
func (p *provider) rule(v *document.Value) string {
	kept := object()
	if v.Kind != document.Object {
		p.fail(at(v, "", CodeKind, "a deduplication rule must be an object, not "+v.Kind.String(), "write `fingerprint_fields:` and the other keys below its name"))
		return "{}"
	}
	for m := range v.Members {
		if p.ruleMember(&v.Members[m].Key, &v.Members[m].Value) {
			kept.Members = append(kept.Members, v.Members[m])
		}
	}
	return string(kept.AppendJSON(nil))
}

// ruleMember checks a key of a rule and reports whether it is stored.
func (p *provider) ruleMember(key, value *document.Value) bool {
	kind, known := ruleKinds[key.Text]
	switch {
	case slices.Contains([]string{"name", "provider_name", "provider_type"}, key.Text): // said elsewhere
		return false
	case !known:
		p.unknown(key, ruleKeys, "remove it; a rule has "+strings.Join(ruleKeys, ", "))
		return false
	case value.Kind == document.Null:
		return false
	}
	expected := map[document.Kind]string{
		document.Text: "a string", document.List: "a list of strings", document.Boolean: "true or false",
		document.Number: fmt.Sprintf("a whole number of at most %d digits", MaxPriorityDigits),
	}[kind]
	wrong := func(found string) {
		p.fail(at(value, key.Text, CodeKind, "`"+key.Text+"` of a deduplication rule must be "+expected+found,
			"write "+expected))
	}
	switch {
	case value.Kind != kind:
		wrong(", not " + value.Kind.String())
	case kind == document.Number && (!value.Integer() || len(strings.TrimPrefix(value.Text, "-")) > MaxPriorityDigits):
		wrong("")
	case kind == document.List:
		for m := range value.Members {
			item := &value.Members[m].Value
			if item.Kind != document.Text {
				p.fail(at(item, key.Text, CodeKind, "`"+key.Text+"` must contain strings, not "+item.Kind.String(),
					"put each field in quotes"))
			}
			p.resolve(item, key.Text)
		}
	case kind == document.Text:
		p.resolve(value, key.Text)
	}
	return true
}
