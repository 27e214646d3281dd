-- bootstrap._require_writable(): raises unless this transaction may write and is READ COMMITTED.
--
-- The run locks rows and then compares: under the stricter levels the comparison would not see what was committed while
-- it waited. Errors: KB030 on a standby or in a read-only transaction, KB003 at another isolation level.
CREATE OR REPLACE FUNCTION bootstrap._require_writable() RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean THEN
        RAISE EXCEPTION 'this database cannot be written'
            USING ERRCODE = 'KB030',
                  DETAIL = CASE WHEN pg_is_in_recovery() THEN 'The server is a standby.' ELSE 'The transaction is read-only.' END,
                  HINT = 'Connect to the primary server with a transaction that may write.';
    END IF;
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION 'the transaction is %, not read committed', current_setting('transaction_isolation')
            USING ERRCODE = 'KB003', HINT = 'BEGIN ISOLATION LEVEL READ COMMITTED, and call again.';
    END IF;
END
$$;

COMMENT ON FUNCTION bootstrap._require_writable() IS
'Raises KB030 or KB003 unless this transaction may write and is READ COMMITTED.';

REVOKE ALL ON FUNCTION bootstrap._require_writable() FROM PUBLIC;
