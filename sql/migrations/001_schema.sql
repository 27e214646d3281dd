-- 001_schema: the tables of schema bootstrap. Needs the empty schema and nothing else.
--
-- No object here depends on a table of Keep (no foreign key, view, column type or trigger): Keep's own migrations keep
-- working as if this schema did not exist, and this one can be installed before Keep's tables exist.
-- Locks: none on existing objects.

CREATE TABLE bootstrap.setting (
    singleton         boolean NOT NULL DEFAULT true,
    digest_key        bytea   NOT NULL DEFAULT pg_catalog.decode(
        pg_catalog.replace(pg_catalog.gen_random_uuid()::text || pg_catalog.gen_random_uuid()::text, '-', ''), 'hex'),
    journal_runs_kept integer NOT NULL DEFAULT 1000,
    breaking_version  integer NOT NULL DEFAULT 0,
    parts             jsonb   NOT NULL DEFAULT '{}', -- what verify compares: schema_part when it was installed
    CONSTRAINT setting_pkey PRIMARY KEY (singleton),
    CONSTRAINT setting_one_row CHECK (singleton),
    CONSTRAINT setting_journal_runs_kept_positive CHECK (journal_runs_kept > 0)
);
COMMENT ON TABLE bootstrap.setting IS 'Settings of this installation: one row. Only the owner reads it.';
COMMENT ON COLUMN bootstrap.setting.digest_key IS
'Random key of all digests. Without it, a digest reveals nothing about the secret that it was made from.';
COMMENT ON COLUMN bootstrap.setting.journal_runs_kept IS 'Runs per tenant that the journal keeps.';
COMMENT ON COLUMN bootstrap.setting.breaking_version IS
'Newest migration that a program must know to work on this database; older programs refuse.';

INSERT INTO bootstrap.setting DEFAULT VALUES;

CREATE TABLE bootstrap.provider_type (
    type        text    NOT NULL,
    installable boolean NOT NULL,
    consumer    boolean NOT NULL,
    webhook     boolean NOT NULL,
    required    text[]  NOT NULL,
    secret      text[]  NOT NULL,
    plain       text[]  NOT NULL,
    one_of      jsonb   NOT NULL,
    CONSTRAINT provider_type_pkey PRIMARY KEY (type)
);
COMMENT ON TABLE bootstrap.provider_type IS
'Catalogue of the provider types of Keep, read from the running application.';
COMMENT ON COLUMN bootstrap.provider_type.installable IS 'False for types that only receive webhooks.';
COMMENT ON COLUMN bootstrap.provider_type.consumer IS
'True for types that Keep consumes from a queue; becomes provider.consumer.';
COMMENT ON COLUMN bootstrap.provider_type.webhook IS
'True for types whose webhook Keep can install in the outside system.';
COMMENT ON COLUMN bootstrap.provider_type.required IS 'Required keys of authentication.';
COMMENT ON COLUMN bootstrap.provider_type.secret IS 'Keys of authentication that hold credentials.';
COMMENT ON COLUMN bootstrap.provider_type.plain IS 'All other keys of authentication: addresses, names, switches.';
COMMENT ON COLUMN bootstrap.provider_type.one_of IS
'Sets of keys of which at least one is required; [] where there is no such rule.';

CREATE UNLOGGED TABLE bootstrap.staging (
    transaction_id xid8    NOT NULL DEFAULT pg_catalog.pg_current_xact_id(),
    kind           text    NOT NULL,
    position       integer NOT NULL,
    name           text,
    type           text,
    content        text,
    options        text
);
CREATE INDEX staging_transaction ON bootstrap.staging (transaction_id, kind, position);
COMMENT ON TABLE bootstrap.staging IS
'The manifest of one transaction, loaded by COPY and removed before COMMIT. Unlogged: it never reaches the write-ahead '
'log.';
COMMENT ON COLUMN bootstrap.staging.transaction_id IS 'Leave it out of the COPY: its default is the only valid value.';
COMMENT ON COLUMN bootstrap.staging.kind IS
'provider, deduplication_rule, workflow, dashboard, mapping_rule, user or api_key; source for the files and variables '
'read; secret for what import-secrets copies.';
COMMENT ON COLUMN bootstrap.staging.position IS
'Position within the kind, from 1. A row at 0 says that the kind is given, even if it is empty.';
COMMENT ON COLUMN bootstrap.staging.type IS 'Provider type; for a deduplication rule, the name of its provider.';
COMMENT ON COLUMN bootstrap.staging.content IS
'JSON text. provider: authentication. workflow and mapping_rule: {definition, ...}. dashboard: its configuration. '
'Others: their fields.';
COMMENT ON COLUMN bootstrap.staging.options IS
'provider: JSON object with id, renamed_from, description, pulling_enabled, prevent_delete, install_webhook; each may '
'be absent.';

CREATE UNLOGGED TABLE bootstrap.manifest_staging (
    transaction_id xid8   NOT NULL DEFAULT pg_catalog.pg_current_xact_id(),
    line_number    bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    line           text
);
CREATE INDEX manifest_staging_transaction ON bootstrap.manifest_staging (transaction_id, line_number);
COMMENT ON TABLE bootstrap.manifest_staging IS
'A JSON manifest as text, for COPY by psql (column line), as docs/psql.md shows it: in text format, a tab is '
'an error that quotes the line.';

CREATE TABLE bootstrap.object (
    tenant_id       text    NOT NULL,
    kind            text    NOT NULL,
    object_id       text    NOT NULL,
    name            text    NOT NULL,
    type            text,
    keys            text[]  NOT NULL,
    digest          bytea   NOT NULL,
    prevent_delete  boolean NOT NULL,
    install_webhook boolean NOT NULL,
    run_id          bigint  NOT NULL,
    webhook_answer  text,
    webhook_at      timestamptz,
    webhook_url     text,
    webhook_digest  bytea,
    CONSTRAINT object_pkey PRIMARY KEY (tenant_id, kind, object_id)
);
COMMENT ON TABLE bootstrap.object IS
'Every managed object: installed or adopted by this software. One row per object, of every kind.';
COMMENT ON COLUMN bootstrap.object.object_id IS 'id of the row in Keep''s table; reference_id of an API key.';
COMMENT ON COLUMN bootstrap.object.name IS 'Name that the last run gave to it.';
COMMENT ON COLUMN bootstrap.object.type IS 'Type of a provider; for a deduplication rule, the name of its provider.';
COMMENT ON COLUMN bootstrap.object.keys IS
'Keys of authentication that the manifest gave, and :description or :pulling_enabled if it gave them. Others are not '
'compared. For a key that Keep may rewrite also a colon, its mark of 64 digits, and its name (wanted_provider).';
COMMENT ON COLUMN bootstrap.object.digest IS
'Keyed digest of these fields as the last run left them. A row that no longer has it was changed outside of '
'keep-bootstrap.';
COMMENT ON COLUMN bootstrap.object.run_id IS 'Last run that wrote it.';
COMMENT ON COLUMN bootstrap.object.webhook_answer IS
'Of the last call for its webhook: installed, accepted, refused, failed, unsupported or unknown.';
COMMENT ON COLUMN bootstrap.object.webhook_url IS 'Address of Keep that was sent to the outside system.';
COMMENT ON COLUMN bootstrap.object.webhook_digest IS
'webhook.digest as of the last call if it was answered with installed or accepted; NULL after any other answer.';

CREATE UNLOGGED TABLE bootstrap.work (
    -- What the manifest wants; NULL for a live row that it does not have.
    kind            text NOT NULL,
    position        integer,
    name            text,
    type            text,
    wanted          jsonb,
    digest          bytea,
    keys            text[],
    wanted_id       text,
    wanted_guard    boolean,
    wanted_webhook  boolean,
    renamed_from    text[],
    -- The live row; NULL for what is new. live_name alone is NULL when the row of a managed object is missing.
    object_id       text,
    live_name       text,
    live_type       text,
    live            jsonb,
    extra           jsonb,
    row_version     xid,
    secret_key      text,
    secret_version  xid, -- NULL: there is no row, or it belongs to something else and is left alone
    is_provisioned  boolean,
    is_prunable     boolean,
    is_hidden       boolean,
    -- What is remembered of it; last_name is NULL for what is not managed.
    last_name       text,
    is_drifted      boolean,
    is_remembered   boolean,
    prevent_delete  boolean,
    install_webhook boolean,
    run_id          bigint,
    -- What becomes of the pair.
    match           text,
    fields          text[],
    refusal         text,
    notes           text[],
    transaction_id  xid8,
    sequence        integer,
    action          text,
    new_object_id   text,
    drift           text[],
    reason          text,
    state_only      boolean
);
CREATE INDEX work_transaction ON bootstrap.work (transaction_id, kind, position);
COMMENT ON TABLE bootstrap.work IS
'What a run found to do: pairs of manifest and live row that differ, and what becomes of them. Unlogged, removed '
'before COMMIT.';
COMMENT ON COLUMN bootstrap.work.wanted IS
'The compared fields as the manifest gives them; authentication is one object.';
COMMENT ON COLUMN bootstrap.work.digest IS 'Keyed digest of them, as object.digest will hold it.';
COMMENT ON COLUMN bootstrap.work.live IS 'The same fields of the live row, without keys that Keep added to a secret.';
COMMENT ON COLUMN bootstrap.work.extra IS
'What the live secret holds in addition: kept, unless an address changes. Of an API key, the hash that Keep has of it.';
COMMENT ON COLUMN bootstrap.work.row_version IS
'xmin of the live row: a write fails with KB040 if it has changed.';
COMMENT ON COLUMN bootstrap.work.is_prunable IS 'True when the live row is pruned once the manifest no longer has it.';
COMMENT ON COLUMN bootstrap.work.is_hidden IS
'True when the live row is marked deleted, or, of a missing row, when someone else has its id.';
COMMENT ON COLUMN bootstrap.work.is_remembered IS 'True when what is remembered is what the manifest wants.';
COMMENT ON COLUMN bootstrap.work.match IS
'How the live row was found: name, declared, remembered, detected or deleted.';
COMMENT ON COLUMN bootstrap.work.state_only IS 'True when no row of Keep is written, only rows of schema bootstrap.';

CREATE TABLE bootstrap.tenant (
    tenant_id  text NOT NULL,
    generation bigint,
    last_run   bigint,
    CONSTRAINT tenant_pkey PRIMARY KEY (tenant_id)
);
COMMENT ON TABLE bootstrap.tenant IS
'One row per tenant. A run locks it, so that runs of one tenant follow one another.';
COMMENT ON COLUMN bootstrap.tenant.generation IS 'Highest generation installed; a lower one does nothing.';

CREATE TABLE bootstrap.run (
    run_id            bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    tenant_id         text        NOT NULL,
    outcome           text        NOT NULL,
    started_at        timestamptz NOT NULL,
    finished_at       timestamptz NOT NULL,
    role_name         text        NOT NULL,
    application       text        NOT NULL,
    client_address    text,
    transaction_id    xid8        NOT NULL,
    tool_version      text,
    generation        bigint,
    input_digest      text,
    input_names       text[]      NOT NULL,
    tenant_created    boolean     NOT NULL,
    added             integer     NOT NULL,
    updated           integer     NOT NULL,
    renamed           integer     NOT NULL,
    replaced          integer     NOT NULL,
    pruned            integer     NOT NULL,
    adopted           integer     NOT NULL,
    rules_changed     integer     NOT NULL,
    resources_changed integer     NOT NULL,
    error_code        text,
    error_message     text,
    CONSTRAINT run_pkey PRIMARY KEY (run_id),
    CONSTRAINT run_outcome_known CHECK (outcome IN ('applied', 'failed'))
);
CREATE INDEX run_tenant ON bootstrap.run (tenant_id, outcome, run_id);
COMMENT ON TABLE bootstrap.run IS
'Journal: one row per run that changed something or failed. Holds no secret and no plain digest of one.';
COMMENT ON COLUMN bootstrap.run.outcome IS
'applied, or failed (recorded in a transaction of its own after the rollback).';
COMMENT ON COLUMN bootstrap.run.role_name IS 'session_user of the caller.';
COMMENT ON COLUMN bootstrap.run.transaction_id IS 'pg_xact_status tells whether it committed.';
COMMENT ON COLUMN bootstrap.run.tool_version IS 'Version of the calling program; NULL for a call from psql.';
COMMENT ON COLUMN bootstrap.run.input_digest IS 'Keyed digest of the unresolved input: equal digests mean equal input.';
COMMENT ON COLUMN bootstrap.run.added IS 'Providers added; updated to adopted also count providers.';
COMMENT ON COLUMN bootstrap.run.resources_changed IS
'Changes to users, API keys, workflows, dashboards and mapping rules.';
COMMENT ON COLUMN bootstrap.run.error_message IS 'Message of a KB error; empty for other errors, which can quote data.';

CREATE TABLE bootstrap.change (
    run_id        bigint  NOT NULL,
    sequence      integer NOT NULL,
    tenant_id     text    NOT NULL,
    kind          text    NOT NULL,
    action        text    NOT NULL,
    name          text    NOT NULL,
    previous_name text,
    object_id     text,
    previous_id   text,
    fields        text[]  NOT NULL,
    drift         text[]  NOT NULL,
    reason        text    NOT NULL,
    CONSTRAINT change_pkey PRIMARY KEY (run_id, sequence)
);
COMMENT ON TABLE bootstrap.change IS 'Journal: what each run changed, names and field names only.';
COMMENT ON COLUMN bootstrap.change.drift IS 'Fields changed outside of keep-bootstrap that the run changed back.';

CREATE TYPE bootstrap.error AS (
    state text, message text, detail text, hint text, table_name text, constraint_name text, context text
);
COMMENT ON TYPE bootstrap.error IS 'A caught error, as _reraise takes it.';

-- Row types of the routines that return sets. They are empty views because sqlc needs a relation to type the columns.

CREATE VIEW bootstrap.pair AS
SELECT w.kind, w.position, w.name, w.type, w.wanted, w.digest, w.keys, w.wanted_id, w.wanted_guard, w.wanted_webhook,
       w.renamed_from, w.object_id, w.live_name, w.live_type, w.live, w.extra, w.row_version, w.secret_key,
       w.secret_version, w.is_provisioned, w.is_prunable, w.is_hidden, w.last_name, w.is_drifted, w.is_remembered,
       w.prevent_delete, w.install_webhook, w.run_id, w.match, w.fields, w.refusal, w.notes
FROM bootstrap.work AS w
WHERE false;
COMMENT ON VIEW bootstrap.pair IS 'Row type of the routines that compare: the columns of work before the decision.';

CREATE VIEW bootstrap.live_provider AS
SELECT NULL::text AS id, NULL::text AS name, NULL::text AS type, NULL::boolean AS provisioned,
       NULL::boolean AS consumer, NULL::text AS description, NULL::boolean AS pulling, NULL::text AS secret_key,
       NULL::xid AS row_version, NULL::text AS secret, NULL::xid AS secret_version, NULL::text AS object_id,
       NULL::text AS last_name, NULL::text AS last_type, NULL::text[] AS keys, NULL::bytea AS digest,
       NULL::boolean AS prevent_delete, NULL::boolean AS install_webhook, NULL::bigint AS run_id,
       NULL::text AS webhook_key
WHERE false;
COMMENT ON VIEW bootstrap.live_provider IS 'Row type of _live_providers().';

CREATE VIEW bootstrap.wanted_object AS
SELECT NULL::text AS kind, NULL::integer AS position, NULL::text AS name, NULL::text AS type, NULL::jsonb AS fields,
       NULL::jsonb AS tracked, NULL::text AS refusal, NULL::text[] AS notes
WHERE false;
COMMENT ON VIEW bootstrap.wanted_object IS 'Row type of _wanted().';

CREATE VIEW bootstrap.live_object AS
SELECT NULL::text AS kind, NULL::text AS id, NULL::text AS name, NULL::text AS slot, NULL::text AS type,
       NULL::jsonb AS fields, NULL::jsonb AS extra, NULL::xid AS row_version, NULL::text AS secret_key,
       NULL::xid AS secret_version, NULL::boolean AS is_provisioned, NULL::boolean AS is_prunable,
       NULL::boolean AS is_hidden, NULL::timestamp AS updated_at, NULL::text AS object_id, NULL::text AS last_name,
       NULL::text AS last_type, NULL::text[] AS keys, NULL::bytea AS digest, NULL::bigint AS run_id
WHERE false;
COMMENT ON VIEW bootstrap.live_object IS 'Row type of _live().';

CREATE VIEW bootstrap.planned_change AS
SELECT w.sequence, w.kind, w.action, w.name, w.live_name AS previous_name, w.type, w.type AS provider_name, w.object_id,
       w.new_object_id, w.position, w.fields, w.drift, w.reason, w.refusal, w.state_only, w.notes
FROM bootstrap.work AS w
WHERE false;
COMMENT ON VIEW bootstrap.planned_change IS 'Row type of plan_staged(), plan() and plan_providers().';
COMMENT ON COLUMN bootstrap.planned_change.action IS
'add, update, rename, replace, prune, adopt, or unchanged: then a change outside of keep-bootstrap is kept, or only '
'the state of keep-bootstrap changes.';
COMMENT ON COLUMN bootstrap.planned_change.name IS 'Name after the run (before it, for prune).';
COMMENT ON COLUMN bootstrap.planned_change.provider_name IS 'Provider of a deduplication rule.';
COMMENT ON COLUMN bootstrap.planned_change.fields IS 'Names of what differs, never a value.';
COMMENT ON COLUMN bootstrap.planned_change.drift IS
'Fields changed outside of keep-bootstrap since the last run; row for a deleted row, * for an object that the manifest '
'lacks.';
COMMENT ON COLUMN bootstrap.planned_change.refusal IS
'SQLSTATE with which a guard refuses the run because of this row.';

CREATE VIEW bootstrap.run_report AS
SELECT NULL::bigint AS run_id, NULL::text AS tenant_id, NULL::boolean AS tenant_created, NULL::boolean AS changed,
       NULL::integer AS providers, NULL::integer AS added, NULL::integer AS updated, NULL::integer AS renamed,
       NULL::integer AS replaced, NULL::integer AS pruned, NULL::integer AS adopted, NULL::integer AS unchanged,
       NULL::integer AS rules_changed, NULL::text[] AS notes, NULL::json AS resources,
       NULL::text AS plan_digest, NULL::text AS refusal, NULL::text AS message, NULL::text AS detail, NULL::text AS hint
WHERE false;
COMMENT ON VIEW bootstrap.run_report IS 'Row type of report().';
COMMENT ON COLUMN bootstrap.run_report.run_id IS 'Run in the journal; NULL when nothing was written.';
COMMENT ON COLUMN bootstrap.run_report.plan_digest IS
'Of a plan: binds a later run to it (option plan_digest). Holds no secret.';
COMMENT ON COLUMN bootstrap.run_report.refusal IS
'Of a plan: SQLSTATE with which the run would be refused, with message, detail and hint.';
COMMENT ON COLUMN bootstrap.run_report.providers IS 'Providers in the manifest; the counts after it are about them.';
COMMENT ON COLUMN bootstrap.run_report.resources IS
'For each other kind that was given: how many were given, added, updated, adopted, pruned, unchanged.';

CREATE VIEW bootstrap.problem AS
SELECT NULL::text AS kind, NULL::integer AS position, NULL::text AS name, NULL::text AS problem
WHERE false;
COMMENT ON VIEW bootstrap.problem IS 'Row type of problems().';

CREATE VIEW bootstrap.check_result AS
SELECT NULL::text AS name, NULL::boolean AS ok, NULL::text AS detail, NULL::text AS hint
WHERE false;
COMMENT ON VIEW bootstrap.check_result IS 'Row type of verify(). ok is NULL for a warning.';

CREATE VIEW bootstrap.provider_status AS
SELECT NULL::text AS kind, NULL::text AS name, NULL::text AS type, NULL::text AS object_id, NULL::text AS origin,
       NULL::bigint AS changed_run, NULL::timestamptz AS changed_at, NULL::boolean AS prevent_delete,
       NULL::text AS condition
WHERE false;
COMMENT ON VIEW bootstrap.provider_status IS 'Row type of status().';
COMMENT ON COLUMN bootstrap.provider_status.origin IS 'bootstrap (managed), keep (Keep''s own provisioning) or user.';

CREATE VIEW bootstrap.dependent AS
SELECT NULL::text AS provider_id, NULL::text AS kind, NULL::integer AS count, NULL::text[] AS names
WHERE false;
COMMENT ON VIEW bootstrap.dependent IS 'Row type of dependents(). count ends at 1001; names are those of workflows.';

CREATE VIEW bootstrap.exported_object AS
SELECT NULL::text AS kind, NULL::text AS name, NULL::text AS type, NULL::text AS content, NULL::text AS options
WHERE false;
COMMENT ON VIEW bootstrap.exported_object IS 'Row type of export(). content holds secrets in clear text.';

---- create above / drop below ----

DROP VIEW bootstrap.exported_object, bootstrap.dependent, bootstrap.provider_status, bootstrap.check_result,
    bootstrap.problem, bootstrap.run_report, bootstrap.planned_change, bootstrap.live_object,
    bootstrap.wanted_object, bootstrap.live_provider, bootstrap.pair;
DROP TYPE bootstrap.error;
DROP TABLE bootstrap.change, bootstrap.run, bootstrap.tenant, bootstrap.work, bootstrap.object,
    bootstrap.manifest_staging, bootstrap.staging, bootstrap.provider_type, bootstrap.setting;
