-- 001_schema: the tables of schema bootstrap. Compatible with older binaries: nothing exists yet.
--
-- Nothing here depends on a table of Keep (no foreign key, view, column type or trigger), so that Keep's own migrations
-- keep working as if this schema did not exist, and so that this one installs before Keep's tables do.
-- Locks: none on anything that exists already.

CREATE TABLE bootstrap.migration (
    version      integer     NOT NULL,
    name         text        NOT NULL,
    breaking     boolean     NOT NULL,
    installed_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    CONSTRAINT migration_pkey PRIMARY KEY (version)
);
COMMENT ON TABLE bootstrap.migration IS 'Migrations of schema bootstrap that are installed. The number in bootstrap.schema_version is tern''s; this table adds which ones an older program can live with.';
COMMENT ON COLUMN bootstrap.migration.version IS 'Number of the migration file.';
COMMENT ON COLUMN bootstrap.migration.name IS 'Name of the migration file without its number.';
COMMENT ON COLUMN bootstrap.migration.breaking IS 'True when a program that does not know this migration must not work on the database.';
COMMENT ON COLUMN bootstrap.migration.installed_at IS 'When the migration was installed.';
COMMENT ON CONSTRAINT migration_pkey ON bootstrap.migration IS 'One row a migration.';

CREATE TABLE bootstrap.setting (
    singleton         boolean NOT NULL DEFAULT true,
    digest_key        bytea   NOT NULL DEFAULT pg_catalog.decode(pg_catalog.replace(pg_catalog.gen_random_uuid()::text || pg_catalog.gen_random_uuid()::text, '-', ''), 'hex'),
    journal_runs_kept integer NOT NULL DEFAULT 1000,
    security          text    NOT NULL DEFAULT 'invoker',
    runner_role       text,
    auditor_role      text,
    CONSTRAINT setting_pkey PRIMARY KEY (singleton),
    CONSTRAINT setting_one_row CHECK (singleton),
    CONSTRAINT setting_journal_runs_kept_positive CHECK (journal_runs_kept > 0),
    CONSTRAINT setting_security_known CHECK (security IN ('invoker', 'definer')),
    CONSTRAINT setting_roles_of_definer CHECK (security = 'definer' OR (runner_role IS NULL AND auditor_role IS NULL))
);
COMMENT ON TABLE bootstrap.setting IS 'Settings of this installation: one row. Only the owner reads it.';
COMMENT ON COLUMN bootstrap.setting.singleton IS 'Always true: there is one row.';
COMMENT ON COLUMN bootstrap.setting.digest_key IS 'Random key of the digests in state and journal. Without it a digest says nothing about the secret that it was made from.';
COMMENT ON COLUMN bootstrap.setting.journal_runs_kept IS 'How many runs of each tenant the journal keeps; older ones are removed by the next run that writes.';
COMMENT ON COLUMN bootstrap.setting.security IS 'invoker: the public routines run with the privileges of the caller; definer: with those of their owner. Set by set_security().';
COMMENT ON COLUMN bootstrap.setting.runner_role IS 'Role that may install, in mode definer; NULL when there is none.';
COMMENT ON COLUMN bootstrap.setting.auditor_role IS 'Role that may look, in mode definer; NULL when there is none.';
COMMENT ON CONSTRAINT setting_pkey ON bootstrap.setting IS 'One row.';
COMMENT ON CONSTRAINT setting_one_row ON bootstrap.setting IS 'One row.';
COMMENT ON CONSTRAINT setting_journal_runs_kept_positive ON bootstrap.setting IS 'At least the newest run is kept.';
COMMENT ON CONSTRAINT setting_security_known ON bootstrap.setting IS 'The known modes.';
COMMENT ON CONSTRAINT setting_roles_of_definer ON bootstrap.setting IS 'Roles have privileges in mode definer only.';

INSERT INTO bootstrap.setting DEFAULT VALUES;

CREATE TABLE bootstrap.provider_type (
    type               text    NOT NULL,
    display_name       text    NOT NULL,
    installable        boolean NOT NULL,
    consumer           boolean NOT NULL,
    webhook            boolean NOT NULL,
    coming_soon        boolean NOT NULL,
    network_at_install boolean NOT NULL,
    authentication     json    NOT NULL,
    one_of             json,
    CONSTRAINT provider_type_pkey PRIMARY KEY (type)
);
COMMENT ON TABLE bootstrap.provider_type IS 'Catalogue of the provider types that Keep knows, read from the running application.';
COMMENT ON COLUMN bootstrap.provider_type.type IS 'The type as the manifest and provider.type name it.';
COMMENT ON COLUMN bootstrap.provider_type.display_name IS 'The name that Keep shows.';
COMMENT ON COLUMN bootstrap.provider_type.installable IS 'False when Keep itself cannot instantiate the type: it only receives webhooks and can never be provisioned.';
COMMENT ON COLUMN bootstrap.provider_type.consumer IS 'True when Keep runs a consumer for the type; becomes provider.consumer.';
COMMENT ON COLUMN bootstrap.provider_type.webhook IS 'True when Keep can install a webhook in the outside system, which needs Keep running.';
COMMENT ON COLUMN bootstrap.provider_type.coming_soon IS 'True when Keep shows the type as coming soon.';
COMMENT ON COLUMN bootstrap.provider_type.network_at_install IS 'True when Keep contacts the outside system while it constructs the provider.';
COMMENT ON COLUMN bootstrap.provider_type.authentication IS 'Declared authentication fields: name to kind, required, nullable, secret, values, default.';
COMMENT ON COLUMN bootstrap.provider_type.one_of IS 'Sets of fields of which at least one is needed beside the required ones; NULL when there is no such rule.';
COMMENT ON CONSTRAINT provider_type_pkey ON bootstrap.provider_type IS 'One row a type.';

CREATE TABLE bootstrap.keep_column (
    table_name  text    NOT NULL,
    column_name text    NOT NULL,
    data_type   text    NOT NULL,
    not_null    boolean NOT NULL,
    needed_for  text    NOT NULL,
    CONSTRAINT keep_column_pkey PRIMARY KEY (table_name, column_name)
);
COMMENT ON TABLE bootstrap.keep_column IS 'The columns of Keep''s tables that this software reads or writes, at the newest schema revision of Keep that it was measured with. The live tables are compared with it before anything is written.';
COMMENT ON COLUMN bootstrap.keep_column.table_name IS 'Table of Keep in schema public.';
COMMENT ON COLUMN bootstrap.keep_column.column_name IS 'Column of the table.';
COMMENT ON COLUMN bootstrap.keep_column.data_type IS 'Type as format_type() shows it, without a length.';
COMMENT ON COLUMN bootstrap.keep_column.not_null IS 'True when Keep declares the column NOT NULL.';
COMMENT ON COLUMN bootstrap.keep_column.needed_for IS 'Kind of resource that cannot be installed without the table: provider, workflow, dashboard, mapping_rule, user, api_key; optional when nothing fails without it.';
COMMENT ON CONSTRAINT keep_column_pkey ON bootstrap.keep_column IS 'One row a column.';

CREATE UNLOGGED TABLE bootstrap.provider_staging (
    transaction_id      xid8    NOT NULL DEFAULT pg_catalog.pg_current_xact_id(),
    position            integer NOT NULL,
    name                text,
    type                text,
    authentication      text,
    deduplication_rules text,
    renamed_from        text,
    description         text,
    pulling_enabled     text,
    prevent_delete      text,
    install_webhook     text,
    CONSTRAINT provider_staging_pkey PRIMARY KEY (transaction_id, position)
);
COMMENT ON TABLE bootstrap.provider_staging IS 'The manifest of one transaction: COPY loads it, install_staged or plan_staged reads it and removes it before COMMIT. Unlogged: it never reaches the write-ahead log or a standby. Everything is text because COPY into json would quote a secret in its error.';
COMMENT ON COLUMN bootstrap.provider_staging.transaction_id IS 'Transaction that loaded the row; leave it out of the COPY, the default is the only right value.';
COMMENT ON COLUMN bootstrap.provider_staging.position IS 'Place of the provider in the manifest, counted from 1.';
COMMENT ON COLUMN bootstrap.provider_staging.name IS 'Name of the provider, unique in the tenant.';
COMMENT ON COLUMN bootstrap.provider_staging.type IS 'Provider type, as in the catalogue.';
COMMENT ON COLUMN bootstrap.provider_staging.authentication IS 'JSON object as it goes into the secret, references resolved; NULL means {}.';
COMMENT ON COLUMN bootstrap.provider_staging.deduplication_rules IS 'JSON object of rule name to rule, or NULL for none.';
COMMENT ON COLUMN bootstrap.provider_staging.renamed_from IS 'JSON list of former names, or NULL for none.';
COMMENT ON COLUMN bootstrap.provider_staging.description IS 'Description, or NULL when the manifest gives none (the live one then stays).';
COMMENT ON COLUMN bootstrap.provider_staging.pulling_enabled IS 'true or false, or NULL when the manifest gives none (the live one then stays).';
COMMENT ON COLUMN bootstrap.provider_staging.prevent_delete IS 'true or false, or NULL when the manifest gives none (the stored guard then stays).';
COMMENT ON COLUMN bootstrap.provider_staging.install_webhook IS 'true or false, or NULL when the manifest gives none.';
COMMENT ON CONSTRAINT provider_staging_pkey ON bootstrap.provider_staging IS 'One row a place in the manifest; finds the rows of a transaction.';

CREATE UNLOGGED TABLE bootstrap.manifest_staging (
    transaction_id xid8   NOT NULL DEFAULT pg_catalog.pg_current_xact_id(),
    line_number    bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    line           text,
    CONSTRAINT manifest_staging_pkey PRIMARY KEY (transaction_id, line_number)
);
COMMENT ON TABLE bootstrap.manifest_staging IS 'A JSON manifest as text, line by line: \copy of a file loads it, install_staged or plan_staged takes it apart and removes it before COMMIT. One column, so that no COPY error can quote a line for its number of columns. Unlogged.';
COMMENT ON COLUMN bootstrap.manifest_staging.transaction_id IS 'Transaction that loaded the row; leave it out of the COPY.';
COMMENT ON COLUMN bootstrap.manifest_staging.line_number IS 'Order of the lines; leave it out of the COPY.';
COMMENT ON COLUMN bootstrap.manifest_staging.line IS 'A line of the JSON text: Keep''s own form or the list form.';
COMMENT ON CONSTRAINT manifest_staging_pkey ON bootstrap.manifest_staging IS 'Finds the lines of a transaction in order.';

CREATE UNLOGGED TABLE bootstrap.input_staging (
    transaction_id xid8    NOT NULL DEFAULT pg_catalog.pg_current_xact_id(),
    position       integer NOT NULL,
    name           text    NOT NULL,
    digest         text    NOT NULL,
    CONSTRAINT input_staging_pkey PRIMARY KEY (transaction_id, position)
);
COMMENT ON TABLE bootstrap.input_staging IS 'Where the manifest of one transaction came from. Loaded by COPY like provider_staging and removed before COMMIT; optional.';
COMMENT ON COLUMN bootstrap.input_staging.transaction_id IS 'Transaction that loaded the row; leave it out of the COPY.';
COMMENT ON COLUMN bootstrap.input_staging.position IS 'Order of the sources, counted from 1.';
COMMENT ON COLUMN bootstrap.input_staging.name IS 'Variable or file that was read.';
COMMENT ON COLUMN bootstrap.input_staging.digest IS 'SHA-256 of the text as it was read, references unresolved. The journal stores it only after keying it with setting.digest_key.';
COMMENT ON CONSTRAINT input_staging_pkey ON bootstrap.input_staging IS 'One row a source; finds the rows of a transaction.';

CREATE UNLOGGED TABLE bootstrap.resource_staging (
    transaction_id xid8    NOT NULL DEFAULT pg_catalog.pg_current_xact_id(),
    kind           text    NOT NULL,
    position       integer NOT NULL,
    name           text,
    content        text,
    CONSTRAINT resource_staging_pkey PRIMARY KEY (transaction_id, kind, position)
);
COMMENT ON TABLE bootstrap.resource_staging IS 'What the manifest of one transaction holds beside providers: COPY loads it, install_staged or plan_staged reads it and removes it before COMMIT. A kind without a row is not given, and the run does not touch it. Unlogged.';
COMMENT ON COLUMN bootstrap.resource_staging.transaction_id IS 'Transaction that loaded the row; leave it out of the COPY.';
COMMENT ON COLUMN bootstrap.resource_staging.kind IS 'user, api_key, workflow, dashboard or mapping_rule; provider for the mark alone.';
COMMENT ON COLUMN bootstrap.resource_staging.position IS 'Place within the kind, counted from 1. 0 is the mark that the kind is given, possibly with nothing in it.';
COMMENT ON COLUMN bootstrap.resource_staging.name IS 'Name; NULL in a mark.';
COMMENT ON COLUMN bootstrap.resource_staging.content IS 'JSON object, by kind: user {password, reset_password}; api_key {role, secret}; workflow {definition, raw, provisioned_file}; dashboard {config}; mapping_rule {definition, provisioned_file}. NULL in a mark.';
COMMENT ON CONSTRAINT resource_staging_pkey ON bootstrap.resource_staging IS 'One row a place; finds the rows of a transaction.';

CREATE UNLOGGED TABLE bootstrap.considered_provider (
    transaction_id xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(),
    provider_id    text NOT NULL,
    CONSTRAINT considered_provider_pkey PRIMARY KEY (transaction_id, provider_id)
);
COMMENT ON TABLE bootstrap.considered_provider IS 'The providers of the tenant that a run has to look at, because they are not plainly as the manifest wants them: live rows, and rows of state. Filled by _set_aside_unchanged and removed before COMMIT. Unlogged.';
COMMENT ON COLUMN bootstrap.considered_provider.transaction_id IS 'Transaction of the run.';
COMMENT ON COLUMN bootstrap.considered_provider.provider_id IS 'provider.id of the row.';
COMMENT ON CONSTRAINT considered_provider_pkey ON bootstrap.considered_provider IS 'Finds the rows of a transaction.';

CREATE UNLOGGED TABLE bootstrap.planned_change (
    transaction_id   xid8    NOT NULL DEFAULT pg_catalog.pg_current_xact_id(),
    sequence         integer NOT NULL,
    kind             text    NOT NULL,
    action           text    NOT NULL,
    name             text    NOT NULL,
    previous_name    text,
    type             text,
    provider_name    text,
    provider_id      text,
    object_id        text,
    new_object_id    text,
    position         integer,
    fields           text[]  NOT NULL,
    drift            text[]  NOT NULL,
    reason           text    NOT NULL,
    refusal          text,
    state_only       boolean NOT NULL,
    notes            text[]  NOT NULL DEFAULT '{}',
    CONSTRAINT planned_change_pkey PRIMARY KEY (transaction_id, sequence)
);
COMMENT ON TABLE bootstrap.planned_change IS 'What a run is about to write: the rows that plan_providers returns, and the working list of install while it runs (removed before COMMIT). Holds names and ids, never a value of a secret. Unlogged.';
COMMENT ON COLUMN bootstrap.planned_change.transaction_id IS 'Transaction of the run.';
COMMENT ON COLUMN bootstrap.planned_change.sequence IS 'Order in which changes are shown, counted from 1.';
COMMENT ON COLUMN bootstrap.planned_change.kind IS 'user, api_key, provider, deduplication_rule, workflow, dashboard or mapping_rule.';
COMMENT ON COLUMN bootstrap.planned_change.action IS 'add, update, rename, replace, prune, adopt or unchanged.';
COMMENT ON COLUMN bootstrap.planned_change.name IS 'Name after the run (before it, for prune).';
COMMENT ON COLUMN bootstrap.planned_change.previous_name IS 'Name before the run where it differs; NULL otherwise.';
COMMENT ON COLUMN bootstrap.planned_change.type IS 'Provider type after the run (before it, for prune).';
COMMENT ON COLUMN bootstrap.planned_change.provider_name IS 'For a deduplication rule: the provider that it belongs to, where that is known.';
COMMENT ON COLUMN bootstrap.planned_change.provider_id IS 'For a deduplication rule: id of that provider, where it has one already and keeps it.';
COMMENT ON COLUMN bootstrap.planned_change.object_id IS 'id of the live row; NULL for add.';
COMMENT ON COLUMN bootstrap.planned_change.new_object_id IS 'id of an added or replaced row. In a plan only where it is known: a row that someone else deleted comes back with its id.';
COMMENT ON COLUMN bootstrap.planned_change.position IS 'Place in the manifest; NULL for prune.';
COMMENT ON COLUMN bootstrap.planned_change.fields IS 'Names of what differs, authentication keys as authentication.<key>; never a value.';
COMMENT ON COLUMN bootstrap.planned_change.drift IS 'Names of what someone else changed since the last run and this run would change back or lose (prune and replace), or keeps with on_drift keep; row when the row was deleted.';
COMMENT ON COLUMN bootstrap.planned_change.reason IS 'Why this action, in words.';
COMMENT ON COLUMN bootstrap.planned_change.refusal IS 'SQLSTATE with which a guard refuses the run because of this row; NULL when no guard objects.';
COMMENT ON COLUMN bootstrap.planned_change.state_only IS 'True when only rows of schema bootstrap change, and no row of Keep. An unchanged row where it is false is drift that is kept: nothing is written.';
COMMENT ON COLUMN bootstrap.planned_change.notes IS 'What the operator should know about this change, one text a point: a workflow that names a provider which is not there after the run.';
COMMENT ON CONSTRAINT planned_change_pkey ON bootstrap.planned_change IS 'Finds the rows of a transaction in order.';

CREATE TABLE bootstrap.run (
    run_id         bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    tenant_id      text        NOT NULL,
    outcome        text        NOT NULL,
    started_at     timestamptz NOT NULL,
    finished_at    timestamptz NOT NULL,
    role_name      text        NOT NULL,
    application    text        NOT NULL,
    client_address text,
    transaction_id xid8        NOT NULL,
    tool_version   text,
    generation     bigint,
    input_digest   text,
    input_names    text[]      NOT NULL,
    tenant_created boolean     NOT NULL,
    added          integer     NOT NULL,
    updated        integer     NOT NULL,
    renamed        integer     NOT NULL,
    replaced       integer     NOT NULL,
    pruned         integer     NOT NULL,
    adopted        integer     NOT NULL,
    rules_changed  integer     NOT NULL,
    resources_changed integer  NOT NULL,
    error_code     text,
    error_message  text,
    CONSTRAINT run_pkey PRIMARY KEY (run_id),
    CONSTRAINT run_outcome_known CHECK (outcome IN ('applied', 'failed'))
);
CREATE INDEX run_tenant ON bootstrap.run (tenant_id, outcome, run_id);
COMMENT ON TABLE bootstrap.run IS 'Journal: one row a run that changed something or failed. A run that found nothing to do writes no row. Holds no secret and no plain digest of one.';
COMMENT ON COLUMN bootstrap.run.run_id IS 'Number of the run.';
COMMENT ON COLUMN bootstrap.run.tenant_id IS 'Tenant whose providers were installed.';
COMMENT ON COLUMN bootstrap.run.outcome IS 'applied, or failed (recorded by the program in a transaction of its own, after the run was rolled back).';
COMMENT ON COLUMN bootstrap.run.started_at IS 'Start of the run''s transaction.';
COMMENT ON COLUMN bootstrap.run.finished_at IS 'When the run had written everything but its COMMIT.';
COMMENT ON COLUMN bootstrap.run.role_name IS 'Role that called: session_user.';
COMMENT ON COLUMN bootstrap.run.application IS 'application_name of the session.';
COMMENT ON COLUMN bootstrap.run.client_address IS 'Address of the client (or of the pooler before it); NULL over a local socket.';
COMMENT ON COLUMN bootstrap.run.transaction_id IS 'Transaction of the run; pg_xact_status tells whether it committed.';
COMMENT ON COLUMN bootstrap.run.tool_version IS 'Version of the calling program; NULL when psql called.';
COMMENT ON COLUMN bootstrap.run.generation IS 'Generation of the manifest, where the caller gave one.';
COMMENT ON COLUMN bootstrap.run.input_digest IS 'Digest of the unresolved input, keyed with setting.digest_key: equal digests mean equal input, and it says nothing else. NULL when psql called.';
COMMENT ON COLUMN bootstrap.run.input_names IS 'Variables and files that were read.';
COMMENT ON COLUMN bootstrap.run.tenant_created IS 'True when this run created the row of the tenant.';
COMMENT ON COLUMN bootstrap.run.added IS 'Providers added.';
COMMENT ON COLUMN bootstrap.run.updated IS 'Providers updated.';
COMMENT ON COLUMN bootstrap.run.renamed IS 'Providers renamed (and updated, where they differed in more than the name).';
COMMENT ON COLUMN bootstrap.run.replaced IS 'Providers replaced because their type changed.';
COMMENT ON COLUMN bootstrap.run.pruned IS 'Providers pruned.';
COMMENT ON COLUMN bootstrap.run.adopted IS 'Providers taken over, from Keep''s own provisioning or from a user.';
COMMENT ON COLUMN bootstrap.run.rules_changed IS 'Deduplication rules added, updated or pruned.';
COMMENT ON COLUMN bootstrap.run.resources_changed IS 'Users, API keys, workflows, dashboards and mapping rules that were added, updated, taken over or pruned.';
COMMENT ON COLUMN bootstrap.run.error_code IS 'SQLSTATE of a failed run.';
COMMENT ON COLUMN bootstrap.run.error_message IS 'Message of a failed run, without the data that PostgreSQL puts into a DETAIL.';
COMMENT ON CONSTRAINT run_pkey ON bootstrap.run IS 'One row a run.';
COMMENT ON CONSTRAINT run_outcome_known ON bootstrap.run IS 'The known outcomes.';
COMMENT ON INDEX bootstrap.run_tenant IS 'Newest runs of a tenant and an outcome.';

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
    CONSTRAINT change_pkey PRIMARY KEY (run_id, sequence),
    CONSTRAINT change_run_fkey FOREIGN KEY (run_id) REFERENCES bootstrap.run (run_id) ON DELETE CASCADE
);
COMMENT ON TABLE bootstrap.change IS 'Journal: what a run changed. The record of an added provider that has not changed since is its row in provider_state; history() shows both.';
COMMENT ON COLUMN bootstrap.change.run_id IS 'Run that made the change.';
COMMENT ON COLUMN bootstrap.change.sequence IS 'Order within the run.';
COMMENT ON COLUMN bootstrap.change.tenant_id IS 'Tenant.';
COMMENT ON COLUMN bootstrap.change.kind IS 'user, api_key, provider, deduplication_rule, workflow, dashboard or mapping_rule.';
COMMENT ON COLUMN bootstrap.change.action IS 'add, update, rename, replace, prune or adopt.';
COMMENT ON COLUMN bootstrap.change.name IS 'Name after the change (before it, for prune).';
COMMENT ON COLUMN bootstrap.change.previous_name IS 'Name before the change where it differed.';
COMMENT ON COLUMN bootstrap.change.object_id IS 'id after the change (before it, for prune).';
COMMENT ON COLUMN bootstrap.change.previous_id IS 'id before the change where it differed (replace).';
COMMENT ON COLUMN bootstrap.change.fields IS 'Names of what changed; never a value.';
COMMENT ON COLUMN bootstrap.change.drift IS 'Those of them that someone else had changed since the run before, and this run changed back.';
COMMENT ON COLUMN bootstrap.change.reason IS 'Why, in words.';
COMMENT ON CONSTRAINT change_pkey ON bootstrap.change IS 'Changes of a run in order.';
COMMENT ON CONSTRAINT change_run_fkey ON bootstrap.change IS 'A change goes with its run when the journal is shortened.';

CREATE TABLE bootstrap.provider_state (
    tenant_id       text    NOT NULL,
    provider_id     text    NOT NULL,
    name            text    NOT NULL,
    type            text    NOT NULL,
    description     text,
    pulling_enabled boolean NOT NULL,
    written_keys    jsonb   NOT NULL,
    secret_digest   text    NOT NULL,
    added_run       bigint,
    changed_run     bigint  NOT NULL,
    prevent_delete  boolean NOT NULL,
    install_webhook boolean NOT NULL,
    renamed_from    text[],
    CONSTRAINT provider_state_pkey PRIMARY KEY (tenant_id, provider_id)
);
COMMENT ON TABLE bootstrap.provider_state IS 'What this software knows of each provider that it installed or took over. No foreign key to Keep''s table on purpose.';
COMMENT ON COLUMN bootstrap.provider_state.tenant_id IS 'Tenant.';
COMMENT ON COLUMN bootstrap.provider_state.provider_id IS 'provider.id.';
COMMENT ON COLUMN bootstrap.provider_state.name IS 'Name that the last run gave to the provider.';
COMMENT ON COLUMN bootstrap.provider_state.type IS 'Type as of the last run.';
COMMENT ON COLUMN bootstrap.provider_state.description IS 'Description as of the last run.';
COMMENT ON COLUMN bootstrap.provider_state.pulling_enabled IS 'pulling_enabled as of the last run.';
COMMENT ON COLUMN bootstrap.provider_state.written_keys IS 'Authentication keys that the manifest gave, each with the keyed digest of the value that was written. A key of these that leaves the manifest is removed, any other key of the secret is Keep''s own and stays. A value whose digest differs was changed by someone else.';
COMMENT ON COLUMN bootstrap.provider_state.secret_digest IS 'Keyed digest of the whole text of the secret as of the last run: a secret that still has it needs no closer look. Empty while a value that someone else changed is kept.';
COMMENT ON COLUMN bootstrap.provider_state.added_run IS 'Run that added the provider, as long as this row is the record of it; NULL once the record stands in change, or when the provider was taken over.';
COMMENT ON COLUMN bootstrap.provider_state.changed_run IS 'Run that wrote the provider last.';
COMMENT ON COLUMN bootstrap.provider_state.prevent_delete IS 'True: the provider is neither pruned nor replaced. Outlives its line in the manifest until that says false.';
COMMENT ON COLUMN bootstrap.provider_state.install_webhook IS 'True: the manifest wants Keep to install its webhook in the outside system, which this software cannot do.';
COMMENT ON COLUMN bootstrap.provider_state.renamed_from IS 'Former names that the manifest declared at the last run: a swap that stays in the file is not done twice.';
COMMENT ON CONSTRAINT provider_state_pkey ON bootstrap.provider_state IS 'One row a provider; finds those of a tenant.';

CREATE TABLE bootstrap.resource_state (
    tenant_id   text   NOT NULL,
    kind        text   NOT NULL,
    object_id   text   NOT NULL,
    name        text   NOT NULL,
    written     jsonb  NOT NULL,
    changed_run bigint NOT NULL,
    CONSTRAINT resource_state_pkey PRIMARY KEY (tenant_id, kind, object_id)
);
COMMENT ON TABLE bootstrap.resource_state IS 'What this software knows of each user, API key, workflow, dashboard and mapping rule that it installed or took over. No foreign key to a table of Keep on purpose.';
COMMENT ON COLUMN bootstrap.resource_state.tenant_id IS 'Tenant.';
COMMENT ON COLUMN bootstrap.resource_state.kind IS 'user, api_key, workflow, dashboard or mapping_rule.';
COMMENT ON COLUMN bootstrap.resource_state.object_id IS 'id of the row in Keep''s table; the reference_id of an API key.';
COMMENT ON COLUMN bootstrap.resource_state.name IS 'Name that the last run gave to it.';
COMMENT ON COLUMN bootstrap.resource_state.written IS 'Fields as the last run left them, each with the keyed digest of its value. A field whose digest differs was changed by someone else.';
COMMENT ON COLUMN bootstrap.resource_state.changed_run IS 'Run that wrote it last.';
COMMENT ON CONSTRAINT resource_state_pkey ON bootstrap.resource_state IS 'One row an object; finds those of a tenant and a kind.';

CREATE TABLE bootstrap.tenant_state (
    tenant_id  text   NOT NULL,
    generation bigint,
    last_run   bigint,
    CONSTRAINT tenant_state_pkey PRIMARY KEY (tenant_id)
);
COMMENT ON TABLE bootstrap.tenant_state IS 'What this software knows of a tenant.';
COMMENT ON COLUMN bootstrap.tenant_state.tenant_id IS 'Tenant.';
COMMENT ON COLUMN bootstrap.tenant_state.generation IS 'Highest generation that was installed; a lower one does nothing. NULL when none was ever given.';
COMMENT ON COLUMN bootstrap.tenant_state.last_run IS 'Last run that changed something; NULL when none did yet.';
COMMENT ON CONSTRAINT tenant_state_pkey ON bootstrap.tenant_state IS 'One row a tenant.';

-- Row types of the routines that return sets. They are views without rows because sqlc gives a set-returning routine
-- its right Go type only when it returns SETOF a table or view.

CREATE VIEW bootstrap.run_report AS
SELECT NULL::bigint  AS run_id,
       NULL::text    AS tenant_id,
       NULL::boolean AS tenant_created,
       NULL::boolean AS changed,
       NULL::integer AS providers,
       NULL::integer AS added,
       NULL::integer AS updated,
       NULL::integer AS renamed,
       NULL::integer AS replaced,
       NULL::integer AS pruned,
       NULL::integer AS adopted,
       NULL::integer AS unchanged,
       NULL::integer AS rules_changed,
       NULL::text[]  AS notes,
       NULL::json    AS resources
WHERE false;
COMMENT ON VIEW bootstrap.run_report IS 'Row type of report().';
COMMENT ON COLUMN bootstrap.run_report.run_id IS 'Run in the journal; NULL when nothing was written.';
COMMENT ON COLUMN bootstrap.run_report.tenant_id IS 'Tenant.';
COMMENT ON COLUMN bootstrap.run_report.tenant_created IS 'True when the run created the row of the tenant.';
COMMENT ON COLUMN bootstrap.run_report.changed IS 'True when the run wrote anything outside of staging.';
COMMENT ON COLUMN bootstrap.run_report.providers IS 'Providers in the manifest.';
COMMENT ON COLUMN bootstrap.run_report.added IS 'Providers added.';
COMMENT ON COLUMN bootstrap.run_report.updated IS 'Providers updated.';
COMMENT ON COLUMN bootstrap.run_report.renamed IS 'Providers renamed.';
COMMENT ON COLUMN bootstrap.run_report.replaced IS 'Providers replaced.';
COMMENT ON COLUMN bootstrap.run_report.pruned IS 'Providers pruned.';
COMMENT ON COLUMN bootstrap.run_report.adopted IS 'Providers taken over.';
COMMENT ON COLUMN bootstrap.run_report.unchanged IS 'Providers of the manifest that were as wanted already.';
COMMENT ON COLUMN bootstrap.run_report.rules_changed IS 'Deduplication rules added, updated or pruned.';
COMMENT ON COLUMN bootstrap.run_report.notes IS 'What the operator should know, one text a point.';
COMMENT ON COLUMN bootstrap.run_report.resources IS 'For each further kind that was given: how many of it were given, added, updated, adopted, pruned and unchanged; {} when none was.';

CREATE VIEW bootstrap.check_result AS
SELECT NULL::text    AS name,
       NULL::boolean AS ok,
       NULL::text    AS detail,
       NULL::text    AS hint
WHERE false;
COMMENT ON VIEW bootstrap.check_result IS 'Row type of verify().';
COMMENT ON COLUMN bootstrap.check_result.name IS 'Name of the check.';
COMMENT ON COLUMN bootstrap.check_result.ok IS 'True when the check found nothing wrong; NULL when it warns: nothing is broken, but the operator should know.';
COMMENT ON COLUMN bootstrap.check_result.detail IS 'What was found.';
COMMENT ON COLUMN bootstrap.check_result.hint IS 'The next step, where there is one.';

CREATE VIEW bootstrap.provider_status AS
SELECT NULL::text        AS kind,
       NULL::text        AS name,
       NULL::text        AS type,
       NULL::text        AS object_id,
       NULL::text        AS origin,
       NULL::bigint      AS changed_run,
       NULL::timestamptz AS changed_at,
       NULL::boolean     AS prevent_delete,
       NULL::text        AS condition
WHERE false;
COMMENT ON VIEW bootstrap.provider_status IS 'Row type of status().';
COMMENT ON COLUMN bootstrap.provider_status.kind IS 'provider, user, api_key, workflow, dashboard or mapping_rule.';
COMMENT ON COLUMN bootstrap.provider_status.name IS 'Name.';
COMMENT ON COLUMN bootstrap.provider_status.type IS 'Provider type; NULL for the other kinds.';
COMMENT ON COLUMN bootstrap.provider_status.object_id IS 'id of the row; the reference_id of an API key.';
COMMENT ON COLUMN bootstrap.provider_status.origin IS 'bootstrap (installed or taken over by this software), keep (Keep''s own provisioning) or user (made in the application).';
COMMENT ON COLUMN bootstrap.provider_status.changed_run IS 'Run of this software that wrote it last.';
COMMENT ON COLUMN bootstrap.provider_status.changed_at IS 'When that run wrote it; NULL when the journal no longer holds the run.';
COMMENT ON COLUMN bootstrap.provider_status.prevent_delete IS 'True when it is guarded against pruning and replacing.';
COMMENT ON COLUMN bootstrap.provider_status.condition IS 'installed, row deleted, or changed by someone else with the names of what was changed.';

CREATE VIEW bootstrap.dependent AS
SELECT NULL::text    AS provider_id,
       NULL::text    AS kind,
       NULL::integer AS count,
       NULL::text[]  AS names
WHERE false;
COMMENT ON VIEW bootstrap.dependent IS 'Row type of dependents().';
COMMENT ON COLUMN bootstrap.dependent.provider_id IS 'provider.id.';
COMMENT ON COLUMN bootstrap.dependent.kind IS 'alerts, execution logs, deduplication rules of users, or workflows.';
COMMENT ON COLUMN bootstrap.dependent.count IS 'How many there are; 1001 means more than 1000.';
COMMENT ON COLUMN bootstrap.dependent.names IS 'Names of the workflows, at most twenty; NULL for the other kinds.';

CREATE VIEW bootstrap.exported_provider AS
SELECT NULL::text    AS name,
       NULL::text    AS type,
       NULL::text    AS authentication,
       NULL::text[]  AS secret_keys,
       NULL::text    AS description,
       NULL::boolean AS pulling_enabled,
       NULL::boolean AS prevent_delete,
       NULL::boolean AS install_webhook,
       NULL::text    AS deduplication_rules
WHERE false;
COMMENT ON VIEW bootstrap.exported_provider IS 'Row type of export_providers().';
COMMENT ON COLUMN bootstrap.exported_provider.name IS 'Name of the provider.';
COMMENT ON COLUMN bootstrap.exported_provider.type IS 'Provider type.';
COMMENT ON COLUMN bootstrap.exported_provider.authentication IS 'JSON object with the authentication, in clear text.';
COMMENT ON COLUMN bootstrap.exported_provider.secret_keys IS 'Keys of it whose values are not to be shown.';
COMMENT ON COLUMN bootstrap.exported_provider.description IS 'Description, or NULL.';
COMMENT ON COLUMN bootstrap.exported_provider.pulling_enabled IS 'Whether Keep pulls alerts from it.';
COMMENT ON COLUMN bootstrap.exported_provider.prevent_delete IS 'Whether it is guarded against pruning and replacing.';
COMMENT ON COLUMN bootstrap.exported_provider.install_webhook IS 'Whether the manifest wants Keep to install its webhook.';
COMMENT ON COLUMN bootstrap.exported_provider.deduplication_rules IS 'JSON object of rule name to rule, or NULL.';

CREATE VIEW bootstrap.exported_resource AS
SELECT NULL::text   AS kind,
       NULL::text   AS name,
       NULL::text   AS content,
       NULL::text[] AS secret_keys
WHERE false;
COMMENT ON VIEW bootstrap.exported_resource IS 'Row type of export_resources().';
COMMENT ON COLUMN bootstrap.exported_resource.kind IS 'user, api_key, workflow, dashboard or mapping_rule.';
COMMENT ON COLUMN bootstrap.exported_resource.name IS 'Name.';
COMMENT ON COLUMN bootstrap.exported_resource.content IS 'JSON object as a manifest declares it: a workflow as {raw}, the text that Keep stores. Holds clear text for an API key.';
COMMENT ON COLUMN bootstrap.exported_resource.secret_keys IS 'Keys of it whose values are not to be shown.';

INSERT INTO bootstrap.migration (version, name, breaking) VALUES (1, 'schema', false);

---- create above / drop below ----

DROP VIEW bootstrap.exported_resource;
DROP VIEW bootstrap.exported_provider;
DROP VIEW bootstrap.dependent;
DROP VIEW bootstrap.provider_status;
DROP VIEW bootstrap.check_result;
DROP VIEW bootstrap.run_report;
DROP TABLE bootstrap.tenant_state;
DROP TABLE bootstrap.resource_state;
DROP TABLE bootstrap.provider_state;
DROP TABLE bootstrap.change;
DROP TABLE bootstrap.run;
DROP TABLE bootstrap.planned_change;
DROP TABLE bootstrap.resource_staging;
DROP TABLE bootstrap.considered_provider;
DROP TABLE bootstrap.input_staging;
DROP TABLE bootstrap.manifest_staging;
DROP TABLE bootstrap.provider_staging;
DROP TABLE bootstrap.keep_column;
DROP TABLE bootstrap.provider_type;
DROP TABLE bootstrap.setting;
DROP TABLE bootstrap.migration;
