-- bootstrap._require_database_secrets(tenant_id, options, is_writing): raises KB023 when Keep keeps its secrets elsewhere.
--
-- Signs of that: the caller passed a SECRET_MANAGER_TYPE other than DB, or the tenant has provider rows that this
-- software did not write and whose secret rows are missing. Writing secrets into the database would then make those
-- providers vanish from Keep (keep/formats.md: a provider whose secret is missing is not listed). Missing rows therefore
-- count only when something is to be written: a user's secret that is lost must not stop replicas that restart and have
-- nothing to do. The option assume_secret_manager = "db" lets the run through. Reads only.
CREATE OR REPLACE FUNCTION bootstrap._require_database_secrets(p_tenant_id text, p_options jsonb, p_is_writing boolean) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    v_keys   text[];
    v_count  bigint;
    v_detail text;
BEGIN
    IF lower(p_options ->> 'assume_secret_manager') = 'db' THEN
        RETURN;
    END IF;

    IF lower(p_options ->> 'secret_manager') <> 'db' THEN
        RAISE EXCEPTION 'Keep keeps its secrets elsewhere: SECRET_MANAGER_TYPE is %', p_options ->> 'secret_manager'
            USING ERRCODE = 'KB023',
                  DETAIL = 'This software writes secrets into the table secret, which Keep reads only with SECRET_MANAGER_TYPE=DB. Its providers would be installed but not be listed.',
                  HINT = 'Run Keep with SECRET_MANAGER_TYPE=DB, or set the option assume_secret_manager to db (--assume-secret-manager=db).';
    END IF;

    IF NOT p_is_writing THEN
        RETURN;
    END IF;

    SELECT array_agg(p.configuration_key::text) INTO v_keys
    FROM public.provider AS p
    LEFT JOIN bootstrap.provider_state AS t ON t.tenant_id = p_tenant_id AND t.provider_id = p.id
    WHERE p.tenant_id = p_tenant_id AND t.provider_id IS NULL;
    IF v_keys IS NULL THEN
        RETURN;
    END IF;

    SELECT max(m.total), string_agg(format('provider %s', to_json(left(m.name, 100))), E'\n' ORDER BY m.number)
    INTO v_count, v_detail
    FROM (
        SELECT p.name, count(*) OVER () AS total, row_number() OVER (ORDER BY p.name) AS number
        FROM public.provider AS p
        LEFT JOIN public.secret AS s ON s.key = p.configuration_key AND s.key = ANY (v_keys)
        WHERE p.tenant_id = p_tenant_id AND p.configuration_key = ANY (v_keys) AND s.key IS NULL
    ) AS m
    WHERE m.number <= 50;

    IF v_count > 0 THEN
        RAISE EXCEPTION 'Keep keeps its secrets elsewhere: % provider(s) have no row in the table secret', v_count
            USING ERRCODE = 'KB023', DETAIL = v_detail,
                  HINT = 'Run Keep with SECRET_MANAGER_TYPE=DB (its default is FILE, its Helm chart''s is k8s) and have it store its secrets there, or set the option assume_secret_manager to db (--assume-secret-manager=db).';
    END IF;
END
$$;

COMMENT ON FUNCTION bootstrap._require_database_secrets(text, jsonb, boolean) IS
'Raises KB023 when Keep keeps its secrets elsewhere than in the database; for missing secret rows only when something is to be written.';

REVOKE ALL ON FUNCTION bootstrap._require_database_secrets(text, jsonb, boolean) FROM PUBLIC;
