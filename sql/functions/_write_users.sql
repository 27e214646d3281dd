-- bootstrap._write_users(tenant_id): writes the default user that work says, as Keep writes it: an admin.
--
-- Of an existing user only name and password, both given by the manifest with reset_password.
CREATE PROCEDURE bootstrap._write_users(p_tenant_id text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE public."user" AS u
    SET username = w.wanted ->> 'username', password_hash = w.wanted ->> 'password'
    FROM bootstrap._to_write('user') AS w
    WHERE w.action IN ('update', 'rename') AND u.id::text = w.object_id AND u.xmin = w.row_version;

    WITH inserted AS (
        INSERT INTO public."user" (tenant_id, username, password_hash, role, created_at)
        SELECT p_tenant_id, w.wanted ->> 'username', w.wanted ->> 'password', 'admin',
               clock_timestamp() AT TIME ZONE 'UTC'
        FROM bootstrap._to_write('user') AS w
        WHERE w.action = 'add'
        RETURNING id::text, username
    )
    UPDATE bootstrap.work AS w
    SET new_object_id = i.id
    FROM inserted AS i
    WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'user' AND w.action = 'add' AND w.name = i.username;
END
$$;
