package sqlfiles_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"keep-bootstrap/test/pgtest"
)

// Random pairs of states with 50 to 200 providers, compared with the model like the sequences of TestModel: what the plan
// shows is what install does, also where the statements work on many rows. There is one pair for each ten sequences of
// BOOTSTRAP_MODEL_SEQUENCES (so 200 of them in make check).
func TestModelOfManyProviders(t *testing.T) {
	t.Parallel()
	shared := pgtest.New(t, relaxed)
	conn := shared.Conn(t)
	prepareBystander(t, conn)
	const pairs = 10 // of one tenant
	for seed := range uint64(max(1, sequences(t)/10/pairs)) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			m := manyProviders(random, 50+random.IntN(100))
			steps := []step{installOf(m)}
			for range pairs {
				steps = append(steps, manyEdits(random)...)
				m = changed(random, m)
				steps = append(steps, installOf(m))
			}
			run(t, conn, new(tally), steps)
		})
	}
}

// Chains and rotations of fifty names, each done in one run, in both directions, and not again by the next run.
func TestModelOfLongRenames(t *testing.T) {
	t.Parallel()
	const n = 50
	start := manifest{}
	for i := range n {
		start.Entries = append(start.Entries, wanted{Name: fmt.Sprint("p", i), Type: "grafana", Authentication: map[string]any{"token": fmt.Sprint(i)}, Rules: map[string]rule{"r": {}}})
	}
	// shifted gives each content the name that lies so many places further.
	shifted := func(by, modulus int) manifest {
		m := manifest{}
		for i, e := range start.Entries {
			e.RenamedFrom = []string{e.Name}
			e.Name = fmt.Sprint("p", (i+by+modulus)%modulus)
			m.Entries = append(m.Entries, e)
		}
		return m
	}
	for name, m := range map[string]manifest{
		"chain up": shifted(1, 1000), "chain down": shifted(-1, 1000), "rotation up": shifted(1, n), "rotation down": shifted(-1, n),
		"rotation by seven": shifted(7, n), "swaps": shifted(n/2, n),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := pgtest.New(t, relaxed).Conn(t)
			prepareBystander(t, conn)
			run(t, conn, new(tally), []step{installOf(start), installOf(m), installOf(m), installOf(start)})
		})
	}
}

func installOf(m manifest) step {
	return step{Next: func(manifest) manifest { return m }, Options: options{MaxPrune: new("100%"), AssumeDB: "db"}}
}

// manyProviders is a manifest of n providers; a few of them have the same type and authentication.
func manyProviders(random *rand.Rand, n int) manifest {
	m := manifest{}
	for i := range n {
		m.Entries = append(m.Entries, someProvider(random, fmt.Sprint("p", i)))
	}
	return m
}

func someProvider(random *rand.Rand, name string) wanted {
	e := wanted{
		Name: name, Type: types[random.IntN(len(types))],
		Authentication: map[string]any{"host": "v", "token": float64(random.IntN(500))},
	}
	if random.IntN(4) == 0 {
		e.Description = new(fmt.Sprint("description ", random.IntN(3)))
	}
	if random.IntN(4) == 0 {
		e.Rules = map[string]rule{"r": {Priority: new(random.IntN(3))}}
	}
	return e
}

// changed is the manifest after some of everything: providers leave, arrive, are renamed with and without saying so, swap
// their names, and change.
func changed(random *rand.Rand, m manifest) manifest {
	next := manifest{OwnForm: random.IntN(2) == 0}
	for _, e := range m.Entries {
		if random.IntN(2) == 0 {
			e.RenamedFrom = nil
		}
		switch random.IntN(20) {
		case 0:
			continue
		case 1:
			e.RenamedFrom = append(e.RenamedFrom, e.Name)
			e.Name = fmt.Sprint("n", random.IntN(1000000))
		case 2:
			e.RenamedFrom, e.Name = nil, fmt.Sprint("n", random.IntN(1000000))
		case 3:
			e.Type = types[random.IntN(len(types))]
		case 4:
			e.Authentication = map[string]any{"host": "w", "token": float64(random.IntN(500)), "extra": true}
		case 5:
			e.Description = new(fmt.Sprint("description ", random.IntN(3)))
		case 6:
			e.Rules = map[string]rule{"r": {Priority: new(random.IntN(3))}, "s": {}}
		case 7:
			next.Entries = append(next.Entries, someProvider(random, fmt.Sprint("n", random.IntN(1000000))))
		}
		if len(next.Entries) < 200 {
			next.Entries = append(next.Entries, e)
		}
	}
	random.Shuffle(len(next.Entries), func(i, j int) { next.Entries[i], next.Entries[j] = next.Entries[j], next.Entries[i] })
	var rotated []string
	for _, e := range next.Entries[:min(random.IntN(8), len(next.Entries))] {
		rotated = append(rotated, e.Name)
	}
	next = next.rotated(rotated)
	next.dropClashes()
	return next
}

// manyEdits is what others do to many rows at once.
func manyEdits(random *rand.Rand) []step {
	some := fmt.Sprintf("tenant_id = :'tenant' AND hashtext(name || '%d') %% 12 = 0", random.IntN(1000))
	secrets := "key IN (SELECT configuration_key FROM public.provider WHERE " + some + ")"
	edits := []string{
		"UPDATE public.provider SET description = 'theirs' WHERE " + some,
		"UPDATE public.provider SET name = 'theirs ' || name WHERE " + some,
		"UPDATE public.provider SET provisioned = false WHERE " + some,
		"DELETE FROM public.provider WHERE " + some,
		"DELETE FROM public.secret WHERE " + secrets,
		`UPDATE public.secret SET value = jsonb_set(value::jsonb, '{authentication,webhook}', '"added by Keep"')::text WHERE ` + secrets,
		`UPDATE public.secret SET value = jsonb_set(value::jsonb, '{authentication,token}', '"theirs"')::text WHERE ` + secrets,
		"DELETE FROM public.alertdeduplicationrule WHERE tenant_id = :'tenant' AND hashtext(id::text) % 5 = 0",
	}
	var steps []step
	for _, i := range random.Perm(len(edits))[:random.IntN(4)] {
		steps = append(steps, step{SQL: edits[i]})
	}
	return steps
}
