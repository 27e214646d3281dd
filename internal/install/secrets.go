package install

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/postgres"
	"keep-bootstrap/internal/secretstore"
	sqlfiles "keep-bootstrap/sql"
)

// What becomes of a secret that Keep's rows name.
const (
	SecretAdd       = "add"
	SecretUpdate    = "update"
	SecretKeep      = "keep" // differs from the store, and stays
	SecretUnchanged = "unchanged"
	SecretMissing   = "missing" // neither in the store nor in the database
	SecretRefuse    = "refuse"
	SecretUnused    = "unused" // in the store, and no row names it
	secretAbsent    = "absent" // missing, and optional
)

// SecretImport is how secrets are copied from another store.
type SecretImport struct {
	// Read returns what the store has of some keys. It is called once, outside of any transaction.
	Read func(ctx context.Context, tenant string, keys []string) (secretstore.Contents, error)
	// Refresh overwrites rows of table secret that differ from the store.
	Refresh bool
	// DryRun rolls the transaction back.
	DryRun bool
}

// ImportSecrets copies the secrets that Keep's rows name from another store into table secret, in one transaction, and
// returns what became of each. A row that exists is overwritten only with Refresh. What cannot be copied is left out
// and returned with action missing or refuse; the rest is copied. What no row names is returned with action unused, and
// only its name. Safe to repeat: existing rows are not written again.
//
// Errors: KB010 to KB014 and KB027 (69 or 78) if Keep's tables do not fit, KB041 (78), 42501 (77) unless the role may become the
// owner of Keep's tables, 55P03 (75), exit code 69 or 78 when schema bootstrap is missing or old, and those of Read.
func (r *Run) ImportSecrets(ctx context.Context, from SecretImport) ([]db.FoundSecretsRow, error) {
	wanted, err := r.secrets(ctx, SecretImport{DryRun: true}, nil)
	if err != nil {
		return nil, fmt.Errorf("reading which secrets Keep needs: %w", err)
	}
	var keys []string
	for i := range wanted {
		keys = append(keys, wanted[i].Key)
	}
	slices.Sort(keys)
	store, err := from.Read(ctx, r.Tenant, slices.Compact(keys))
	if err != nil {
		return nil, err
	}
	found, err := r.secrets(ctx, from, stagedSecrets(store.Entries))
	if err != nil {
		return nil, fmt.Errorf("copying the secrets: %w", err)
	}
	found = slices.DeleteFunc(found, func(s db.FoundSecretsRow) bool { return s.Action == secretAbsent })
	for _, name := range store.Unused {
		found = append(found, db.FoundSecretsRow{Action: SecretUnused, Name: name, Reason: "no row of Keep references it"})
	}
	return found, nil
}

// stagedSecrets are the rows of staging: a value, or the reason why there is none.
func stagedSecrets(entries []secretstore.Entry) []db.StageParams {
	rows := make([]db.StageParams, len(entries))
	for i := range entries {
		e := &entries[i]
		rows[i] = db.StageParams{Kind: "secret", Position: int32(i + 1), Name: &e.Key}
		if e.Problem != "" {
			rows[i].Options = &e.Problem
		} else {
			rows[i].Content = &e.Value
		}
	}
	return rows
}

// secretSettings make the statements independent of the settings of the role, and of wrong estimates.
const secretSettings = `SELECT pg_catalog.set_config('row_security', 'off', true),
	pg_catalog.set_config('enable_nestloop', 'off', true), pg_catalog.set_config('jit', 'off', true)`

// secrets finds the secrets that Keep's rows name, and writes what is staged of them.
func (r *Run) secrets(ctx context.Context, from SecretImport, staged []db.StageParams) (found []db.FoundSecretsRow, err error) {
	_, err = r.retry(ctx, transaction{
		dry: from.DryRun, stage: staged,
		queue: func(batch *pgx.Batch) {
			batch.Queue(secretSettings)
			batch.Queue(db.RequireKeepSecrets)
			batch.Queue(db.LockTenant, r.Tenant)
			if from.Refresh {
				batch.Queue(db.LockSecrets)
			}
			batch.Queue(db.FindSecrets, r.Tenant, from.Refresh)
			if len(staged) > 0 {
				batch.Queue(sqlfiles.WriteSecrets)
			}
			batch.Queue(db.FoundSecrets).Query(postgres.All(&found))
			batch.Queue(db.ClearWork)
			batch.Queue(db.ClearStaging)
		},
	})
	return found, err
}
