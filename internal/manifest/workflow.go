package manifest

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"keep-bootstrap/internal/document"
	"keep-bootstrap/internal/pyyaml"
)

// workflowKeys are the keys of a workflow that Keep knows. It accepts others, so only misspellings of these are reported.
var workflowKeys = []string{
	"id", "name", "description", "disabled", "interval", "triggers", "steps", "actions", "on-failure", "owners", "tags", "services",
	"consts", "inputs", "permissions", "providers", "strategy", "debug",
}

// wrappers are the keys that may contain a workflow; the first one counts.
var wrappers = []string{"workflow", "alert"}

// readWorkflow reads one workflow: a whole file, or an entry of a list.
func readWorkflow(i *item, v *document.Value) {
	if !i.object(v) {
		return
	}
	i.check(v, document.Workflow, "name")
	body := v
	if w := slices.IndexFunc(wrappers, v.Has); w >= 0 {
		key := wrappers[w]
		if body = v.Member(key); !i.is(document.Object, body, key, "write `id:`, `triggers:`, `actions:` below it") {
			return
		}
	}
	raw := pyyaml.Dump(v) // before anything is put as Keep reads it
	i.workflowName(v, body)
	if !slices.ContainsFunc(bodyKeys, body.Has) {
		i.fail(at(v, "", CodeMissing, "not a workflow: it has no triggers, steps or actions", "write `triggers:` and `actions:`; or is this another kind of file?"))
	}
	for m := range body.Members {
		key, value := &body.Members[m].Key, &body.Members[m].Value
		if key.Kind != document.Text {
			continue
		}
		switch key.Text {
		case "description":
			i.optional(value, key.Text, math.MaxInt)
		case "interval":
			i.interval(value, "interval")
		case "triggers":
			i.triggers(value)
		case "disabled":
			i.disabled(value)
		case "steps", "actions":
			i.steps(value)
		case "on-failure":
			i.stepProvider(value.Member("provider"))
		default:
			if meant := document.Similar(key.Text, workflowKeys); len(key.Text) > 2 && meant != "" && meant != key.Text {
				i.warn(at(key, key.Text, CodeUnknownKey, "Keep does not know the key "+document.Quote(key.Text)+" of a workflow", "did you mean `"+meant+"`?"))
			}
		}
	}
	i.add(v, object(member("definition", *body), member("raw", text(raw)), i.source.provisionedFile()))
}

// workflowName finds the name: the one that is given, or the id.
func (i *item) workflowName(whole, body *document.Value) {
	key := "name"
	v := body.Member(key)
	if v == nil || v.Empty() {
		key = "id"
		v = body.Member(key)
	}
	if v == nil || v.Empty() {
		i.fail(at(whole, "", CodeMissing, "a workflow without a name or id", "add `id:` and `name:`; Keep skips such a workflow"))
	} else if i.named(whole, v, key, MaxName) {
		i.take(v, key)
	}
}

// disabled sets what Keep reads: a boolean, or the text true in any case.
func (i *item) disabled(v *document.Value) {
	disabled := v.Kind != document.Number && strings.EqualFold(v.Text, "true")
	if v.Kind != document.Boolean && v.Kind != document.Null && !v.IsText("true") && !v.IsText("false") {
		message := "Keep accepts only true for disabled: this workflow will run"
		if disabled {
			message = "Keep reads this as true: the workflow never runs"
		}
		i.suspect(at(v, "disabled", CodeValue, message, "write disabled: true or disabled: false"))
	}
	*v = boolean(disabled)
}

func (i *item) triggers(v *document.Value) {
	if !i.is(document.List, v, "triggers", "write `- type: alert` below it") {
		return
	}
	for m := range v.Members {
		trigger := &v.Members[m].Value
		if trigger.Kind != document.Object {
			i.fail(at(trigger, "", CodeKind, "expected a trigger, an object, not "+trigger.Kind.String(), "write `- type: alert`"))
			continue
		}
		i.trigger(trigger)
	}
}

// triggerTypes are those that Keep fires.
var triggerTypes = []string{"alert", "incident", "interval", "manual"}

func (i *item) trigger(v *document.Value) {
	named, value := v.Member("type"), v.Member("value")
	hint := "write one of " + strings.Join(triggerTypes, ", ")
	switch {
	case named == nil:
		i.suspect(at(v, "", CodeMissing, "a trigger without a type: Keep never fires it", hint))
	case named.Kind != document.Text || !slices.Contains(triggerTypes, named.Text):
		f := at(named, "type", CodeValue, "unknown trigger type "+document.Quote(named.AsWritten())+": it never fires", hint)
		near := document.Similar(named.AsWritten(), triggerTypes)
		if slices.Contains([]string{"cron", "schedule", "timer"}, strings.ToLower(named.Text)) {
			near = "interval"
		}
		if near != "" {
			f.Message = "unknown trigger type " + strings.Trim(document.Quote(named.AsWritten()), `"`) + ": did you mean " + near + "?"
		}
		i.suspect(f)
	case named.Text == "interval" && (value == nil || value.Empty()):
		i.suspect(at(v, "", CodeMissing, "an interval trigger without a value: Keep never fires it", intervalHint))
	case named.Text == "interval":
		i.interval(value, "value")
	}
}

// steps checks what Keep needs to parse the providers of steps or actions.
func (i *item) steps(v *document.Value) {
	for m := range v.Members {
		if step := &v.Members[m].Value; v.Kind == document.List && step.Kind == document.Object {
			i.stepProvider(step.Member("provider"))
		}
	}
}

func (i *item) stepProvider(v *document.Value) {
	const hint = "write provider: {type: ..., config: \"{{ providers.NAME }}\", with: {...}}"
	switch {
	case v == nil || v.Kind == document.Null:
		return
	case v.Kind != document.Object:
		i.suspect(at(v, "provider", CodeKind, "Keep cannot parse a provider that is "+v.Kind.String(), hint))
		return
	case !v.Has("type"):
		i.suspect(at(v, "provider", CodeMissing, "Keep cannot parse a provider without a type", hint))
	}
	// For Keep, the name is what follows the only dot.
	if c := v.Member("config"); c != nil && c.Kind == document.Text && c.Text != "" && (strings.Count(c.Text, ".") != 1 || strings.Contains(c.Text, "[")) {
		i.suspect(at(c, "config", CodeValue, "Keep cannot find the provider that config names", "write config: \"{{ providers.NAME }}\""))
	}
}

// Intervals as Keep reads them: whole seconds, or a number of minutes, hours or days. The JSON Schema has the same form.
const (
	IntervalPattern = `^([0-9]+|\s*[+-]?[0-9]+(_[0-9]+)*\s*[mhd])$`
	intervalHint    = `write a number of seconds, or a form such as 10m, 1h or 1d`
)

var (
	intervalPattern = document.Pattern(IntervalPattern)
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
	switch readable := v.Integer() || v.Kind == document.Text && intervalPattern().MatchString(v.Text); {
	case !readable:
		i.fail(at(v, key, CodeValue, "Keep cannot read this interval", intervalHint))
	case err != nil || seconds > limit || seconds < -limit: // digits, so too many of them
		i.fail(at(v, key, CodeValue, "this interval is too large to store", intervalHint))
	}
}
