-- bootstrap._write_providers(tenant_id): writes the provider and secret rows that work says, one statement per step.
--
-- Order: removed rows, columns, secrets, new rows. Values are those that Keep writes
-- (docs/keep/formats.md), times are UTC. Each write carries the row version that the diff saw. Keys that Keep added to
-- a secret stay, except those that fields names. Errors: KB040, KB041.
CREATE PROCEDURE bootstrap._write_providers(p_tenant_id text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_now     timestamp := clock_timestamp() AT TIME ZONE 'UTC';
    v_going   CONSTANT text := 'w.action IN (''prune'', ''replace'')';
    v_wanted  bigint;
    v_written bigint;
BEGIN
    IF EXISTS (SELECT FROM bootstrap.work AS w WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'provider'
               AND (w.action <> 'add' OR w.object_id IS NOT NULL))
    THEN
        WITH target AS MATERIALIZED (
            SELECT w.object_id, w.row_version
            FROM bootstrap.work AS w
            WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'provider' AND w.action IN ('prune', 'replace')
        ),
        gone AS (
            DELETE FROM public.provider AS p USING target AS t
            WHERE p.tenant_id = p_tenant_id AND p.id = t.object_id AND p.xmin = t.row_version
            RETURNING p.id
        )
        SELECT (SELECT count(*) FROM target), (SELECT count(*) FROM gone) INTO v_wanted, v_written;
        PERFORM bootstrap._require_written('provider', v_wanted, v_written, 'id', p_targets => v_going);

        -- Their secrets, unless another provider shares the row.
        WITH target AS MATERIALIZED (
            SELECT w.secret_key, w.secret_version
            FROM bootstrap.work AS w
            LEFT JOIN public.provider AS p ON p.tenant_id = p_tenant_id AND p.configuration_key = w.secret_key
            WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'provider' AND w.action IN ('prune', 'replace')
              AND w.secret_version IS NOT NULL AND p.id IS NULL
        ),
        gone AS (
            DELETE FROM public.secret AS c USING target AS t
            WHERE c.key = t.secret_key AND c.xmin = t.secret_version
            RETURNING c.key
        )
        SELECT (SELECT count(*) FROM target), (SELECT count(*) FROM gone) INTO v_wanted, v_written;
        PERFORM bootstrap._require_written('secret', v_wanted, v_written, 'key', 'secret_version', v_going);

        WITH target AS MATERIALIZED (
            SELECT w.object_id, w.row_version, w.name, w.fields, w.wanted
            FROM bootstrap.work AS w
            WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'provider'
              AND w.action IN ('update', 'rename', 'adopt')
              AND w.fields && ARRAY['name', 'provisioned', 'consumer', 'description', 'pulling_enabled']
        ),
        updated AS (
            UPDATE public.provider AS p
            SET name            = t.name,
                provisioned     = true,
                consumer        = coalesce((t.wanted ->> 'consumer')::boolean, p.consumer),
                description     = CASE WHEN t.wanted ? 'description' THEN t.wanted ->> 'description'
                                       ELSE p.description END,
                pulling_enabled = coalesce((t.wanted ->> 'pulling_enabled')::boolean, p.pulling_enabled)
            FROM target AS t
            WHERE p.tenant_id = p_tenant_id AND p.id = t.object_id AND p.xmin = t.row_version
            RETURNING p.name = t.name AND p.provisioned
                      AND p.description IS NOT DISTINCT FROM coalesce(t.wanted ->> 'description', p.description)
                      AND p.consumer = coalesce((t.wanted ->> 'consumer')::boolean, p.consumer)
                      AND p.pulling_enabled = coalesce((t.wanted ->> 'pulling_enabled')::boolean, p.pulling_enabled)
                      AS is_written
        )
        SELECT (SELECT count(*) FROM target), (SELECT count(*) FILTER (WHERE u.is_written) FROM updated AS u)
        INTO v_wanted, v_written;
        PERFORM bootstrap._require_written('provider', v_wanted, v_written, 'id', p_targets =>
            'w.fields && ARRAY[''name'', ''provisioned'', ''consumer'', ''description'', ''pulling_enabled'']');

        CALL bootstrap._write_provider_secrets(p_tenant_id, v_now);
    END IF;

    WITH target AS MATERIALIZED (
        SELECT w.new_object_id AS id, w.name, w.type, w.wanted,
               p_tenant_id || '_' || w.type || '_' || w.new_object_id AS key,
               '{"authentication": ' || s.content || ', "name": ' || to_json(w.name)::text || '}' AS secret
        FROM bootstrap.work AS w
        JOIN bootstrap.staging AS s
          ON s.transaction_id = pg_current_xact_id() AND s.kind = 'provider' AND s.position = w.position
        WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'provider' AND w.action IN ('add', 'replace')
    ),
    provider AS (
        INSERT INTO public.provider (id, tenant_id, name, description, type, installed_by, installation_time,
                                     configuration_key, "validatedScopes", consumer, last_pull_time, provisioned,
                                     pulling_enabled, provider_metadata)
        SELECT t.id, p_tenant_id, t.name, t.wanted ->> 'description', t.type, 'system', v_now, t.key, '{}',
               coalesce((t.wanted ->> 'consumer')::boolean, false), NULL, true,
               coalesce((t.wanted ->> 'pulling_enabled')::boolean, true), '{}'
        FROM target AS t
        RETURNING provisioned
    ),
    secret AS (
        INSERT INTO public.secret (key, value, last_updated) SELECT t.key, t.secret, v_now FROM target AS t
        RETURNING key
    )
    SELECT (SELECT count(*) FROM target),
           least((SELECT count(*) FILTER (WHERE p.provisioned) FROM provider AS p), (SELECT count(*) FROM secret))
    INTO v_wanted, v_written;
    PERFORM bootstrap._require_written('provider', v_wanted, v_written);
END
$$;
