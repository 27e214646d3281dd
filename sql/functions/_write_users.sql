-- bootstrap._write_users(tenant_id): writes the default user that work says, as Keep writes it: an admin.
--
-- Of an existing user only name and password, both given by the manifest with reset_password. Errors: KB040, KB041.
CREATE PROCEDURE bootstrap._write_users(p_tenant_id text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_wanted  bigint;
    v_written bigint;
BEGIN
    WITH target AS MATERIALIZED (
        SELECT w.object_id, w.row_version, w.wanted FROM bootstrap.work AS w
        WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'user' AND w.action IN ('update', 'rename')
          AND NOT w.state_only
    ),
    updated AS (
        UPDATE public."user" AS u
        SET username = t.wanted ->> 'username', password_hash = t.wanted ->> 'password'
        FROM target AS t
        WHERE u.id::text = t.object_id AND u.xmin = t.row_version
        RETURNING u.password_hash = t.wanted ->> 'password' AS is_written
    )
    SELECT (SELECT count(*) FROM target), (SELECT count(*) FILTER (WHERE u.is_written) FROM updated AS u)
    INTO v_wanted, v_written;
    PERFORM bootstrap._require_written('user', v_wanted, v_written, 'id');

    WITH target AS MATERIALIZED (
        SELECT w.wanted FROM bootstrap.work AS w
        WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'user' AND w.action = 'add'
    ),
    inserted AS (
        INSERT INTO public."user" (tenant_id, username, password_hash, role, created_at)
        SELECT p_tenant_id, t.wanted ->> 'username', t.wanted ->> 'password', 'admin',
               clock_timestamp() AT TIME ZONE 'UTC'
        FROM target AS t
        RETURNING id::text, username
    ),
    known AS (
        UPDATE bootstrap.work AS w SET new_object_id = i.id FROM inserted AS i
        WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'user' AND w.action = 'add' AND w.name = i.username
        RETURNING w.name
    )
    SELECT (SELECT count(*) FROM target), (SELECT count(*) FROM known) INTO v_wanted, v_written;
    PERFORM bootstrap._require_written('user', v_wanted, v_written);
END
$$;
