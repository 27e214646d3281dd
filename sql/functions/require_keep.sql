-- bootstrap.require_keep([kind]): raises unless Keep's tables exist in schema public and fit.
--
-- Errors: KB010 none of the tables exists; KB011 some are missing or differ, DETAIL names every difference; KB012 they
-- are in another schema. Safe to repeat. Reads catalogs only and takes no lock.
CREATE OR REPLACE FUNCTION bootstrap.require_keep(p_kind text DEFAULT 'provider') RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET row_security = off
AS $$
DECLARE
    v_differences text;
    v_elsewhere   text;
    v_revision    text;
BEGIN
    SELECT string_agg(d.difference, E'\n') INTO v_differences FROM bootstrap._keep_differences(ARRAY[p_kind]) AS d;
    IF v_differences IS NULL THEN
        RETURN;
    END IF;

    IF NOT EXISTS (
        SELECT FROM unnest(ARRAY['public.tenant', 'public.provider', 'public.secret']) AS k (name) WHERE to_regclass(k.name) IS NOT NULL
    ) THEN
        SELECT string_agg(quote_ident(n.nspname), ', ' ORDER BY n.nspname) INTO v_elsewhere
        FROM pg_namespace AS n
        WHERE n.nspname NOT LIKE E'pg\\_%' AND n.nspname NOT IN ('information_schema', 'bootstrap', 'public') -- public: they appear this moment
          AND EXISTS (SELECT FROM pg_class AS c WHERE c.relnamespace = n.oid AND c.relname = 'provider' AND c.relkind IN ('r', 'p'))
          AND EXISTS (SELECT FROM pg_class AS c WHERE c.relnamespace = n.oid AND c.relname = 'tenant' AND c.relkind IN ('r', 'p'));
        IF v_elsewhere IS NOT NULL THEN
            RAISE EXCEPTION 'Keep''s tables are in schema %, not in public', v_elsewhere
                USING ERRCODE = 'KB012',
                      DETAIL = 'Keep reads and writes schema public; what this software wrote elsewhere would not be seen.',
                      HINT = 'Run Keep''s migrations with its default schema, or connect to the database that Keep uses.';
        END IF;
        RAISE EXCEPTION 'Keep''s tables do not exist in this database'
            USING ERRCODE = 'KB010',
                  DETAIL = 'There is no table public.tenant, public.provider or public.secret.',
                  HINT = 'Run Keep''s own migrations first (start Keep once), wait for them with --wait, or let this software create the tables with --create-tables. Check that this is the database that Keep uses.';
    END IF;

    -- Only a plain table with a text of PostgreSQL's own type: a view, or the cast of another type, would run its maker's code.
    IF EXISTS (SELECT FROM pg_class AS c
               JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'version_num' AND a.atttypid IN ('text'::regtype, 'varchar'::regtype)
               WHERE c.oid = to_regclass('public.alembic_version') AND c.relkind = 'r')
       AND ((SELECT g.security FROM bootstrap.setting AS g) = 'invoker' OR NOT EXISTS (SELECT FROM bootstrap._untrusted_tables()))
    THEN
        BEGIN
            SELECT string_agg(a.version_num::text, ', ') INTO v_revision FROM public.alembic_version AS a;
        EXCEPTION WHEN undefined_column OR insufficient_privilege THEN
            v_revision := NULL;
        END;
    END IF;

    RAISE EXCEPTION 'Keep''s tables do not fit: %', split_part(v_differences, E'\n', 1)
        USING ERRCODE = 'KB011',
              DETAIL = v_differences,
              HINT = format('Upgrade Keep: its schema revision must be 9dd1be4539e0 (June 2025) or newer%s. Or wait for its migrations with --wait.',
                            CASE WHEN v_revision IS NULL THEN '' ELSE format(', this database is at %s', v_revision) END);
END
$$;

COMMENT ON FUNCTION bootstrap.require_keep(text) IS
'Raises KB010, KB011 or KB012 unless Keep''s tables exist in schema public and fit. Reads catalogs only.';

REVOKE ALL ON FUNCTION bootstrap.require_keep(text) FROM PUBLIC;
