package manifest

import (
	"math"
	"regexp"
	"strconv"
	"strings"

	"keep-bootstrap/internal/workflow"
)

// workflowKeys are the keys of a workflow that Keep knows. It takes others, too, so only slips of these are reported.
var workflowKeys = []string{
	"id", "name", "description", "disabled", "interval", "triggers", "steps", "actions", "on-failure", "owners", "tags", "services",
	"consts", "inputs", "permissions", "providers", "strategy", "debug",
}

// wrappers are the keys that a workflow may stand below, the first that is there counts.
var wrappers = []string{"workflow", "alert"}

// workflow reads one workflow: a whole file, or an entry of a list.
func (l *loader) workflow(s *source, d document, n *node) {
	d.store(true)
	r, ok := l.readResource(s, d, n, KindWorkflow)
	d.store(false)
	if n.kind != kindObject {
		return
	}
	body := n
	for _, key := range wrappers {
		if inside := n.member(key); inside != nil {
			body = inside
			if inside.kind != kindObject {
				r.fail(fault{
					line: inside.line, column: inside.column, key: key, code: CodeKind,
					message: "`" + key + ":` must hold an object, not " + inside.kind.String(),
					hint:    "write `id:`, `triggers:`, `actions:` below it",
				})
				return
			}
			break
		}
	}
	before := l.problems.total
	r.workflowName(n, body)
	for i := range body.members {
		key, value := &body.members[i].key, &body.members[i].value
		if key.kind != kindText {
			continue
		}
		switch key.text {
		case "description":
			r.workflowDescription(value)
		case "interval":
			r.interval(value, "interval")
		case "triggers":
			r.triggers(value)
		case "disabled":
			r.disabled(value)
		default:
			if meant := similar(key.text, workflowKeys); len(key.text) > 2 && meant != "" && meant != key.text {
				r.warn(fault{
					line: key.line, column: key.column, key: key.text, code: CodeUnknownKey,
					message: "Keep does not know the key " + quote(key.text) + " of a workflow", hint: "did you mean `" + meant + "`?",
				})
			}
		}
	}
	if !ok || l.problems.total > before {
		return
	}
	w := Workflow{Name: r.name, Source: s.at(n), ProvisionedFile: s.provisionedFile()}
	l.buffer = body.encode(l.buffer[:0])
	w.Definition = string(l.buffer)
	w.Raw = workflow.Dump(d.tree(n))
	l.manifest.Workflows = append(l.manifest.Workflows, w)
}

// workflowName finds the name: the one that is given, or the id.
func (r *resource) workflowName(whole, body *node) {
	key := "name"
	n := body.member(key)
	if n == nil || n.kind == kindNull || n.kind == kindText && n.text == "" {
		key = "id"
		n = body.member(key)
	}
	if n == nil || n.kind == kindNull || n.kind == kindText && n.text == "" {
		r.fail(fault{
			line: whole.line, column: whole.column, code: CodeMissing,
			message: "a workflow without name and id", hint: "add `id:` and `name:`; Keep leaves such a workflow out",
		})
		return
	}
	if n.kind == kindNumber {
		r.fail(fault{
			line: n.line, column: n.column, key: key, code: CodeKind,
			message: "`" + key + "` must be a text, not a number, or Keep cannot find the workflow again", hint: "write " + asText(n) + ", in quotes",
		})
		return
	}
	if r.named(whole, n, key, MaxName) {
		r.claim(n, key)
	}
}

func (r *resource) workflowDescription(n *node) {
	if !n.scalar() {
		r.fail(fault{
			line: n.line, column: n.column, key: "description", code: CodeKind,
			message: "`description` must be a text, not " + n.kind.String(), hint: `write description: "..."`,
		})
	}
}

func (r *resource) disabled(n *node) {
	if n.kind == kindBool || n.kind == kindNull || n.kind == kindText && (n.text == "true" || n.text == "false") {
		return
	}
	r.warn(fault{
		line: n.line, column: n.column, key: "disabled", code: CodeValue,
		message: "Keep takes only true for disabled: this workflow will run", hint: "write disabled: true or disabled: false",
	})
}

func (r *resource) triggers(n *node) {
	if n.kind != kindList {
		r.fail(fault{
			line: n.line, column: n.column, key: "triggers", code: CodeKind,
			message: "`triggers` must be a list, not " + n.kind.String(), hint: "write `- type: alert` below it",
		})
		return
	}
	for i := range n.members {
		trigger := &n.members[i].value
		if trigger.kind != kindObject {
			r.fail(fault{
				line: trigger.line, column: trigger.column, code: CodeKind,
				message: "expected a trigger, an object, not " + trigger.kind.String(), hint: "write `- type: alert`",
			})
			continue
		}
		kind, value := trigger.member("type"), trigger.member("value")
		if kind != nil && kind.kind == kindText && kind.text == "interval" && value != nil {
			r.interval(value, "value")
		}
	}
}

// intervalPattern is a number of minutes, hours or days as Keep reads it.
var intervalPattern = regexp.MustCompile(`^\s*([+-]?[0-9]+(?:_[0-9]+)*)\s*([mhd])$`)

// unitSeconds are the seconds of each unit of an interval.
var unitSeconds = map[string]int64{"": 1, "m": 60, "h": 3600, "d": 86400}

// interval checks that Keep can read an interval, in whole seconds or with a unit.
func (r *resource) interval(n *node, key string) {
	digits, unit := n.text, ""
	if n.kind == kindText {
		if part := intervalPattern.FindStringSubmatch(n.text); part != nil {
			digits, unit = strings.ReplaceAll(part[1], "_", ""), part[2]
		} else if strings.Trim(n.text, "0123456789") != "" {
			digits = ""
		}
	}
	seconds, err := strconv.ParseInt(digits, 10, 64)
	f := fault{line: n.line, column: n.column, key: key, code: CodeValue, hint: `write seconds, or minutes, hours or days as 10m, 1h, 1d`}
	switch limit := math.MaxInt32 / unitSeconds[unit]; {
	case n.kind != kindNumber && n.kind != kindText, err != nil && !strings.Contains(errorText(err), "range"):
		f.message = "Keep cannot read this interval"
	case err != nil || seconds > limit || seconds < -limit:
		f.message = "this interval is larger than can be stored"
	default:
		return
	}
	r.fail(f)
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
