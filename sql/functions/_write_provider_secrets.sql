-- bootstrap._write_provider_secrets(tenant_id, now): writes the secrets of providers that stay and differ.
--
-- A part of _write_providers. A secret that is missing is inserted. No variable holds a value. Errors: KB040, KB041.
CREATE PROCEDURE bootstrap._write_provider_secrets(p_tenant_id text, p_now timestamp)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_wanted   bigint;
    v_written  bigint;
    v_new      bigint;
    v_inserted bigint;
BEGIN
    -- Secrets of managed providers whose rows are missing.
    DELETE FROM public.secret AS c
    USING bootstrap.work AS w
    WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'provider' AND w.live_name IS NULL
      AND w.object_id IS NOT NULL
      AND (w.action = 'add' OR w.state_only) AND NOT w.is_hidden
      AND c.key = p_tenant_id || '_' || w.live_type || '_' || w.object_id;

    WITH target AS MATERIALIZED (
        SELECT w.secret_key, w.secret_version,
               CASE WHEN w.extra IS NOT NULL
                    THEN (w.extra || jsonb_build_object('name', w.name, 'authentication', s.content::jsonb
                              || ((w.extra -> 'authentication') - ARRAY(SELECT substr(f.field, 16)
                                                                        FROM unnest(w.fields) AS f (field)
                                                                        WHERE f.field LIKE 'authentication.%'))))::text
                    ELSE '{"authentication": ' || s.content || ', "name": ' || to_json(w.name)::text || '}' END AS value
        FROM bootstrap.work AS w
        JOIN bootstrap.staging AS s
          ON s.transaction_id = pg_current_xact_id() AND s.kind = 'provider' AND s.position = w.position
        -- written above, or as the diff saw it
        JOIN public.provider AS p ON p.tenant_id = p_tenant_id AND p.id = w.object_id
         AND (p.xmin = w.row_version
              OR w.fields && ARRAY['name', 'provisioned', 'consumer', 'description', 'pulling_enabled'])
        WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'provider'
          AND w.action IN ('update', 'rename', 'adopt')
          AND (w.fields && ARRAY['name', 'secret', 'secret.name']
               OR array_to_string(w.fields, ' ') LIKE '%authentication.%')
        FOR SHARE OF p
    ),
    updated AS (
        UPDATE public.secret AS c
        SET value = t.value, last_updated = p_now
        FROM target AS t
        WHERE c.key = t.secret_key AND c.xmin = t.secret_version
        RETURNING c.value = t.value AS is_written
    ),
    inserted AS (
        INSERT INTO public.secret (key, value, last_updated)
        SELECT t.secret_key, t.value, p_now FROM target AS t WHERE t.secret_version IS NULL
        RETURNING key
    )
    SELECT count(t.secret_version), (SELECT count(*) FILTER (WHERE u.is_written) FROM updated AS u),
           count(*) - count(t.secret_version), (SELECT count(*) FROM inserted)
    INTO v_wanted, v_written, v_new, v_inserted
    FROM target AS t;
    PERFORM bootstrap._require_written('secret', v_wanted, v_written, 'key', 'secret_version',
                'array_to_string(w.fields, '' '') ~ ''name|secret|authentication[.]'''),
            bootstrap._require_written('secret', v_new, v_inserted);

    IF v_written + v_inserted <> (SELECT count(*) FROM bootstrap.work AS w
                     WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'provider'
                       AND w.action IN ('update', 'rename', 'adopt')
                       AND (w.fields && ARRAY['name', 'secret', 'secret.name']
                            OR array_to_string(w.fields, ' ') LIKE '%authentication.%'))
    THEN
        RAISE EXCEPTION 'conflict with a concurrent transaction: a provider whose secret was to be written has changed'
            USING ERRCODE = 'KB040', HINT = 'Nothing was written. Repeat the run.';
    END IF;
END
$$;
