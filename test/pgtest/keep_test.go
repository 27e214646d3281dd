package pgtest_test

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"keep-bootstrap/test/pgtest"
)

// keepTable is a table in keep/tables.json.
type keepTable struct {
	Columns     []keepColumn     `json:"columns"`
	Indexes     []string         `json:"indexes"`
	Constraints []keepConstraint `json:"constraints"`
}

type keepColumn struct {
	Name    string  `json:"name"`
	Type    string  `json:"type"`
	Default *string `json:"default"`
	NotNull bool    `json:"not_null"`
}

type keepConstraint struct {
	Name string `json:"name"`
	Def  string `json:"def"`
}

// TestKeep: the templates have exactly the tables that were read from databases which Keep has migrated.
func TestKeep(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("keep/tables.json")
	if err != nil {
		t.Fatal(err)
	}
	var revisions map[string]map[string]keepTable
	if err := json.Unmarshal(text, &revisions); err != nil {
		t.Fatal(err)
	}
	if len(revisions) != 3 {
		t.Errorf("%d revisions", len(revisions))
	}
	for revision, want := range revisions {
		t.Run(revision, func(t *testing.T) {
			t.Parallel()
			conn := pgtest.New(t, pgtest.Keep(revision)).Conn(t)
			if got := pgtest.Table(t, conn, "select version_num from public.alembic_version"); len(got) != 1 || got[0][0] != revision {
				t.Errorf("alembic_version: %v", got)
			}
			got := readTables(t, conn)
			delete(got, "alembic_version")
			delete(got, "alert")
			if len(got) != len(want) {
				t.Errorf("%d tables, want %d", len(got), len(want))
			}
			for name, table := range want {
				compareTables(t, name, got[name], table)
			}
		})
	}
}

// readTables reads schema public as tables.json was made. PostgreSQL 18 has not-null constraints in pg_constraint too.
func readTables(t *testing.T, conn *pgx.Conn) map[string]keepTable {
	t.Helper()
	rows := pgtest.Table(t, conn, `
		select c.relname,
		       (select json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
		                        'default', pg_get_expr(d.adbin, d.adrelid), 'not_null', a.attnotnull) order by a.attnum)
		          from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
		         where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns,
		       (select json_agg(json_build_object('name', k.conname, 'def', pg_get_constraintdef(k.oid)))
		          from pg_constraint k where k.conrelid = c.oid and k.contype <> 'n') as constraints,
		       (select json_agg(pg_get_indexdef(i.indexrelid))
		          from pg_index i where i.indrelid = c.oid
		           and not exists (select from pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u'))) as indexes
		  from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'`)
	tables := map[string]keepTable{}
	for _, row := range rows {
		var table keepTable
		for i, target := range []any{&table.Columns, &table.Constraints, &table.Indexes} {
			if row[i+1] == "NULL" {
				continue
			}
			if err := json.Unmarshal([]byte(row[i+1]), target); err != nil {
				t.Fatal(err)
			}
		}
		tables[row[0]] = table
	}
	return tables
}

// compareTables compares the columns in their order, the rest without one.
func compareTables(t *testing.T, name string, got, want keepTable) {
	t.Helper()
	for _, table := range []keepTable{got, want} {
		slices.Sort(table.Indexes)
		slices.SortFunc(table.Constraints, func(a, b keepConstraint) int { return strings.Compare(a.Name, b.Name) })
	}
	if !reflect.DeepEqual(got.Columns, want.Columns) {
		t.Errorf("%s: columns %s\nwant %s", name, asJSON(got.Columns), asJSON(want.Columns))
	}
	if !slices.Equal(got.Constraints, want.Constraints) {
		t.Errorf("%s: constraints %v\nwant %v", name, got.Constraints, want.Constraints)
	}
	if !slices.Equal(got.Indexes, want.Indexes) {
		t.Errorf("%s: indexes %v\nwant %v", name, got.Indexes, want.Indexes)
	}
}

func asJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// TestKeepSequences: serial columns own their sequences, as in Keep's migrations.
func TestKeepSequences(t *testing.T) {
	t.Parallel()
	conn := pgtest.New(t, pgtest.Keep("67ff7efffed4")).Conn(t)
	got := pgtest.Table(t, conn, `select pg_get_serial_sequence('public."user"', 'id'), pg_get_serial_sequence('public.mappingrule', 'id'),
		(select count(*) from pg_sequences)`)
	if want := []string{"public.user_id_seq", "public.mappingrule_id_seq", "2"}; !slices.Equal(got[0], want) {
		t.Errorf("sequences %v, want %v", got[0], want)
	}
}

// TestKeepProvisioned: the rows are those of the example that was read from Keep.
func TestKeepProvisioned(t *testing.T) {
	t.Parallel()
	for _, revision := range []string{"67ff7efffed4", "9dd1be4539e0"} {
		conn := pgtest.New(t, pgtest.Keep(revision)).Conn(t)
		id := pgtest.KeepProvisioned(t, conn, "prom-prod", "prometheus", `{"url": "http://127.0.0.1:9090", "username": "u\u00fcser", "password": "x"}`)
		if len(id) != 32 || strings.Trim(id, "0123456789abcdef") != "" {
			t.Errorf("id %q", id)
		}
		key := "keep_prometheus_" + id
		got := pgtest.Table(t, conn, `select id, tenant_id, name, description, type, installed_by, configuration_key, "validatedScopes", consumer,
			pulling_enabled, last_pull_time, provisioned, provider_metadata, abs(extract(epoch from now() at time zone 'UTC' - installation_time)) < 60
			from public.provider`)
		want := [][]string{{id, "keep", "prom-prod", "NULL", "prometheus", "system", key, "{}", "f", "t", "NULL", "t", "{}", "t"}}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("provider %v\nwant %v", got, want)
		}
		got = pgtest.Table(t, conn, "select key, value from public.secret")
		want = [][]string{{key, `{"authentication": {"url": "http://127.0.0.1:9090", "username": "u\u00fcser", "password": "x"}, "name": "prom-prod"}`}}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("secret %v\nwant %v", got, want)
		}

		// A second provider finds the tenant there; its name is quoted as Python quotes.
		pgtest.KeepProvisioned(t, conn, "k\"\\\n\x01é😀", "kafka", "{}")
		got = pgtest.Table(t, conn, `select s.value, s.value::json ->> 'name' = p.name, p.consumer, t.name, t.configuration
			from public.provider p join public.secret s on s.key = p.configuration_key join public.tenant t on t.id = p.tenant_id where p.type = 'kafka'`)
		want = [][]string{{`{"authentication": {}, "name": "k\"\\\n\u0001\u00e9\ud83d\ude00"}`, "t", "t", "Single Tenant", "null"}}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("secret %v\nwant %v", got, want)
		}
	}
}

// BenchmarkNew is what a database costs a test.
func BenchmarkNew(b *testing.B) {
	for _, template := range []pgtest.Template{pgtest.Empty, pgtest.Keep("67ff7efffed4")} {
		b.Run(template.Name, func(b *testing.B) {
			pgtest.New(b, template)
			for b.Loop() {
				pgtest.New(b, template)
			}
		})
	}
}
