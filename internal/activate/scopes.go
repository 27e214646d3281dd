package activate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

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

// chosen are the providers whose scopes must be validated. A type without scopes is left out, unless it is named.
func (r *Run) chosen() ([]db.ManagedProvidersRow, error) {
	var unknown []string
	for _, name := range r.Scopes {
		if name != AllScopes && !slices.ContainsFunc(r.state.managed, func(p db.ManagedProvidersRow) bool { return p.Name == name }) {
			unknown = append(unknown, fmt.Sprintf("%q", name))
		}
	}
	if len(unknown) > 0 {
		return nil, postgres.Usage("--scopes: not a managed provider: "+strings.Join(unknown, ", "), "run keep-bootstrap status to list them")
	}
	var chosen []db.ManagedProvidersRow
	for _, p := range r.state.managed {
		if slices.Contains(r.Scopes, p.Name) || slices.Contains(r.Scopes, AllScopes) && !slices.Contains(withoutScopes, p.Type) {
			chosen = append(chosen, p)
		}
	}
	return chosen, nil
}

// scopes validates the scopes of these providers, one at a time, unless an error has stopped the run, or stops it.
func (r *Run) scopes(ctx context.Context, chosen []db.ManagedProvidersRow, err error) error {
	for _, p := range chosen {
		result := Result{ID: p.ObjectID, Name: p.Name, Type: p.Type, State: Waiting, Scopes: map[string]string{}}
		effect := sideEffects[p.Type]
		switch {
		case effect != "" && !slices.Contains(r.Scopes, p.Name):
			result.State, result.Hint = Skipped, "a check "+effect+": --scopes="+p.Name+" runs it"
		case err == nil:
			result, err = r.validate(ctx, p)
		}
		r.Each(result)
	}
	return err
}

// validate asks Keep to validate the scopes of a provider, under the lock of the tenant: to do that, Keep loads the provider, and may
// write its secret back.
func (r *Run) validate(ctx context.Context, p db.ManagedProvidersRow) (Result, error) {
	result := Result{ID: p.ObjectID, Name: p.Name, Type: p.Type, State: Waiting, Scopes: map[string]string{}}
	err := r.about(ctx, &result, func(queries *db.Queries) error {
		secrets, err := r.secrets(ctx, queries, p.Type, p.ObjectID)
		if err != nil {
			return err
		}
		r.Log.Info("validating scopes", "provider", p.Name, "type", p.Type, "timeout", r.Timeout.String())
		var text string
		if result.State, result.Scopes, text, err = r.keep.scopes(ctx, p.ObjectID, r.Timeout); err != nil {
			return err
		}
		for scope, text := range result.Scopes {
			result.Scopes[scope] = redact(text, secrets)
		}
		result.Text = redact(text, secrets)
		return nil
	})
	return result, err
}

// scopes asks Keep to validate the scopes of a provider. An answer 200 says only that it was tried. Safe to repeat, except for the types
// of sideEffects. The texts are Keep's and may hold secrets.
func (c *Client) scopes(ctx context.Context, id string, limit time.Duration) (state State, scopes map[string]string, text string, err error) {
	scopes = map[string]string{} // never nil: a result with one is about scopes
	a, err := c.call(ctx, http.MethodPost, "/providers/"+url.PathEscape(id)+"/scopes", limit)
	switch {
	case errors.Is(err, errNoAnswer):
		return Unknown, scopes, "", nil
	case err != nil:
		return Waiting, scopes, "", err
	case a.status != http.StatusOK:
		return Failed, scopes, fmt.Sprintf("status %d: %s", a.status, detail(a.body)), nil
	}
	var answers map[string]json.RawMessage
	if json.Unmarshal(a.body, &answers) != nil {
		return Waiting, scopes, "", c.notKeep()
	}
	state = Valid
	for scope, value := range answers {
		scopes[scope] = ""
		if string(value) != "true" {
			state = Invalid
			if scopes[scope] = field(a.body, scope); scopes[scope] == "" {
				scopes[scope] = "no"
			}
		}
	}
	return state, scopes, "", nil
}
