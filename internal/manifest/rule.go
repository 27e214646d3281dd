package manifest

import "strings"

// maxPriority is how many digits the priority of a rule may have.
const maxPriority = 9

// ruleKeys are the keys of a deduplication rule.
var ruleKeys = []string{
	"description", "fingerprint_fields", "full_deduplication", "ignore_fields", "priority", "enabled",
}

// deduplicationRules reads {rule name: rule} or a list of rules with names.
func (e *entry) deduplicationRules(n *node) {
	buffer := append(e.buffer[:0], '{')
	own := map[string]bool{}
	add := func(name, rule *node) {
		if !e.ruleName(name) || !e.ruleUnique(name, own) {
			return
		}
		if len(buffer) > 1 {
			buffer = append(buffer, ", "...)
		}
		buffer = encodeText(buffer, name.text)
		buffer = append(buffer, ": "...)
		buffer = e.rule(buffer, rule)
	}
	switch n.kind {
	case kindNull:
		return
	case kindObject:
		for i := range n.members {
			add(&n.members[i].key, &n.members[i].value)
		}
	case kindList:
		for i := range n.members {
			rule := &n.members[i].value
			name := rule.member("name")
			if name == nil {
				e.fail(fault{
					line: rule.line, column: rule.column, code: CodeMissing,
					message: "a deduplication rule without a name",
					hint:    "add `name:` to the rule, or write the rules as an object {rule name: rule}",
				})
				continue
			}
			add(name, rule)
		}
	default:
		e.fail(fault{
			line: n.line, column: n.column, key: "deduplication_rules", code: CodeKind,
			message: "`deduplication_rules` must be an object or a list, not " + n.kind.String(),
			hint:    "write the rules as an object {rule name: rule}",
		})
		return
	}
	e.buffer = append(buffer, '}')
	text := string(e.buffer)
	e.provider.DeduplicationRules = &text
}

func (e *entry) ruleName(n *node) bool {
	f := fault{line: n.line, column: n.column, key: "name", code: CodeName}
	switch {
	case n.kind == kindText && n.text != "":
		return true
	case n.kind == kindText, n.kind == kindNull:
		f.message, f.hint = "the name of a deduplication rule is empty", "give it a name"
	case n.scalar():
		f.message, f.hint = "the name of a deduplication rule must be a text, not "+n.kind.String(), "write "+asText(n)+", in quotes"
	default:
		f.message, f.hint = "the name of a deduplication rule must be a text, not "+n.kind.String(), "give it a name"
	}
	e.fail(f)
	return false
}

// ruleUnique reports a name that is there twice: in one provider a mistake, in
// two a warning, because Keep takes both for one rule.
func (e *entry) ruleUnique(n *node, own map[string]bool) bool {
	at := e.source.at(n)
	if own[n.text] {
		e.fail(fault{
			line: n.line, column: n.column, key: "name", code: CodeDuplicate,
			message: "the deduplication rule " + quote(n.text) + " is already at " + e.rules[n.text].String(),
			hint:    "give each rule a name of its own",
		})
		return false
	}
	own[n.text] = true
	if first, ok := e.rules[n.text]; ok {
		e.warn(fault{
			line: n.line, column: n.column, key: "name", code: CodeDuplicate,
			message: "the deduplication rule " + quote(n.text) + " is also at " + first.String() + ", and Keep knows one rule of a name",
			hint:    "give each rule a name of its own",
		})
	}
	e.rules[n.text] = at
	return true
}

// rule appends the known keys of a rule.
func (e *entry) rule(buffer []byte, rule *node) []byte {
	if rule.kind != kindObject {
		e.fail(fault{
			line: rule.line, column: rule.column, code: CodeKind,
			message: "a deduplication rule must be an object, not " + rule.kind.String(),
			hint:    "write `fingerprint_fields:` and the other keys below its name",
		})
		return append(buffer, "{}"...)
	}
	buffer = append(buffer, '{')
	first := true
	for i := range rule.members {
		key, value := &rule.members[i].key, &rule.members[i].value
		expected := ""
		switch key.text {
		case "description":
			if value.kind != kindText {
				expected = "a text"
			}
		case "fingerprint_fields", "ignore_fields":
			if value.kind != kindList {
				expected = "a list of texts"
				break
			}
			for i := range value.members {
				item := &value.members[i].value
				if item.kind != kindText {
					e.fail(fault{
						line: item.line, column: item.column, key: key.text, code: CodeKind,
						message: "`" + key.text + "` must hold texts, not " + item.kind.String(),
						hint:    "put each field in quotes",
					})
				}
			}
		case "full_deduplication", "enabled":
			if value.kind != kindBool {
				expected = "true or false"
			}
		case "priority":
			switch {
			case !value.integer():
				expected = "a whole number"
			case len(strings.TrimPrefix(value.text, "-")) > maxPriority:
				expected = "a number of at most " + itoa(maxPriority) + " digits"
			}
		case "name", "provider_name", "provider_type":
			continue // said elsewhere
		default:
			e.unknownKey(e.source, e.provider.Name, key, ruleKeys, "remove it; a rule has "+strings.Join(ruleKeys, ", "))
			continue
		}
		if value.kind == kindNull {
			continue
		}
		if expected != "" {
			found := value.kind.String()
			if key.text == "priority" && value.kind == kindNumber {
				found = "a fraction"
				if value.integer() {
					found = "a longer one"
				}
			}
			e.fail(fault{
				line: value.line, column: value.column, key: key.text, code: CodeKind,
				message: "`" + key.text + "` of a deduplication rule must be " + expected + ", not " + found,
				hint:    "write " + expected,
			})
			continue
		}
		if value.kind == kindText || value.kind == kindList {
			e.resolveAll(value, key.text)
		}
		if !first {
			buffer = append(buffer, ", "...)
		}
		first = false
		buffer = encodeText(buffer, key.text)
		buffer = append(buffer, ": "...)
		buffer = value.encode(buffer)
	}
	return append(buffer, '}')
}
