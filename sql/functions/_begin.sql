-- bootstrap._begin(tenant_id, options, manifest): checks everything that a run needs before it looks at a row of Keep.
--
-- Options; a transaction that can write and sees what others commit; tables that are Keep's and trusted. A JSON
-- manifest, in manifest_staging or given, is taken apart into staging, and checked. Rows that an older transaction
-- left, or that a restored dump brought with a transaction number that comes round again, do not join the manifest.
-- Nothing staged is no manifest. A manifest that is given need not be staged: plan() works on a standby as well. With
-- is_checked false, the manifest is not: problems() does that. Errors: KB001 to KB004, KB010 to KB014, KB027, KB030.
CREATE FUNCTION bootstrap._begin(p_tenant_id text, p_options jsonb, p_manifest json DEFAULT NULL,
                                  p_is_checked boolean DEFAULT true) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan -- or auto_explain shows a given manifest as a constant
AS $$
DECLARE
    v_all      CONSTANT text[] := '{user,api_key,provider,deduplication_rule,workflow,dashboard,mapping_rule}';
    v_own      xid8;
    v_kinds    text[];
    v_problems bigint;
    v_shown    text;
    v_is_bad   boolean;
BEGIN
    IF coalesce(p_tenant_id, '') = '' OR octet_length(p_tenant_id) > 1000
       OR jsonb_typeof(p_options) IS DISTINCT FROM 'object' THEN
        RAISE EXCEPTION 'the tenant id is empty or too long, or the options are not a JSON object'
            USING ERRCODE = 'KB002', HINT = 'Keep''s own tenant is ''keep''. Options look like ''{"adopt": true}''.';
    END IF;
    IF p_options - 'tool_version' <> '{}' THEN
        SELECT string_agg(CASE WHEN k.type IS NULL THEN format('unknown option %s', to_json(o.key))
                               ELSE format('option %s must be %s', o.key, k.words) END, E'\n' ORDER BY o.key)
        INTO v_shown
        FROM jsonb_each(p_options - 'tool_version') AS o (key, value)
        LEFT JOIN (
            SELECT b.key, 'boolean', '', 'true or false'
            FROM unnest(ARRAY['allow_empty', 'additive', 'adopt', 'detect_renames', 'require_tenant',
                              'provision_resources', 'allow_unknown_types']) AS b (key)
            UNION ALL
            VALUES ('max_prune', 'string', '^([0-9]{1,9}|([0-9]{1,2}|100)%)$', 'a number or a percentage, in quotes'),
                   ('on_drift', 'string', '^(overwrite|keep|fail)$', 'overwrite, keep or fail'),
                   ('generation', 'number', '^[0-9]{1,18}$', 'a whole number of at most 18 digits'),
                   ('assume_secret_manager', 'string', '^[dD][bB]$', '"db"'),
                   ('secret_manager', 'string', '', 'a text'), ('tenant_name', 'string', '', 'a text'),
                   ('plan_digest', 'string', '', 'a text')
        ) AS k (key, type, pattern, words) ON k.key = o.key
        WHERE k.type IS NULL OR jsonb_typeof(o.value) <> k.type OR o.value #>> '{}' !~ k.pattern;
    END IF;
    IF v_shown IS NOT NULL THEN
        RAISE EXCEPTION '%', split_part(v_shown, E'\n', 1)
            USING ERRCODE = 'KB002', DETAIL = v_shown, HINT = 'docs/psql.md lists the options.';
    END IF;
    PERFORM bootstrap.require_keep('{}'), set_config('bootstrap.manifest', coalesce(p_manifest::text, ''), true);
    IF p_manifest IS NULL THEN
        IF pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean THEN
            RAISE EXCEPTION 'cannot write: the server is a standby, or the transaction is read-only'
                USING ERRCODE = 'KB030', HINT = 'Connect to the primary server.';
        ELSIF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
            RAISE EXCEPTION 'the isolation level is %, not read committed', current_setting('transaction_isolation')
                USING ERRCODE = 'KB003', HINT = 'Begin with BEGIN ISOLATION LEVEL READ COMMITTED.';
        END IF;
        v_own := pg_current_xact_id();
        -- Leftovers of a COPY without a CALL, or of a restored dump. SKIP LOCKED: another session may be removing them.
        DELETE FROM bootstrap.staging AS s WHERE s.ctid = ANY (ARRAY(
            SELECT o.ctid FROM bootstrap.staging AS o WHERE age(o.xmin) > age(v_own::xid) FOR UPDATE SKIP LOCKED));
        IF EXISTS (SELECT FROM bootstrap.manifest_staging) THEN
            DELETE FROM bootstrap.manifest_staging AS s WHERE s.ctid = ANY (ARRAY(
                SELECT o.ctid FROM bootstrap.manifest_staging AS o
                WHERE age(o.xmin) > age(v_own::xid) FOR UPDATE SKIP LOCKED));
            INSERT INTO bootstrap.staging (kind, position, content)
            SELECT 'document', 1, coalesce(string_agg(s.line, E'\n' ORDER BY s.line_number), '')
            FROM bootstrap.manifest_staging AS s WHERE s.transaction_id = v_own HAVING count(*) > 0;
            DELETE FROM bootstrap.manifest_staging AS s WHERE s.transaction_id = v_own;
        END IF;
    END IF;

    BEGIN
        SELECT coalesce(json_typeof(s.content::json), 'nothing') INTO v_shown FROM bootstrap._staged('document') AS s;
        IF v_shown NOT IN ('object', 'array') THEN
            RAISE EXCEPTION 'the manifest is neither an object nor a list of providers'
                USING ERRCODE = 'KB001',
                      HINT = 'Give {"name": {"type": "grafana", "authentication": {...}}}; {} means no providers.';
        ELSIF p_manifest IS NULL THEN
            IF v_shown IS NOT NULL THEN
                INSERT INTO bootstrap.staging (kind, position, name, type, content, options)
                SELECT r.kind, r.position, r.name, r.type, r.content, r.options FROM bootstrap._manifest_rows() AS r;
                DELETE FROM bootstrap.staging AS s WHERE s.transaction_id = v_own AND s.kind = 'document';
            END IF;
            v_kinds := ARRAY(SELECT DISTINCT s.kind FROM bootstrap.staging AS s
                             WHERE s.transaction_id = v_own AND s.kind <> 'source');
        ELSE
            v_kinds := ARRAY(SELECT DISTINCT r.kind FROM bootstrap._manifest_rows() AS r);
        END IF;
    EXCEPTION WHEN data_exception OR program_limit_exceeded OR statement_too_complex THEN -- they quote the manifest
        RAISE EXCEPTION 'the manifest is not JSON, or has what PostgreSQL cannot store (U+0000, a lone surrogate)'
            USING ERRCODE = 'KB001', HINT = 'Run keep-bootstrap validate -f FILE to see line and column.';
    END;
    IF v_kinds = '{}' THEN
        RAISE EXCEPTION 'nothing is staged in this transaction'
            USING ERRCODE = 'KB001', HINT = 'BEGIN, load the manifest, CALL, COMMIT. {} means no providers.';
    END IF;
    v_is_bad := NOT v_kinds <@ v_all;
    IF p_manifest IS NULL AND NOT v_is_bad THEN -- by itself: on a standby, no statement may name staging
        v_is_bad := EXISTS (SELECT FROM bootstrap.staging AS s WHERE s.transaction_id = v_own AND s.position > 0
                            GROUP BY s.kind, s.position HAVING count(*) > 1);
    END IF;
    IF v_is_bad THEN
        RAISE EXCEPTION 'a row of staging has an unknown kind, or the same kind and position as another row'
            USING ERRCODE = 'KB001', HINT = 'Give each object of a kind its own position, from 1.';
    END IF;
    v_kinds := ARRAY(SELECT k.kind FROM unnest(v_all) WITH ORDINALITY AS k (kind, number)
                     WHERE replace(k.kind, 'deduplication_rule', 'provider') = ANY (v_kinds) ORDER BY k.number);
    PERFORM set_config('bootstrap.kinds', v_kinds::text, true);
    PERFORM bootstrap.require_keep(v_kinds) WHERE NOT v_kinds <@ ARRAY['provider', 'deduplication_rule'];
    IF NOT p_is_checked THEN RETURN; END IF;
    SELECT count(*), array_to_string((array_agg(format('%s %s %s: %s', replace(p.kind, '_', ' '), p.position,
                     coalesce(to_json(left(p.name, 100))::text, '(no name)'), p.problem)))[1:100], E'\n')
    INTO v_problems, v_shown
    FROM bootstrap.problems(p_options) AS p;
    IF v_problems > 0 THEN
        RAISE EXCEPTION 'the manifest has % problem(s)', v_problems
            USING ERRCODE = 'KB001', DETAIL = v_shown,
                  HINT = 'Stage the manifest again and call bootstrap.problems() to see all of them as rows.';
    ELSIF (p_options ->> 'require_tenant')::boolean
          AND NOT EXISTS (SELECT FROM public.tenant AS t WHERE t.id = p_tenant_id) THEN
        RAISE EXCEPTION 'tenant % does not exist', to_json(p_tenant_id)
            USING ERRCODE = 'KB004', HINT = 'Create it with bootstrap.ensure_tenant, or omit require_tenant.';
    END IF;
END
$$;
