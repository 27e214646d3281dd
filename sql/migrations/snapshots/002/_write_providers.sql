-- bootstrap._write_providers(tenant_id, run_id, kept_names): writes the provider rows of bootstrap.planned_change.
--
-- Provider, secret and state rows, one statement a step over all providers. Keep's unique constraint on
-- (tenant_id, name) is checked row by row, hence the order: what leaves goes, names in the way are parked, names and
-- columns are updated, secrets are updated, what is new is inserted. Values are those that Keep writes and reads
-- (keep/formats.md), times are UTC whatever the session's time zone is.
-- kept_names are providers of ours that someone deleted and that stay deleted (on_drift keep): their state stays.
-- The rows are locked by _lock_providers; row counts are checked all the same. Error KB040 when one is off.
CREATE OR REPLACE PROCEDURE bootstrap._write_providers(p_tenant_id text, p_run_id bigint, p_kept_names text[])
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
SET plan_cache_mode = force_custom_plan
SET work_mem = '64MB'
AS $$
DECLARE
    v_now      timestamp := clock_timestamp() AT TIME ZONE 'UTC';
    v_expected bigint;
    v_count    bigint;
    v_keys     text[];
    v_ids      text[];
    v_is_more  boolean; -- than adds and prunes
    v_looked   text[] := bootstrap._considered_providers(p_tenant_id, NULL);
BEGIN
    -- What leaves, and what makes room for a successor of another type.
    SELECT count(*) FILTER (WHERE c.action IN ('prune', 'replace')), array_agg(c.object_id) FILTER (WHERE c.action IN ('prune', 'replace')),
           bool_or(c.action NOT IN ('prune', 'add'))
    INTO v_expected, v_ids, v_is_more
    FROM bootstrap.planned_change AS c
    WHERE c.transaction_id = pg_current_xact_id() AND c.kind = 'provider';
    IF v_expected > 0 THEN
        WITH gone AS (
            DELETE FROM public.provider AS p
            WHERE p.tenant_id = p_tenant_id AND p.id = ANY (v_ids)
            RETURNING p.configuration_key
        )
        SELECT count(*), array_agg(g.configuration_key::text) INTO v_count, v_keys FROM gone AS g;
        IF v_count <> v_expected THEN
            RAISE EXCEPTION '% of % provider rows to be deleted were there', v_count, v_expected
                USING ERRCODE = 'KB040', HINT = 'Nothing was written. Repeat the run.';
        END IF;
        DELETE FROM public.secret AS s WHERE s.key = ANY (v_keys);
    END IF;

    -- State whose provider leaves, was deleted by someone else, or is to be forgotten. The guard of a provider that comes back
    -- under another id, or with its old one, is carried over.
    UPDATE bootstrap.provider_staging AS m
    SET prevent_delete = 'true'
    FROM (
        SELECT c.position
        FROM bootstrap.planned_change AS c
        JOIN bootstrap.provider_state AS t ON t.tenant_id = p_tenant_id AND t.provider_id = c.object_id AND t.prevent_delete
        WHERE c.transaction_id = pg_current_xact_id() AND c.kind = 'provider' AND c.action = 'replace'
        UNION
        SELECT c.position
        FROM bootstrap.planned_change AS c
        JOIN bootstrap.provider_state AS t ON t.tenant_id = p_tenant_id AND t.name = c.name AND t.prevent_delete
        WHERE c.transaction_id = pg_current_xact_id() AND c.kind = 'provider' AND c.action = 'add' AND c.drift @> ARRAY['row']
    ) AS g
    WHERE m.transaction_id = pg_current_xact_id() AND m.position = g.position AND m.prevent_delete IS NULL;

    SELECT array_agg(t.provider_id) INTO v_ids
    FROM bootstrap.provider_state AS t
    WHERE t.tenant_id = p_tenant_id AND t.provider_id = ANY (v_looked)
      AND (NOT EXISTS (SELECT FROM public.provider AS p WHERE p.tenant_id = p_tenant_id AND p.id = t.provider_id)
           OR t.provider_id = ANY (ARRAY(SELECT c.object_id FROM bootstrap.planned_change AS c
                                         WHERE c.transaction_id = pg_current_xact_id() AND c.kind = 'provider'
                                           AND c.action = 'unchanged' AND c.position IS NULL)))
      AND NOT t.name = ANY (p_kept_names);
    IF v_ids IS NOT NULL THEN
        CALL bootstrap._keep_add_records(p_tenant_id, v_ids);
        -- Their secrets, where those were left behind.
        DELETE FROM public.secret AS s
        WHERE s.key = ANY (ARRAY(SELECT p_tenant_id || '_' || t.type || '_' || t.provider_id FROM bootstrap.provider_state AS t
                                 WHERE t.tenant_id = p_tenant_id AND t.provider_id = ANY (v_ids)
                                   AND NOT EXISTS (SELECT FROM public.provider AS p WHERE p.tenant_id = p_tenant_id AND p.id = t.provider_id)));
        DELETE FROM bootstrap.provider_state AS t WHERE t.tenant_id = p_tenant_id AND t.provider_id = ANY (v_ids);
    END IF;

    -- Names that another renamed row is about to take.
    UPDATE public.provider AS p
    SET name = 'bootstrap renames ' || p.id
    FROM bootstrap.planned_change AS c
    JOIN bootstrap.planned_change AS d ON d.name = c.previous_name
    WHERE c.transaction_id = pg_current_xact_id() AND c.kind = 'provider' AND c.previous_name IS NOT NULL AND c.action <> 'replace'
      AND d.transaction_id = pg_current_xact_id() AND d.kind = 'provider' AND d.previous_name IS NOT NULL AND d.action <> 'replace'
      AND p.tenant_id = p_tenant_id AND p.id = c.object_id;

    -- Provider rows that differ.
    SELECT count(*) INTO v_expected
    FROM bootstrap.planned_change AS c
    WHERE c.transaction_id = pg_current_xact_id() AND c.kind = 'provider' AND c.action IN ('update', 'rename', 'adopt')
      AND c.fields && ARRAY['name', 'provisioned', 'consumer', 'description', 'pulling_enabled'];
    IF v_expected > 0 THEN
        UPDATE public.provider AS p
        SET name            = CASE WHEN 'name' = ANY (c.fields) THEN m.name ELSE p.name END,
            provisioned     = p.provisioned OR 'provisioned' = ANY (c.fields),
            consumer        = coalesce(y.consumer, p.consumer),
            description     = CASE WHEN 'description' = ANY (c.fields) THEN m.description ELSE p.description END,
            pulling_enabled = CASE WHEN 'pulling_enabled' = ANY (c.fields) THEN m.pulling_enabled::boolean ELSE p.pulling_enabled END
        FROM bootstrap.planned_change AS c
        JOIN bootstrap.provider_staging AS m ON m.transaction_id = pg_current_xact_id() AND m.position = c.position
        LEFT JOIN bootstrap.provider_type AS y ON y.type = m.type
        WHERE c.transaction_id = pg_current_xact_id() AND c.kind = 'provider' AND c.action IN ('update', 'rename', 'adopt')
          AND c.fields && ARRAY['name', 'provisioned', 'consumer', 'description', 'pulling_enabled']
          AND p.tenant_id = p_tenant_id AND p.id = c.object_id;
        GET DIAGNOSTICS v_count = ROW_COUNT;
        IF v_count <> v_expected THEN
            RAISE EXCEPTION '% of % provider rows to be updated were there', v_count, v_expected
                USING ERRCODE = 'KB040', HINT = 'Nothing was written. Repeat the run.';
        END IF;
    END IF;

    -- Secrets that differ: the keys of the manifest, then those that are Keep's own. A key that is to go stands in
    -- fields; one that stands in drift alone keeps what someone else made of it.
    SELECT array_agg(p.configuration_key::text) INTO v_keys
    FROM bootstrap.planned_change AS c
    JOIN public.provider AS p ON p.tenant_id = p_tenant_id AND p.id = c.object_id
    WHERE c.transaction_id = pg_current_xact_id() AND c.kind = 'provider' AND c.action IN ('update', 'rename', 'adopt')
      AND EXISTS (SELECT FROM unnest(c.fields) AS f (field) WHERE f.field IN ('name', 'secret', 'secret.name') OR f.field LIKE 'authentication.%')
      AND NOT ('secret' = ANY (c.drift) AND NOT 'secret' = ANY (c.fields)); -- kept as someone else left it
    IF v_keys IS NOT NULL THEN
        WITH target AS (
            SELECT p.configuration_key::text AS key, m.authentication, c.fields,
                   CASE WHEN c.drift = '{}' THEN '{}' ELSE ARRAY(SELECT d.field FROM unnest(c.drift) AS d (field) WHERE NOT d.field = ANY (c.fields)) END AS kept,
                   CASE WHEN 'name' = ANY (c.drift) AND NOT 'name' = ANY (c.fields) THEN p.name::text ELSE m.name END AS name,
                   -- A secret that Keep cannot read is written anew; any other was parsed when it was compared.
                   CASE WHEN 'secret' = ANY (c.fields) OR s.value IS NULL THEN '{}' ELSE s.value END AS live
            FROM bootstrap.planned_change AS c
            JOIN bootstrap.provider_staging AS m ON m.transaction_id = pg_current_xact_id() AND m.position = c.position
            JOIN public.provider AS p ON p.tenant_id = p_tenant_id AND p.id = c.object_id
            LEFT JOIN public.secret AS s ON s.key = p.configuration_key AND s.key = ANY (v_keys)
            WHERE c.transaction_id = pg_current_xact_id() AND c.kind = 'provider' AND c.action IN ('update', 'rename', 'adopt')
              AND p.configuration_key = ANY (v_keys)
        ),
        new_secret AS MATERIALIZED (
            SELECT t.key,
                   CASE WHEN t.kept = '{}' AND t.live::jsonb - ARRAY['authentication', 'name'] = '{}'
                         AND coalesce(t.live::jsonb -> 'authentication', '{}') - ARRAY(SELECT json_object_keys(t.authentication::json)) = '{}'
                   -- Most secrets hold nothing beside what the manifest has.
                   THEN '{"authentication": ' || t.authentication || ', "name": ' || to_json(t.name)::text || '}'
                   ELSE '{"authentication": {' || concat_ws(', ',
                       (SELECT string_agg(to_json(a.key)::text || ': '
                                          || CASE WHEN 'authentication.' || a.key = ANY (t.kept) THEN t.live::json -> 'authentication' -> a.key ELSE a.value END::text,
                                          ', ' ORDER BY a.ordinality)
                        FROM json_each(t.authentication::json) WITH ORDINALITY AS a (key, value, ordinality)
                        WHERE NOT ('authentication.' || a.key = ANY (t.kept) AND t.live::json -> 'authentication' -> a.key IS NULL)),
                       (SELECT string_agg(to_json(a.key)::text || ': ' || a.value::text, ', ' ORDER BY a.ordinality)
                        FROM json_each(CASE json_typeof(t.live::json -> 'authentication') WHEN 'object' THEN t.live::json -> 'authentication' END)
                             WITH ORDINALITY AS a (key, value, ordinality)
                        WHERE NOT 'authentication.' || a.key = ANY (t.fields)
                          AND t.authentication::json -> a.key IS NULL))
                   || concat_ws(', ', '}, "name": ' || to_json(t.name)::text,
                       (SELECT string_agg(to_json(a.key)::text || ': ' || a.value::text, ', ' ORDER BY a.ordinality)
                        FROM json_each(t.live::json) WITH ORDINALITY AS a (key, value, ordinality)
                        WHERE a.key NOT IN ('authentication', 'name')))
                   || '}' END AS value
            FROM target AS t
        ),
        updated AS (
            UPDATE public.secret AS s
            SET value = n.value, last_updated = v_now
            FROM new_secret AS n
            WHERE s.key = n.key AND s.key = ANY (v_keys)
            RETURNING s.key
        )
        INSERT INTO public.secret (key, value, last_updated)
        SELECT n.key, n.value, v_now
        FROM new_secret AS n
        WHERE NOT EXISTS (SELECT FROM updated AS u WHERE u.key = n.key);
    END IF;

    -- New rows: provider, secret and state from one list, so that each text is built once.
    WITH new_provider AS MATERIALIZED (
        SELECT c.new_object_id AS id, m.name, m.type, m.authentication, m.description, m.pulling_enabled, m.prevent_delete,
               m.install_webhook, m.renamed_from, coalesce(y.consumer, false) AS consumer,
               p_tenant_id || '_' || m.type || '_' || c.new_object_id AS key,
               '{"authentication": ' || m.authentication || ', "name": ' || to_json(m.name)::text || '}' AS secret
        FROM bootstrap.planned_change AS c
        JOIN bootstrap.provider_staging AS m ON m.transaction_id = pg_current_xact_id() AND m.position = c.position
        LEFT JOIN bootstrap.provider_type AS y ON y.type = m.type
        WHERE c.transaction_id = pg_current_xact_id() AND c.kind = 'provider' AND c.action IN ('add', 'replace')
    ),
    provider_row AS (
        INSERT INTO public.provider (id, tenant_id, name, description, type, installed_by, installation_time, configuration_key,
                                     "validatedScopes", consumer, last_pull_time, provisioned, pulling_enabled, provider_metadata)
        SELECT n.id, p_tenant_id, n.name, n.description, n.type, 'system', v_now, n.key,
               '{}', n.consumer, NULL, true, coalesce(n.pulling_enabled::boolean, true), '{}'
        FROM new_provider AS n
    ),
    secret_row AS (
        INSERT INTO public.secret (key, value, last_updated)
        SELECT n.key, n.secret, v_now FROM new_provider AS n
    )
    INSERT INTO bootstrap.provider_state (tenant_id, provider_id, name, type, description, pulling_enabled, written_keys, secret_digest,
                                          added_run, changed_run, prevent_delete, install_webhook, renamed_from)
    SELECT p_tenant_id, n.id, n.name, n.type, n.description, coalesce(n.pulling_enabled::boolean, true),
           -- _digest, written out: a call for each key of each provider would take longer than all the rest. The digest key is read
           -- once, by a subquery: as a variable it could be seen in a plan, and a join would hold all rows a second time.
           coalesce((SELECT jsonb_object_agg(a.key, left(encode(sha256((SELECT g.digest_key FROM bootstrap.setting AS g) || convert_to(a.value::text, 'UTF8')), 'hex'), 32))
                     FROM jsonb_each(n.authentication::jsonb) AS a (key, value)), '{}'),
           left(encode(sha256((SELECT g.digest_key FROM bootstrap.setting AS g) || convert_to(n.secret, 'UTF8')), 'hex'), 32),
           p_run_id, p_run_id,
           coalesce(n.prevent_delete::boolean, false), coalesce(n.install_webhook::boolean, false),
           CASE WHEN n.renamed_from IS NOT NULL THEN ARRAY(SELECT json_array_elements_text(n.renamed_from::json)) END
    FROM new_provider AS n;

    IF NOT v_is_more THEN
        RETURN;
    END IF;

    -- A replaced provider is not an add: its record stands in the journal.
    UPDATE bootstrap.provider_state AS t
    SET added_run = NULL
    FROM bootstrap.planned_change AS c
    WHERE c.transaction_id = pg_current_xact_id() AND c.kind = 'provider' AND c.action = 'replace'
      AND t.tenant_id = p_tenant_id AND t.provider_id = c.new_object_id;

    -- State of the rows that stayed.
    SELECT array_agg(c.object_id) INTO v_ids
    FROM bootstrap.planned_change AS c
    WHERE c.transaction_id = pg_current_xact_id() AND c.kind = 'provider' AND c.previous_name IS NOT NULL AND c.action <> 'replace';
    IF v_ids IS NOT NULL THEN
        CALL bootstrap._keep_add_records(p_tenant_id, v_ids);
    END IF;

    SELECT array_agg(p.configuration_key::text) INTO v_keys
    FROM bootstrap.planned_change AS c
    JOIN public.provider AS p ON p.tenant_id = p_tenant_id AND p.id = c.object_id
    WHERE c.transaction_id = pg_current_xact_id() AND c.kind = 'provider' AND c.action IN ('update', 'rename', 'adopt', 'unchanged');
    INSERT INTO bootstrap.provider_state AS t (tenant_id, provider_id, name, type, description, pulling_enabled, written_keys, secret_digest,
                                               changed_run, prevent_delete, install_webhook, renamed_from)
    SELECT p_tenant_id, c.object_id,
           CASE WHEN 'name' = ANY (c.kept) THEN o.name ELSE m.name END,
           CASE WHEN 'type' = ANY (c.kept) THEN o.type ELSE m.type END,
           CASE WHEN 'description' = ANY (c.kept) THEN o.description ELSE p.description END,
           CASE WHEN 'pulling_enabled' = ANY (c.kept) THEN o.pulling_enabled ELSE p.pulling_enabled END,
           -- Of what is kept, what we wrote last stays remembered, also where the manifest no longer has it.
           CASE WHEN 'secret' = ANY (c.kept) THEN o.written_keys
                ELSE coalesce((SELECT jsonb_object_agg(a.key, left(encode(sha256((SELECT g.digest_key FROM bootstrap.setting AS g) || convert_to(a.value::text, 'UTF8')), 'hex'), 32))
                               FROM jsonb_each(m.authentication::jsonb) AS a (key, value)), '{}')
                  || CASE WHEN c.kept = '{}' THEN '{}'
                          ELSE coalesce((SELECT jsonb_object_agg(a.key, a.value)
                                         FROM jsonb_each(o.written_keys) AS a (key, value)
                                         WHERE 'authentication.' || a.key = ANY (c.kept)), '{}') END END,
           CASE WHEN c.kept <> '{}' AND EXISTS (SELECT FROM unnest(c.kept) AS f (field) WHERE f.field = 'secret' OR f.field LIKE 'authentication.%') THEN '' -- always to be looked at
                ELSE coalesce(left(encode(sha256((SELECT g.digest_key FROM bootstrap.setting AS g) || convert_to(s.value, 'UTF8')), 'hex'), 32), '') END,
           p_run_id,
           coalesce(m.prevent_delete::boolean, o.prevent_delete, false), coalesce(m.install_webhook::boolean, false),
           CASE WHEN m.renamed_from IS NOT NULL THEN ARRAY(SELECT json_array_elements_text(m.renamed_from::json)) END
    FROM (SELECT x.object_id, x.position,
                 CASE WHEN x.drift = '{}' THEN '{}' ELSE ARRAY(SELECT d.field FROM unnest(x.drift) AS d (field) WHERE NOT d.field = ANY (x.fields)) END AS kept
          FROM bootstrap.planned_change AS x
          WHERE x.transaction_id = pg_current_xact_id() AND x.kind = 'provider' AND x.action IN ('update', 'rename', 'adopt', 'unchanged') OFFSET 0) AS c
    JOIN bootstrap.provider_staging AS m ON m.transaction_id = pg_current_xact_id() AND m.position = c.position
    JOIN public.provider AS p ON p.tenant_id = p_tenant_id AND p.id = c.object_id
    LEFT JOIN public.secret AS s ON s.key = p.configuration_key AND s.key = ANY (v_keys)
    LEFT JOIN bootstrap.provider_state AS o ON o.tenant_id = p_tenant_id AND o.provider_id = c.object_id
    ON CONFLICT ON CONSTRAINT provider_state_pkey DO UPDATE
    SET name = excluded.name, type = excluded.type, description = excluded.description, pulling_enabled = excluded.pulling_enabled,
        written_keys = excluded.written_keys, secret_digest = excluded.secret_digest, changed_run = excluded.changed_run, prevent_delete = excluded.prevent_delete,
        install_webhook = excluded.install_webhook, renamed_from = excluded.renamed_from;
END
$$;

COMMENT ON PROCEDURE bootstrap._write_providers(text, bigint, text[]) IS
'Writes the provider, secret and state rows that are planned in this transaction.';

REVOKE ALL ON PROCEDURE bootstrap._write_providers(text, bigint, text[]) FROM PUBLIC;
