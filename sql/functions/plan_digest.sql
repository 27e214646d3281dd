-- bootstrap.plan_digest(): the digest of the plan_staged call before it in this transaction.
--
-- Hand it to install_staged as the option plan_digest: the run is refused (KB026) when what it would do, or the rows that
-- it would do it to, are no longer those of the plan. Holds no secret: the digest is keyed.
CREATE OR REPLACE FUNCTION bootstrap.plan_digest() RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN nullif(current_setting('bootstrap.plan_digest', true), '');
END
$$;

COMMENT ON FUNCTION bootstrap.plan_digest() IS
'The digest of the plan_staged call before it in this transaction, for the option plan_digest of install_staged.';

REVOKE ALL ON FUNCTION bootstrap.plan_digest() FROM PUBLIC;
