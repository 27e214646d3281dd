-- A run locks rows and then compares: only READ COMMITTED sees what was committed while it waited. The level is that of
-- the whole transaction, hence a file of its own.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SET LOCAL client_min_messages = warning;
SELECT plan(4);

SELECT throws_ok($$CALL bootstrap.install_providers('keep', '{}')$$, 'KB003', NULL, 'KB003: install_providers at another isolation level');
SELECT throws_ok($$CALL bootstrap.install_staged('keep')$$, 'KB003', NULL, 'KB003: install_staged at another isolation level');
SELECT throws_ok($$SELECT bootstrap.plan_staged('keep')$$, 'KB003', NULL, 'KB003: plan_staged at another isolation level');
SET TRANSACTION READ ONLY;
SELECT lives_ok($$SELECT bootstrap.plan_providers('keep', '{}')$$, 'plan_providers in a read-only transaction works at every level: it locks nothing');

SELECT * FROM finish();
ROLLBACK;
