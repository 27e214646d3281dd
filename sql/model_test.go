package sqlfiles_test

import (
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

	"keep-bootstrap/test/pgtest"
)

// sequences is how many sequences TestModel tries in all.
func sequences(t *testing.T) int {
	t.Helper()
	text := os.Getenv("BOOTSTRAP_MODEL_SEQUENCES")
	if text == "" {
		return 400
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

// Any sequence of installs and of what others do to the rows, against a model in Go (model_predict_test.go) that says
// after each step which rows there are, which of them kept their ids, and which guard refused the run. Each sequence has
// a tenant of its own; two workers share one database. A failing sequence is printed as a script for psql, made as short
// as possible.
//
// BOOTSTRAP_MODEL_SEQUENCES is the number of sequences (default 400; on five versions of PostgreSQL make check tries 2,000). A
// failure names the seed:
// -run 'TestModel$/workers/worker_0' -rapid.seed=N -rapid.checks=M runs it again.
func TestModel(t *testing.T) {
	t.Parallel()
	const workers = 2
	met := new(tally)
	checks(t, (sequences(t)+workers-1)/workers)
	shared := pgtest.New(t, plannedOnce)
	prepareBystander(t, shared.Conn(t))
	t.Run("workers", func(t *testing.T) {
		for worker := range workers {
			t.Run(fmt.Sprintf("worker %d", worker), func(t *testing.T) {
				t.Parallel()
				conn := shared.Conn(t)
				database{conn, t}.exec("SET client_min_messages = error")
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
	if t.Failed() || sequences(t) < 400 {
		return
	}
	wanted := []string{
		"add", "update", "rename", "replace", "prune", "adopt", "unchanged", "nothing to do", "older generation",
		"KB020", "KB021", "KB022", "KB023", "KB024", "KB025",
	}
	if sequences(t) >= 1000 {
		wanted = append(wanted, "KB001") // one in two hundred
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

const bystander = "bystander"

// prepareBystander installs providers of another tenant, under the names that the sequences use.
func prepareBystander(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	d := database{conn, t}
	var m manifest
	for i, name := range names {
		m.Entries = append(m.Entries, wanted{Name: name, Type: types[i%len(types)], Authentication: map[string]any{"host": "v"}, Rules: map[string]rule{"r": {}}})
	}
	d.exec("CALL bootstrap.install_providers($1, $2::json, '{}')", bystander, m.text())
	d.exec("UPDATE public.provider SET provisioned = false WHERE tenant_id = $1 AND name = 'f'", bystander)
}

var tenants atomic.Int64

// sequence runs steps on a tenant and compares the rows with the model after each.
type sequence struct {
	rapid.TB
	conn   *pgx.Conn
	met    *tally
	tenant string
	script strings.Builder

	world      *world
	known      map[string]memory // by provider id: what the model remembers
	generation *int64
	last       manifest
}

// run runs steps on a tenant of its own.
func run(t rapid.TB, conn *pgx.Conn, met *tally, steps []step) {
	t.Helper()
	number := tenants.Add(1)
	s := &sequence{TB: t, conn: conn, met: met, tenant: fmt.Sprintf("model-%d", number), known: map[string]memory{}}
	defer s.removeTenant(number)
	others := s.read(bystander)
	s.world = s.read(s.tenant)
	for i, step := range steps {
		if step.SQL != "" {
			s.edit(step.SQL)
		} else {
			s.install(step, i == len(steps)-1)
		}
	}
	if !others.sameRows(s.read(bystander)) {
		s.fail("rows of another tenant were written")
	}
}

// fail ends the sequence with its script, and with the rows as they are. What differs between two runs of one sequence
// (ids, the tenant) is only logged: rapid shrinks a sequence as long as it ends at the same place with the same message.
func (s *sequence) fail(format string, arguments ...any) {
	s.Helper()
	now := "-- (the rows cannot be read)\n"
	if w, err := readWorld(s.conn, s.tenant); err == nil {
		now = w.describe()
	}
	s.Logf("%s\n\n-- The sequence, for psql:\n\\set tenant %s\n%s\n-- Rows before the last step:\n%s-- Rows now:\n%s",
		fmt.Sprintf(format, arguments...), s.tenant, s.script.String(), s.world.describe(), now)
	s.Fatalf("the rows are not what the model says")
}

func (s *sequence) read(tenant string) *world {
	s.Helper()
	w, err := readWorld(s.conn, tenant)
	if err != nil {
		s.Fatalf("cannot read the rows: %v", err)
	}
	return w
}

// edit is what someone else does. The model learns of it as everybody else does: by reading the rows.
func (s *sequence) edit(sql string) {
	s.Helper()
	s.script.WriteString(sql + ";\n")
	if _, err := s.conn.PgConn().Exec(context.Background(), strings.ReplaceAll(sql, ":'tenant'", "'"+s.tenant+"'")).ReadAll(); err != nil {
		s.fail("the edit fails: %v", err)
	}
	s.world = s.read(s.tenant)
}

// change is a row of a plan, or of the journal.
type change struct {
	Kind, Action, Name, PreviousName, ID string
	Fields, Drift                        []string
	Refusal                              string
	StateOnly                            bool
}

// writes tells whether a run writes anything because of it: drift that is kept alone is only shown.
func (c change) writes() bool { return c.Action != "unchanged" || c.StateOnly }

func (c change) String() string {
	return fmt.Sprintf("%s:%s %s was=%s id=%s fields=%v drift=%v", c.Kind, c.Action, c.Name, c.PreviousName, c.ID, c.Fields, c.Drift)
}

func (s *sequence) changes(query string, arguments ...any) ([]change, error) {
	var text string
	if err := s.conn.QueryRow(context.Background(), "SELECT coalesce(json_agg(c), '[]')::text FROM ("+query+") AS c", arguments...).Scan(&text); err != nil {
		return nil, err
	}
	var list []change
	return list, json.Unmarshal([]byte(text), &list)
}

func (s *sequence) plan(m manifest, o options) ([]change, error) {
	return s.changes(`SELECT kind AS "Kind", action AS "Action", name AS "Name", previous_name AS "PreviousName",
		CASE WHEN action <> 'add' THEN object_id END AS "ID", fields AS "Fields", drift AS "Drift", refusal AS "Refusal", state_only AS "StateOnly"
		FROM bootstrap.plan_providers($1, $2::json, $3::jsonb)`, s.tenant, m.text(), compact(o))
}

// journal is what the newest run changed.
func (s *sequence) journal(run int64) ([]change, error) {
	return s.changes(`SELECT kind AS "Kind", action AS "Action", name AS "Name", previous_name AS "PreviousName",
		CASE WHEN action <> 'add' THEN coalesce(previous_id, object_id) END AS "ID", fields AS "Fields", drift AS "Drift"
		FROM bootstrap.history_changes($1)`, run)
}

func (s *sequence) call(m manifest, o options) string {
	_, err := s.conn.Exec(context.Background(), "CALL bootstrap.install_providers($1, $2::json, $3::jsonb)", s.tenant, m.text(), compact(o))
	if err != nil && pgtest.SQLState(err) == "" {
		s.fail("install: %v", err)
	}
	return pgtest.SQLState(err)
}

// install runs an install and compares what it did with the model and with its plan.
func (s *sequence) install(step step, isLast bool) {
	s.Helper()
	m, o := step.Next(s.last), step.Options
	fmt.Fprintf(&s.script, "CALL bootstrap.install_providers(:'tenant', '%s', '%s');\n", m.text(), compact(o))
	before := s.world
	p := predict(before, s.known, m, o)
	if p.Elsewhere {
		// That counts only when there is something to write.
		regardless := o
		regardless.AssumeDB = "db"
		plan, err := s.plan(m, regardless)
		if err != nil {
			s.fail("plan: %v", err)
		}
		p.Elsewhere = slices.ContainsFunc(plan, change.writes)
	}
	plan, planErr := s.plan(m, o)
	code := s.call(m, o)
	after := s.read(s.tenant)
	if after.Staging > 0 {
		s.fail("%d rows are left in staging", after.Staging)
	}

	isStale := o.Generation != nil && s.generation != nil && *o.Generation < *s.generation
	if isStale && !p.Invalid {
		s.met.add("older generation")
		if code != "" || !before.sameRows(after) {
			s.fail("generation %d after %d: SQLSTATE %q, or rows were written", *o.Generation, *s.generation, code)
		}
		if planErr != nil || len(plan) > 0 {
			s.fail("generation %d after %d: install does nothing, and the plan says %v %v", *o.Generation, *s.generation, plan, planErr)
		}
		return
	}
	s.last = m
	if s.isRefused(p, plan, planErr, code) {
		s.met.add(code)
		if !before.sameRows(after) {
			s.fail("a run that was refused with %s wrote rows", code)
		}
		if p.Invalid {
			s.last = manifest{}
		}
		return
	}
	if len(plan) == 0 {
		s.met.add("nothing to do")
	}
	for _, c := range plan {
		if c.Kind == "provider" {
			s.met.add(c.Action)
		}
	}
	if o.Generation != nil {
		s.generation = o.Generation
	}
	s.compareProviders(p, before, after)
	s.compareRules(p, m, before, after)
	s.comparePlan(p, plan, before)
	s.compareJournal(plan, before, after)
	s.compareMemory(p, o, after)
	s.world = after
	if before.sameRows(after) {
		s.onlyKept(plan, o) // to repeat it would be the same once more
	} else {
		s.repeat(m, o, isLast)
	}
}

// firstGuard is the one of several guards that a run is refused with.
func firstGuard(codes []string) string {
	for _, code := range []string{"KB020", "KB022", "KB024", "KB025", "KB021"} {
		if slices.Contains(codes, code) {
			return code
		}
	}
	return ""
}

// isRefused compares the refusal of the run with what the model says, and with the plan.
func (s *sequence) isRefused(p prediction, plan []change, planErr error, code string) bool {
	s.Helper()
	var want string
	switch {
	case p.Invalid:
		want = "KB001"
	case p.Elsewhere:
		want = "KB023"
	default:
		want = firstGuard(slices.Collect(maps.Keys(p.Guards)))
	}
	if code != want {
		s.fail("install: SQLSTATE %q, the model says %q; plan:\n%v", code, want, plan)
	}
	if p.Invalid || p.Elsewhere {
		if pgtest.SQLState(planErr) != code {
			s.fail("install: SQLSTATE %s, plan: %v", code, planErr)
		}
		return true
	}
	if planErr != nil {
		s.fail("plan: %v", planErr)
	}
	var refusals []string
	for _, c := range plan {
		if c.Refusal != "" {
			refusals = append(refusals, c.Refusal)
		}
	}
	if firstGuard(refusals) != code {
		s.fail("install: SQLSTATE %q, refusals in the plan: %q", code, refusals)
	}
	return code != ""
}

// compareProviders compares provider and secret rows after a run with the model.
func (s *sequence) compareProviders(p prediction, before, after *world) {
	s.Helper()
	rows, ids := after.byName(), before.byID()
	if want := len(p.Rows) + len(p.Untouched); len(rows) != want {
		s.fail("there are %d providers, the model says %d", len(rows), want)
	}
	for _, x := range p.Rows {
		row := rows[x.Name]
		if row == nil {
			s.fail("provider %q is not there", x.Name)
		}
		s.compareProvider(x, row, ids)
	}
	for _, old := range p.Untouched {
		row := rows[old.Name]
		// The row of a provider that is no longer ours is locked when it is forgotten: xmax, between the two others, says so.
		if row == nil || written(row.Version) != written(old.Version) || written(row.SecretVersion) != written(old.SecretVersion) {
			s.fail("provider %q of a user was written", old.Name)
		}
	}
	was := before.orphanSecrets()
	for id, past := range s.known {
		if !p.Left[past.Name] {
			delete(was, s.tenant+"_"+past.Type+"_"+id) // of a provider of ours that someone deleted: it goes, or comes back
		}
	}
	for key := range after.orphanSecrets() {
		if !was[key] {
			s.fail("secret %s is left behind", key)
		}
	}
}

// written is a version without xmax: row locks alone do not change it.
func written(version string) string {
	if parts := strings.Fields(version); len(parts) == 3 {
		return parts[0] + parts[2]
	}
	return version
}

func (s *sequence) compareProvider(x expected, row *liveProvider, ids map[string]*liveProvider) {
	s.Helper()
	type columns struct {
		Type, Description              string
		Pulling, Provisioned, Consumer bool
	}
	text := func(p *string) string { return compact(p) }
	got := columns{row.Type, text(row.Description), row.Pulling, row.Provisioned, row.Consumer}
	want := columns{x.Type, text(x.Description), x.Pulling, x.Provisioned, x.Consumer}
	if got != want {
		s.fail("provider %q is %+v, the model says %+v", x.Name, got, want)
	}
	switch {
	case x.Before != nil && row.ID != x.Before.ID:
		s.fail("provider %q was %s and has got another id", x.Name, x.Before.ID)
	case x.Before != nil && row.KeepsOwn != x.Before.KeepsOwn:
		s.fail("provider %q: columns of Keep were %s and are %s", x.Name, x.Before.KeepsOwn, row.KeepsOwn)
	case x.Before == nil && ids[row.ID] != nil:
		s.fail("provider %q is new and has the id of %q", x.Name, ids[row.ID].Name)
	case x.ID != "" && row.ID != x.ID:
		s.fail("provider %q comes back with another id than %s", x.Name, x.ID)
	case x.Before == nil && row.Key != s.tenant+"_"+row.Type+"_"+row.ID, x.Before != nil && row.Key != x.Before.Key:
		s.fail("provider %q has the secret key %s", x.Name, row.Key)
	}
	if x.SecretStays {
		if row.SecretVersion != x.Before.SecretVersion {
			s.fail("provider %q: the secret was written, although it was to be kept", x.Name)
		}
		return
	}
	if row.Secret == nil || !row.readable {
		s.fail("provider %q has no secret that can be read", x.Name)
	}
	if !reflect.DeepEqual(row.authentication, x.Authentication) {
		s.fail("provider %q: the secret has %s, the model says %s", x.Name, compact(row.authentication), compact(x.Authentication))
	}
	if !reflect.DeepEqual(row.furtherInSecret, x.Further) {
		s.fail("provider %q: the secret has further keys %s, the model says %s", x.Name, compact(row.furtherInSecret), compact(x.Further))
	}
	if !x.keepsName && row.secretName != any(x.Name) {
		s.fail("provider %q: the secret has the name %v", x.Name, row.secretName)
	}
}

// content is a rule of the manifest as Keep's row has it.
func (r rule) content() []any {
	description, full, priority := "", false, 0
	if r.Description != nil {
		description = *r.Description
	}
	if r.Full != nil {
		full = *r.Full
	}
	if r.Priority != nil {
		priority = *r.Priority
	}
	return []any{description, append([]string{}, r.Fingerprint...), append([]string{}, r.Ignore...), full, priority}
}

// compareRules compares the deduplication rules after a run with the manifest.
func (s *sequence) compareRules(p prediction, m manifest, before, after *world) {
	s.Helper()
	rows := after.byName()
	want := map[string]string{} // content by provider id and name
	named := map[string]int{}   // how many wanted rules have a name
	for _, x := range p.Rows {
		for name, r := range x.Entry.Rules {
			row := rows[x.Name]
			want[row.ID+" "+name] = row.Type + " " + compact(r.content())
			named[name]++
		}
	}
	got := map[string]string{}
	id := map[string]string{}
	for _, r := range after.Rules {
		if !r.Provisioned {
			continue
		}
		var content any
		_ = json.Unmarshal([]byte(r.Content), &content)
		got[r.ProviderID+" "+r.Name] = r.Type + " " + compact(content)
		id[r.ProviderID+" "+r.Name] = r.ID
	}
	if !maps.Equal(got, want) {
		s.fail("rules by provider and name: %v, the model says %v", got, want)
	}

	wasNamed := map[string]int{}
	for _, r := range before.Rules {
		if r.Provisioned {
			wasNamed[r.Name]++
		}
	}
	is := after.byID()
	for _, r := range before.Rules {
		same := r.ProviderID + " " + r.Name
		switch {
		case !r.Provisioned:
			if !slices.Contains(after.Rules, r) {
				s.fail("rule %s of a user was written", r.Name)
			}
		case want[same] != "" && is[r.ProviderID] != nil && id[same] != r.ID:
			s.fail("rule %s of provider %s has got another id", r.Name, r.ProviderID)
		case want[same] == "" && wasNamed[r.Name] == 1 && named[r.Name] == 1:
			for key, now := range id {
				if strings.HasSuffix(key, " "+r.Name) && now != r.ID {
					s.fail("rule %s moved to another provider and has got another id", r.Name)
				}
			}
		}
	}
}

// comparePlan compares the actions and fields of the plan with the model.
func (s *sequence) comparePlan(p prediction, plan []change, before *world) {
	s.Helper()
	shown := map[string]change{}
	ids := before.byID()
	for _, c := range plan {
		if c.Kind != "provider" {
			continue
		}
		if c.Action == "unchanged" || c.Action == "add" && p.Left[c.Name] {
			continue
		}
		if _, twice := shown[c.Name]; twice && c.Action != "prune" {
			s.fail("the plan names %q twice: %v", c.Name, plan)
		}
		if c.Action == "prune" {
			shown["prune "+c.ID] = c
			continue
		}
		shown[c.Name] = c
	}
	for _, old := range p.Pruned {
		if shown["prune "+old.ID].Name != old.Name {
			s.fail("the plan does not prune %q: %v", old.Name, plan)
		}
		delete(shown, "prune "+old.ID)
	}
	for _, x := range p.Rows {
		c := shown[x.Entry.Name]
		delete(shown, x.Entry.Name)
		if c.Action != x.Action {
			s.fail("the plan says %q for %q, the model says %q", c, x.Entry.Name, x.Action)
		}
		if !slices.Equal(slices.Sorted(slices.Values(c.Fields)), x.Fields) {
			s.fail("the plan says %q for %q, the model says fields %q", c, x.Entry.Name, x.Fields)
		}
		if c.PreviousName != "" && (x.Action != "replace" && x.Action != "rename" && x.Action != "adopt" || ids[c.ID].Name != c.PreviousName) {
			s.fail("the plan says %q", c)
		}
	}
	if len(shown) > 0 {
		s.fail("the plan has more than the model: %v", shown)
	}
}

// compareJournal compares what the run wrote into the journal with the plan that was made before it.
func (s *sequence) compareJournal(plan []change, before, after *world) {
	s.Helper()
	var journal []change
	if after.LastRun > before.LastRun {
		var err error
		if journal, err = s.journal(after.LastRun); err != nil {
			s.fail("journal: %v", err)
		}
	}
	lines := func(list []change) []string {
		var lines []string
		for _, c := range list {
			if c.Action == "add" {
				c.Drift = nil
			}
			if c.Action != "unchanged" {
				lines = append(lines, c.String())
			}
		}
		slices.Sort(lines)
		return lines
	}
	if planned, done := lines(plan), lines(journal); !slices.Equal(planned, done) {
		s.fail("the plan was\n  %s\nand the journal says\n  %s", strings.Join(planned, "\n  "), strings.Join(done, "\n  "))
	}
}

// compareMemory compares provider_state with what the model remembers, and with what verify and status say.
func (s *sequence) compareMemory(p prediction, o options, after *world) {
	s.Helper()
	rows := after.byName()
	known := map[string]memory{}
	for id, past := range s.known {
		if p.Left[past.Name] && after.byID()[id] == nil {
			known[id] = past
		}
	}
	for _, x := range p.Rows {
		known[rows[x.Name].ID] = x.Memory
	}
	s.known = known

	var got, want []string
	for _, t := range after.States {
		got = append(got, fmt.Sprintf("%s %s %s %s %v %v %v %v %v", t.ID, t.Name, t.Type, compact(t.Description), t.Pulling, t.Guard, t.Webhook, t.Keys, t.RenamedFrom))
	}
	for id, t := range known {
		want = append(want, fmt.Sprintf("%s %s %s %s %v %v %v %v %v", id, t.Name, t.Type, compact(t.Description), t.Pulling, t.Guard, t.Webhook, slices.Sorted(maps.Keys(t.Written)), t.RenamedFrom))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		s.fail("provider_state:\n  %s\nthe model says\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}

	if o.OnDrift == "keep" {
		return
	}
	for _, row := range p.Untouched {
		if !row.readable {
			return // verify rightly says so
		}
	}
	var bad string
	if err := s.conn.QueryRow(context.Background(), `SELECT coalesce(string_agg(name || ': ' || detail, '; '), '') FROM bootstrap.verify($1)
		WHERE ok IS NOT true AND name IN ('keep_tables', 'foreign_key', 'tenant', 'providers', 'secrets', 'deduplication_rules', 'drift')`, s.tenant).Scan(&bad); err != nil {
		s.fail("verify: %v", err)
	}
	if bad != "" {
		s.fail("after the run verify says: %s", bad)
	}
}

// onlyKept wants a plan in which nothing is to be written.
func (s *sequence) onlyKept(plan []change, o options) {
	s.Helper()
	for _, c := range plan {
		if c.Action != "unchanged" || o.OnDrift != "keep" || len(c.Drift) == 0 {
			s.fail("the rows stay as they are, and the plan says %v", c)
		}
	}
}

// repeat installs the same again: not one row version is written, and after the last step nothing is planned either.
func (s *sequence) repeat(m manifest, o options, isLast bool) {
	s.Helper()
	if isLast {
		plan, err := s.plan(m, o)
		if err != nil {
			s.fail("plan of the same again: %v", err)
		}
		s.onlyKept(plan, o)
	}
	if code := s.call(m, o); code != "" {
		s.fail("the same again: SQLSTATE %s", code)
	}
	if after := s.read(s.tenant); !s.world.sameRows(after) {
		s.fail("the same again wrote rows; they were:\n%s", s.world.describe())
	}
}

// removeTenant keeps the tables small, so that thousands of sequences are as fast as the first.
func (s *sequence) removeTenant(number int64) {
	ctx := context.Background()
	batch := &pgx.Batch{}
	batch.Queue("DELETE FROM public.secret WHERE starts_with(key, $1 || '_')", s.tenant)
	batch.Queue("DELETE FROM bootstrap.run WHERE tenant_id = $1", s.tenant)
	for _, table := range []string{"public.alertdeduplicationrule", "public.provider", "bootstrap.provider_state", "bootstrap.tenant_state"} {
		batch.Queue("DELETE FROM "+table+" WHERE tenant_id = $1", s.tenant)
	}
	batch.Queue("DELETE FROM public.tenant WHERE id = $1", s.tenant)
	if err := s.conn.SendBatch(ctx, batch).Close(); err != nil {
		s.Fatalf("cannot remove the tenant: %v", err)
	}
	if number%50 == 0 {
		if _, err := s.conn.Exec(ctx, "VACUUM ANALYZE public.provider, public.secret, public.alertdeduplicationrule, public.tenant, bootstrap.provider_state, "+
			"bootstrap.tenant_state, bootstrap.run, bootstrap.change, bootstrap.provider_staging, bootstrap.input_staging, bootstrap.planned_change"); err != nil {
			s.Fatalf("vacuum: %v", err)
		}
	}
}
