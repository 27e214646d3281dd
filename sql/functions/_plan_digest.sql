-- bootstrap._plan_digest(tenant_id): digest of what this transaction planned and of the rows that it is to be done to.
--
-- Covers each planned change, the compared columns of the live rows, the version and time of their secrets, and what the
-- manifest wants (keyed, like all digests). Equal digests mean: the same changes, to rows in the same state, from the same
-- manifest, in the same database and tenant. What Keep writes by itself (times, scopes) does not enter. Reads only.
CREATE OR REPLACE FUNCTION bootstrap._plan_digest(p_tenant_id text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    v_keys   text[];
    v_kinds  text[] := array_remove(bootstrap._given_kinds(NULL), 'provider');
    v_digest text;
BEGIN
    SELECT array_agg(p.configuration_key::text) INTO v_keys
    FROM bootstrap.planned_change AS c
    JOIN public.provider AS p ON p.tenant_id = p_tenant_id AND p.id = c.object_id
    WHERE c.transaction_id = pg_current_xact_id_if_assigned() AND c.kind = 'provider';

    SELECT bootstrap._digest(p_tenant_id || coalesce(string_agg(row_to_json(d)::text, E'\n' ORDER BY d.sequence), ''), g.digest_key)
    INTO v_digest
    FROM bootstrap.setting AS g
    LEFT JOIN (
        SELECT c.sequence, c.kind, c.action, c.name, c.previous_name, c.type, c.provider_id, c.object_id, c.fields, c.drift,
               p.name AS live_name, p.type AS live_type, p.description, p.pulling_enabled, p.consumer, p.provisioned, p.configuration_key,
               s.xmin::text AS secret_version, s.last_updated, r.xmin::text AS rule_version,
               bootstrap._digest(concat_ws('|', m.authentication, to_json(m.description)::text, m.pulling_enabled, m.prevent_delete,
                                           m.install_webhook, m.renamed_from, m.deduplication_rules, o.content), k.digest_key) AS wanted,
               bootstrap._digest(l.fields::text, k.digest_key) AS live_resource
        FROM bootstrap.planned_change AS c
        LEFT JOIN bootstrap.provider_staging AS m ON m.transaction_id = pg_current_xact_id_if_assigned() AND m.position = c.position
          AND c.kind IN ('provider', 'deduplication_rule')
        LEFT JOIN bootstrap.resource_staging AS o ON o.transaction_id = pg_current_xact_id_if_assigned() AND o.kind = c.kind AND o.position = c.position
        LEFT JOIN bootstrap._live_resources(p_tenant_id, v_kinds) AS l ON l.kind = c.kind AND l.object_id = c.object_id
        LEFT JOIN public.provider AS p ON p.tenant_id = p_tenant_id AND p.id = c.object_id AND c.kind = 'provider'
        LEFT JOIN public.secret AS s ON s.key = p.configuration_key AND s.key = ANY (v_keys)
        LEFT JOIN public.alertdeduplicationrule AS r ON r.tenant_id = p_tenant_id AND r.id::text = c.object_id AND c.kind = 'deduplication_rule'
        CROSS JOIN bootstrap.setting AS k
        WHERE c.transaction_id = pg_current_xact_id_if_assigned()
          AND NOT (c.action = 'unchanged' AND NOT c.state_only)
    ) AS d ON true
    GROUP BY g.digest_key;

    RETURN v_digest;
END
$$;

COMMENT ON FUNCTION bootstrap._plan_digest(text) IS
'Digest of what this transaction planned and of the rows that it is to be done to.';

REVOKE ALL ON FUNCTION bootstrap._plan_digest(text) FROM PUBLIC;
