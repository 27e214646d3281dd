package sqlfiles_test

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"keep-bootstrap/internal/local"
	"keep-bootstrap/test/pgtest"
)

// version is the major version of the server that the tests use.
func version() string { return cmp.Or(os.Getenv("BOOTSTRAP_TEST_POSTGRES"), local.DefaultVersion) }

// sequences is how many sequences TestModel tries in all: many on one version of PostgreSQL, few on the others, where only
// what depends on the version is in question.
func sequences(t *testing.T) int {
	t.Helper()
	text := os.Getenv("BOOTSTRAP_MODEL_SEQUENCES")
	if text == "" && version() != local.DefaultVersion {
		return 20
	}
	if text == "" {
		return 200
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("BOOTSTRAP_MODEL_SEQUENCES is %q, not a number from 1", text)
	}
	return n
}

// checks makes rapid try so many cases in each rapid.Check that follows, unless -rapid.checks says how many.
func checks(t *testing.T, n int) {
	t.Helper()
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for name, value := range map[string]string{"rapid.checks": strconv.Itoa(n), "rapid.nofailfile": "true"} {
		if given[name] {
			continue
		}
		if err := flag.Lookup(name).Value.Set(value); err != nil {
			t.Fatal(err)
		}
	}
}

// Any sequence of installs and of what others do to the rows, for all kinds, against a model in Go (model_predict_test.go) that says after
// each step which rows there are, which of them kept their ids, and which guard refused the run. Each sequence has a tenant of its own, and
// each of two workers a database. A failing sequence is printed as a script for psql, made as short as possible.
//
// BOOTSTRAP_MODEL_SEQUENCES is the number of sequences (default 200, and 20 on versions of PostgreSQL other than
// the default). A failure names the seed: -run 'TestModel$/workers/worker_0' -rapid.seed=N -rapid.checks=M runs it again.
func TestModel(t *testing.T) {
	t.Parallel()
	const workers = 2
	met := new(tally)
	checks(t, (sequences(t)+workers-1)/workers)
	t.Run("workers", func(t *testing.T) {
		for worker := range workers {
			t.Run(fmt.Sprintf("worker %d", worker), func(t *testing.T) {
				t.Parallel()
				conn := pgtest.New(t, migrated).Conn(t)
				database{conn, t}.exec("SET client_min_messages = error")
				prepareBystander(t, conn)
				rapid.Check(t, func(rt *rapid.T) {
					// The seed is the same for both workers: what each draws first leads them apart.
					rapid.IntRange(worker, worker).Draw(rt, "worker")
					for range worker {
						rapid.Uint64().Draw(rt, "apart")
					}
					run(rt, conn, met, genSteps.Draw(rt, "steps"))
				})
			})
		}
	})
	t.Logf("met: %v", met.count)
	if t.Failed() || sequences(t) < 200 {
		return
	}
	wanted := []string{
		"nothing to do", "KB020", "KB022", "KB024", "KB025",
		"provider add", "provider update", "provider prune",
		"deduplication_rule add", "deduplication_rule update", "deduplication_rule prune", "workflow add", "workflow update", "workflow prune",
		"dashboard add", "dashboard update", "dashboard prune", "mapping_rule add", "mapping_rule update", "mapping_rule prune",
		"api_key add", "api_key update", "api_key prune", "user add",
	}
	if sequences(t) >= 1000 { // a few in a thousand
		wanted = append(wanted, "KB001", "KB021", "provider rename", "provider replace", "user update", "kept", "kept deletion", "provider adopt", "workflow adopt", "dashboard adopt", "mapping_rule adopt")
	}
	for _, what := range wanted {
		if met.count[what] == 0 {
			t.Errorf("no sequence has met %q: the generators are not what they should be", what)
		}
	}
}

// tally counts what the sequences met.
type tally struct {
	mu    sync.Mutex
	count map[string]int
}

func (m *tally) add(what string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.count == nil {
		m.count = map[string]int{}
	}
	m.count[what]++
}

// bystander is a tenant that no sequence may touch. It has a row of every kind but the user, with names of the manifests.
const bystander = "bystander"

func prepareBystander(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	d := database{conn, t}
	d.exec("INSERT INTO public.tenant (id, name) VALUES ('" + bystander + "', 'x')")
	for kind, place := range tableOf {
		for i, name := range []string{"a", "b"} {
			d.exec(strings.ReplaceAll(fmt.Sprintf(place.insert, name, i == 0), ":'tenant'", "'"+bystander+"'"))
		}
		if kind == "provider" {
			d.exec("INSERT INTO public.alertdeduplicationrule (id, tenant_id, name, description, provider_id, provider_type, last_updated, last_updated_by, created_at, created_by, enabled, fingerprint_fields, full_deduplication, ignore_fields, priority, is_provisioned) SELECT gen_random_uuid(), tenant_id, 'r', '', id, type, now(), 'system', now(), 'system', true, '[]', false, '[]', 0, true FROM public.provider WHERE tenant_id = '" + bystander + "'")
		}
	}
}

var tenants atomic.Int64

// sequence is the state of one sequence.
type sequence struct {
	rapid.TB
	conn   *pgx.Conn
	met    *tally
	tenant string
	script strings.Builder
	world  *world
	known  known
	last   manifest
}

// run runs steps on a tenant of its own.
func run(t rapid.TB, conn *pgx.Conn, met *tally, steps []step) {
	t.Helper()
	s := &sequence{TB: t, conn: conn, met: met, tenant: fmt.Sprintf("model-%d", tenants.Add(1)), known: known{}}
	defer s.exec(`DELETE FROM public."user"`)
	others := s.read(bystander).versions()
	s.world = s.read(s.tenant)
	for i, step := range steps {
		if step.SQL != "" {
			s.exec(strings.ReplaceAll(step.SQL, ":'tenant'", "'"+s.tenant+"'"))
			fmt.Fprintf(&s.script, "%s;\n", step.SQL)
			s.world = s.read(s.tenant)
		} else if !s.install(step, i == len(steps)-1) {
			break
		}
	}
	if s.read(bystander).versions() != others {
		s.fail("rows of another tenant were written")
	}
}

func (s *sequence) exec(sql string) {
	if _, err := s.conn.PgConn().Exec(context.Background(), sql).ReadAll(); err != nil {
		s.fail("%s: %v", sql, err)
	}
}

func (s *sequence) read(tenant string) *world {
	s.Helper()
	w, err := readWorld(s.conn, tenant)
	if err != nil {
		s.Fatalf("cannot read the rows: %v", err)
	}
	return w
}

// fail ends the sequence with its script, and with the rows as they are. What differs between two runs of one sequence
// (ids, the tenant) is only logged: rapid shrinks a sequence as long as it ends at the same place with the same message.
func (s *sequence) fail(format string, arguments ...any) {
	s.Helper()
	now := "-- (the rows cannot be read)\n"
	if w, err := readWorld(s.conn, s.tenant); err == nil {
		now = w.describe()
	}
	before := ""
	if s.world != nil {
		before = s.world.describe()
	}
	s.Logf("%s\n\n-- The sequence, for psql:\n\\set tenant %s\n%s\n-- Rows before the last step:\n%s-- Rows now:\n%s",
		fmt.Sprintf(format, arguments...), s.tenant, s.script.String(), before, now)
	s.Fatal("the rows are not what the model says")
}

// change is a line of a plan or of the journal.
type change struct {
	Kind, Action, Name, PreviousName, Refusal string
	Fields, Drift                             []string
}

func (c change) String() string {
	return fmt.Sprintf("%s:%s %s was=%s fields=%v drift=%v", c.Kind, c.Action, c.Name, c.PreviousName, c.Fields, c.Drift)
}

func (s *sequence) changes(query string, arguments ...any) (list []change, err error) {
	var text string
	if err := s.conn.QueryRow(context.Background(), `SELECT coalesce(json_agg(json_build_object('Kind', c.kind, 'Action', c.action, 'Name', c.name,
		'PreviousName', c.previous_name, 'Fields', c.fields, 'Drift', c.drift, 'Refusal', to_jsonb(c) ->> 'refusal')), '[]')::text FROM `+query+" AS c WHERE c.action <> 'unchanged'", arguments...).Scan(&text); err != nil {
		return nil, err
	}
	return list, json.Unmarshal([]byte(text), &list)
}

func (s *sequence) plan(text string, o options) ([]change, error) {
	return s.changes("bootstrap.plan($1, $2::json, $3::jsonb)", s.tenant, text, compact(o))
}

func (s *sequence) call(text string, o options) string {
	_, err := s.conn.Exec(context.Background(), "CALL bootstrap.install($1, $2::json, $3::jsonb)", s.tenant, text, compact(o))
	if err != nil && pgtest.SQLState(err) == "" {
		s.fail("install: %v", err)
	}
	return pgtest.SQLState(err)
}

// records are the row versions of the tables in schema bootstrap: a run that has nothing to do writes none.
func (s *sequence) records() string {
	s.Helper()
	var sql, records string
	if err := s.conn.QueryRow(context.Background(), `SELECT 'SELECT concat_ws('' '', ' || string_agg(format('(SELECT string_agg(%L || t.ctid || t.xmin, '' '') FROM %s AS t)', c.relname, c.oid::regclass), ', ') || ')'
		FROM pg_class AS c WHERE c.relnamespace = 'bootstrap'::regnamespace AND c.relkind = 'r'`).Scan(&sql); err != nil {
		s.Fatal(err)
	}
	if err := s.conn.QueryRow(context.Background(), sql).Scan(&records); err != nil {
		s.Fatal(err)
	}
	return records
}

// install runs an install and compares what it did with the model and with its plan. It returns false when the contract says no more.
func (s *sequence) install(step step, isLast bool) bool {
	s.Helper()
	m, o := step.Next(s.last).clone(), step.Options
	if len(m.Given) == 0 {
		m.Given["provider"] = true
	}
	for i, e := range m.Entries {
		if e.Kind == "api_key" {
			m.Entries[i].Fields = maps.Clone(e.Fields)
			m.Entries[i].Fields["secret"] = strings.ReplaceAll(e.SecretOrPassed, "@", s.tenant)
		}
	}
	text := strings.ReplaceAll(m.text(), "@", s.tenant)
	fmt.Fprintf(&s.script, "CALL bootstrap.install(:'tenant', '%s', '%s');\n", text, compact(o))
	before, records := s.world, s.records()
	p := predict(before, s.known, m, o)
	plan, planErr := s.plan(text, o)
	code := s.call(text, o)
	after := s.read(s.tenant)
	s.last = m
	if code != "" {
		s.met.add(code)
		s.refused(p, plan, planErr, code)
		if after.versions() != before.versions() || s.records() != records {
			s.fail("a run that was refused with %s wrote rows", code)
		}
		if p.Invalid {
			s.last = manifest{}
		}
		return true
	}
	if p.Invalid || len(p.Guards) > 0 && !p.Unclear {
		s.fail("the run was not refused; the model says invalid %v, guards %v", p.Invalid, slices.Sorted(maps.Keys(p.Guards)))
	}
	if p.Unclear {
		return false
	}
	if planErr != nil {
		s.fail("the run was not refused, and the plan says %v", planErr)
	}
	if len(plan) == 0 {
		s.met.add("nothing to do")
	}
	for _, c := range plan {
		s.met.add(c.Kind + " " + c.Action)
	}
	s.compareObjects(p, before, after)
	if m.Given["provider"] {
		s.compareRules(p, o, before, after)
	}
	s.comparePlan(p, plan)
	s.compareJournal(plan)
	s.remember(p, m, o, after)
	s.world = after
	s.repeat(text, o, isLast)
	return true
}

// refused compares a refusal with the model and with the plan.
func (s *sequence) refused(p prediction, plan []change, planErr error, code string) {
	s.Helper()
	switch {
	case p.Invalid && code != "KB001", !p.Invalid && !p.Guards[code] && !p.Maybe[code] && !(p.Unclear && code == "KB025"):
		s.fail("refused with %s; the model says invalid %v, guards %v", code, p.Invalid, slices.Sorted(maps.Keys(p.Guards)))
	case p.Invalid:
		if pgtest.SQLState(planErr) != code {
			s.fail("refused with %s, and the plan says %v", code, planErr)
		}
	case planErr != nil || !slices.ContainsFunc(plan, func(c change) bool { return c.Refusal == code }):
		s.fail("refused with %s, and the plan says %v %v", code, plan, planErr)
	}
}

// compareObjects compares the rows of the given kinds with the model, and wants all other rows untouched.
func (s *sequence) compareObjects(p prediction, before, after *world) {
	s.Helper()
	accounted := map[[2]string]bool{}
	for _, x := range p.Objects {
		kind := x.Entry.Kind
		if x.Gone {
			s.met.add("kept deletion")
			if after.find(kind, x.Memory.ID) != nil {
				s.fail("%s %q was deleted by someone else, and is back", kind, x.Entry.Name)
			}
			continue
		}
		var row *object
		for _, o := range after.of(kind) {
			switch {
			case x.Before != nil && o.ID == x.Before.ID, x.Before == nil && o.Name == x.Entry.Name && !o.Deleted && before.find(kind, o.ID) == nil:
				row = o
			}
		}
		if row == nil {
			s.fail("%s %q is not there, or with another id", kind, x.Entry.Name)
		}
		accounted[[2]string{kind, row.ID}] = true
		if x.Kept || x.Before != nil && x.Action == "" || x.Before != nil && x.Action == "adopt" && !x.differs(x.Before, memory{}) && kind != "provider" {
			if x.Kept {
				s.met.add("kept")
			}
			if row.Version != x.Before.Version {
				s.fail("%s %q was written", kind, x.Entry.Name)
			}
			continue
		}
		if x.ID != "" && row.ID != x.ID {
			s.fail("%s %q comes back with another id than %s", kind, x.Entry.Name, x.ID)
		}
		if x.Before != nil && row.KeepsOwn != x.Before.KeepsOwn {
			s.fail("%s %q: what only Keep writes was %s and is %s", kind, x.Entry.Name, x.Before.KeepsOwn, row.KeepsOwn)
		}
		if x.differs(row, memory{}) {
			s.fail("%s %q is %s, the model says %s", kind, row.Name, compact(row.Fields), compact(x.Entry.Fields))
		}
		if kind == "provider" && !x.Adopts {
			s.compareSecret(x, row)
		}
	}
	for _, o := range p.Pruned {
		row := after.find(o.Kind, o.ID)
		if row != nil && !row.Deleted {
			s.fail("%s %q is still there", o.Kind, o.Name)
		}
		accounted[[2]string{o.Kind, o.ID}] = true
	}
	replaced := map[string]bool{}
	for _, x := range p.Objects {
		if x.Action == "replace" {
			replaced[x.Entry.Name] = true
		}
	}
	for _, o := range before.Objects {
		if o.Kind == "deduplication_rule" || accounted[[2]string{o.Kind, o.ID}] {
			continue
		}
		row := after.find(o.Kind, o.ID)
		if row == nil && o.Kind == "provider" && len(replaced) > 0 {
			continue // its successor has been looked at
		}
		if row == nil || row.Version != o.Version {
			s.fail("%s %q is none of the manifest's, and was written", o.Kind, o.Name)
		}
	}
	for _, o := range after.Objects {
		if o.Kind != "deduplication_rule" && !accounted[[2]string{o.Kind, o.ID}] && before.find(o.Kind, o.ID) == nil {
			s.fail("%s %q is one too many", o.Kind, o.Name)
		}
	}
}

// compareSecret: keys that Keep added stay, those that the manifest had and dropped go, and nothing else is in it.
func (s *sequence) compareSecret(x expected, row *object) {
	s.Helper()
	want := map[string]any{}
	if x.Before != nil {
		past, _ := s.known.of("provider", row.ID)
		for key, value := range x.Before.authentication() {
			if !slices.Contains(past.Keys, key) {
				want[key] = value
			}
		}
	}
	// Any key of a type that the catalogue does not know may be an address: where one changes, what Keep added does not go along.
	if x.Before != nil && x.Entry.Fields["type"] == "of a newer Keep" {
		for key, value := range x.Entry.authentication() {
			if !reflect.DeepEqual(x.Before.authentication()[key], value) {
				clear(want)
			}
		}
	}
	maps.Copy(want, x.Entry.authentication())
	if got := row.authentication(); !reflect.DeepEqual(got, want) {
		s.fail("provider %q: the secret has %s, the model says %s", row.Name, compact(got), compact(want))
	}
}

// compareRules compares the deduplication rules after a run with the manifest: what someone else changed is kept or written back.
func (s *sequence) compareRules(p prediction, o options, before, after *world) {
	s.Helper()
	want, wantedBy := map[string]wanted{}, map[string]string{}
	for _, x := range p.Objects {
		if x.Entry.Kind != "provider" || x.Gone {
			continue
		}
		for _, row := range after.of("provider") {
			if row.Name == x.Entry.Name {
				for name, r := range x.Entry.Rules {
					want[row.ID+" "+name], wantedBy[row.ID+" "+name] = r, row.Fields["type"].(string)
				}
			}
		}
	}
	kept := map[string]bool{} // rules that someone else changed, by provider and name
	if o.OnDrift == "keep" {
		for _, past := range s.known {
			row := before.find("deduplication_rule", past.ID)
			if past.Kind == "deduplication_rule" && (row == nil || row.snapshot(nil) != past.As) {
				kept[past.Name] = true
			}
		}
	}
	got := map[string]bool{}
	for _, row := range after.of("deduplication_rule") {
		was := before.find(row.Kind, row.ID)
		if !row.Provisioned {
			if was == nil || was.Version != row.Version {
				s.fail("rule %q of a user was written", row.Name)
			}
			continue
		}
		got[row.Name] = true
		r, isWanted := want[row.Name]
		switch {
		case kept[row.Name]:
			if was == nil || was.Version != row.Version {
				s.fail("rule %q was written, although someone else changed it and that is kept", row.Name)
			}
		case !isWanted || !sameRule(row, r) || row.Fields["type"] != wantedBy[row.Name]:
			s.fail("rule %q is %s, the model says %s", row.Name, compact(row.Fields), compact(r.Fields))
		}
	}
	for name := range want {
		if !got[name] && !kept[name] {
			s.fail("rule %q is not there", name)
		}
	}
	for _, row := range before.of("deduplication_rule") {
		if _, stays := want[row.Name]; row.Provisioned && stays && after.find(row.Kind, row.ID) == nil && !slices.ContainsFunc(before.of(row.Kind), func(o *object) bool { return o.ID != row.ID && o.Name == row.Name }) {
			s.fail("rule %q has got another id", row.Name)
		}
	}
}

// comparePlan compares the actions of the plan with the model.
func (s *sequence) comparePlan(p prediction, plan []change) {
	s.Helper()
	var want, got []string
	for _, x := range p.Objects {
		if x.Action != "" && !x.Kept {
			want = append(want, x.Entry.Kind+" "+x.Action+" "+x.Entry.Name)
		}
	}
	for _, o := range p.Pruned {
		want = append(want, o.Kind+" prune "+o.Name)
	}
	for _, c := range plan {
		if c.Action == "rename" && c.Kind != "provider" {
			c.Action = "update"
		}
		if c.Kind != "deduplication_rule" {
			got = append(got, c.Kind+" "+c.Action+" "+c.Name)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		s.fail("the plan says\n  %s\nthe model says\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// compareJournal compares what the run wrote into the journal with the plan that was made before it.
func (s *sequence) compareJournal(plan []change) {
	s.Helper()
	if len(plan) == 0 {
		return
	}
	journal, err := s.changes("bootstrap.history_changes((SELECT max(h.run_id) FROM bootstrap.history($1) AS h))", s.tenant)
	if err != nil {
		s.fail("journal: %v", err)
	}
	lines := func(list []change) (lines []string) {
		for _, c := range list {
			if c.Action == "add" {
				c.Drift = nil
			}
			lines = append(lines, c.String())
		}
		slices.Sort(lines)
		return lines
	}
	if planned, done := lines(plan), lines(journal); !slices.Equal(planned, done) {
		s.fail("the plan was\n  %s\nand the journal says\n  %s", strings.Join(planned, "\n  "), strings.Join(done, "\n  "))
	}
}

// remember takes over what the run left, and compares it with what verify and status say.
func (s *sequence) remember(p prediction, m manifest, o options, after *world) {
	s.Helper()
	next := known{}
	for key, past := range s.known {
		isAsked := key[0] != "user" || slices.ContainsFunc(p.Objects, func(x expected) bool { return x.Entry.Kind == "user" })
		if !m.Given[key[0]] && !(key[0] == "deduplication_rule" && m.Given["provider"]) || !isAsked {
			next[key] = past
		}
	}
	for _, x := range p.Objects {
		id := x.Memory.ID
		for _, row := range after.of(x.Entry.Kind) {
			if x.Before != nil && row.ID == x.Before.ID || x.Before == nil && !x.Gone && row.Name == x.Entry.Name && !row.Deleted {
				id = row.ID
				if !x.Kept {
					x.Memory.As = row.snapshot(x.Memory.Keys)
				}
			}
		}
		x.Memory.Kind, x.Memory.ID = x.Entry.Kind, id
		next[[2]string{x.Entry.Kind, id}] = x.Memory
	}
	if m.Given["provider"] {
		for _, row := range after.of("deduplication_rule") {
			if past, ours := s.known.of(row.Kind, row.ID); ours && o.OnDrift == "keep" && s.world.find(row.Kind, row.ID) != nil && s.world.find(row.Kind, row.ID).snapshot(nil) != past.As {
				next[[2]string{row.Kind, row.ID}] = past
			} else if row.Provisioned {
				next[[2]string{row.Kind, row.ID}] = memory{Kind: row.Kind, ID: row.ID, Name: row.Name, As: row.snapshot(nil)}
			}
		}
		for key, past := range s.known {
			if key[0] == "deduplication_rule" && o.OnDrift == "keep" && after.find(key[0], key[1]) == nil && s.world.find(key[0], key[1]) == nil {
				next[key] = past // its deletion is kept
			}
		}
	}
	s.known = next

	if o.OnDrift == "keep" || len(m.Given) < 6 {
		return
	}
	var bad string
	if err := s.conn.QueryRow(context.Background(), `SELECT coalesce(string_agg(name || ': ' || detail, '; '), '') FROM bootstrap.verify($1)
		WHERE ok IS NOT true AND name IN ('keep_tables', 'foreign_key', 'tenant', 'objects', 'deduplication_rules', 'drift')`, s.tenant).Scan(&bad); err != nil {
		s.fail("verify: %v", err)
	}
	if bad != "" {
		s.fail("after the run verify says: %s", bad)
	}
	var shown []string
	if err := s.conn.QueryRow(context.Background(), "SELECT coalesce(array_agg(kind || ' ' || object_id ORDER BY 1), '{}') FROM bootstrap.status($1) WHERE origin = 'bootstrap'", s.tenant).Scan(&shown); err != nil {
		s.fail("status: %v", err)
	}
	var ours []string
	for key := range s.known {
		if key[0] != "deduplication_rule" {
			ours = append(ours, key[0]+" "+key[1])
		}
	}
	slices.Sort(shown)
	slices.Sort(ours)
	if !slices.Equal(shown, ours) && !slices.ContainsFunc(shown, func(line string) bool { return strings.HasPrefix(line, "deduplication_rule ") }) {
		s.fail("status shows as ours\n  %s\nthe model says\n  %s", strings.Join(shown, "\n  "), strings.Join(ours, "\n  "))
	}
}

// repeat installs the same again: not one row version is written, and after the last step nothing is planned either.
func (s *sequence) repeat(text string, o options, isLast bool) {
	s.Helper()
	if isLast {
		if plan, err := s.plan(text, o); err != nil || len(plan) > 0 {
			s.fail("plan of the same again: %v %v", plan, err)
		}
	}
	records := s.records()
	if code := s.call(text, o); code != "" {
		s.fail("the same again: SQLSTATE %s", code)
	}
	if s.read(s.tenant).versions() != s.world.versions() || s.records() != records {
		s.fail("the same again wrote rows")
	}
}
