-- The authentication fields of a manifest against the catalogue. What each kind accepts is tested value by value in Go,
-- from the measurements; here: what a DBA sees.
BEGIN;
SELECT plan(9);

CREATE FUNCTION pg_temp.problems(p_manifest json) RETURNS SETOF text
LANGUAGE sql AS $$
    SELECT p.name || ' ' || p.problem FROM bootstrap._manifest_problems(p_manifest, '{}') AS p ORDER BY 1
$$;

SELECT is_empty($$ SELECT pg_temp.problems('{"g": {"type": "grafana", "authentication": {"host": "http://g", "token": 5, "of our own": [1]}}}') $$,
    'a number for a text, and a field that Keep ignores, are no problems');
SELECT set_eq($$ SELECT pg_temp.problems('{"g": {"type": "grafana"}}') $$,
    ARRAY['g lacks the authentication field "host", which grafana needs', 'g lacks the authentication field "token", which grafana needs'],
    'required fields that are missing are named');
SELECT set_eq($$ SELECT pg_temp.problems('{"g": {"type": "grafana", "authentication": {"host": "g.example", "Token": "CANARY"}}}') $$,
    ARRAY['g has the authentication field "host", which must be a URL that begins with http:// or https://',
          'g has the authentication field "Token", which Keep ignores: did you mean "token"?'],
    'a wrong kind and a mistyped field are named, without the value');
SELECT set_eq($$ SELECT pg_temp.problems('{"s": {"type": "slack", "authentication": {}}}') $$,
    ARRAY['s needs one of these sets of authentication fields: access_token; webhook_url'], 'none of the sets of which one is needed');
SELECT is_empty($$ SELECT pg_temp.problems('{"g": {"type": "grafana", "authentication": {"host": "{{ env.HOST }}", "token": "t"}}}') $$,
    'a template that Keep fills in later fits every kind');
SELECT is_empty($$ SELECT pg_temp.problems('{"a": {"type": "airflow", "authentication": {"anything": 1}}}') $$,
    'a type without declared fields takes anything');
SELECT set_eq($$ SELECT pg_temp.problems('{"p": {"type": "postgres", "authentication": {"host": "h", "username": "u", "password": "p", "port": 70000}}}') $$,
    ARRAY['p has the authentication field "port", which must be a port number from 1 to 65535'], 'a port out of range');
SELECT is(bootstrap._edit_distance('authentification', 'authentication'), 2, 'the distance of a well-known mistake');
SELECT throws_like($$ CALL bootstrap.install_providers('keep', '{"g": {"type": "grafana"}}') $$, '%2 problem(s)', 'install refuses all of it at once');

SELECT * FROM finish();
ROLLBACK;
