-- bootstrap._write_providers(tenant_id): writes the providers of table work, with their secrets.
--
-- Order: removed rows, columns, secrets, new rows. Values are those that Keep writes (docs/keep/formats.md), times are
-- UTC. Keys that Keep added to a secret stay, except those that fields names; a secret that is missing is inserted. No
-- variable holds a value.
CREATE PROCEDURE bootstrap._write_providers(p_tenant_id text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_now     timestamp := clock_timestamp() AT TIME ZONE 'UTC';
    v_columns CONSTANT text[] := '{name,provisioned,consumer,description,pulling_enabled}';
BEGIN
    IF EXISTS (SELECT FROM bootstrap.work AS w WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'provider'
               AND (w.action <> 'add' OR w.object_id IS NOT NULL))
    THEN
        DELETE FROM public.provider AS p
        USING bootstrap._to_write('provider') AS w
        WHERE w.action IN ('prune', 'replace') AND p.tenant_id = p_tenant_id AND p.id = w.object_id
          AND p.xmin = w.row_version;

        -- Their secrets, unless another provider shares the row.
        DELETE FROM public.secret AS c
        USING bootstrap._to_write('provider') AS w
        LEFT JOIN public.provider AS p ON p.tenant_id = p_tenant_id AND p.configuration_key = w.secret_key
        WHERE w.action IN ('prune', 'replace') AND p.id IS NULL AND c.key = w.secret_key AND c.xmin = w.secret_version;

        -- Secrets of managed providers whose rows are missing.
        DELETE FROM public.secret AS c
        USING bootstrap.work AS w
        WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'provider' AND w.live_name IS NULL
          AND w.object_id IS NOT NULL AND (w.action = 'add' OR w.state_only) AND NOT w.is_hidden
          AND c.key = p_tenant_id || '_' || w.live_type || '_' || w.object_id;

        UPDATE public.provider AS p
        SET name            = w.name,
            provisioned     = true,
            consumer        = coalesce((w.wanted ->> 'consumer')::boolean, p.consumer),
            description     = CASE WHEN w.wanted ? 'description' THEN w.wanted ->> 'description'
                                   ELSE p.description END,
            pulling_enabled = coalesce((w.wanted ->> 'pulling_enabled')::boolean, p.pulling_enabled)
        FROM bootstrap._to_write('provider') AS w
        WHERE w.action IN ('update', 'rename', 'adopt') AND w.fields && v_columns AND p.tenant_id = p_tenant_id
          AND p.id = w.object_id AND p.xmin = w.row_version;

        WITH target AS MATERIALIZED (
            SELECT w.secret_key, w.secret_version,
                   CASE WHEN w.extra IS NOT NULL
                        THEN (w.extra || jsonb_build_object('name', w.name, 'authentication', s.content::jsonb
                                  || ((w.extra -> 'authentication') - ARRAY(
                                         SELECT substr(f.field, 16) FROM unnest(w.fields) AS f (field)
                                         WHERE f.field LIKE 'authentication.%'))))::text
                        ELSE '{"authentication": ' || s.content || ', "name": ' || to_json(w.name)::text || '}' END
                   AS value
            FROM bootstrap.work AS w
            JOIN bootstrap._staged('provider') AS s ON s.position = w.position
            -- written above, or as the diff saw it
            JOIN public.provider AS p
              ON p.tenant_id = p_tenant_id AND p.id = w.object_id AND p.xmin IN (w.row_version, w.xmin)
            WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'provider'
              AND w.action IN ('update', 'rename', 'adopt')
              AND (w.fields && ARRAY['name', 'secret', 'secret.name']
                   OR array_to_string(w.fields, ' ') LIKE '%authentication.%')
            FOR SHARE OF p -- nobody changes it before the secret is written
        ),
        updated AS (
            UPDATE public.secret AS c
            SET value = t.value, last_updated = v_now
            FROM target AS t
            WHERE c.key = t.secret_key AND c.xmin = t.secret_version
        )
        INSERT INTO public.secret (key, value, last_updated)
        SELECT t.secret_key, t.value, v_now FROM target AS t WHERE t.secret_version IS NULL;
    END IF;

    WITH target AS MATERIALIZED (
        SELECT w.new_object_id AS id, w.name, w.type, w.wanted,
               p_tenant_id || '_' || w.type || '_' || w.new_object_id AS key,
               '{"authentication": ' || s.content || ', "name": ' || to_json(w.name)::text || '}' AS secret
        FROM bootstrap._to_write('provider') AS w
        JOIN bootstrap._staged('provider') AS s ON s.position = w.position
        WHERE w.action IN ('add', 'replace')
    ),
    secret AS (
        INSERT INTO public.secret (key, value, last_updated) SELECT t.key, t.secret, v_now FROM target AS t
    )
    INSERT INTO public.provider (id, tenant_id, name, description, type, installed_by, installation_time,
                                 configuration_key, "validatedScopes", consumer, last_pull_time, provisioned,
                                 pulling_enabled, provider_metadata)
    SELECT t.id, p_tenant_id, t.name, t.wanted ->> 'description', t.type, 'system', v_now, t.key, '{}',
           coalesce((t.wanted ->> 'consumer')::boolean, false), NULL, true,
           coalesce((t.wanted ->> 'pulling_enabled')::boolean, true), '{}'
    FROM target AS t;
END
$$;
