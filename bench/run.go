package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

type benchmark struct {
	options
	work   string
	server *server
	psql   string
}

// measurement is one side in one case with one number of providers.
type measurement struct {
	Case     string  `json:"case"`
	Side     string  `json:"side"`
	Size     int     `json:"providers"`
	Seconds  spread  `json:"seconds"`
	CPU      float64 `json:"client_cpu_seconds"`
	Memory   int64   `json:"client_memory_bytes"`
	ToFloor  float64 `json:"to_floor,omitempty"`  // ratio of medians to COPY of the finished rows
	ToSelect float64 `json:"to_select,omitempty"` // ratio to psql -c 'select 1'
	written
	*seen
	*traffic

	samples []float64
}

// part is a share of a run.
type part struct {
	Name    string `json:"name"`
	Seconds spread `json:"seconds"`
}

type results struct {
	Description  string         `json:"description"`
	Server       string         `json:"server"`
	Settings     string         `json:"settings"`
	SelectOne    spread         `json:"psql_select_1"`
	Startup      []part         `json:"startup"`
	Measurements []*measurement `json:"measurements"`
	Special      []*measurement `json:"special"`
	Statements   int            `json:"plans_checked"`
	Suspicious   []string       `json:"plans_not_linear"`
	BinarySize   int64          `json:"program_bytes"`
}

func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

func (b *benchmark) dataset(n int, c change) dataset {
	return dataset{directory: filepath.Join(b.work, fmt.Sprint(n), string(c)), n: n, change: c}
}

// prepare writes the files of a size and makes its templates.
func (b *benchmark) prepare(ctx context.Context, n int) error {
	progress("%d providers: files and templates", n)
	for _, c := range []change{base, onePercent, all, renamed, pruned} {
		if err := b.dataset(n, c).write(); err != nil {
			return err
		}
	}
	return b.templates(ctx, b.dataset(n, base))
}

func (b *benchmark) run(ctx context.Context) (*results, error) {
	r := &results{Description: b.description}
	var err error
	if b.psql, err = findPsql(); err != nil {
		return nil, err
	}
	if info, err := os.Stat(b.program); err == nil {
		r.BinarySize = info.Size()
	}
	err = b.server.admin.QueryRow(ctx, `select version(), string_agg(name || ' = ' || current_setting(name), ', ' order by name) from pg_settings
		where name in ('fsync', 'synchronous_commit', 'full_page_writes', 'shared_buffers', 'work_mem', 'max_wal_size', 'autovacuum', 'jit')`).Scan(&r.Server, &r.Settings)
	if err != nil {
		return nil, err
	}
	if err := b.server.keep(ctx, "bench_keep"); err != nil {
		return nil, err
	}
	if _, err := measure(ctx, environment("bench_keep"), b.program, "migrate"); err != nil {
		return nil, err
	}
	for _, n := range b.sizes {
		if err := b.size(ctx, n, r); err != nil {
			return nil, err
		}
		if err := os.RemoveAll(filepath.Join(b.work, fmt.Sprint(n))); err != nil {
			return nil, err
		}
	}
	if b.plans > 0 {
		if err := b.prepare(ctx, b.plans); err != nil {
			return nil, err
		}
		progress("plans with %d providers", b.plans)
		if r.Statements, r.Suspicious, err = b.checkPlans(ctx, b.plans); err != nil {
			return nil, err
		}
	}
	if err := b.small(ctx, r); err != nil {
		return nil, err
	}
	b.ratios(r)
	return r, nil
}

// repeatsOf is how often a size is measured.
func (b *benchmark) repeatsOf(n int) int {
	switch {
	case n >= 1_000_000:
		return 1
	case n >= 100_000:
		return min(b.repeats, 3)
	case n <= 10 && b.repeats > 1:
		return b.repeats * 3 // what takes milliseconds scatters most; a single repeat is for whoever asks for no figures
	}
	return b.repeats
}

// size measures all cases and sides with n providers. The sides take turns, so that whatever else happens on the machine
// hits all of them.
func (b *benchmark) size(ctx context.Context, n int, r *results) error {
	if err := b.prepare(ctx, n); err != nil {
		return err
	}
	smallest := n == slices.Min(b.sizes)
	all := map[string]*measurement{}
	repeats := b.repeatsOf(n)
	for repeat := range repeats {
		for _, k := range cases {
			for _, s := range sides {
				name := k.name + ", " + s.name
				if !s.does(k) || s.limit != nil && n > s.limit(&b.options) || !strings.Contains(name, b.only) && s.name != floorName {
					continue
				}
				m := all[name]
				if m == nil {
					m = &measurement{Case: k.name, Side: s.name, Size: n}
					all[name] = m
					r.Measurements = append(r.Measurements, m)
				}
				progress("%d providers, %s (%d of %d)", n, name, repeat+1, repeats)
				if err := b.once(ctx, k, s, m); err != nil {
					return fmt.Errorf("%d providers, %s: %w", n, name, err)
				}
				if repeat == 0 {
					if err := b.look(ctx, k, s, m, smallest); err != nil {
						return fmt.Errorf("%d providers, %s: %w", n, name, err)
					}
				}
			}
		}
	}
	for _, m := range all {
		m.Seconds = newSpread(m.samples)
	}
	return nil
}

// once is one timed run.
func (b *benchmark) once(ctx context.Context, k kase, s side, m *measurement) error {
	d := b.dataset(m.Size, k.change)
	if err := b.server.create(ctx, runDatabase, s.template(k)); err != nil {
		return err
	}
	before, err := b.server.position(ctx)
	if err != nil {
		return err
	}
	p, err := measure(ctx, environment(runDatabase), s.command(b, d)...)
	if err != nil {
		return err
	}
	m.samples = append(m.samples, p.Seconds)
	m.Memory, m.CPU = max(m.Memory, p.Memory), p.CPU
	if m.written, err = b.server.written(ctx, before); err != nil {
		return err
	}
	if s.isOurs && k.change == renamed {
		if err := checkRenames(ctx, runDatabase, d); err != nil {
			return err
		}
	}
	return check(ctx, runDatabase, d)
}

// look is one run that is not timed, because it is looked at: locks and a reader, and with the fewest providers every
// message, whose number does not depend on how many there are.
func (b *benchmark) look(ctx context.Context, k kase, s side, m *measurement, count bool) error {
	command := s.command(b, b.dataset(m.Size, k.change))
	if err := b.server.create(ctx, runDatabase, s.template(k)); err != nil {
		return err
	}
	noticed, err := observe(ctx, runDatabase, func() error {
		_, err := measure(ctx, environment(runDatabase), command...)
		return err
	})
	if err != nil {
		return err
	}
	m.seen = &noticed
	if !count {
		return nil
	}
	if err := b.server.create(ctx, runDatabase, s.template(k)); err != nil {
		return err
	}
	c, err := newCounter(ctx)
	if err != nil {
		return err
	}
	_, err = measure(ctx, environment(runDatabase, c.address()...), command...)
	counted := c.close()
	m.traffic = &counted
	return err
}

// small measures what is about the time of a process: nothing to do, an empty database, neighbours, replicas.
func (b *benchmark) small(ctx context.Context, r *results) error {
	const n = 10
	if err := b.prepare(ctx, n); err != nil {
		return err
	}
	d := b.dataset(n, base)
	up := []string{b.program, "up", "-f", d.file("manifest.json")}
	selectOne := []string{b.psql, "-X", "-c", "select 1"}
	repeats := b.repeatsOf(n)

	special := func(name, side string) *measurement {
		m := &measurement{Case: name, Side: side, Size: n}
		r.Special = append(r.Special, m)
		return m
	}
	progress("start-up")
	one, current, empty := special("nothing", "psql -c 'select 1'"), special("unchanged", upName), special("empty database, Keep's tables and all migrations", upName)
	for range repeats {
		if err := b.server.create(ctx, runDatabase, "bench_ours"); err != nil {
			return err
		}
		for range 3 {
			if err := b.sample(ctx, one, environment(runDatabase), selectOne); err != nil {
				return err
			}
			if err := b.sample(ctx, current, environment(runDatabase), up); err != nil {
				return err
			}
		}
		if err := b.server.create(ctx, runDatabase, "template0"); err != nil {
			return err
		}
		if err := b.sample(ctx, empty, environment(runDatabase), append(slices.Clone(up), "--create-tables")); err != nil {
			return err
		}
		if err := check(ctx, runDatabase, d); err != nil {
			return err
		}
	}
	var err error
	if r.Startup, err = b.startup(ctx, d); err != nil {
		return err
	}
	if err := b.kinds(ctx, b.repeats, special); err != nil {
		return err
	}
	if b.neighbours > 0 {
		if err := b.withNeighbours(ctx, d, up, repeats, special); err != nil {
			return err
		}
	}
	if b.replicas > 0 {
		if err := b.together(ctx, up, selectOne, special); err != nil {
			return err
		}
	}
	for _, m := range r.Special {
		m.Seconds = newSpread(m.samples)
	}
	r.SelectOne = one.Seconds
	return nil
}

func (b *benchmark) sample(ctx context.Context, m *measurement, env, command []string) error {
	p, err := measure(ctx, env, command...)
	if err != nil {
		return err
	}
	m.samples = append(m.samples, p.Seconds)
	m.Memory, m.CPU = max(m.Memory, p.Memory), p.CPU
	return nil
}

// withNeighbours measures one tenant of ten providers in a database with many more, and alone.
func (b *benchmark) withNeighbours(ctx context.Context, d dataset, up []string, repeats int, special func(name, side string) *measurement) error {
	progress("%d neighbours and %d alerts", b.neighbours, b.alerts)
	if err := b.server.create(ctx, "bench_neighbours", "bench_keep"); err != nil {
		return err
	}
	if err := execute(ctx, "bench_neighbours", fmt.Sprintf(neighbours, b.neighbours, b.alerts)); err != nil {
		return err
	}
	several := fmt.Sprintf("beside %d tenants of 10 and %d alerts", b.neighbours, b.alerts)
	for _, place := range []struct{ name, template string }{{"alone", "bench_keep"}, {several, "bench_neighbours"}} {
		firstRun, again := special("first install, "+place.name, upName), special("unchanged, "+place.name, upName)
		for i := range repeats {
			// A large copy takes seconds: one for three measurements, each with the tenant removed.
			if i%3 == 0 {
				if err := b.server.create(ctx, runDatabase, place.template); err != nil {
					return err
				}
			} else if err := execute(ctx, runDatabase, `delete from secret where key like 'keep\_%'; delete from provider where tenant_id = 'keep';
					delete from bootstrap.object where tenant_id = 'keep'`); err != nil {
				return err
			}
			if err := b.sample(ctx, firstRun, environment(runDatabase), up); err != nil {
				return err
			}
			if err := check(ctx, runDatabase, d); err != nil {
				return err
			}
			if err := b.sample(ctx, again, environment(runDatabase), up); err != nil {
				return err
			}
		}
	}
	return nil
}

// neighbours are tenants whose ten providers this software has installed, and alerts.
const neighbours = `
insert into tenant (id, name) select 'tenant-' || t, 'Tenant ' || t from generate_series(1, %[1]d) t;
insert into provider (id, tenant_id, name, type, installed_by, installation_time, configuration_key, "validatedScopes", consumer, provisioned, pulling_enabled, provider_metadata)
select md5(t || '/' || p), 'tenant-' || t, 'provider-' || p, 'grafana', 'system', now(), 'tenant-' || t || '_grafana_' || md5(t || '/' || p), '{}', false, true, true, '{}'
from generate_series(1, %[1]d) t, generate_series(1, 10) p;
insert into secret (key, value, last_updated)
select configuration_key, '{"authentication": {"host": "https://grafana.example.com", "token": "' || md5(id) || '"}, "name": "' || name || '"}', now()
from provider where tenant_id <> 'keep';
insert into bootstrap.object (tenant_id, kind, object_id, name, type, keys, digest, prevent_delete, install_webhook, run_id)
select tenant_id, 'provider', id, name, type, '{}', '', false, false, 0 from provider where tenant_id <> 'keep';
insert into alert (id, tenant_id, "timestamp", provider_type, provider_id, event, fingerprint)
select gen_random_uuid(), 'tenant-1', now(), 'grafana', md5('1/' || a %% 10 + 1), '{"name": "disk full"}', md5(a::text)
from generate_series(1, %[2]d) a;
analyze;`

// together starts many processes at once on a database that is current.
func (b *benchmark) together(ctx context.Context, up, selectOne []string, special func(name, side string) *measurement) error {
	progress("%d replicas", b.replicas)
	if err := b.server.create(ctx, runDatabase, "bench_ours"); err != nil {
		return err
	}
	name := itoa(b.replicas) + " at once, until the last has ended"
	for _, side := range []struct {
		name    string
		command []string
	}{{"psql -c 'select 1'", selectOne}, {upName, up}} {
		m := special(name, side.name)
		for range 3 {
			before, err := b.server.position(ctx)
			if err != nil {
				return err
			}
			var wait sync.WaitGroup
			failures := make([]error, b.replicas)
			seconds, err := timed(func() error {
				for i := range b.replicas {
					wait.Go(func() { _, failures[i] = measure(ctx, environment(runDatabase), side.command...) })
				}
				wait.Wait()
				for _, err := range failures {
					if err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
			m.samples = append(m.samples, seconds)
			if m.written, err = b.server.written(ctx, before); err != nil {
				return err
			}
			if m.KeepRows+m.OwnRows > 0 {
				return fmt.Errorf("%s wrote %d rows although nothing had changed", name, m.KeepRows+m.OwnRows)
			}
		}
	}
	return nil
}
