-- What a run writes: rows as Keep writes them, and what becomes of them from one manifest to the next.
BEGIN;
\ir helpers.psql
SELECT plan(68);

-- Rows as Keep writes them.
SET LOCAL TimeZone = 'America/New_York';
SELECT pg_temp.install('keep', '{
    "prom \"prod\" é": {"type": "prometheus", "authentication": {"url": "http://127.0.0.1:9090", "username": "üser", "password": "p$x", "port": 1.50},
        "deduplication_rules": {"r": {"fingerprint_fields": ["a", "b"]}}},
    "queue": {"type": "kafka", "authentication": {"host": "h:9092", "topic": "t"}, "description": "text", "pulling_enabled": false},
    "plain": {"type": "airflow"}}');

SELECT results_eq($$
    SELECT name::text, type::text, description::text, installed_by::text, "validatedScopes"::text, consumer, last_pull_time, provisioned, pulling_enabled, provider_metadata::text
    FROM public.provider WHERE tenant_id = 'keep' ORDER BY name
    $$, $$VALUES ('plain', 'airflow', NULL, 'system', '{}', false, NULL::timestamp, true, true, '{}'),
                 ('prom "prod" é', 'prometheus', NULL, 'system', '{}', false, NULL, true, true, '{}'),
                 ('queue', 'kafka', 'text', 'system', '{}', true, NULL, true, false, '{}')$$,
    'provider rows hold what Keep writes; consumer is true for kafka alone');
SELECT is_empty($$SELECT id FROM public.provider WHERE id !~ '^[0-9a-f]{32}$'$$, 'ids are 32 lower-case hexadecimal characters');
SELECT is_empty($$SELECT id FROM public.provider WHERE configuration_key <> tenant_id || '_' || type || '_' || id$$, 'configuration_key is tenant_type_id');
SELECT is_empty($$SELECT id FROM public.provider WHERE abs(extract(epoch FROM now() AT TIME ZONE 'UTC' - installation_time)) > 600$$,
    'installation_time is UTC, whatever the time zone of the session');
SELECT is_empty($$SELECT key FROM public.secret WHERE abs(extract(epoch FROM now() AT TIME ZONE 'UTC' - last_updated)) > 600$$, 'last_updated of a secret is UTC');
SELECT is(pg_temp.secret('keep', 'prom "prod" é'),
    '{"authentication": {"url": "http://127.0.0.1:9090", "username": "üser", "password": "p$x", "port": 1.50}, "name": "prom \"prod\" é"}',
    'a secret has authentication and name, keys in the order of the manifest, numbers as they were spelled');
SELECT is(pg_temp.secret('keep', 'plain'), '{"authentication": {}, "name": "plain"}', 'no authentication is an empty object');
SELECT results_eq($$
    SELECT r.name::text, r.description::text, p.name::text, r.provider_type::text, r.last_updated_by::text, r.created_by::text, r.enabled,
           r.fingerprint_fields::text, r.ignore_fields::text, r.full_deduplication, r.priority, r.is_provisioned
    FROM public.alertdeduplicationrule AS r JOIN public.provider AS p ON p.id = r.provider_id WHERE r.tenant_id = 'keep'
    $$, $$VALUES ('r', '', 'prom "prod" é', 'prometheus', 'system', 'system', true, '["a", "b"]', '[]', false, 0, true)$$,
    'a deduplication rule has Keep''s defaults and belongs to its provider');
SELECT results_eq($$SELECT providers, added, updated, renamed, replaced, pruned, adopted, unchanged, rules_changed, changed FROM bootstrap.report()$$,
    $$VALUES (3, 3, 0, 0, 0, 0, 0, 0, 1, true)$$, 'the report counts');
SELECT matches(notes[1], 'SECRET_MANAGER_TYPE=DB.*PROVISION_RESOURCES=false', 'the first install says how Keep must run') FROM bootstrap.report();
SELECT is(pg_temp.staged(), 0::bigint, 'staging is empty afterwards');

-- A second call writes nothing.
CREATE TEMPORARY TABLE before ON COMMIT DROP AS SELECT * FROM pg_temp.row_versions('keep') AS v;
SELECT pg_temp.install('keep', '{
    "plain": {"type": "airflow"},
    "queue": {"authentication": {"topic": "t",   "host": "h:9092"}, "type": "kafka", "description": "text", "pulling_enabled": false},
    "prom \"prod\" é": {"type": "prometheus", "authentication": {"url": "http://127.0.0.1:9090", "username": "\u00fcser", "password": "p$x", "port": 1.50},
        "deduplication_rules": {"r": {"ignore_fields": null, "fingerprint_fields": ["a", "b"]}}}}');
SELECT results_eq($$SELECT * FROM pg_temp.row_versions('keep')$$, 'SELECT * FROM before',
    'a second call writes and locks no row: order of keys and of providers, white space and escapes are no difference');
SELECT ok(NOT changed AND unchanged = 3 AND run_id IS NULL, 'and the report says so') FROM bootstrap.report();

-- Both forms of a manifest, and COPY.
SELECT pg_temp.install('list', '[{"name": "a", "type": "airflow"}, {"name": "b", "type": "grafana", "authentication": {"host": "h", "token": "t"}, "renamed_from": "old"}]');
SELECT pg_temp.install('object', '{"a": {"type": "airflow"}, "b": {"type": "grafana", "authentication": {"host": "h", "token": "t"}, "renamed_from": ["old"]}}');
SELECT pg_temp.install('wrapped', '{"providers": [{"name": "a", "type": "airflow"}, {"name": "b", "type": "grafana", "authentication": {"host": "h", "token": "t"}}]}');
INSERT INTO bootstrap.manifest_staging (line) VALUES ('{"a": {"type": "airflow"},'), (''),
    ('"b": {"type": "grafana", "authentication": {"host": "h", "token": "t"}, "renamed_from": ["old"]}}');
CALL bootstrap.install_staged('staged');
SELECT results_eq(format($$
    SELECT p.name::text, p.type::text, p.provisioned, s.value::text
    FROM public.provider AS p JOIN public.secret AS s ON s.key = p.configuration_key WHERE p.tenant_id = %L ORDER BY p.name
    $$, t.name), $$
    VALUES ('a', 'airflow', true, '{"authentication": {}, "name": "a"}'),
           ('b', 'grafana', true, '{"authentication": {"host": "h", "token": "t"}, "name": "b"}')
    $$, format('the %s form gives the same rows', t.name))
FROM (VALUES ('list'), ('object'), ('wrapped'), ('staged')) AS t (name);
SELECT is(pg_temp.staged(), 0::bigint, 'install_staged empties staging');
SELECT pg_temp.install('pulling', '{"g": {"type": "grafana", "authentication": {"host": "h", "pulling_enabled": "False", "token": "t"}}}');
SELECT is((SELECT pulling_enabled FROM public.provider WHERE tenant_id = 'pulling'), false, 'pulling_enabled inside authentication sets the flag, as Keep does at a later start');
SELECT is(pg_temp.secret('pulling', 'g'), '{"authentication": {"host": "h", "token": "t"}, "name": "g"}', 'and does not go into the secret');

-- Update.
SELECT pg_temp.install('update', '{"g": {"type": "grafana", "authentication": {"host": "h", "token": "one", "datasource_uid": "u"}}}');
SELECT pg_temp.id('update', 'g') AS id \gset
UPDATE public.provider SET "validatedScopes" = '{"a": true}', provider_metadata = '{"version": "11"}', last_pull_time = '2026-01-01' WHERE id = :'id';
UPDATE public.secret SET value = '{"authentication": {"host": "h", "token": "one", "datasource_uid": "u", "webhook_id": "w", "n": 1.0}, "name": "g", "extra": [1]}' WHERE key LIKE 'update%';
SELECT pg_temp.install('update', '{"g": {"type": "grafana", "authentication": {"host": "h", "token": "two", "datasource_uid": "u"}, "description": "d"}}');
SELECT is(pg_temp.id('update', 'g'), :'id', 'an update keeps the id');
SELECT is(pg_temp.secret('update', 'g')::jsonb, '{"authentication": {"host": "h", "token": "two", "datasource_uid": "u", "webhook_id": "w", "n": 1.0}, "name": "g", "extra": [1]}',
    'a changed key changes, what Keep added by itself stays');
SELECT results_eq($$SELECT description::text, "validatedScopes"::text, provider_metadata::text, last_pull_time, installed_by::text FROM public.provider WHERE tenant_id = 'update'$$,
    $$VALUES ('d', '{"a": true}', '{"version": "11"}', '2026-01-01'::timestamp, 'system')$$, 'description changes, Keep''s own columns stay');
SELECT pg_temp.install('update', '{"g": {"type": "grafana", "authentication": {"host": "h", "token": "two"}}}');
SELECT is(pg_temp.secret('update', 'g')::jsonb -> 'authentication', '{"host": "h", "token": "two", "webhook_id": "w", "n": 1.0}', 'a dropped key is removed');
SELECT is((SELECT description::text FROM public.provider WHERE tenant_id = 'update'), 'd', 'a description that the manifest no longer gives stays');
DELETE FROM public.secret WHERE key LIKE 'update%';
SELECT pg_temp.install('update', '{"g": {"type": "grafana", "authentication": {"host": "h", "token": "two"}}}');
SELECT is(pg_temp.secret('update', 'g'), '{"authentication": {"host": "h", "token": "two"}, "name": "g"}', 'a secret of ours that someone deleted is written again');
SELECT is((SELECT count(*)::int FROM pg_temp.plan('update', '{"g": {"type": "grafana", "authentication": {"host": "h", "token": "two"}}}')), 0, 'and then nothing differs');

-- Odd live secrets are mended, and no error stops the run.
SELECT pg_temp.install('odd', '{"g": {"type": "grafana", "authentication": {"host": "h", "token": "t"}}}');
CREATE FUNCTION pg_temp.mended(p_live text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    UPDATE public.secret SET value = p_live WHERE key LIKE 'odd%';
    PERFORM pg_temp.install('odd', '{"g": {"type": "grafana", "authentication": {"host": "h", "token": "t"}}}');
    RETURN pg_temp.secret('odd', 'g');
END
$$;
SELECT is(pg_temp.mended(o.live), '{"authentication": {"host": "h", "token": "t"}, "name": "g"}', format('a live secret that is %s is mended', o.what))
FROM (VALUES ('', 'empty'), ('CANARY', 'not JSON'), ('null', 'JSON null'), ('"x"', 'a text'), ('[1]', 'a list'), ('{}', 'an empty object'),
             ('{"authentication": null, "name": "g"}', 'without authentication'), ('{"authentication": "x", "name": "g"}', 'with a text as authentication'),
             ('{"authentication": {"host": "h", "token": "t"}}', 'without a name'),
             ('{"authentication": {"host": "h", "token": "a\u0000b"}, "name": "g"}', 'with U+0000'),
             ('{"authentication": {"host": "h", "token": "a\udc80b"}, "name": "g"}', 'with half a surrogate pair'),
             ('{"authentication": {"host": "h", "token": 1e400000}, "name": "g"}', 'with a number that numeric cannot hold')) AS o (live, what);

-- Prune.
SELECT pg_temp.install('prune', '{"a": {"type": "airflow", "deduplication_rules": {"r": {}}}, "b": {"type": "grafana", "authentication": {"token": "t"}}}');
SELECT pg_temp.keep_provider('prune', 'user', 'airflow', '{"x": 1}', false) AS user_id \gset
INSERT INTO public.alertdeduplicationrule
SELECT fingerprint_fields, ignore_fields, gen_random_uuid(), tenant_id, 'of a user', description, provider_id, provider_type, last_updated, last_updated_by,
       created_at, created_by, enabled, full_deduplication, priority, false
FROM public.alertdeduplicationrule WHERE tenant_id = 'prune';
SELECT pg_temp.install('prune', '{"b": {"type": "grafana", "authentication": {"token": "t"}}}');
SELECT set_eq($$SELECT name::text FROM public.provider WHERE tenant_id = 'prune'$$, ARRAY['b', 'user'], 'what leaves the manifest is pruned, a user''s provider stays');
SELECT results_eq($$SELECT count(*)::int FROM public.secret WHERE key LIKE 'prune\_%'$$, ARRAY[2], 'its secret goes with it');
SELECT results_eq($$SELECT name::text FROM public.alertdeduplicationrule WHERE tenant_id = 'prune'$$, ARRAY['of a user'], 'and its provisioned rules, not those of a user');
SELECT results_eq($$SELECT name, origin FROM bootstrap.status('prune') ORDER BY name$$, $$VALUES ('b', 'bootstrap'), ('user', 'user')$$, 'and is forgotten');
SELECT is(pg_temp.secret('prune', 'user'), '{"authentication": {"x": 1}, "name": "user"}', 'the user''s secret is untouched');

-- Replace: another type.
SELECT pg_temp.install('replace', '{"p": {"type": "victoriametrics", "authentication": {"VMAlertHost": "h"}, "deduplication_rules": {"r": {}}}}');
SELECT pg_temp.id('replace', 'p') AS id \gset
SELECT id::text AS rule FROM public.alertdeduplicationrule WHERE tenant_id = 'replace' \gset
SELECT pg_temp.install('replace', '{"p": {"type": "prometheus", "authentication": {"url": "h"}, "deduplication_rules": {"r": {}}}}');
SELECT isnt(pg_temp.id('replace', 'p'), :'id', 'another type gets another id, because Keep builds the secret''s key from the type');
SELECT results_eq($$SELECT key::text FROM public.secret WHERE key LIKE 'replace%'$$, ARRAY['replace_prometheus_' || pg_temp.id('replace', 'p')], 'one secret is left, under the new key');
SELECT results_eq($$SELECT id::text, provider_id::text, provider_type::text FROM public.alertdeduplicationrule WHERE tenant_id = 'replace'$$,
    format('VALUES (%L, %L, %L)', :'rule', pg_temp.id('replace', 'p'), 'prometheus'), 'its rule keeps its id and follows');

-- Rename: declared, detected, leftover.
SELECT pg_temp.install('declared', '{"vms": {"type": "victoriametrics", "authentication": {"VMAlertHost": "h"}, "deduplication_rules": {"r": {}}}}');
SELECT pg_temp.id('declared', 'vms') AS id \gset
INSERT INTO public.providerexecutionlog (id, tenant_id, provider_id, timestamp, log_level) VALUES ('log', 'declared', :'id', now(), 'info');
SELECT pg_temp.install('declared', '{"victoriametrics": {"renamed_from": ["older", "vms"], "type": "victoriametrics", "authentication": {"VMAlertHost": "new"}, "deduplication_rules": {"r": {}}}}');
SELECT results_eq($$SELECT name::text, id::text, configuration_key::text FROM public.provider WHERE tenant_id = 'declared'$$,
    format('VALUES (%L, %L, %L)', 'victoriametrics', :'id', 'declared_victoriametrics_' || :'id'), 'a declared rename keeps the id and the secret''s key');
SELECT is(pg_temp.secret('declared', 'victoriametrics'), '{"authentication": {"VMAlertHost": "new"}, "name": "victoriametrics"}', 'the name in the secret changes, and what else differs');
SELECT results_eq($$SELECT provider_id::text FROM public.alertdeduplicationrule WHERE tenant_id = 'declared'$$, ARRAY[:'id'], 'the rule stays with it');
SELECT results_eq($$SELECT provider_id::text FROM public.providerexecutionlog WHERE tenant_id = 'declared'$$, ARRAY[:'id'], 'and the execution log');
SELECT is((SELECT count(*)::int FROM pg_temp.plan('declared', '{"victoriametrics": {"renamed_from": ["older", "vms"], "type": "victoriametrics", "authentication": {"VMAlertHost": "new"}, "deduplication_rules": {"r": {}}}}')), 0,
    'the declaration may stay in the file');

SELECT pg_temp.install('detected', '{"vms": {"type": "victoriametrics", "authentication": {"VMAlertHost": "h"}}}');
SELECT pg_temp.id('detected', 'vms') AS id \gset
SELECT pg_temp.install('detected', '{"victoriametrics": {"type": "victoriametrics", "authentication": {"VMAlertHost": "h"}}}');
SELECT is(pg_temp.id('detected', 'victoriametrics'), :'id', 'a rename is detected when one leaves and one arrives with the same type and authentication');
SELECT pg_temp.install('detected', '{"third": {"type": "victoriametrics", "authentication": {"VMAlertHost": "h"}}}', '{"detect_renames": false}');
SELECT isnt(pg_temp.id('detected', 'third'), :'id', 'detection can be switched off');

SELECT pg_temp.keep_provider('leftover', 'vms', 'victoriametrics', '{"VMAlertHost": "h"}') AS old, pg_temp.keep_provider('leftover', 'victoriametrics', 'victoriametrics', '{"VMAlertHost": "h"}') AS new \gset
SELECT pg_temp.install('leftover', '{"victoriametrics": {"renamed_from": "vms", "type": "victoriametrics", "authentication": {"VMAlertHost": "h"}}}');
SELECT results_eq($$SELECT id::text FROM public.provider WHERE tenant_id = 'leftover'$$, ARRAY[:'new'], 'both names live: the row of the current name stays, the stale one goes');

-- Take over and adopt.
SELECT pg_temp.keep_provider('adopt', 'prom', 'prometheus', '{"url": "u", "username": "old", "password": "theirs", "mine": 1}') AS id \gset
SELECT pg_temp.install('adopt', '{"prom": {"type": "prometheus", "authentication": {"url": "u"}}}');
SELECT is(pg_temp.id('adopt', 'prom'), :'id', 'a row that Keep provisioned is taken over with its id');
SELECT is(pg_temp.secret('adopt', 'prom')::jsonb, '{"authentication": {"url": "u", "mine": 1}, "name": "prom"}', 'known keys that the manifest does not give are removed, others stay');
UPDATE public.secret SET value = '{"authentication": {"url": "u", "password": "theirs", "mine": 1}, "name": "prom"}' WHERE key LIKE 'adopt%';
SELECT is_empty($$SELECT * FROM pg_temp.plan('adopt', '{"prom": {"type": "prometheus", "authentication": {"url": "u"}}}')$$, 'keys that were added later stay as well');
SELECT pg_temp.install('adopt', '{"prom": {"type": "prometheus", "authentication": {"url": "new"}}}');
SELECT is(pg_temp.secret('adopt', 'prom')::jsonb, '{"authentication": {"url": "new", "mine": 1}, "name": "prom"}',
    'but a credential is not sent to another address');
SELECT pg_temp.keep_provider('adopt', 'mine', 'grafana', '{"token": "user"}', false) AS mine \gset
SELECT pg_temp.install('adopt', '[{"name": "prom", "type": "prometheus", "authentication": {"url": "new"}}, {"name": "mine", "type": "grafana", "authentication": {"token": "ours"}}]', '{"adopt": true}');
SELECT results_eq($$SELECT id::text, provisioned, installed_by::text FROM public.provider WHERE tenant_id = 'adopt' AND name = 'mine'$$,
    format($$VALUES (%L, true, 'someone@example.com')$$, :'mine'), 'with the option adopt a user''s provider becomes provisioned and keeps its id');

-- Names and tenants.
SELECT pg_temp.install('names', json_build_object(n.name, json_build_object('type', 'airflow')))
FROM (VALUES (E'it''s "quoted"\nand 🙂 \\ %s $1 {{x}}')) AS n (name);
SELECT results_eq($$SELECT name::text FROM public.provider WHERE tenant_id = 'names'$$, ARRAY[E'it''s "quoted"\nand 🙂 \\ %s $1 {{x}}'], 'a name may hold any character');
SELECT is((pg_temp.secret('names', E'it''s "quoted"\nand 🙂 \\ %s $1 {{x}}')::json ->> 'name'), E'it''s "quoted"\nand 🙂 \\ %s $1 {{x}}', 'in the secret too');
SELECT pg_temp.install('one', '{"same": {"type": "airflow"}}'), pg_temp.install('two', '{"same": {"type": "airflow"}}');
SELECT pg_temp.install('one', '{}', '{"allow_empty": true}');
SELECT set_eq($$SELECT tenant_id::text FROM public.provider WHERE name = 'same'$$, ARRAY['two'], 'a run touches its own tenant only');

-- Deduplication rules.
SELECT pg_temp.install('rules', '{"a": {"type": "airflow", "deduplication_rules": {"same": {"description": "of a"}}}, "b": {"type": "grafana", "deduplication_rules": {"same": {"description": "of b"}}}}');
SELECT array_agg(id::text ORDER BY description) AS ids FROM public.alertdeduplicationrule WHERE tenant_id = 'rules' \gset
SELECT is(cardinality(:'ids'::text[]), 2, 'two providers may have a rule of one name');
SELECT pg_temp.install('rules', '{"b": {"type": "grafana", "deduplication_rules": {"same": {"description": "of b", "priority": 3}}}, "a": {"type": "airflow", "deduplication_rules": [{"name": "same", "description": "of a", "full_deduplication": true}]}}');
SELECT results_eq($$SELECT id::text, priority, full_deduplication FROM public.alertdeduplicationrule WHERE tenant_id = 'rules' ORDER BY description$$,
    format($$VALUES (%L, 0, true), (%L, 3, false)$$, (:'ids'::text[])[1], (:'ids'::text[])[2]), 'an update keeps the ids of rules, in the list form too');
UPDATE public.alertdeduplicationrule SET provider_id = 'gone' WHERE tenant_id = 'rules' AND description = 'of a';
SELECT pg_temp.install('rules', '{"b": {"type": "grafana", "deduplication_rules": {"same": {"description": "of b", "priority": 3}}}, "a": {"type": "airflow", "deduplication_rules": [{"name": "same", "description": "of a", "full_deduplication": true}]}}');
SELECT is((SELECT provider_id::text FROM public.alertdeduplicationrule WHERE id::text = (:'ids'::text[])[1]), pg_temp.id('rules', 'a'), 'a rule that points at a provider that is gone is given to the one that declares it');
UPDATE public.alertdeduplicationrule SET provider_id = NULL WHERE tenant_id = 'rules' AND description = 'of a';
DELETE FROM public.provider WHERE tenant_id = 'rules' AND name = 'a';
SELECT pg_temp.install('rules', '{"b": {"type": "grafana", "deduplication_rules": {"same": {"description": "of b", "priority": 3}}}, "a": {"type": "airflow", "deduplication_rules": [{"name": "same", "description": "of a", "full_deduplication": true}]}}');
SELECT is((SELECT provider_id::text FROM public.alertdeduplicationrule WHERE id::text = (:'ids'::text[])[1]), pg_temp.id('rules', 'a'), 'so is one without a provider, when the provider is new');
SELECT pg_temp.install('rules', '{"b": {"type": "grafana"}, "a": {"type": "airflow"}}');
SELECT is_empty($$SELECT id FROM public.alertdeduplicationrule WHERE tenant_id = 'rules'$$, 'rules that no provider declares any more are removed');

SELECT * FROM finish();
ROLLBACK;
