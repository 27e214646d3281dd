-- bootstrap.prepare_keep([deferrable]): makes the foreign key from provider to tenant DEFERRABLE INITIALLY IMMEDIATE.
--
-- The key is found by its columns, because Keep may rebuild it under another name. The application sees no difference:
-- the key is still checked at the end of each statement unless a transaction defers it. A run does not need it: it
-- writes the tenant first. With false, the key is NOT DEFERRABLE again, as Keep creates it. Returns changed, unchanged,
-- absent (no such key), or locked: the lock was not acquired, so repeat it later. Looks first. Locks: ACCESS EXCLUSIVE
-- on public.provider, for at most 200 ms; call it last in a transaction. Safe to repeat.
CREATE FUNCTION bootstrap.prepare_keep(p_deferrable boolean DEFAULT true) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '200ms'
AS $$
DECLARE
    v_constraint text;
    v_is_ready   boolean;
    v_result     text := 'absent';
BEGIN
    IF NOT p_deferrable AND NOT pg_has_role(session_user, current_user, 'MEMBER') THEN
        RAISE EXCEPTION 'only the owner of schema bootstrap may undo it' USING ERRCODE = 'insufficient_privilege';
    END IF;
    FOR v_constraint, v_is_ready IN
        SELECT c.conname, CASE WHEN p_deferrable THEN c.condeferrable AND NOT c.condeferred ELSE NOT c.condeferrable END
        FROM pg_constraint AS c
        WHERE c.contype = 'f' AND c.conrelid = to_regclass('public.provider')
          AND c.confrelid = to_regclass('public.tenant')
          AND c.conkey = ARRAY(SELECT a.attnum FROM pg_attribute AS a
                               WHERE a.attrelid = c.conrelid AND a.attname = 'tenant_id')
          AND c.confkey = ARRAY(SELECT a.attnum FROM pg_attribute AS a
                                WHERE a.attrelid = c.confrelid AND a.attname = 'id')
        ORDER BY c.conname
    LOOP
        IF NOT v_is_ready THEN
            EXECUTE format('ALTER TABLE public.provider ALTER CONSTRAINT %I %s', v_constraint,
                           CASE WHEN p_deferrable THEN 'DEFERRABLE INITIALLY IMMEDIATE' ELSE 'NOT DEFERRABLE' END);
            v_result := 'changed';
        ELSIF v_result = 'absent' THEN
            v_result := 'unchanged';
        END IF;
    END LOOP;
    RETURN v_result;
EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
    RETURN 'locked';
END
$$;
COMMENT ON FUNCTION bootstrap.prepare_keep(boolean) IS
'Makes the foreign key from provider to tenant deferrable, or, with false, not. Returns changed, unchanged, absent or '
'locked.';
