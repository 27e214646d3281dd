-- bootstrap.require_keep([kinds]): raises unless Keep's tables for these kinds are in schema public and fit.
--
-- KB013 code of another role could run with the rights of these routines (untrusted)
-- KB010 there are none   KB011 some are missing or differ: too old, or not Keep's   KB012 they are in another schema
-- KB014 the database's encoding cannot hold every text   KB027 a kind other than providers lacks its tables
-- Without kinds, only KB013 and KB014. The message names database and role. Reads catalogs only and takes no lock.
CREATE FUNCTION bootstrap.require_keep(p_kinds text[] DEFAULT '{tenant,provider}') RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = on -- catalogs are looked up by their indexes
AS $$
DECLARE
    v_untrusted text := (SELECT string_agg(u.problem, E'\n' ORDER BY u.problem) FROM bootstrap.untrusted AS u);
    v_place     text := format('database %s as role %s', to_json(current_database()), to_json(session_user));
    v_all       text;
    v_kind      text;
    v_elsewhere text;
BEGIN
    IF getdatabaseencoding() = 'SQL_ASCII' THEN
        RAISE EXCEPTION 'database % has the encoding SQL_ASCII: no conversion', to_json(current_database())
            USING ERRCODE = 'KB014', HINT = 'Use a database with the encoding UTF8.';
    END IF;
    IF v_untrusted IS NOT NULL THEN
        RAISE EXCEPTION 'untrusted: %', split_part(v_untrusted, E'\n', 1)
            USING ERRCODE = 'KB013', DETAIL = v_untrusted,
                  HINT = 'Nothing was read or written. Give these objects to the owner of schema bootstrap and of '
                         'Keep''s tables, or drop them.';
    END IF;
    IF p_kinds = '{}' THEN RETURN; END IF;
    SELECT string_agg(d.difference, E'\n' ORDER BY d.rank, d.table_name, d.column_name),
           (array_agg(d.kind ORDER BY d.kind NOT IN ('tenant', 'provider')))[1]
    INTO v_all, v_kind
    FROM bootstrap.keep_difference AS d
    WHERE d.kind = ANY (p_kinds);
    IF v_all IS NULL THEN
        RETURN;
    END IF;

    IF v_kind NOT IN ('tenant', 'provider') THEN
        RAISE EXCEPTION 'this Keep has no %: %', replace(v_kind, '_', ' ') || 's', split_part(v_all, E'\n', 1)
            USING ERRCODE = 'KB027', DETAIL = v_all,
                  HINT = format('Upgrade Keep to schema revision %s or newer, or leave them out of the manifest.',
                                CASE v_kind WHEN 'mapping_rule' THEN '67ff7efffed4 (Keep 0.54)'
                                     ELSE '9dd1be4539e0 (June 2025)' END);
    END IF;
    IF coalesce(to_regclass('public.tenant'), to_regclass('public.provider'),
                to_regclass('public.secret')) IS NOT NULL THEN
        RAISE EXCEPTION 'the tables in %, schema public, are not those of a supported Keep: %', v_place,
            split_part(v_all, E'\n', 1)
            USING ERRCODE = 'KB011', DETAIL = v_all,
                  HINT = 'Check that this is Keep''s database. Upgrade Keep to schema revision 9dd1be4539e0 (June '
                         '2025) or newer, or wait for its migrations with --wait.';
    END IF;

    SELECT string_agg(quote_ident(n.nspname), ', ' ORDER BY n.nspname) INTO v_elsewhere
    FROM pg_namespace AS n
    WHERE left(n.nspname::text, 3) <> 'pg_' AND n.nspname NOT IN ('information_schema', 'bootstrap', 'public')
      AND EXISTS (SELECT FROM pg_class AS c
                  WHERE c.relnamespace = n.oid AND c.relname = 'provider' AND c.relkind IN ('r', 'p'))
      AND EXISTS (SELECT FROM pg_class AS c
                  WHERE c.relnamespace = n.oid AND c.relname = 'tenant' AND c.relkind IN ('r', 'p'));
    IF v_elsewhere IS NOT NULL THEN
        RAISE EXCEPTION 'Keep''s tables are in schema %, not in public (%)', v_elsewhere, v_place
            USING ERRCODE = 'KB012',
                  HINT = 'Run Keep''s migrations with its default schema, or connect to the database that Keep uses.';
    END IF;
    RAISE EXCEPTION 'Keep''s tables do not exist in %', v_place
        USING ERRCODE = 'KB010', DETAIL = 'There is no table public.tenant, public.provider or public.secret.',
              HINT = 'Check that this is Keep''s database. Run Keep''s own migrations first (start Keep once), or wait '
                     'for them with --wait.';
END
$$;
COMMENT ON FUNCTION bootstrap.require_keep(text[]) IS
'Raises KB010, KB011, KB012, KB014 or KB027 unless Keep''s tables exist and fit.';
