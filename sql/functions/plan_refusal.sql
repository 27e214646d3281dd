-- bootstrap.plan_refusal(): the error with which the plan_staged call before it in this transaction would be refused.
--
-- No row when a run would go through. What it says is what install_staged raises. Holds no secret. Reads only.
CREATE OR REPLACE FUNCTION bootstrap.plan_refusal() RETURNS TABLE (code text, message text, detail text, hint text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT r.code, r.message, r.detail, r.hint
    FROM json_to_record(nullif(current_setting('bootstrap.plan_refusal', true), '')::json) AS r (code text, message text, detail text, hint text)
    WHERE r.code IS NOT NULL;
END
$$;

COMMENT ON FUNCTION bootstrap.plan_refusal() IS
'The error with which the plan_staged call before it in this transaction would be refused; no row when it would go through.';

REVOKE ALL ON FUNCTION bootstrap.plan_refusal() FROM PUBLIC;
