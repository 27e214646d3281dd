package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
)

// ApplicationName is what the program is called in pg_stat_activity, unless URL or PGAPPNAME say otherwise.
const ApplicationName = "keep-bootstrap"

// defaultConnectTimeout bounds one attempt to connect when neither URL nor PGCONNECT_TIMEOUT do.
const defaultConnectTimeout = 10 * time.Second

// driverOptions are parameters of other drivers (libpq, asyncpg) that may stand in a URL. pgx would send them to the
// server as settings, and the server would refuse the connection.
var driverOptions = []string{
	"keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
	"gssencmode", "gsslib", "gssdelegation", "sslcompression", "sslcrl", "sslcrldir", "requirepeer", "requiressl",
	"hostaddr", "load_balance_hosts", "fallback_application_name", "passfile",
	"async_fallback", "prepared_statement_cache_size", "statement_cache_size",
}

// Config parses the source. The connection then works through pgbouncer in transaction mode too: no named prepared
// statements (query mode exec, no caches) and no startup parameter but application_name. Timeouts are therefore set in
// each transaction.
//
// Errors are of code "usage", exit code 64.
func (s Source) Config() (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(s.ConnString)
	if err != nil {
		e := *From(err)
		e.Message = fmt.Sprintf("%s: %s", s.Origin, e.Message)
		return nil, &e
	}
	for _, name := range driverOptions {
		delete(config.RuntimeParams, name)
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = ApplicationName
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = defaultConnectTimeout
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	config.StatementCacheCapacity = 0
	config.DescriptionCacheCapacity = 0
	// An interrupted program asks the server to cancel what it is doing, instead of leaving it to finish and commit.
	config.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: 5 * time.Second}
	}
	return config, nil
}

// Connect opens one connection, without waiting. Errors: exit code 69 when the server or the database is not there or
// not ready, 77 for a wrong password or a role that may not connect.
func Connect(ctx context.Context, config *pgx.ConnConfig) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, config.Copy())
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	return conn, nil
}

// Close ends a connection politely, also when the context of the run is over already.
func Close(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	_ = conn.Close(ctx) // the work is done; a connection that breaks while it closes changes nothing
}
