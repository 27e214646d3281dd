package manifest

import (
	"math"
	"regexp"
	"strconv"
	"strings"

	"keep-bootstrap/internal/document"
	"keep-bootstrap/internal/pyyaml"
)

// workflowKeys are the keys of a workflow that Keep knows. It takes others, too, so only slips of these are reported.
var workflowKeys = []string{
	"id", "name", "description", "disabled", "interval", "triggers", "steps", "actions", "on-failure", "owners", "tags", "services",
	"consts", "inputs", "permissions", "providers", "strategy", "debug",
}

// wrappers are the keys that a workflow may stand below; the first that is there counts.
var wrappers = []string{"workflow", "alert"}

// readWorkflow reads one workflow: a whole file, or an entry of a list.
func readWorkflow(i *item, v *document.Value) {
	before := i.failed()
	if !i.object(v) {
		return
	}
	i.check(v, document.Workflow)
	body := v
	for _, key := range wrappers {
		if inside := v.Member(key); inside != nil {
			body = inside
			break
		}
	}
	if body.Kind != document.Object {
		key := wrappers[0]
		if v.Member(key) != body {
			key = wrappers[1]
		}
		i.fail(at(body, key, CodeKind, "`"+key+":` must hold an object, not "+body.Kind.String(), "write `id:`, `triggers:`, `actions:` below it"))
		return
	}
	raw := pyyaml.Dump(v) // before anything is put as Keep reads it
	i.workflowName(v, body)
	for m := range body.Members {
		key, value := &body.Members[m].Key, &body.Members[m].Value
		if key.Kind != document.Text {
			continue
		}
		switch key.Text {
		case "description":
			i.workflowDescription(value)
		case "interval":
			i.interval(value, "interval")
		case "triggers":
			i.triggers(value)
		case "disabled":
			i.disabled(value)
		default:
			if meant := similar(key.Text, workflowKeys); len(key.Text) > 2 && meant != "" && meant != key.Text {
				i.warn(at(key, key.Text, CodeUnknownKey, "Keep does not know the key "+document.Quote(key.Text)+" of a workflow", "did you mean `"+meant+"`?"))
			}
		}
	}
	if i.failed() > before {
		return
	}
	m := i.reader.manifest
	m.Workflows = append(m.Workflows, Workflow{
		Name: i.name, Source: i.source.at(v), ProvisionedFile: i.source.provisionedFile(),
		Definition: string(body.AppendJSON(nil)), Raw: raw,
	})
}

// workflowName finds the name: the one that is given, or the id.
func (i *item) workflowName(whole, body *document.Value) {
	key := "name"
	v := body.Member(key)
	if v == nil || v.Empty() {
		key = "id"
		v = body.Member(key)
	}
	switch {
	case v == nil || v.Empty():
		i.fail(at(whole, "", CodeMissing, "a workflow without name and id", "add `id:` and `name:`; Keep leaves such a workflow out"))
	case v.Kind == document.Number:
		i.fail(at(v, key, CodeKind, "`"+key+"` must be a text, not a number, or Keep cannot find the workflow again", "write "+asText(v)+", in quotes"))
	case i.named(whole, v, key, MaxName):
		i.take(v, key)
	}
}

// disabled sets what Keep reads: a boolean, or the text true in any case.
func (i *item) disabled(v *document.Value) {
	disabled := v.Kind != document.Number && strings.EqualFold(v.Text, "true")
	switch {
	case v.Kind == document.Boolean || v.Kind == document.Null || v.IsText("true") || v.IsText("false"):
	case disabled:
		i.suspect(at(v, "disabled", CodeValue, "Keep reads this as true: the workflow never runs", "write disabled: true or disabled: false"))
	default:
		i.suspect(at(v, "disabled", CodeValue, "Keep takes only true for disabled: this workflow will run", "write disabled: true or disabled: false"))
	}
	*v = document.Value{Kind: document.Boolean, Text: strconv.FormatBool(disabled), Place: v.Place}
}

// description is the text that Keep makes of a scalar.
func (i *item) workflowDescription(v *document.Value) {
	switch {
	case !v.Scalar():
		i.fail(at(v, "description", CodeKind, "`description` must be a text, not "+v.Kind.String(), `write description: "..."`))
	case v.Kind == document.Boolean:
		v.Kind, v.Text = document.Text, strings.ToUpper(v.Text[:1])+v.Text[1:]
	case v.Kind == document.Number:
		v.Kind, v.Text = document.Text, document.PythonNumber(v.Text)
	}
}

func (i *item) triggers(v *document.Value) {
	if v.Kind != document.List {
		i.fail(at(v, "triggers", CodeKind, "`triggers` must be a list, not "+v.Kind.String(), "write `- type: alert` below it"))
		return
	}
	for m := range v.Members {
		trigger := &v.Members[m].Value
		if trigger.Kind != document.Object {
			i.fail(at(trigger, "", CodeKind, "expected a trigger, an object, not "+trigger.Kind.String(), "write `- type: alert`"))
			continue
		}
		kind, value := trigger.Member("type"), trigger.Member("value")
		if kind != nil && kind.IsText("interval") && value != nil {
			i.interval(value, "value")
		}
	}
}

// Intervals as Keep reads them: whole seconds, or a number of minutes, hours or days. The JSON Schema has the same form.
const (
	IntervalPattern = `^([0-9]+|\s*[+-]?[0-9]+(_[0-9]+)*\s*[mhd])$`
	intervalHint    = `write seconds, or minutes, hours or days as 10m, 1h, 1d`
)

var (
	intervalPattern = regexp.MustCompile(IntervalPattern)
	unitSeconds     = map[string]int64{"": 1, "m": 60, "h": 3600, "d": 86400}
)

// interval checks that Keep can read an interval and that the database can hold it.
func (i *item) interval(v *document.Value, key string) {
	const units = "mhd"
	digits := strings.TrimRight(v.Text, units)
	unit := v.Text[len(digits):]
	digits = strings.ReplaceAll(strings.TrimSpace(digits), "_", "")
	seconds, err := strconv.ParseInt(digits, 10, 64)
	limit := math.MaxInt32 / max(1, unitSeconds[unit])
	switch readable := v.Integer() || v.Kind == document.Text && intervalPattern.MatchString(v.Text); {
	case !readable:
		i.fail(at(v, key, CodeValue, "Keep cannot read this interval", intervalHint))
	case err != nil || seconds > limit || seconds < -limit: // digits, so too many of them
		i.fail(at(v, key, CodeValue, "this interval is larger than can be stored", intervalHint))
	}
}
