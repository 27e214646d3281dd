-- bootstrap._write_users(tenant_id): writes the default user of bootstrap.planned_change, as Keep writes it.
--
-- An added user is an admin who never signed in (keep/formats.md); of an existing one, only the fields of the plan.
-- Error KB040 when a row is gone.
CREATE OR REPLACE PROCEDURE bootstrap._write_users(p_tenant_id text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    v_updated bigint;
    v_added   bigint;
BEGIN
    UPDATE public."user" AS u
    SET username      = CASE WHEN 'username' = ANY (c.fields) THEN c.name ELSE u.username END,
        password_hash = CASE WHEN 'password' = ANY (c.fields) THEN encode(sha256(convert_to(s.content::json ->> 'password', 'UTF8')), 'hex') ELSE u.password_hash END
    FROM bootstrap.planned_change AS c
    JOIN bootstrap.resource_staging AS s ON s.transaction_id = pg_current_xact_id() AND s.kind = c.kind AND s.position = c.position
    WHERE c.transaction_id = pg_current_xact_id() AND c.kind = 'user' AND c.action = 'update' AND u.id::text = c.object_id;
    GET DIAGNOSTICS v_updated = ROW_COUNT;

    WITH added AS (
        INSERT INTO public."user" (tenant_id, username, password_hash, role, created_at)
        SELECT p_tenant_id, c.name, encode(sha256(convert_to(s.content::json ->> 'password', 'UTF8')), 'hex'), 'admin', clock_timestamp() AT TIME ZONE 'UTC'
        FROM bootstrap.planned_change AS c
        JOIN bootstrap.resource_staging AS s ON s.transaction_id = pg_current_xact_id() AND s.kind = c.kind AND s.position = c.position
        WHERE c.transaction_id = pg_current_xact_id() AND c.kind = 'user' AND c.action = 'add'
        RETURNING id, username
    )
    UPDATE bootstrap.planned_change AS c
    SET new_object_id = a.id::text
    FROM added AS a
    WHERE c.transaction_id = pg_current_xact_id() AND c.kind = 'user' AND c.action = 'add' AND c.name = a.username;
    GET DIAGNOSTICS v_added = ROW_COUNT;

    PERFORM bootstrap._require_written('user', v_updated + v_added);
END
$$;

COMMENT ON PROCEDURE bootstrap._write_users(text) IS
'Writes the default user that is planned in this transaction.';

REVOKE ALL ON PROCEDURE bootstrap._write_users(text) FROM PUBLIC;
