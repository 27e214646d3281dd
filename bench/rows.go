package main

import (
	"bufio"
	"context"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// rowByRow installs the providers of a file one by one with the statements that Keep's own provisioning sends: seventeen
// a provider in five transactions, each a round trip. An installed provider is compared and, where it differs, updated.
func rowByRow(path string) error {
	ctx := context.Background()
	config, err := pgx.ParseConfig("")
	if err != nil {
		return err
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	r := rowWriter{ctx: ctx, conn: conn}
	r.do("insert into tenant (id, name, configuration) values ('keep', 'Single Tenant', 'null') on conflict (id) do nothing")
	lines := bufio.NewScanner(file)
	for lines.Scan() && r.err == nil {
		fields := strings.Split(lines.Text(), "\t")
		r.install(provider{fields[0], fields[1], fields[2]})
	}
	if r.err != nil {
		return r.err
	}
	return lines.Err()
}

type rowWriter struct {
	ctx  context.Context
	conn *pgx.Conn
	err  error
}

func (r *rowWriter) do(sql string, args ...any) {
	if r.err == nil {
		_, r.err = r.conn.Exec(r.ctx, sql, args...)
	}
}

// find returns "" when there is no row.
func (r *rowWriter) find(sql string, args ...any) (text string) {
	if r.err == nil {
		if err := r.conn.QueryRow(r.ctx, sql, args...).Scan(&text); err != nil && err != pgx.ErrNoRows { //nolint:errorlint // pgx returns it unwrapped
			r.err = err
		}
	}
	return text
}

func (r *rowWriter) install(p provider) {
	now := time.Now().UTC()
	r.do("begin")
	key := r.find("select configuration_key from provider where tenant_id = 'keep' and name = $1", p.name)
	r.do("commit")

	id := ""
	if key == "" {
		id = strings.ReplaceAll(uuid.NewString(), "-", "")
		key = "keep_" + p.kind + "_" + id
	}
	r.do("begin")
	live := r.find("select value from secret where key = $1", key)
	switch {
	case id != "":
		r.do("insert into secret (key, value, last_updated) values ($1, $2, $3)", key, p.secret(), now)
	case live != p.secret():
		r.do("update secret set value = $2, last_updated = $3 where key = $1", key, p.secret(), now)
	default:
		r.do("update secret set last_updated = $2 where key = $1", key, now) // as Keep does
	}
	r.do("commit")

	r.do("begin")
	if id != "" {
		r.do(`insert into provider `+columns+` values ($1, 'keep', $2, null, $3, 'system', $4, $5, '{}', false, null, true, true, '{}')`,
			id, p.name, p.kind, now, key)
	} else {
		r.do("update provider set installed_by = 'system' where tenant_id = 'keep' and configuration_key = $1", key)
	}
	r.do("commit")

	r.do("begin")
	r.find("select id from provider where tenant_id = 'keep' and configuration_key = $1", key)
	r.find("select id from tenant where id = 'keep'")
	r.do("commit")

	r.do("begin")
	r.find("select id::text from alertdeduplicationrule where tenant_id = 'keep' and name = $1 and is_provisioned", p.name)
	r.do("commit")
}
