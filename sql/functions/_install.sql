-- bootstrap._install(tenant_id, options): makes what the tenant has that which this transaction has in staging.
--
-- The run itself, behind install, install_providers and install_staged:
--   1. Check options (the caller has checked the transaction: _require_writable), and take the advisory lock of the tenant if it is free.
--   2. Set aside what is plainly unchanged. When that is everything (_is_current), be done: that is what replicas that restart
--      find. Otherwise check Keep's tables and what is left of the manifest. Without the lock: when nothing differs, be
--      done, so that replicas do not queue; otherwise undo the setting aside, wait for the lock (60 s) and look again.
--   3. Under the lock: generation, tenant, secrets' place, then the plan with its rows locked and the guards (_write_plan).
--   4. Defer the foreign key where it is deferrable, write, set it to IMMEDIATE again, so that an error comes out here.
--   5. Journal, report, empty staging.
-- Lock order: advisory lock of the tenant, provider rows by id, secret rows by key, the rows of the other kinds
-- (_lock_resources), then the writes in the order of _kinds().
-- Safe to repeat: when nothing differs, no row version is written in any table of Keep, of state or of the journal.
-- Row locks are waited for at most 500 ms each (55P03).
CREATE OR REPLACE PROCEDURE bootstrap._install(p_tenant_id text, p_options jsonb)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET row_security = off
SET jit = off
SET lock_timeout = '500ms'
AS $$
DECLARE
    v_kinds          text[];
    v_generation     bigint;
    v_stored         bigint;
    v_locked         boolean;
    v_is_current     boolean;
    v_tenant_created boolean := false;
    v_is_first       boolean := false;
    v_is_changed     boolean;
    v_is_stale       boolean := false;
    v_providers      bigint;
    v_run_id         bigint;
    v_kept_names     text[] := '{}'::text[];
    v_notes          text[] := '{}'::text[];
    v_report         bootstrap.run_report;
    v_line           text;
BEGIN
    PERFORM bootstrap._check_options(p_options);
    v_generation := (p_options ->> 'generation')::bigint;
    v_kinds := bootstrap._given_kinds(NULL);
    SELECT count(*) INTO v_providers FROM bootstrap.provider_staging AS s WHERE s.transaction_id = pg_current_xact_id();
    v_locked := pg_try_advisory_xact_lock(19267, hashtext(p_tenant_id));

    LOOP
        BEGIN
            v_is_current := bootstrap._is_current(p_tenant_id, p_options);
            IF v_is_current THEN
                v_is_changed := false;
                EXIT;
            END IF;
            PERFORM bootstrap.require_keep('provider');
            PERFORM bootstrap._require_tenant(p_tenant_id, p_options);
            PERFORM bootstrap._require_staged();
            IF v_is_current IS NULL THEN
                CALL bootstrap._set_aside_unchanged(p_tenant_id);
            END IF;
            PERFORM bootstrap._require_kinds(NULL);
            PERFORM bootstrap._check_manifest(NULL, p_options);
            SELECT t.generation INTO v_stored FROM bootstrap.tenant_state AS t WHERE t.tenant_id = p_tenant_id;
            v_is_stale := bootstrap._is_stale(p_tenant_id, p_options);
            EXIT WHEN v_locked OR v_is_stale;

            IF EXISTS (SELECT FROM public.tenant AS t WHERE t.id = p_tenant_id)
               AND coalesce(v_generation <= v_stored, v_generation IS NULL)
               AND p_options ->> 'plan_digest' IS NULL
               AND NOT EXISTS (SELECT FROM bootstrap._plan(p_tenant_id, NULL, p_options) AS p
                               WHERE NOT (p.action = 'unchanged' AND NOT p.state_only))
            THEN
                v_is_changed := false;
                EXIT;
            END IF;
            RAISE EXCEPTION 'another run is at work' USING ERRCODE = 'ZZ099'; -- undoes the setting aside; caught below
        EXCEPTION WHEN SQLSTATE 'ZZ099' THEN
            PERFORM set_config('lock_timeout', '60s', true);
            PERFORM pg_advisory_xact_lock(19267, hashtext(p_tenant_id));
            PERFORM set_config('lock_timeout', '500ms', true);
            v_locked := true;
        END;
    END LOOP;

    IF v_is_stale THEN
        v_is_changed := false;
        v_notes := ARRAY[format('generation %s is older than %s, which is installed: nothing was done', v_generation, v_stored)];
        RAISE WARNING '%', v_notes[1];
    END IF;

    IF v_is_changed IS NULL THEN
        IF NOT EXISTS (SELECT FROM public.tenant AS t WHERE t.id = p_tenant_id) THEN
            v_tenant_created := bootstrap.ensure_tenant(p_tenant_id, coalesce(p_options ->> 'tenant_name',
                CASE p_tenant_id WHEN 'keep' THEN 'Single Tenant' ELSE p_tenant_id END)) = 'created';
        END IF;

        v_is_first := NOT EXISTS (SELECT FROM public.provider AS p WHERE p.tenant_id = p_tenant_id);
        CALL bootstrap._write_plan(p_tenant_id, p_options, v_kept_names);
        IF p_options ? 'plan_digest' THEN
            IF p_options ->> 'plan_digest' <> bootstrap._plan_digest(p_tenant_id) THEN
                RAISE EXCEPTION 'the plan no longer fits: the manifest or the rows have changed since it was made'
                    USING ERRCODE = 'KB026', HINT = 'Nothing was written. Make a new plan, look at it, and apply that.';
            END IF;
        END IF;

        v_is_changed := v_tenant_created
            OR EXISTS (SELECT FROM bootstrap.planned_change AS c WHERE c.transaction_id = pg_current_xact_id());
    END IF;

    IF v_is_changed THEN
        v_run_id := nextval('bootstrap.run_run_id_seq');

        CALL bootstrap._defer_tenant_check(true);
        CALL bootstrap._write_resources(p_tenant_id, ARRAY['user', 'api_key']);
        IF 'provider' = ANY (v_kinds) THEN
            CALL bootstrap._write_providers(p_tenant_id, v_run_id, v_kept_names);
            CALL bootstrap._write_deduplication_rules(p_tenant_id);
        END IF;
        CALL bootstrap._write_resources(p_tenant_id, ARRAY['workflow', 'dashboard', 'mapping_rule']);
        CALL bootstrap._write_resource_state(p_tenant_id, v_run_id);
        CALL bootstrap._write_journal(p_tenant_id, v_run_id, p_options, v_tenant_created);
        CALL bootstrap._defer_tenant_check(false);
    ELSIF NOT v_is_stale AND v_generation > coalesce(v_stored, -1) THEN
        -- Nothing differs, but an older generation must not come back.
        INSERT INTO bootstrap.tenant_state AS t (tenant_id, generation)
        VALUES (p_tenant_id, v_generation)
        ON CONFLICT ON CONSTRAINT tenant_state_pkey DO UPDATE SET generation = excluded.generation;
    END IF;

    v_report.run_id         := v_run_id;
    v_report.tenant_id      := p_tenant_id;
    v_report.tenant_created := v_tenant_created;
    v_report.changed        := v_is_changed;
    v_report.providers      := v_providers;
    v_report.added          := 0;
    v_report.updated        := 0;
    v_report.renamed        := 0;
    v_report.replaced       := 0;
    v_report.pruned         := 0;
    v_report.adopted        := 0;
    v_report.rules_changed  := 0;
    IF v_is_changed THEN
        SELECT count(*) FILTER (WHERE c.kind = 'provider' AND c.action = 'add'), count(*) FILTER (WHERE c.kind = 'provider' AND c.action = 'update'),
               count(*) FILTER (WHERE c.kind = 'provider' AND c.action = 'rename'), count(*) FILTER (WHERE c.kind = 'provider' AND c.action = 'replace'),
               count(*) FILTER (WHERE c.kind = 'provider' AND c.action = 'prune'), count(*) FILTER (WHERE c.kind = 'provider' AND c.action = 'adopt'),
               count(*) FILTER (WHERE c.kind = 'deduplication_rule')
        INTO v_report.added, v_report.updated, v_report.renamed, v_report.replaced, v_report.pruned, v_report.adopted, v_report.rules_changed
        FROM bootstrap.planned_change AS c
        WHERE c.transaction_id = pg_current_xact_id();
    END IF;
    v_report.unchanged := CASE WHEN v_is_stale THEN 0 ELSE
        v_providers - v_report.added - v_report.updated - v_report.renamed - v_report.replaced - v_report.adopted END;
    v_report.notes := v_notes || bootstrap._notes(p_tenant_id, v_is_first AND v_report.added > 0, v_kinds);
    v_report.resources := bootstrap._count_resources(v_kinds, v_is_stale);
    PERFORM set_config('bootstrap.report', to_json(v_report)::text, true);

    CALL bootstrap._clear_staging();

    IF v_is_changed THEN
        RAISE NOTICE 'bootstrap: tenant % %, providers: % added, % updated, % renamed, % replaced, % pruned, % adopted, % unchanged; % deduplication rules changed (run %)',
            p_tenant_id, CASE WHEN v_tenant_created THEN 'created' ELSE 'exists' END, v_report.added, v_report.updated, v_report.renamed,
            v_report.replaced, v_report.pruned, v_report.adopted, v_report.unchanged, v_report.rules_changed, v_run_id;
    ELSIF NOT v_is_stale THEN
        RAISE NOTICE 'bootstrap: nothing to do, % provider(s) of tenant % are as wanted', v_providers, p_tenant_id;
    END IF;
    IF v_is_changed THEN
        FOR v_line IN
            SELECT format('%ss: %s added, %s updated, %s adopted, %s pruned, %s unchanged', replace(r.kind, '_', ' '), r.counts ->> 'added', r.counts ->> 'updated',
                          r.counts ->> 'adopted', r.counts ->> 'pruned', r.counts ->> 'unchanged')
            FROM json_each(v_report.resources) AS r (kind, counts)
        LOOP
            RAISE NOTICE 'bootstrap: %', v_line;
        END LOOP;
    END IF;
    FOR i IN 1..coalesce(array_length(v_report.notes, 1), 0) LOOP
        RAISE NOTICE 'bootstrap: %', v_report.notes[i];
    END LOOP;
END
$$;

COMMENT ON PROCEDURE bootstrap._install(text, jsonb) IS
'Makes what the tenant has that which this transaction has in staging: the run itself, behind install, install_providers and install_staged.';

REVOKE ALL ON PROCEDURE bootstrap._install(text, jsonb) FROM PUBLIC;
