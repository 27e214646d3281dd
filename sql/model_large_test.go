package sqlfiles_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"keep-bootstrap/test/pgtest"
)

// Random pairs of states with 50 to 150 providers, compared with the model like the sequences of TestModel: what the plan shows is what
// install does, also where the statements work on many rows. There is one pair for each ten sequences of BOOTSTRAP_MODEL_SEQUENCES.
func TestModelOfManyProviders(t *testing.T) {
	t.Parallel()
	conn := pgtest.New(t, migrated).Conn(t)
	database{conn, t}.exec("SET client_min_messages = error")
	prepareBystander(t, conn)
	const pairs = 10 // of one tenant
	for seed := range uint64(max(1, sequences(t)/10/pairs)) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			m := manifest{Given: map[string]bool{"provider": true}}
			for i := range 50 + random.IntN(100) {
				m.Entries = append(m.Entries, someProvider(random, fmt.Sprint("p", i)))
			}
			steps := []step{installOf(m)}
			for range pairs {
				steps = append(steps, manyEdits(random)...)
				m = someChanged(random, m)
				steps = append(steps, installOf(m))
			}
			run(t, conn, new(tally), steps)
		})
	}
}

// A hundred providers under new names, in one run, and back.
func TestModelOfManyRenames(t *testing.T) {
	t.Parallel()
	conn := pgtest.New(t, migrated).Conn(t)
	prepareBystander(t, conn)
	random := rand.New(rand.NewPCG(1, 1))
	renamed := func(prefix, former string) manifest {
		m := manifest{Given: map[string]bool{"provider": true}}
		for i := range 100 {
			e := someProvider(random, fmt.Sprint(prefix, i))
			e.Fields["type"], e.Former = "airflow", []string{fmt.Sprint(former, i), fmt.Sprint("gone", i)}
			m.Entries = append(m.Entries, e)
		}
		return m
	}
	run(t, conn, new(tally), []step{installOf(renamed("a", "b")), installOf(renamed("b", "a")), installOf(renamed("a", "b"))})
}

func installOf(m manifest) step {
	return step{Next: func(manifest) manifest { return m }, Options: options{MaxPrune: new("100%"), AssumeDB: "db", AllowUnknownTypes: true}}
}

// someProvider is a provider; a few of them have the same type and authentication.
func someProvider(random *rand.Rand, name string) wanted {
	e := wanted{Kind: "provider", Name: name, Rules: map[string]wanted{}, Fields: map[string]any{
		"type": types[random.IntN(len(types))], "description": fmt.Sprint("description ", random.IntN(3)), "pulling": true,
		"authentication": map[string]any{"k": "v", "l": float64(random.IntN(500))},
	}}
	if random.IntN(4) == 0 {
		e.Rules["r"] = someRule(random)
	}
	return e
}

func someRule(random *rand.Rand) wanted {
	return wanted{Fields: map[string]any{"description": "", "fingerprint": []any{"a"}, "ignore": []any{}, "full": false, "enabled": true, "priority": float64(random.IntN(3))}}
}

// someChanged is the manifest after some of everything: providers leave, arrive, are renamed with and without saying so, and change.
func someChanged(random *rand.Rand, m manifest) manifest {
	next := manifest{Given: m.Given}
	for _, e := range m.Entries {
		switch random.IntN(16) {
		case 0:
			continue
		case 1:
			e.Former, e.Name = append([]string{e.Name}, e.Former...), fmt.Sprint("n", random.IntN(1000000))
		case 2:
			e.Former, e.Name = nil, fmt.Sprint("n", random.IntN(1000000))
		case 3, 4, 5:
			e = someProvider(random, e.Name)
		case 6:
			e.Rules = map[string]wanted{"r": someRule(random), "s": someRule(random)}
		case 7:
			next.Entries = append(next.Entries, someProvider(random, fmt.Sprint("n", random.IntN(1000000))))
		}
		if len(next.Entries) < 200 {
			next.Entries = append(next.Entries, e)
		}
	}
	random.Shuffle(len(next.Entries), func(i, j int) { next.Entries[i], next.Entries[j] = next.Entries[j], next.Entries[i] })
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
		"DELETE FROM public.provider WHERE " + some,
		"DELETE FROM public.secret WHERE " + secrets,
		`UPDATE public.secret SET value = jsonb_set(value::jsonb, '{authentication,webhook}', '"added by Keep"')::text WHERE ` + secrets,
		`UPDATE public.secret SET value = jsonb_set(value::jsonb, '{authentication,l}', '"theirs"')::text WHERE ` + secrets,
		"DELETE FROM public.alertdeduplicationrule WHERE tenant_id = :'tenant' AND hashtext(id::text) % 5 = 0",
		"UPDATE public.alertdeduplicationrule SET enabled = false WHERE tenant_id = :'tenant' AND hashtext(id::text) % 5 = 1",
	}
	var steps []step
	for _, i := range random.Perm(len(edits))[:random.IntN(4)] {
		steps = append(steps, step{SQL: edits[i]})
	}
	return steps
}
