-- What is refused, with which SQLSTATE, and that a refusal names the providers and the way on and writes nothing.
BEGIN;
\ir helpers.psql
SELECT plan(98);

-- A list of n providers p1 to pn.
CREATE FUNCTION pg_temp.many(p_count integer) RETURNS json LANGUAGE sql AS $$
    SELECT coalesce(json_agg(json_build_object('name', 'p' || i, 'type', 'grafana', 'authentication', json_build_object('token', 't' || i)) ORDER BY i), '[]')
    FROM generate_series(1, p_count) AS i
$$;

-- KB020: an empty manifest.
SELECT lives_ok($$SELECT pg_temp.install('empty', '{}')$$, 'an empty manifest is no error while there is nothing to prune');
SELECT pg_temp.install('empty', pg_temp.many(4));
CREATE TEMPORARY TABLE before ON COMMIT DROP AS SELECT * FROM pg_temp.row_versions('empty') AS v;
SELECT pg_temp.error($$SELECT pg_temp.install('empty', '{}')$$) AS said \gset
SELECT matches(:'said'::text, '^KB020.*"p1".*allow_empty', 'KB020: an empty manifest does not prune; the refusal names the providers and the option');
SELECT results_eq($$SELECT * FROM pg_temp.row_versions('empty')$$, 'SELECT * FROM before', 'a refused run writes and locks no row');
SELECT throws_ok(format($$SELECT pg_temp.install('empty', %L)$$, m.manifest), 'KB020', NULL, format('KB020 for %s as well', m.manifest))
FROM (VALUES ('[]'), ('{"providers": {}}'), ('{"providers": []}')) AS m (manifest);
SELECT throws_ok($$CALL bootstrap.install_staged('empty')$$, 'KB001', NULL, 'KB001: empty staging is no manifest');
SELECT pg_temp.install('empty', '{}', '{"allow_empty": true}');
SELECT is_empty($$SELECT id FROM public.provider WHERE tenant_id = 'empty'$$, 'allow_empty lets it prune all of them');

-- KB021: max_prune.
SELECT pg_temp.install('prune', pg_temp.many(9));
SELECT pg_temp.error($$SELECT pg_temp.install('prune', pg_temp.many(4))$$) AS said \gset
SELECT matches(:'said'::text, '^KB021.*5 provider.*"p9".*--max-prune 5', 'KB021: more than half is not pruned; the refusal names the providers and the number');
SELECT throws_ok($$SELECT pg_temp.install('prune', pg_temp.many(8), '{"max_prune": "0"}')$$, 'KB021', NULL, 'KB021: max_prune 0 forbids any');
SELECT throws_ok($$SELECT pg_temp.install('prune', pg_temp.many(4), '{"max_prune": "55%"}')$$, 'KB021', NULL, 'KB021: a percentage is rounded down');
SELECT throws_ok($$SELECT pg_temp.install('prune', '[{"name": "p1", "type": "airflow"}]', '{"max_prune": "8"}')$$, 'KB021', NULL, 'KB021: a replaced provider counts as a pruned one');
SELECT throws_ok($$SELECT pg_temp.install('prune', '[]', '{"allow_empty": true, "max_prune": "50%"}')$$, 'KB021', NULL, 'KB021: allow_empty does not lift a max_prune that is given');
SELECT lives_ok($$SELECT pg_temp.install('prune', pg_temp.many(5))$$, 'half, rounded down, is pruned');
SELECT lives_ok($$SELECT pg_temp.install('prune', pg_temp.many(2))$$, 'and always at least three');
SELECT pg_temp.install('prune', pg_temp.many(9));
SELECT lives_ok($$SELECT pg_temp.install('prune', pg_temp.many(1), '{"max_prune": "8"}')$$, 'max_prune as a number allows that many');
SELECT pg_temp.keep_provider('prune', 'user' || i, 'airflow', '{}', false) FROM generate_series(1, 20) AS i;
SELECT pg_temp.install('prune', pg_temp.many(8));
SELECT throws_ok($$SELECT pg_temp.install('prune', pg_temp.many(3))$$, 'KB021', NULL, 'KB021: providers of users do not count for the half');

-- KB022: prevent_delete.
SELECT pg_temp.install('guard', '[{"name": "p", "type": "airflow", "prevent_delete": true}, {"name": "q", "type": "grafana"}]');
SELECT pg_temp.install('guard', '[{"name": "p", "type": "airflow"}, {"name": "q", "type": "grafana"}]');
SELECT pg_temp.error($$SELECT pg_temp.install('guard', '[{"name": "q", "type": "grafana"}]')$$) AS said \gset
SELECT matches(:'said'::text, '^KB022.*"p".*prevent_delete: false', 'KB022: prevent_delete outlives its line in the manifest; the refusal says how it ends');
SELECT throws_ok($$SELECT pg_temp.install('guard', '[{"name": "p", "type": "kafka"}, {"name": "q", "type": "grafana"}]')$$, 'KB022', NULL, 'KB022: it is not replaced either');
SELECT throws_ok($$SELECT pg_temp.install('guard', '[{"name": "q", "type": "grafana"}]', '{"max_prune": "100%", "adopt": true}')$$, 'KB022', NULL, 'KB022: no option lifts it');
SELECT throws_ok($$SELECT pg_temp.install('guard', '[]', '{"allow_empty": true}')$$, 'KB022', NULL, 'KB022: allow_empty does not either');
SELECT lives_ok($$SELECT pg_temp.install('guard', '[{"name": "r", "renamed_from": "p", "type": "airflow"}, {"name": "q", "type": "grafana"}]')$$, 'a guarded provider may be renamed');
SELECT throws_ok($$SELECT pg_temp.install('guard', '[{"name": "q", "type": "grafana"}]')$$, 'KB022', NULL, 'KB022: and is guarded under its new name');
DELETE FROM public.provider WHERE tenant_id = 'guard' AND name = 'r';
SELECT pg_temp.install('guard', '[{"name": "r", "type": "airflow"}, {"name": "q", "type": "grafana"}]');
SELECT throws_ok($$SELECT pg_temp.install('guard', '[{"name": "q", "type": "grafana"}]')$$, 'KB022', NULL, 'KB022: it outlives a deletion by someone else, too');
SELECT pg_temp.install('guard', '[{"name": "r", "type": "airflow", "prevent_delete": false}, {"name": "q", "type": "grafana"}]');
SELECT lives_ok($$SELECT pg_temp.install('guard', '[{"name": "q", "type": "grafana"}]')$$, 'until the manifest says false');

-- KB023: Keep's secrets are elsewhere.
SELECT pg_temp.keep_provider('elsewhere', 'p1', 'grafana', '{"token": "t1"}') AS id \gset
SELECT throws_ok($$SELECT pg_temp.install('elsewhere', pg_temp.many(1), '{"secret_manager": "k8s"}')$$, 'KB023', NULL, 'KB023: the caller knows that SECRET_MANAGER_TYPE is not DB');
SELECT lives_ok($$SELECT pg_temp.install('elsewhere', pg_temp.many(1), '{"secret_manager": "db"}')$$, 'DB in any case is right');
SELECT pg_temp.keep_provider('elsewhere2', 'p1', 'grafana', '{"token": "t1"}');
DELETE FROM public.secret WHERE key LIKE 'elsewhere2%';
SELECT pg_temp.error($$SELECT pg_temp.install('elsewhere2', pg_temp.many(2))$$) AS said \gset
SELECT matches(:'said'::text, '^KB023.*"p1".*SECRET_MANAGER_TYPE=DB.*assume_secret_manager', 'KB023: provider rows without their secrets; the refusal explains');
SELECT isnt_empty($$SELECT * FROM pg_temp.plan('elsewhere2', pg_temp.many(2))$$, 'KB023: plan shows what would be done');
SELECT matches(concat_ws(' ', refusal, message, detail, hint), '^KB023.*"p1".*assume_secret_manager', 'and its report says that the run would be refused') FROM bootstrap.report();
SELECT lives_ok($$SELECT pg_temp.install('elsewhere2', pg_temp.many(2), '{"assume_secret_manager": "db", "secret_manager": "FILE"}')$$, 'assume_secret_manager lets it through');
SELECT lives_ok($$SELECT pg_temp.install('elsewhere2', pg_temp.many(3))$$, 'and what we wrote ourselves is no sign any more');

-- KB024: a user's provider.
SELECT pg_temp.keep_provider('user', 'mine', 'grafana', '{"token": "user"}', false) AS id \gset
SELECT pg_temp.error($$SELECT pg_temp.install('user', '{"mine": {"type": "grafana", "authentication": {"token": "ours"}}}')$$) AS said \gset
SELECT matches(:'said'::text, '^KB024.*"mine".*--adopt', 'KB024: a user''s provider of a manifest''s name is not touched; the refusal names it and the option');
SELECT throws_ok($$SELECT pg_temp.install('user', '{"new": {"renamed_from": "mine", "type": "grafana", "authentication": {"token": "ours"}}}')$$, 'KB024', NULL, 'KB024: renamed_from may not name a user''s provider');
SELECT throws_ok($$SELECT pg_temp.install('user', '{"mine": {"type": "airflow"}}', '{"adopt": true}')$$, 'KB024', NULL, 'KB024: adopt keeps the id, so it does not take over another type');
SELECT is(pg_temp.secret('user', 'mine'), '{"authentication": {"token": "user"}, "name": "mine"}', 'nothing of it was written');
SELECT lives_ok($$SELECT pg_temp.install('user', '{"other": {"type": "grafana", "authentication": {"token": "user"}}}')$$, 'another provider with the same authentication is simply new');
SELECT is(pg_temp.id('user', 'mine'), :'id', 'and the user''s stays');

-- Generation.
SET LOCAL client_min_messages = error;
SELECT pg_temp.install('generation', pg_temp.many(2), '{"generation": 7}');
TRUNCATE before;
INSERT INTO before SELECT * FROM pg_temp.row_versions('generation');
SELECT pg_temp.install('generation', pg_temp.many(1), '{"generation": 6}');
SELECT results_eq($$SELECT * FROM pg_temp.row_versions('generation')$$, 'SELECT * FROM before', 'an older generation does nothing');
SELECT matches(notes[1], '6.*7', 'and says so') FROM bootstrap.report();
SELECT pg_temp.install('generation', pg_temp.many(2), '{"generation": 9}');
SELECT pg_temp.install('generation', pg_temp.many(1), '{"generation": 8}');
SELECT is((SELECT count(*)::int FROM public.provider WHERE tenant_id = 'generation'), 2, 'a generation counts even when it changed nothing');

SET LOCAL client_min_messages = warning;

-- KB001: the manifest.
CREATE TEMPORARY TABLE bad_manifest (manifest text, says text) ON COMMIT DROP;
INSERT INTO bad_manifest VALUES
    ('null', 'neither an object nor a list'), ('5', 'neither an object nor a list'), ('"x"', 'neither an object nor a list'),
    ('[1, "x", null]', 'has 6 problem.*provider 1 \(no name\): it has no name'),
    ('{"a": 5}', 'provider 1 "a": it has no type'),
    ('{"": {"type": "airflow"}}', 'has no name'),
    ('[{"type": "airflow"}]', 'has no name'),
    ('[{"name": 5, "type": "airflow"}]', 'has no name'),
    ('[{"name": null, "type": "airflow"}]', 'has no name'),
    (format('{"%s": {"type": "airflow"}}', repeat('x', 1001)), 'more than 1000 bytes'),
    ('[{"name": "a", "type": "airflow"}, {"name": "a", "type": "airflow"}]', 'provider 2 "a": provider 1 has the same name'),
    ('{"a": {}}', 'has no type'), ('{"a": {"type": null}}', 'has no type'), ('{"a": {"type": 5}}', 'has no type'),
    ('{"a": {"type": "victoriametric"}}', 'unknown type "victoriametric"'),
    ('{"a": {"type": "netdata"}}', 'Keep cannot install'),
    ('{"a": {"type": "grafana", "authentication": "CANARY"}}', 'authentication is not a JSON object'),
    ('{"a": {"type": "grafana", "authentication": ["CANARY"]}}', 'authentication is not a JSON object'),
    ('{"a": {"type": "grafana", "authentication": {"token": "CANARY\u0000"}}}', 'PostgreSQL can|is not JSON'),
    ('{"a": {"type": "grafana", "authentication": {"token": "CANARY\ud800"}}}', 'PostgreSQL can|is not JSON'),
    ('{"a": {"type": "grafana", "authentication": {"token": "CANARY", "port": 1e400000}}}', 'PostgreSQL can|is not JSON'),
    ('{"\ud800": {"type": "grafana", "authentication": {"token": "CANARY"}}}', 'PostgreSQL can|is not JSON'),
    ('{"a": {"type": "airflow", "renamed_from": "a"}}', 'own name'),
    ('{"a": {"type": "airflow", "renamed_from": 5}}', 'not a list of names'),
    ('{"a": {"type": "airflow", "renamed_from": [5]}}', 'not a list of names'),
    ('{"a": {"type": "airflow", "renamed_from": "x"}, "b": {"type": "airflow", "renamed_from": ["x"]}}', 'which provider 1 also claims'),
    ('{"a": {"type": "airflow", "renamed_from": "b"}, "b": {"type": "airflow"}}', 'rename in two runs'),
    ('{"a": {"type": "airflow", "prevent_delete": "maybe"}}', 'prevent_delete is neither true nor false'),
    ('{"a": {"type": "airflow", "pulling_enabled": 5}}', 'pulling_enabled is neither true nor false'),
    ('{"a": {"type": "airflow", "deduplication_rules": 5}}', 'deduplication rule 1.*not a JSON object'),
    ('{"a": {"type": "airflow", "deduplication_rules": {"r": 5}}}', 'deduplication rule 1 "r": it is not a JSON object'),
    ('{"a": {"type": "airflow", "deduplication_rules": {"r": {"priority": 1.5}}}}', 'priority is not a whole number'),
    ('{"a": {"type": "airflow", "deduplication_rules": {"r": {"ignore_fields": [1]}}}}', 'ignore_fields is not a list of strings'),
    ('{"a": {"type": "airflow", "deduplication_rules": [{"name": "r"}, {"name": "r"}]}}', 'deduplication rule 2 "r": deduplication rule 1 has the same name');
SELECT matches(said, 'KB001.*' || says, format('KB001: %s', left(manifest, 80)))
FROM (SELECT manifest, says, pg_temp.error(format('SELECT pg_temp.install(%L, %L)', 'bad', manifest)) AS said FROM bad_manifest OFFSET 0) AS m;
SELECT is_empty($$
    SELECT said FROM (SELECT pg_temp.error(format('SELECT pg_temp.install(%L, %L)', 'bad', manifest)) AS said FROM bad_manifest OFFSET 0) AS m
    WHERE said LIKE '%CANARY%'
    $$, 'no error shows a value of authentication');
SELECT matches(pg_temp.error($$SELECT pg_temp.install('bad', '{"a": {"type": "nope"}, "b": {"type": "grafana", "authentication": 5, "prevent_delete": 7}}')$$),
    '3 problem.*provider 1 "a".*provider 2 "b".*provider 2 "b"', 'KB001 names all problems at once');
SELECT throws_ok($$CALL bootstrap.install_providers('bad', NULL)$$, 'KB001', NULL, 'KB001: no manifest at all');
SELECT lives_ok($$SELECT pg_temp.install('bad', '{"new": {"type": "from a newer Keep"}}', '{"allow_unknown_types": true}')$$, 'allow_unknown_types lets types of a newer Keep in');

-- KB002: options and arguments.
SELECT throws_ok(format($$SELECT pg_temp.install('options', '{}', %L)$$, o.options), 'KB002', NULL, format('KB002: %s', coalesce(o.options, 'NULL')))
FROM (VALUES ('[]'), ('{"adopt": "yes"}'), ('{"adopt": null}'), ('{"max_prune": 5}'), ('{"max_prune": "-1"}'), ('{"max_prune": "101%"}'), ('{"generation": -1}'),
             ('{"generation": 1.5}'), ('{"generation": 9223372036854775808}'), ('{"nonsense": true}'), ('{"assume_secret_manager": "file"}'), (NULL)) AS o (options);
SELECT throws_ok($$SELECT pg_temp.install('', '{}')$$, 'KB002', NULL, 'KB002: an empty tenant');
SELECT throws_ok($$SELECT pg_temp.install(NULL, '{}')$$, 'KB002', NULL, 'KB002: no tenant');

-- KB040 is no guard, but of the same kind: somebody else has the row.
SELECT matches(pg_temp.error_after($$CREATE UNIQUE INDEX ON public.provider (lower(name)) WHERE tenant_id = 'conflict'$$, $$SELECT pg_temp.install('conflict', '{"g": {"type": "airflow"}, "G": {"type": "airflow"}}')$$),
    '^KB040', 'KB040: a unique violation says that nothing was written');

-- KB030: not writable.
CREATE FUNCTION pg_temp.read_only(p_sql text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('transaction_read_only', 'on', true);
    EXECUTE p_sql;
END
$$;
SELECT throws_ok($$SELECT pg_temp.read_only('SELECT pg_temp.install(''keep'', ''{}'')')$$, 'KB030', NULL, 'KB030: install in a read-only transaction');
SELECT throws_ok($$SELECT pg_temp.read_only('CALL bootstrap.install_staged(''keep'')')$$, 'KB030', NULL, 'KB030: install_staged in a read-only transaction');
SELECT throws_ok($$SELECT pg_temp.read_only('SELECT bootstrap.plan_staged(''keep'')')$$, 'KB030', NULL, 'KB030: plan_staged in a read-only transaction');

SELECT is(pg_temp.staged(), 0::bigint, 'a refused run leaves nothing in staging');
SELECT * FROM finish();
ROLLBACK;
