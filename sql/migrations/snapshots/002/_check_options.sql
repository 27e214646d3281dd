-- bootstrap._check_options(options): raises KB002 unless every option is known and of its kind.
--
-- The options of a run; none is needed:
--   allow_empty            boolean  a manifest without providers may prune
--   max_prune              text     at most so many providers ("3") or so much of them ("50%") are pruned or replaced
--   adopt                  boolean  a user's provider of a manifest's name is taken over
--   detect_renames         boolean  undeclared renames are recognised (default true)
--   generation             integer  a lower one than the last does nothing
--   on_drift               text     what someone else changed is changed back (overwrite), kept (keep), or refused (fail)
--   plan_digest            text     plan_digest() of a plan: any other plan than that one is refused (KB026)
--   require_tenant         boolean  a missing tenant is refused, not created
--   tenant_name            text     name of a tenant that is created
--   assume_secret_manager  text     "db": Keep reads its secrets from the database, whatever it looks like
--   secret_manager         text     SECRET_MANAGER_TYPE of Keep, where the caller sees it
--   allow_unknown_types    boolean  provider types that are not in the catalogue are installed
--   tool_version           text     for the journal
-- Reads and writes nothing.
CREATE OR REPLACE FUNCTION bootstrap._check_options(p_options jsonb) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_problems text;
BEGIN
    IF p_options IS NULL OR jsonb_typeof(p_options) <> 'object' THEN
        RAISE EXCEPTION 'options are not a JSON object'
            USING ERRCODE = 'KB002', HINT = 'Leave the argument out, or give for example ''{"adopt": true}''.';
    END IF;

    IF p_options - 'tool_version' = '{}' AND coalesce(jsonb_typeof(p_options -> 'tool_version'), 'string') = 'string' THEN
        RETURN; -- what the program gives when nobody asks for anything
    END IF;

    SELECT string_agg(CASE
               WHEN k.kind IS NULL THEN format('option %s is not known', to_json(o.key))
               WHEN jsonb_typeof(o.value) <> k.kind THEN format('option %s is not a %s', o.key, k.kind)
               WHEN o.key = 'max_prune' THEN 'option max_prune is neither a number nor a percentage up to 100%'
               WHEN o.key = 'generation' THEN 'option generation is not a whole number from 0 to 9223372036854775807'
               WHEN o.key = 'on_drift' THEN 'option on_drift is none of overwrite, keep, fail'
               ELSE 'option assume_secret_manager can only be "db"'
           END, E'\n' ORDER BY o.key)
    INTO v_problems
    FROM jsonb_each(p_options) AS o (key, value)
    LEFT JOIN (VALUES ('allow_empty', 'boolean'), ('max_prune', 'string'), ('adopt', 'boolean'), ('detect_renames', 'boolean'),
                      ('generation', 'number'), ('on_drift', 'string'), ('plan_digest', 'string'), ('require_tenant', 'boolean'), ('tenant_name', 'string'),
                      ('assume_secret_manager', 'string'), ('secret_manager', 'string'), ('allow_unknown_types', 'boolean'),
                      ('tool_version', 'string')) AS k (key, kind) ON k.key = o.key
    WHERE k.kind IS NULL
       OR jsonb_typeof(o.value) <> k.kind
       OR (o.key = 'max_prune' AND NOT o.value #>> '{}' ~ '^([0-9]{1,9}|([0-9]{1,2}|100)%)$')
       OR (o.key = 'on_drift' AND o.value #>> '{}' NOT IN ('overwrite', 'keep', 'fail'))
       OR (o.key = 'generation' AND CASE WHEN o.value #>> '{}' ~ '^[0-9]{1,19}$'
                                         THEN (o.value #>> '{}')::numeric > 9223372036854775807 ELSE true END)
       OR (o.key = 'assume_secret_manager' AND lower(o.value #>> '{}') <> 'db');

    IF v_problems IS NOT NULL THEN
        RAISE EXCEPTION '%', split_part(v_problems, E'\n', 1)
            USING ERRCODE = 'KB002', DETAIL = v_problems, HINT = 'docs/sql.md lists the options under _check_options.';
    END IF;
END
$$;

COMMENT ON FUNCTION bootstrap._check_options(jsonb) IS
'Raises KB002 unless every option of a run is known and of its kind: allow_empty, max_prune, adopt, detect_renames, generation, on_drift, plan_digest, require_tenant, tenant_name, assume_secret_manager, secret_manager, allow_unknown_types, tool_version.';

REVOKE ALL ON FUNCTION bootstrap._check_options(jsonb) FROM PUBLIC;
