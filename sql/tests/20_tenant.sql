-- The tenant exists before its providers do: ensure_tenant, and what install makes of a missing tenant.
BEGIN;
\ir helpers.psql
SELECT plan(15);

DELETE FROM public.tenant;

SELECT is(bootstrap.ensure_tenant('keep', 'Single Tenant'), 'created', 'a missing tenant is created');
SELECT results_eq($$SELECT id::text, name::text, configuration::text FROM public.tenant$$, $$VALUES ('keep', 'Single Tenant', 'null')$$,
    'the row is as Keep writes it: configuration is the JSON value null, not SQL NULL');
SELECT is(bootstrap.ensure_tenant('keep', 'Another Name'), 'exists', 'an existing tenant is reported');
SELECT results_eq($$SELECT name::text FROM public.tenant$$, ARRAY['Single Tenant'], 'and its name is not changed');
UPDATE public.tenant SET name = 'ours', configuration = '{"a": 1}';
SELECT bootstrap.ensure_tenant('keep', 'Single Tenant') AS said \gset
SELECT results_eq($$SELECT name::text, configuration::text FROM public.tenant$$, $$VALUES ('ours', '{"a": 1}')$$, 'nor anything that a user set');
SELECT throws_ok($$SELECT bootstrap.ensure_tenant('', 'x')$$, 'KB002', NULL, 'an empty id is refused');
SELECT throws_ok($$SELECT bootstrap.ensure_tenant(NULL, 'x')$$, 'KB002', NULL, 'no id is refused');
SELECT throws_ok($$SELECT bootstrap.ensure_tenant('x', NULL)$$, 'KB002', NULL, 'no name is refused');

-- Through install.
DELETE FROM public.tenant;
SELECT pg_temp.install('keep', '{"a": {"type": "airflow"}}');
SELECT results_eq($$SELECT name::text FROM public.tenant WHERE id = 'keep'$$, ARRAY['Single Tenant'], 'install creates tenant keep under the name that Keep gives it');
SELECT ok(tenant_created, 'the report says that the tenant was created') FROM bootstrap.report();
SELECT is((SELECT tenant_created FROM bootstrap.history() LIMIT 1), true, 'and so does the journal');
SELECT pg_temp.install('other', '{"a": {"type": "airflow"}}');
SELECT results_eq($$SELECT name::text FROM public.tenant WHERE id = 'other'$$, ARRAY['other'], 'another tenant is named after its id');
SELECT pg_temp.install('named', '{}', '{"tenant_name": "Named"}');
SELECT results_eq($$SELECT name::text FROM public.tenant WHERE id = 'named'$$, ARRAY['Named'], 'or as the option tenant_name says, even without a provider');
SELECT pg_temp.install('named', '{"a": {"type": "airflow"}}', '{"tenant_name": "Changed", "require_tenant": true}');
SELECT results_eq($$SELECT name::text FROM public.tenant WHERE id = 'named'$$, ARRAY['Named'], 'an existing tenant keeps its name');
SELECT throws_ok($$SELECT pg_temp.install('missing', '{"a": {"type": "airflow"}}', '{"require_tenant": true}')$$, 'KB004', NULL,
    'require_tenant refuses to create one');

SELECT * FROM finish();
ROLLBACK;
