package sqlfiles_test

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// memory is what the model remembers of an object of ours. It is not read from schema bootstrap.
type memory struct {
	Kind, ID, Name, Type string
	Keys                 []string // that the manifest had in authentication
	Reset                bool     // the run gave the user its password: else a change of it is no drift
	As                   string   // snapshot of the row as the last run left it
	Guard                bool
}

// known are the objects of ours, by kind and id.
type known map[[2]string]memory

func (k known) of(kind, id string) (memory, bool) {
	m, ok := k[[2]string{kind, id}]
	return m, ok
}

// ids are the ids of a kind whose objects the last run gave this name.
func (k known) ids(kind, name string) (ids []string) {
	for key, m := range k {
		if key[0] == kind && m.Name == name {
			ids = append(ids, key[1])
		}
	}
	slices.Sort(ids)
	return ids
}

// expected is an object of the manifest after the run.
type expected struct {
	Entry  wanted
	Before *object // the row that keeps its id; nil for a new one
	ID     string  // of a new row that comes back with its old id
	Action string  // that the plan shows; "" when nothing is written
	Kept   bool    // drift is kept: the row stays as it is, and what is remembered of it too
	Gone   bool    // someone deleted it, and that is kept
	Adopts bool    // what else was in the secret may stay or go
	Memory memory
}

// prediction is what the model says about a run.
type prediction struct {
	Invalid bool
	Guards  map[string]bool // SQLSTATEs that object
	Maybe   map[string]bool // SQLSTATEs that may
	Unclear bool            // keep, and something whose drift would be lost: the contract leaves that open
	Objects []expected
	Pruned  []*object
}

// problems reports whether the manifest itself is refused.
func problems(m manifest) bool {
	claimed, taken := map[string]bool{}, m.names("provider")
	for _, e := range m.of("provider") {
		for _, old := range e.Former {
			if taken[old] || claimed[old] {
				return true
			}
			claimed[old] = true
		}
	}
	return false
}

// run is what a prediction is made from.
type runOf struct {
	before *world
	known  known
	m      manifest
	o      options
	p      prediction
}

// predict says what a run does to the rows that exist.
func predict(before *world, k known, m manifest, o options) prediction {
	r := runOf{before, k, m, o, prediction{Guards: map[string]bool{}, Maybe: map[string]bool{}}}
	if r.p.Invalid = problems(m); r.p.Invalid {
		return r.p
	}
	for _, kind := range kinds {
		if m.Given[kind] {
			r.kind(kind)
		}
	}
	if m.Given["provider"] {
		r.rules()
	}
	return r.p
}

// kind predicts one kind other than deduplication rules.
func (r *runOf) kind(kind string) {
	entries := r.m.of(kind)
	if kind == "user" && r.before.Users > 0 && !entries[0].Reset {
		return // a default user is for a Keep that has none
	}
	rows := r.match(kind, entries)
	going, installed := 0, 0
	for _, row := range r.before.of(kind) {
		past, ours := r.known.of(kind, row.ID)
		counts := row.Provisioned // what Keep's own provisioning counts as its own
		if kind == "dashboard" || kind == "api_key" {
			counts = ours
		}
		if !counts || row.Deleted || kind == "user" {
			continue
		}
		installed++
		if slices.Contains(slices.Collect(maps.Values(rows)), row) {
			continue
		}
		going++
		r.p.Pruned = append(r.p.Pruned, row)
		r.lost(row, past, ours)
		if past.Guard {
			r.p.Guards["KB022"] = true
		}
		if len(entries) == 0 && !r.o.allowsEmpty() {
			r.p.Guards["KB020"] = true
		}
	}
	for i, e := range entries {
		x := r.object(e, rows[i])
		if x.Action == "replace" {
			going++
		}
		r.p.Objects = append(r.p.Objects, x)
	}
	if going > allowed(r.o, len(entries), installed) {
		r.p.Guards["KB021"] = true
	}
}

// lost is what becomes of drift in a row that leaves.
func (r *runOf) lost(row *object, past memory, ours bool) {
	if !ours || row.snapshot(past.Keys) == past.As {
		return
	}
	switch r.o.OnDrift {
	case "fail":
		r.p.Guards["KB025"] = true
	case "keep":
		r.p.Unclear = true
	}
}

// allowed is how many objects of a kind may be pruned or replaced.
func allowed(o options, entries, installed int) int {
	if o.MaxPrune == nil {
		if o.allowsEmpty() && entries == 0 {
			return installed
		}
		return max(3, installed/2)
	}
	number := 0
	for _, digit := range strings.TrimSuffix(*o.MaxPrune, "%") {
		number = number*10 + int(digit-'0')
	}
	if strings.HasSuffix(*o.MaxPrune, "%") {
		return installed * number / 100
	}
	return number
}

// match finds the row of each entry: by name; a provider by a former name; by the id that we remember; a provider as the one that leaves
// with the same type and authentication.
func (r *runOf) match(kind string, entries []wanted) map[int]*object {
	rows, taken := map[int]*object{}, map[*object]bool{}
	take := func(i int, row *object) {
		if rows[i] == nil && row != nil && !taken[row] {
			rows[i], taken[row] = row, true
		}
	}
	named := func(name string) *object {
		var best *object
		rank := func(o *object) int {
			_, ours := r.known.of(kind, o.ID)
			return map[bool]int{ours: 4}[true] + map[bool]int{!o.Deleted: 2}[true] + map[bool]int{o.Provisioned: 1}[true]
		}
		for _, o := range r.before.of(kind) {
			_, ours := r.known.of(kind, o.ID)
			if o.Name != name || o.Deleted && !ours && !o.Provisioned && kind != "api_key" {
				continue
			}
			if best == nil || rank(o) > rank(best) || rank(o) == rank(best) && (o.Written > best.Written || o.Written == best.Written && o.ID < best.ID) {
				best = o
			}
		}
		return best
	}
	for i, e := range entries {
		take(i, named(e.Name))
	}
	for i, e := range entries {
		for _, old := range e.Former {
			take(i, named(old))
		}
	}
	for i, e := range entries {
		for _, id := range r.known.ids(kind, e.Name) {
			take(i, r.before.find(kind, id))
		}
	}
	if kind != "provider" || !r.o.detects() {
		return rows
	}
	leaving, arriving := map[string][]*object{}, map[string][]int{}
	for _, row := range r.before.of(kind) {
		authentication := maps.Clone(row.authentication())
		if past, ours := r.known.of(kind, row.ID); ours {
			maps.DeleteFunc(authentication, func(key string, _ any) bool { return !slices.Contains(past.Keys, key) })
		}
		if !taken[row] && row.Provisioned && len(authentication) > 0 {
			key := compact([]any{row.Fields["type"], authentication})
			leaving[key] = append(leaving[key], row)
		}
	}
	for i, e := range entries {
		if rows[i] == nil && len(e.authentication()) > 0 {
			key := compact([]any{e.Fields["type"], e.authentication()})
			arriving[key] = append(arriving[key], i)
		}
	}
	for key, list := range arriving {
		if len(list) == 1 && len(leaving[key]) == 1 {
			take(list[0], leaving[key][0])
		}
	}
	return rows
}

// object predicts an entry of the manifest.
func (r *runOf) object(e wanted, row *object) expected {
	x := expected{Entry: e, Before: row, Memory: memory{Kind: e.Kind, Name: e.Name, Keys: sortedKeys(e.authentication()), Reset: e.Reset}}
	if e.Kind == "provider" {
		x.Memory.Type = e.Fields["type"].(string)
	}
	if row == nil {
		return r.add(x)
	}
	past, ours := r.known.of(e.Kind, row.ID)
	x.Memory.Guard = past.Guard
	if e.Guard != nil {
		x.Memory.Guard = *e.Guard
	}
	isUsers := !ours && !row.Provisioned && e.Kind != "mapping_rule" && e.Kind != "user"
	if isUsers && !r.o.adopts() {
		r.p.Guards["KB024"] = true
	}
	drifted := ours && row.snapshot(past.Keys) != past.As && (e.Kind != "user" || past.Reset)
	replaced := e.Kind == "provider" && row.Fields["type"] != e.Fields["type"]
	differs := replaced || x.differs(row, past)
	if drifted && differs {
		switch r.o.OnDrift {
		case "fail":
			r.p.Guards["KB025"] = true
		case "keep":
			x.Kept, x.Memory = true, past
			return x
		}
	}
	switch {
	case replaced:
		if isUsers {
			r.p.Guards["KB024"] = true // a user's of another type is never taken over
		}
		if x.Memory.Guard {
			r.p.Guards["KB022"] = true
		}
		x.Before, x.Action = nil, "replace"
	case !ours && e.Kind != "user" && row.Provisioned && !row.Deleted && !differs: // nothing changes but what is remembered
		x.Adopts = true
		if x.Memory.Guard {
			x.Action = "update"
		}
	case !ours && e.Kind != "user":
		x.Action, x.Adopts = "adopt", true
		if row.Deleted && row.Provisioned {
			x.Action = "add"
		}
		if e.Kind == "provider" && row.Name != e.Name && !isUsers {
			x.Action = "rename"
		}
	case e.Kind == "provider" && row.Name != e.Name:
		x.Action = "rename"
	case differs || e.Guard != nil && *e.Guard != past.Guard:
		x.Action = "update"
	}
	return x
}

// add is an entry without a row: a new one, or one of ours that someone deleted.
func (r *runOf) add(x expected) expected {
	x.Action = "add"
	for _, id := range r.known.ids(x.Entry.Kind, x.Entry.Name) {
		past, _ := r.known.of(x.Entry.Kind, id)
		if r.before.find(x.Entry.Kind, id) != nil {
			continue
		}
		switch r.o.OnDrift {
		case "fail":
			r.p.Guards["KB025"] = true
		case "keep":
			x.Gone, x.Memory, x.Action = true, past, ""
			x.Memory.ID = id
			return x
		}
		x.Memory.Guard = past.Guard
		if past.Type == x.Memory.Type && x.Entry.Kind != "user" && x.Entry.Kind != "mapping_rule" {
			x.ID = id
		}
		break
	}
	if x.Entry.Guard != nil {
		x.Memory.Guard = *x.Entry.Guard
	}
	return x
}

// differs reports whether a row is not as its entry wants it.
func (x *expected) differs(row *object, past memory) bool {
	if row.Name != x.Entry.Name {
		return true
	}
	for field, value := range x.Entry.Fields {
		if field != "authentication" && !reflect.DeepEqual(canonical(row.Fields[field]), canonical(value)) {
			return true
		}
	}
	if x.Entry.Kind != "provider" {
		return false
	}
	authentication := row.authentication()
	if authentication == nil || row.Fields["provisioned"] != true {
		return true
	}
	for key, value := range x.Entry.authentication() {
		if live, ok := authentication[key]; !ok || !reflect.DeepEqual(live, value) {
			return true
		}
	}
	return slices.ContainsFunc(past.Keys, func(key string) bool {
		_, isWanted := x.Entry.authentication()[key]
		_, isThere := authentication[key]
		return isThere && !isWanted
	})
}

// rules predicts the deduplication rules as far as drift goes; the rest is compared after the run.
func (r *runOf) rules() {
	for _, x := range r.p.Objects {
		hasRules := slices.ContainsFunc(r.before.of("deduplication_rule"), func(o *object) bool {
			return o.Provisioned && (x.Gone && strings.HasPrefix(o.Name, x.Memory.ID+" ") || x.Kept && strings.HasPrefix(o.Name, x.Before.ID+" "))
		})
		if x.Entry.Kind == "provider" && (x.Kept || x.Gone) && (hasRules || len(x.Entry.Rules) > 0) {
			r.p.Unclear = true // rules of a provider that stays as someone else made it
		}
	}
	for _, past := range r.known {
		if past.Kind != "deduplication_rule" {
			continue
		}
		row := r.before.find(past.Kind, past.ID)
		if row != nil && row.snapshot(nil) == past.As {
			continue
		}
		// Its provider may have gone or been replaced too: only what is plain is said to be refused.
		provider, name, _ := strings.Cut(past.Name, " ")
		if !slices.ContainsFunc(r.p.Objects, func(x expected) bool { return x.Entry.Kind == "provider" && x.Before != nil && x.Before.ID == provider }) {
			r.p.Maybe["KB025"] = r.o.OnDrift == "fail"
			r.p.Unclear = r.p.Unclear || r.o.OnDrift == "keep"
		}
		for _, x := range r.p.Objects {
			if x.Entry.Kind != "provider" || x.Before == nil || x.Before.ID != provider {
				continue
			}
			want, isWanted := x.Entry.Rules[name]
			switch {
			case r.o.OnDrift == "keep":
				r.p.Unclear = r.p.Unclear || !isWanted
			case r.o.OnDrift == "fail" && (isWanted && (row == nil || !sameRule(row, want)) || !isWanted && row != nil):
				r.p.Guards["KB025"] = true
			}
		}
	}
}

func sameRule(row *object, want wanted) bool {
	for field, value := range want.Fields {
		if !reflect.DeepEqual(row.Fields[field], value) {
			return false
		}
	}
	return true
}
