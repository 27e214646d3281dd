-- bootstrap._defer_tenant_check(deferred): defers the check of provider's foreign key to tenant, or makes it immediate again.
--
-- Only where the constraint is deferrable (the order of writes is right anyway). SET CONSTRAINTS takes every constraint
-- of that name in the schema, so a name that a constraint which is not deferrable has too is left alone (42809 otherwise).
-- Making it immediate checks what was deferred: error 23503 comes out here and not at COMMIT.
CREATE OR REPLACE PROCEDURE bootstrap._defer_tenant_check(p_deferred boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_constraint text;
BEGIN
    FOR v_constraint IN
        SELECT f.constraint_name
        FROM bootstrap._tenant_foreign_keys() AS f
        WHERE f.is_deferrable
          AND NOT EXISTS (SELECT FROM pg_constraint AS o
                          WHERE o.conname = f.constraint_name AND o.connamespace = 'public'::regnamespace AND NOT o.condeferrable)
    LOOP
        EXECUTE format('SET CONSTRAINTS public.%I %s', v_constraint, CASE WHEN p_deferred THEN 'DEFERRED' ELSE 'IMMEDIATE' END);
    END LOOP;
END
$$;

COMMENT ON PROCEDURE bootstrap._defer_tenant_check(boolean) IS
'Defers the check of provider''s foreign key to tenant where it is deferrable, or makes it immediate again.';

REVOKE ALL ON PROCEDURE bootstrap._defer_tenant_check(boolean) FROM PUBLIC;
