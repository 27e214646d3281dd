// Package activate asks a running Keep for what it alone can do: install webhooks in outside systems and validate scopes.
//
// What must be done is found in the database, and what became of it is recorded there, because Keep does not remember it. Calls
// are made one at a time, each under the lock of the tenant: Keep writes some secrets back when it is done, and a run of up
// in between would be undone.
package activate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/migrate"
	"keep-bootstrap/internal/postgres"
	sqlfiles "keep-bootstrap/sql"
)

// State is what became of one provider.
type State string

// States. Those of a webhook are recorded, except Waiting and Unchanged; scopes have the second group, Failed, Unknown and Waiting.
const (
	Installed   State = "installed"   // Keep says that the webhook is there
	Accepted    State = "accepted"    // Keep says so for this type even if it is not
	Unchanged   State = "unchanged"   // an earlier call has sent the same
	Unsupported State = "unsupported" // this Keep has no webhook for the type
	Refused     State = "refused"     // the outside system refused, or could not be reached
	Failed      State = "failed"      // Keep failed for this provider
	Unknown     State = "unknown"     // Keep did not answer in time and may still be working on it
	Waiting     State = "waiting"     // not tried, because the run stopped before

	Valid   State = "valid"   // every scope is there
	Invalid State = "invalid" // at least one is not, or could not be checked
	Skipped State = "skipped" // not checked, because a check does something in the outside system
)

// Result is what became of one provider. Text is Keep's, without secrets.
type Result struct {
	ID, Name, Type string
	State          State
	Text           string
	Hint           string // what the operator should know
	Outside        string // what Keep installs in the outside system
	// Scopes has the text of each scope, "" for one that exists; nil in the result of a webhook.
	Scopes map[string]string
}

// Run activates the providers of one tenant. Close ends it.
type Run struct {
	// Session connects as a role that may become the owner of schema bootstrap.
	postgres.Session
	Wait    postgres.Wait
	Log     *slog.Logger
	Tenant  string
	Version string // of this program

	KeepURL       *url.URL
	Key           string        // of role admin; without one, a managed key of that role is read from the database
	Timeout       time.Duration // of one call
	AllowLocalURL bool
	// Scopes names the providers whose scopes are validated. AllScopes stands for all but those where that does something in the
	// outside system.
	Scopes []string
	// Address is called with the address that Keep gives to outside systems, before the first call.
	Address func(string)
	// Each is called with each result, as soon as it is known.
	Each func(Result)

	// What the database holds; see read.
	webhooks   []db.WebhooksRow
	webhookKey db.WebhookKeyRow
	admins     []db.AdminKeysRow
	managed    []db.ManagedProvidersRow
	consuming  []db.ConsumersRow

	// unanswered counts the calls of this run that Keep did not answer.
	unanswered int
}

// mostUnanswered is how many calls Keep may leave unanswered before the run stops: each holds a thread and a database connection
// of one of its workers, and about twenty make that worker useless.
const mostUnanswered = 3

// Do asks Keep for each webhook that the database says is wanted and not there. Safe to repeat: what was answered with
// success is not asked for again until type, authentication, address or webhook key change. Two runs at once follow one another,
// provider by provider. If nothing wants a webhook, Keep is not called at all.
//
// With Scopes, Keep also validates the scopes of these providers, and stores the answers in validatedScopes. They are not recorded:
// every run validates them again.
//
// Writes: the API key named webhook and its secret, if they do not exist, as Keep would; and the record of each call in schema
// bootstrap. A call that was answered stays recorded if a later one fails.
//
// Errors stop the run: those of the database; CodeKeepAway, CodeKeepRefused, CodeWebhookKey; CodeIncomplete when too many calls were
// not answered. Providers that were not tried are reported as Waiting.
func (r *Run) Do(ctx context.Context) error {
	if err := r.Wait.For(ctx, r.read); err != nil {
		return err
	}
	scopes, err := r.chosen()
	if err != nil || len(r.webhooks)+len(scopes) == 0 {
		return err
	}
	address := ""
	if err = r.connectKeep(ctx); err == nil && len(r.webhooks) > 0 {
		address, err = r.prepare(ctx)
	}
	var pending []Result
	for _, w := range r.webhooks {
		result := Result{ID: w.ObjectID, Name: w.Name, Type: w.Type, State: Waiting}
		if w.IsRecorded && w.Url != nil && (err != nil || *w.Url == address) {
			result.State = Unchanged
			r.Each(result)
		} else {
			pending = append(pending, result)
		}
	}
	if err == nil && len(pending) > 0 && isLocal(address) && !r.AllowLocalURL {
		err = refused("Keep gives outside systems an address that they cannot reach: "+shownAddress(address),
			"set KEEP_API_URL of Keep to its public address and restart it; --allow-local-url installs webhooks with this one")
	}
	for _, result := range append(pending, scopes...) {
		if err == nil && result.State == Waiting {
			err = r.ask(ctx, &result, address)
		}
		r.Each(result)
	}
	return err
}

// ask asks Keep about one provider, under the lock of the tenant: Keep loads the provider for it, and may write its secret
// back. Its errors stop the run: those of the call, that Keep has failed as a whole, and that it left too many calls
// unanswered.
func (r *Run) ask(ctx context.Context, result *Result, address string) error {
	err := r.locked(ctx, func(queries *db.Queries) error {
		provider := db.SecretOfParams{TenantID: r.Tenant, ProviderType: result.Type, ObjectID: result.ID}
		rows, err := queries.SecretOf(ctx, provider)
		if err != nil {
			return err
		}
		if result.Scopes != nil {
			r.Log.Info("validating scopes", "provider", result.Name, "type", result.Type, "timeout", r.Timeout.String())
			err = r.callScopes(ctx, result)
		} else {
			err = r.install(ctx, queries, result, address)
		}
		secrets := []string{r.Key}
		for _, row := range rows {
			secrets = append(secrets, secretsOf(row)...)
		}
		result.Text = redact(result.Text, secrets)
		for scope, text := range result.Scopes {
			result.Scopes[scope] = redact(text, secrets)
		}
		return err
	})
	if err != nil {
		return err
	}
	switch result.State {
	case Failed:
		return r.ready(ctx) // or it is not about this provider
	case Unknown:
		if r.unanswered++; r.unanswered >= mostUnanswered {
			return postgres.New(postgres.CodeIncomplete,
				fmt.Sprintf("Keep left %d calls unanswered: the run stops before it uses up the workers of Keep", r.unanswered),
				"find out which outside system hangs (Keep's log names it), then run activate again")
		}
	}
	return nil
}

// read reads from the database what must be done.
func (r *Run) read(ctx context.Context) error {
	conn, err := r.Connection(ctx)
	if err != nil {
		return err
	}
	return migrate.Query(ctx, conn, func(batch *pgx.Batch) {
		batch.Queue(db.RequireTables)
		batch.Queue(db.Webhooks, r.Tenant, nil).Query(postgres.All(&r.webhooks))
		batch.Queue(db.WebhookKey, r.Tenant).Query(postgres.One(&r.webhookKey))
		batch.Queue(db.AdminKeys, r.Tenant).Query(postgres.All(&r.admins))
		batch.Queue(db.ManagedProviders, r.Tenant).Query(postgres.All(&r.managed))
		batch.Queue(db.Consumers, r.Tenant).Query(postgres.All(&r.consuming))
	})
}

// connectKeep waits for Keep and checks that it is the one of the tenant. Call read first.
func (r *Run) connectKeep(ctx context.Context) error {
	if r.Key == "" {
		if len(r.admins) == 0 {
			return postgres.Usage("no API key given, and the database has no managed key of role admin",
				"give one with --api-key-file or KEEP_API_KEY, "+
					"or let keep-bootstrap up create it: KEEP_DEFAULT_API_KEYS=NAME:admin:SECRET")
		}
		r.Key = r.admins[0].Value
		r.Log.Info("using a managed API key", "name", r.admins[0].Name)
	}
	return r.Wait.For(ctx, r.ready)
}

// prepare makes sure that the key of outside systems works, and returns the address that they are given, which is
// KEEP_API_URL of Keep.
func (r *Run) prepare(ctx context.Context) (address string, err error) {
	if r.webhookKey.State == "missing" {
		if err := r.seedKey(ctx); err != nil {
			return "", err
		}
	}
	if check := KeyCheck(r.Tenant, r.webhookKey.State); !*check.Ok { // Keep itself does not notice: it answers 200
		return "", postgres.New(postgres.CodeWebhookKey, check.Detail, *check.Hint)
	}
	var settings struct {
		WebhookAPI string `json:"webhookApi"`
		APIKey     string `json:"apiKey"`
	}
	if err := r.get(ctx, "/settings/webhook", &settings); err != nil {
		return "", err
	}
	if settings.WebhookAPI == "" {
		return "", refused("Keep does not report the address of its webhooks", checkVersion)
	}
	if hash := sha256.Sum256([]byte(settings.APIKey)); hex.EncodeToString(hash[:]) != r.webhookKey.KeyHash {
		return "", postgres.New(postgres.CodeWebhookKey, "Keep gives outside systems another key than this database holds",
			"run Keep with this database and with SECRET_MANAGER_TYPE=DB")
	}
	address = strings.TrimSuffix(settings.WebhookAPI, "/alerts/event")
	r.Address(shownAddress(address))
	for _, warning := range []struct {
		is   bool
		text string
	}{
		{isLocal(address), "it is local: outside systems cannot reach it"},
		{strings.HasSuffix(address, "/"), "it ends in a slash, and Keep appends /alerts/event to it"},
		{strings.HasPrefix(address, "http://"), "it is not https: outside systems send the key of their webhooks unencrypted"},
	} {
		if warning.is {
			r.Log.Warn("address for outside systems", "address", shownAddress(address), "problem", warning.text)
		}
	}
	return address, nil
}

// seedKey creates the key that Keep gives to outside systems: Keep would, in two steps that another call may disturb. If
// Keep does so at the same time, its key is taken.
func (r *Run) seedKey(ctx context.Context) error {
	err := r.locked(ctx, func(queries *db.Queries) error {
		written, err := queries.SeedWebhookKey(ctx, r.Tenant)
		if err == nil && written != 1 {
			err = postgres.New("KB041", "a trigger or rule discarded a row of table tenantapikey",
				"remove it, then run activate again")
		}
		return err
	})
	if err != nil && !postgres.Is(err, pgerrcode.UniqueViolation) {
		return fmt.Errorf("creating the API key webhook: %w", err)
	}
	if err == nil {
		r.Log.Info("API key created", "name", "webhook")
	}
	return r.read(ctx)
}

// KeyCheck is what the state of the API key webhook (see db.WebhookKey) means, as a check of verify.
func KeyCheck(tenant, state string) db.CheckResult {
	var detail string
	ok, hint := false, `rotate the key webhook in Keep's settings, or with PUT /settings/apikey {"apiKeyId": "webhook"}; `+
		"then run activate again, which gives every outside system the new key"
	switch state {
	case "differs":
		detail = "the API key webhook is broken: its row in table tenantapikey and its secret do not match, " +
			"so Keep refuses the alerts of every webhook"
	case "unread":
		detail = "the API key webhook is broken: its secret is missing, so Keep installs no webhook"
	case "deleted":
		detail = "the API key webhook is marked deleted, so Keep refuses the alerts of every webhook"
		hint = "delete its row, and run activate again, which creates a new key: DELETE FROM tenantapikey WHERE tenant_id = '" +
			strings.ReplaceAll(tenant, "'", "''") + "' AND reference_id = 'webhook' AND is_deleted"
	case "role":
		detail = "the API key webhook has a role that may not send alerts, so Keep refuses the alerts of every webhook"
		hint = "give it the role webhook"
	case "taken":
		detail = "the secret of the API key webhook belongs to an API key of another tenant"
		hint = "rename that key: the secrets of both keys have the same name, made of tenant id and key name"
	case "missing":
		ok, detail = true, "there is no API key webhook yet; the first webhook creates it"
	default:
		ok, detail = true, "the API key webhook, which outside systems have, works"
	}
	check := db.CheckResult{Name: "webhook_key", Ok: &ok, Detail: detail}
	if !ok {
		check.Hint = &hint
	}
	return check
}

// install asks for the webhook of one provider and records the answer, in the transaction that holds the lock of the tenant.
// A provider that is gone, or that another run has activated in the meantime, is not asked for.
func (r *Run) install(ctx context.Context, queries *db.Queries, result *Result, address string) error {
	now, err := queries.Webhooks(ctx, db.WebhooksParams{TenantID: r.Tenant, ObjectID: &result.ID})
	if err != nil {
		return err
	}
	if len(now) == 0 || now[0].IsRecorded && now[0].Url != nil && *now[0].Url == address {
		result.State = Unchanged
		return nil
	}
	r.Log.Info("installing webhook", "provider", result.Name, "type", result.Type, "timeout", r.Timeout.String())
	if err := r.callWebhook(ctx, result); err != nil {
		return err
	}
	known := peculiarities[result.Type]
	result.Outside = Outside(r.Tenant, result.Type, result.ID)
	switch result.State {
	case Installed:
		if known.swallows != "" {
			result.State, result.Hint = Accepted, known.swallows+": look in the outside system"
		}
		if now[0].Answer != nil && known.again != "" {
			result.Hint = strings.TrimPrefix(result.Hint+"; "+known.again, "; ")
		}
	case Refused:
		result.Hint = known.again
	case Unknown:
		result.Hint = "Keep may still be working on it; the next run asks again"
	}
	_, err = queries.RecordWebhook(ctx, db.RecordWebhookParams{
		Answer: string(result.State), Url: address, TenantID: r.Tenant, ObjectID: result.ID,
	})
	if err == nil && (result.State == Installed || result.State == Accepted) {
		_, err = queries.SealWebhook(ctx, db.SealWebhookParams{TenantID: r.Tenant, ObjectID: result.ID})
	}
	if err != nil {
		return fmt.Errorf("provider %q: the answer %s could not be recorded: %w", result.Name, result.State, err)
	}
	return nil
}

// locked does something in a transaction that holds the lock of the tenant, as the owner of the schema. An up with something to do
// waits for it, at most 60 s. Waits longer than one call of another activate takes.
func (r *Run) locked(ctx context.Context, do func(*db.Queries) error) error {
	conn, err := r.Connection(ctx)
	if err != nil {
		return err
	}
	wait := fmt.Sprint((r.Timeout + time.Minute).Milliseconds())
	err = pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, func(tx pgx.Tx) error {
		batch := &pgx.Batch{}
		batch.Queue(postgres.Settings)
		batch.Queue(sqlfiles.Guard)
		for _, setting := range []string{"lock_timeout", "idle_in_transaction_session_timeout"} {
			batch.Queue("SELECT pg_catalog.set_config($1, $2, true)", setting, wait)
		}
		batch.Queue(db.RequireTables)
		batch.Queue(db.LockTenant, r.Tenant)
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return err
		}
		return do(db.New(tx))
	})
	return postgres.Interrupted(ctx, err)
}
