package activate

import (
	"fmt"
	"slices"
	"strings"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/postgres"
)

// AllScopes means all managed providers.
const AllScopes = "*"

// withoutScopes are the types for which Keep has nothing to validate.
var withoutScopes = strings.Fields(`airflow aks auth0 axiom bash cilium console deepseek flashduty gemini github github_workflows gitlabpipelines
	grok http keep linear litellm llamacpp mailgun mattermost mock netxms ollama openai parseable pushover python quickchart resend salesforce
	slack snowflake telegram trello vectordev vllm websocket zendesk zenduty`)

// sideEffects are what validating the scopes of a type does in the outside system.
var sideEffects = map[string]string{
	"datadog":   "creates and deletes a monitor, and leaves a webhook",
	"dynatrace": "posts a setting to be validated",
	"sendgrid":  "sends a mail to the sender",
	"signl4":    "raises an alert",
	"twilio":    "sends a message to a test number",
}

// chosen are the providers whose scopes must be validated, as results that are not known yet. A type without scopes is left
// out, unless it is named.
func (r *Run) chosen() (results []Result, err error) {
	var unknown []string
	for _, name := range r.Scopes {
		isManaged := slices.ContainsFunc(r.managed, func(p db.ManagedProvidersRow) bool { return p.Name == name })
		if name != AllScopes && !isManaged {
			unknown = append(unknown, fmt.Sprintf("%q", name))
		}
	}
	if len(unknown) > 0 {
		return nil, postgres.Usage("--scopes: not a managed provider: "+strings.Join(unknown, ", "),
			"run keep-bootstrap status to list them")
	}
	all := slices.Contains(r.Scopes, AllScopes)
	for _, p := range r.managed {
		named := slices.Contains(r.Scopes, p.Name)
		if !named && (!all || slices.Contains(withoutScopes, p.Type)) {
			continue
		}
		result := Result{ID: p.ObjectID, Name: p.Name, Type: p.Type, State: Waiting, Scopes: map[string]string{}}
		if effect := sideEffects[p.Type]; effect != "" && !named {
			result.State, result.Hint = Skipped, "a check "+effect+": --scopes="+p.Name+" runs it"
		}
		results = append(results, result)
	}
	return results, nil
}
