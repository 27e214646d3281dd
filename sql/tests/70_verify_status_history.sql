-- What an operator sees afterwards: verify, status, the journal, and what is said of a tenant's deleted or changed rows.
BEGIN;
\ir helpers.psql
SELECT plan(46);

-- ok of one check, as text, with what it says.
CREATE FUNCTION pg_temp.check(p_tenant text, p_name text) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' | ', coalesce(v.ok::text, 'warning'), v.detail, v.hint) FROM bootstrap.verify(p_tenant) AS v WHERE v.name = p_name
$$;

SELECT pg_temp.install('keep', '{"a": {"type": "airflow"}, "g": {"type": "grafana", "authentication": {"host": "h", "token": "CANARY"}, "deduplication_rules": {"r": {}}, "prevent_delete": true}}', '{"tool_version": "v9", "generation": 4}');

-- verify.
SELECT is(left(pg_temp.check('keep', c.name), 4), 'true', format('after an install, check %s is ok', c.name))
FROM (VALUES ('keep_tables'), ('foreign_key'), ('tenant'), ('objects'), ('secrets'), ('deduplication_rules')) AS c (name);
-- helpers.psql has altered the catalogue of types, which check schema names.
SELECT is_empty($$SELECT name FROM bootstrap.verify() WHERE ok IS NOT true AND detail NOT LIKE 'rows of table provider_type %'$$,
                'nothing is wrong, and nothing is to be warned of');
SELECT is_empty($$SELECT name FROM bootstrap.verify() WHERE ok AND hint IS NOT NULL$$, 'what is right has no hint');
SELECT matches(pg_temp.check('nobody', 'tenant'), '^false.*"nobody" does not exist.*ensure_tenant', 'a missing tenant is wrong, and the hint says what to do');

ALTER TABLE public.provider ALTER CONSTRAINT provider_tenant_id_fkey NOT DEFERRABLE;
SELECT matches(pg_temp.check('keep', 'foreign_key'), '^false.*public.provider is not DEFERRABLE.*prepare_keep', 'a foreign key that is not deferrable is wrong');
ALTER TABLE public.provider DROP CONSTRAINT provider_tenant_id_fkey;
SELECT matches(pg_temp.check('keep', 'foreign_key'), '^warning', 'no foreign key is a warning');

SELECT pg_temp.install('gone', '{"a": {"type": "airflow"}, "b": {"type": "kafka"}}');
DELETE FROM public.provider WHERE tenant_id = 'gone' AND name = 'b';
SELECT matches(pg_temp.check('gone', 'objects'), '^false.*"b".*PROVISION_RESOURCES=false', 'rows of ours that someone deleted are named, with the setting that does it');
SELECT unalike(pg_temp.check('gone', 'objects'), '%"a"%', 'and only those');

SELECT pg_temp.install('secrets', '{"a": {"type": "airflow"}, "b": {"type": "kafka"}, "c": {"type": "grafana"}, "d": {"type": "airflow"}}');
DELETE FROM public.secret WHERE key LIKE 'secrets_airflow%' AND value LIKE '%"a"%';
UPDATE public.secret SET value = 'CANARY' WHERE key LIKE 'secrets_kafka%';
UPDATE public.secret SET value = '["CANARY"]' WHERE key LIKE 'secrets_grafana%';
SELECT matches(pg_temp.check('secrets', 'secrets'), '^false.*"a".*"b".*"c"', 'secrets that are missing, not JSON, or not an object are wrong: Keep does not list such a provider');
SELECT unalike(pg_temp.check('secrets', 'secrets'), '%"d"%', 'the others are not named');
SELECT unalike((SELECT string_agg(v::text, ' ') FROM bootstrap.verify('secrets') AS v), '%CANARY%', 'no secret is shown');

UPDATE public.alertdeduplicationrule SET provider_id = 'nowhere' WHERE tenant_id = 'keep';
SELECT matches(pg_temp.check('keep', 'deduplication_rules'), '^warning.*"r"', 'a provisioned rule that points nowhere is a warning');
SELECT pg_temp.install('keep', '{"a": {"type": "airflow"}, "g": {"type": "grafana", "authentication": {"host": "h", "token": "CANARY"}, "deduplication_rules": {"r": {}}}}');
SELECT is(left(pg_temp.check('keep', 'deduplication_rules'), 4), 'true', 'which the next run mends');

-- status.
SELECT results_eq($$SELECT name, type, origin, prevent_delete, condition FROM bootstrap.status() ORDER BY name$$,
    $$VALUES ('a', 'airflow', 'bootstrap', false, 'installed'), ('g', 'grafana', 'bootstrap', true, 'installed, waiting for its webhook')$$, 'status shows what is installed');
SELECT results_eq($$SELECT s.object_id, s.changed_run FROM bootstrap.status() AS s WHERE s.name = 'g'$$,
    $$SELECT p.id::text, (SELECT min(run_id) FROM bootstrap.history()) FROM public.provider AS p WHERE p.tenant_id = 'keep' AND p.name = 'g'$$,
    'with the id and the run that wrote the provider last');
SELECT pg_temp.keep_provider('keep', 'old', 'airflow', '{}'), pg_temp.keep_provider('keep', 'ui', 'airflow', '{}', false);
SELECT results_eq($$SELECT name, origin, changed_run IS NULL FROM bootstrap.status() WHERE name IN ('old', 'ui') ORDER BY name$$,
    $$VALUES ('old', 'keep', true), ('ui', 'user', true)$$, 'where a provider came from: Keep''s own provisioning, or a user');
SELECT results_eq($$SELECT name, type IS NOT NULL, condition FROM bootstrap.status('gone') ORDER BY name$$, $$VALUES ('a', true, 'installed'), ('b', true, 'deleted outside of keep-bootstrap')$$,
    'a row that someone deleted is still shown');
SELECT isnt((SELECT condition FROM bootstrap.status('secrets') WHERE name = 'a'), 'installed', 'a provider without its secret is not "installed"');
SELECT is((SELECT condition FROM bootstrap.status('secrets') WHERE name = 'd'), 'installed', 'one with its secret is');
UPDATE public.secret SET value = replace(value, 'CANARY', 'CANARY2') WHERE key LIKE 'keep\_grafana%';
SELECT alike((SELECT condition FROM bootstrap.status() WHERE name = 'g'), 'changed outside of keep-bootstrap', 'so is one whose secret someone changed');
SELECT matches((SELECT string_agg(concat_ws(' ', v.ok, v.detail), ' ') FROM bootstrap.verify() AS v WHERE v.ok IS NULL), '"g"', 'verify warns of it and names it');
SELECT unalike((SELECT string_agg(s::text, ' ') FROM bootstrap.status() AS s), '%CANARY%', 'no secret is shown');
SELECT is_empty($$SELECT * FROM bootstrap.status('nobody')$$, 'a tenant without providers has no status');

-- The journal.
SELECT pg_temp.install('journal', '[{"name": "a", "type": "grafana", "authentication": {"token": "CANARY"}}, {"name": "b", "type": "airflow"}]', '{"tool_version": "v9", "generation": 4}');
SELECT (SELECT run_id FROM bootstrap.report()) AS one \gset
SELECT pg_temp.install('journal', '[{"name": "c", "renamed_from": "a", "type": "grafana", "authentication": {"token": "CANARY", "host": "h"}, "deduplication_rules": {"r": {}}}]');
SELECT (SELECT run_id FROM bootstrap.report()) AS two \gset
SELECT pg_temp.install('journal', '[{"name": "c", "type": "kafka"}]');
SELECT (SELECT run_id FROM bootstrap.report()) AS three \gset
SELECT results_eq($$SELECT outcome, tool_version, generation, tenant_created, added, updated, renamed, replaced, pruned, adopted, rules_changed FROM bootstrap.history('journal')$$,
    $$VALUES ('applied', NULL, NULL::bigint, false, 0, 0, 0, 1, 0, 0, 1), ('applied', NULL, NULL, false, 0, 0, 1, 0, 1, 0, 1), ('applied', 'v9', 4, true, 2, 0, 0, 0, 0, 0, 0)$$,
    'history counts what each run changed, newest first');
SELECT is_empty($$SELECT run_id FROM bootstrap.history('journal') WHERE role_name <> session_user OR finished_at < started_at OR pg_xact_status(transaction_id) <> 'in progress'$$,
    'who, when, and the transaction, by which a lost COMMIT can be resolved');
SELECT bag_eq(format('SELECT kind, action, name, previous_name, fields FROM bootstrap.history_changes(%s)', :one),
    $$VALUES ('provider', 'add', 'a', NULL, '{}'::text[]), ('provider', 'add', 'b', NULL, '{}')$$, 'the adds of the first run are remembered, though the providers were renamed and pruned since');
SELECT results_eq(format('SELECT kind, action, name, previous_name, fields FROM bootstrap.history_changes(%s)', :two),
    $$VALUES ('provider', 'rename', 'c', 'a', '{authentication.host,name}'::text[]), ('provider', 'prune', 'b', NULL, '{}'), ('deduplication_rule', 'add', 'r', NULL, '{}')$$,
    'a rename has the name before, and the fields');
SELECT results_eq(format($$SELECT c.action, c.object_id = pg_temp.id('journal', 'c'), c.previous_id <> c.object_id FROM bootstrap.history_changes(%s) AS c WHERE c.kind = 'provider'$$, :three),
    $$VALUES ('replace', true, true)$$, 'a replace has the id before and after');
SELECT is_empty(format('SELECT * FROM bootstrap.history_changes(%s)', -1), 'an unknown run changed nothing');
SELECT pg_temp.install('journal', '{}', '{"generation": 3}');
SELECT is((SELECT changed FROM bootstrap.report()), false, 'a run without a generation leaves the stored one, and an older one does nothing');
CREATE FUNCTION pg_temp.kept() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_text text;
BEGIN
    EXECUTE (SELECT 'SELECT string_agg(x, '' '') FROM (' || string_agg(format('SELECT t::text AS x FROM %s AS t', c.oid::regclass), ' UNION ALL ') || ') AS a'
             FROM pg_class AS c WHERE c.relnamespace = 'bootstrap'::regnamespace AND c.relkind = 'r') INTO v_text;
    RETURN v_text;
END
$$;
SELECT unalike(pg_temp.kept(), '%CANARY%', 'no table of schema bootstrap holds a secret');
SELECT is_empty($$
    SELECT d.digest FROM (SELECT pg_temp.kept() AS kept OFFSET 0) AS k
    CROSS JOIN (VALUES (encode(sha256('CANARY'), 'hex')), (left(encode(sha256('"CANARY"'), 'hex'), 32)), (md5('CANARY'))) AS d (digest)
    WHERE strpos(k.kept, d.digest) > 0
    $$, 'and no plain digest of one');

-- Failed runs, and how much is kept.
CALL bootstrap.record_failure('journal', 'KB020', 'the manifest is empty', 'v9');
SELECT results_eq($$SELECT outcome, error_code, error_message, tool_version, added FROM bootstrap.history('journal') LIMIT 1$$,
    $$VALUES ('failed', 'KB020', 'the manifest is empty', 'v9', 0)$$, 'a failed run is recorded');
UPDATE bootstrap.setting SET journal_runs_kept = 3;
DO $$
BEGIN
    FOR i IN 1..10 LOOP
        CALL bootstrap.record_failure('journal', 'KB020', 'again', NULL);
    END LOOP;
END
$$;
SELECT cmp_ok((SELECT count(*) FROM bootstrap.history('journal') WHERE outcome = 'applied'), '>=', 3::bigint, 'runs that failed do not push those out that changed something');
SELECT cmp_ok((SELECT count(*) FROM bootstrap.history('journal') WHERE outcome = 'failed'), '<=', 10::bigint, 'and are limited themselves');
SELECT pg_temp.install('journal', format('[{"name": "c", "type": "kafka", "description": "%s"}]', i)::json) FROM generate_series(1, 5) AS i;
SELECT cmp_ok((SELECT count(*) FROM bootstrap.history('journal') WHERE outcome = 'applied'), '=', 3::bigint, 'of the others as many are kept as the setting says');
SELECT is_empty(format('SELECT * FROM bootstrap.history_changes(%s)', :one), 'and their changes go with them');
SELECT isnt_empty($$SELECT run_id FROM bootstrap.history('keep')$$, 'other tenants keep their own');

-- report.
SELECT is((SELECT changed FROM bootstrap.report()), true, 'report tells of the last call in this transaction');
SELECT pg_temp.install('journal', '[{"name": "c", "type": "kafka", "description": "5"}]');
SELECT results_eq('SELECT changed, run_id, unchanged FROM bootstrap.report()', 'VALUES (false, NULL::bigint, 1)', 'also when it changed nothing');
SELECT set_config('bootstrap.report', '', true);
SELECT is_empty('SELECT * FROM bootstrap.report()', 'no call, no report');

SELECT * FROM finish();
ROLLBACK;
