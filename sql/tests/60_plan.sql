-- plan and install are one diff: what plan shows is what install then writes into the journal.
BEGIN;
\ir helpers.psql
SELECT plan(28);

-- Plans, installs, and compares with the journal. Returns what differs: nothing, one hopes.
CREATE FUNCTION pg_temp.plan_against_journal(p_tenant text, p_manifest json, p_options jsonb DEFAULT '{}') RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    v_run bigint;
BEGIN
    CREATE TEMPORARY TABLE planned AS
    SELECT c.kind, c.action, c.name, c.previous_name, c.object_id, c.fields FROM bootstrap.plan_providers(p_tenant, p_manifest, p_options) AS c;
    PERFORM pg_temp.install(p_tenant, p_manifest, p_options);
    v_run := (SELECT r.run_id FROM bootstrap.report() AS r);

    RETURN QUERY
    SELECT format('planned but not done: %s %s %s %s', p.kind, p.action, p.name, p.fields)
    FROM planned AS p
    WHERE p.action <> 'unchanged'
      AND NOT EXISTS (SELECT FROM bootstrap.history_changes(v_run) AS h
                      WHERE h.kind = p.kind AND h.action = p.action AND h.name = p.name AND h.previous_name IS NOT DISTINCT FROM p.previous_name
                        AND h.fields = p.fields
                        AND (p.object_id IS NULL OR p.object_id = coalesce(h.previous_id, h.object_id)));
    RETURN QUERY
    SELECT format('done but not planned: %s %s %s', h.kind, h.action, h.name)
    FROM bootstrap.history_changes(v_run) AS h
    WHERE NOT EXISTS (SELECT FROM planned AS p WHERE p.kind = h.kind AND p.action = h.action AND p.name = h.name);
    RETURN QUERY
    SELECT 'planned again afterwards: ' || x FROM pg_temp.plan(p_tenant, p_manifest, p_options) AS x;
    IF (SELECT r.added + r.updated + r.renamed + r.replaced + r.pruned + r.adopted + r.rules_changed FROM bootstrap.report() AS r)
       <> (SELECT count(*) FROM planned AS p WHERE p.action <> 'unchanged') THEN
        RETURN NEXT 'the report counts something else';
    END IF;
    DROP TABLE planned;
END
$$;

-- One tenant, one manifest after the other: every action, alone and together.
SELECT is_empty(format('SELECT * FROM pg_temp.plan_against_journal(%L, %L, %L)', 'all', s.manifest, s.options), 'as planned: ' || s.what)
FROM (VALUES
    (1, 'add', '{"a": {"type": "grafana", "authentication": {"token": "a"}}, "b": {"type": "grafana", "authentication": {"token": "b"}, "deduplication_rules": {"r": {}}}}', '{}'),
    (2, 'update, of every field', '{"a": {"type": "grafana", "authentication": {"token": "A", "host": "h"}, "description": "d", "pulling_enabled": false, "prevent_delete": true, "install_webhook": false}, "b": {"type": "grafana", "authentication": {"token": "b"}, "deduplication_rules": {"r": {"description": "d", "priority": 1, "fingerprint_fields": ["f"], "ignore_fields": ["i"], "full_deduplication": true}}}}', '{}'),
    (3, 'rename, declared and detected', '{"A": {"renamed_from": "a", "type": "grafana", "authentication": {"token": "A", "host": "h"}, "prevent_delete": false}, "B": {"type": "grafana", "authentication": {"token": "b"}}}', '{}'),
    (5, 'replace and prune', '[{"name": "A", "type": "prometheus", "authentication": {"url": "u"}, "deduplication_rules": [{"name": "x"}]}]', '{}'),
    (6, 'replace under another name', '[{"name": "Z", "renamed_from": "A", "type": "kafka", "authentication": {"host": "u"}, "deduplication_rules": [{"name": "x"}, {"name": "y"}]}]', '{}'),
    (7, 'prune of all', '[]', '{"allow_empty": true}')) AS s (number, what, manifest, options)
ORDER BY s.number;
SELECT pg_temp.keep_provider('adopt', 'kept', 'grafana', '{"token": "t"}'), pg_temp.keep_provider('adopt', 'same', 'airflow', '{}'),
       pg_temp.keep_provider('adopt', 'mine', 'grafana', '{"token": "u"}', false);
SELECT is_empty($$SELECT * FROM pg_temp.plan_against_journal('adopt', '{"kept": {"type": "grafana", "authentication": {"token": "new"}}, "same": {"type": "airflow"}, "mine": {"type": "grafana", "authentication": {"token": "v"}}}', '{"adopt": true}')$$,
    'as planned: adopt, of Keep''s provisioned rows and of a user''s');

-- Each action as plan shows it.
SELECT pg_temp.install('show', '[{"name": "a", "type": "grafana", "authentication": {"token": "a", "host": "h"}}, {"name": "b", "type": "airflow"}, {"name": "c", "type": "kafka", "authentication": {"host": "c"}}, {"name": "d", "type": "airflow"}]');
SELECT results_eq(format('SELECT * FROM pg_temp.plan(%L, %L)', 'show', s.manifest), s.want::text[], s.what)
FROM (VALUES
    (1, 'nothing to do is no row', '[{"name": "a", "type": "grafana", "authentication": {"host": "h", "token": "a"}}, {"name": "b", "type": "airflow"}, {"name": "c", "type": "kafka", "authentication": {"host": "c"}}, {"name": "d", "type": "airflow"}]', '{}'),
    (2, 'update names the fields, authentication keys as authentication.key, and never a value', '[{"name": "a", "type": "grafana", "authentication": {"token": "CANARY", "org": 5}, "description": "x", "pulling_enabled": false, "prevent_delete": true, "install_webhook": true}, {"name": "b", "type": "airflow"}, {"name": "c", "type": "kafka", "authentication": {"host": "c"}}, {"name": "d", "type": "airflow"}]',
        '{"update a authentication.host,authentication.org,authentication.token,description,install_webhook,prevent_delete,pulling_enabled"}'),
    (3, 'add comes in the order of the manifest, prune last', '[{"name": "z", "type": "airflow"}, {"name": "a", "type": "grafana", "authentication": {"token": "a", "host": "h"}}, {"name": "y", "type": "airflow"}, {"name": "c", "type": "kafka", "authentication": {"host": "c"}}]',
        '{"add z","add y","prune b","prune d"}'),
    (4, 'replace', '[{"name": "a", "type": "prometheus"}, {"name": "b", "type": "airflow"}, {"name": "c", "type": "kafka", "authentication": {"host": "c"}}, {"name": "d", "type": "airflow"}]', '{"replace a type"}'),
    (5, 'rename says what the name was', '[{"name": "a", "type": "grafana", "authentication": {"token": "a", "host": "h"}}, {"name": "B", "renamed_from": ["x", "b"], "type": "airflow"}, {"name": "C", "type": "kafka", "authentication": {"host": "c"}}, {"name": "d", "type": "airflow"}]',
        '{"rename B (was b) name","rename C (was c) name"}'),
    (6, 'a refused plan is shown in full, with the SQLSTATE of the refusal', '[{"name": "q", "type": "airflow"}]',
        '{"add q","prune a !KB021","prune b !KB021","prune c !KB021","prune d !KB021"}')) AS s (number, what, manifest, want)
ORDER BY s.number;
SELECT results_eq($$SELECT * FROM pg_temp.plan('show', '[]')$$, ARRAY['prune a !KB020', 'prune b !KB020', 'prune c !KB020', 'prune d !KB020'], 'an empty manifest too');
SELECT results_eq($$SELECT reason FROM bootstrap.plan_providers('show', '[{"name": "a", "type": "grafana", "authentication": {"token": "a", "host": "h"}}, {"name": "B", "renamed_from": ["x", "b"], "type": "airflow"}, {"name": "C", "type": "kafka", "authentication": {"host": "c"}}, {"name": "e", "type": "snowflake"}]') ORDER BY sequence$$,
    ARRAY['renamed_from names "b"', 'same type and authentication as "c", which the manifest no longer has', 'new in the manifest', 'not in the manifest'], 'each row has its reason');
SELECT results_eq($$SELECT action, state_only FROM bootstrap.plan_providers('show', '[{"name": "a", "type": "grafana", "authentication": {"token": "a", "host": "h"}, "prevent_delete": true}, {"name": "b", "type": "airflow", "description": "d", "prevent_delete": true}, {"name": "c", "type": "kafka", "authentication": {"host": "c"}, "renamed_from": "never"}, {"name": "d", "type": "airflow"}]') ORDER BY sequence$$,
    $$VALUES ('update', true), ('update', false)$$, 'state_only tells what writes no row of Keep; a former name that nobody has is no difference');

-- A rename is detected only when it is plain.
SELECT pg_temp.install('plain', '[{"name": "a", "type": "grafana", "authentication": {"token": "t"}}, {"name": "b", "type": "grafana", "authentication": {"token": "t"}}, {"name": "c", "type": "airflow"}, {"name": "d", "type": "prometheus", "authentication": {"url": "u"}}]');
SELECT bag_eq($$SELECT * FROM pg_temp.plan('plain', '[{"name": "x", "type": "grafana", "authentication": {"token": "t"}}, {"name": "y", "type": "airflow"}, {"name": "z", "type": "victoriametrics", "authentication": {"url": "u"}}]', '{"max_prune": "100%"}')$$,
    ARRAY['add x', 'add y', 'add z', 'prune a', 'prune b', 'prune c', 'prune d'],
    'not when two leave, not with an empty authentication, not with another type');
SELECT is_empty($$SELECT * FROM pg_temp.plan('plain', '[{"name": "x", "type": "grafana", "authentication": {"token": "t"}}, {"name": "y", "type": "grafana", "authentication": {"token": "t"}}, {"name": "b", "type": "grafana", "authentication": {"token": "t"}}, {"name": "c", "type": "airflow"}, {"name": "d", "type": "prometheus", "authentication": {"url": "u"}}]') AS p WHERE p LIKE 'rename%'$$,
    'and not when two arrive');

-- Plan writes nothing.
CREATE TEMPORARY TABLE before ON COMMIT DROP AS SELECT * FROM pg_temp.row_versions('show') AS v;
SELECT * FROM pg_temp.plan('show', '[{"name": "a", "type": "prometheus"}, {"name": "e", "type": "airflow"}]') \g /dev/null
SELECT results_eq($$SELECT * FROM pg_temp.row_versions('show')$$, 'SELECT * FROM before', 'plan writes and locks no row');
SELECT is(pg_temp.staged(), 0::bigint, 'nor does it leave its list behind');
SELECT results_eq($$SELECT * FROM pg_temp.plan('nobody', '{"a": {"type": "airflow"}}')$$, ARRAY['add a'], 'a tenant that does not exist can be planned for');
SELECT is_empty($$SELECT id FROM public.tenant WHERE id = 'nobody'$$, 'without creating it');
SAVEPOINT writable;
SET TRANSACTION READ ONLY;
SELECT string_agg(p, '; ') AS read_only FROM pg_temp.plan('show', '[{"name": "a", "type": "grafana", "authentication": {"token": "new", "host": "h"}}, {"name": "b", "type": "airflow"}, {"name": "c", "type": "kafka", "authentication": {"host": "c"}}, {"name": "d", "type": "airflow"}]') AS p \gset
ROLLBACK TO SAVEPOINT writable;
SELECT is(:'read_only'::text, 'update a authentication.token', 'plan_providers works in a read-only transaction');

-- plan_staged is the same over staging.
INSERT INTO bootstrap.manifest_staging (line) VALUES ('[{"name": "a", "type": "prometheus"}, {"name": "e", "type": "kafka", "authentication": {"host": "c"}}, {"name": "b", "type": "airflow"}]');
CREATE TEMPORARY TABLE staged ON COMMIT DROP AS SELECT * FROM bootstrap.plan_staged('show');
SELECT results_eq($$SELECT action, name, previous_name, fields, reason, refusal FROM staged ORDER BY sequence$$,
    $$SELECT action, name, previous_name, fields, reason, refusal FROM bootstrap.plan_providers('show', '[{"name": "a", "type": "prometheus"}, {"name": "e", "type": "kafka", "authentication": {"host": "c"}}, {"name": "b", "type": "airflow"}]') ORDER BY sequence$$,
    'plan_staged shows what plan_providers shows');
SELECT isnt_empty('TABLE staged', 'which is something');
SELECT is(pg_temp.staged(), 0::bigint, 'and empties staging');

-- What plan shows of deduplication rules.
SELECT pg_temp.install('rules', '{"a": {"type": "airflow", "deduplication_rules": {"gone": {}, "kept": {}, "changed": {}}}}');
SELECT bag_eq($$SELECT * FROM pg_temp.plan('rules', '{"a": {"type": "airflow", "deduplication_rules": {"kept": {"description": ""}, "changed": {"priority": 2, "ignore_fields": ["x"]}, "new": {}}}}')$$,
    ARRAY['deduplication_rule update changed ignore_fields,priority', 'deduplication_rule add new', 'deduplication_rule prune gone'], 'rules are added, updated by field, pruned');
SELECT is_empty($$SELECT * FROM pg_temp.plan('rules', '{"a": {"type": "airflow", "deduplication_rules": {"gone": {"fingerprint_fields": [], "ignore_fields": null}, "kept": {"description": "", "priority": 0}, "changed": {"full_deduplication": false}}}}')$$,
    'a default that is written out is no difference');

SELECT * FROM finish();
ROLLBACK;
