package sqlfiles_test

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// memory is what the model remembers of a provider of ours: what its last run wanted. It is not read from the database.
type memory struct {
	Name, Type     string
	Description    *string
	Pulling        bool
	Written        map[string]any // authentication keys of the manifest with their values
	Guard, Webhook bool
	RenamedFrom    []string
}

// kindOf is what the model knows of a provider type.
type kindOf struct {
	Consumer bool
	Keys     []string
}

var catalogue = map[string]kindOf{
	"grafana":    {Keys: []string{"host", "token"}},
	"prometheus": {Keys: []string{"url"}},
	"kafka":      {Keys: []string{"host"}, Consumer: true},
}

// expected is a provider that is there after the run.
type expected struct {
	Entry  *wanted
	Before *liveProvider // the row that keeps its id; nil for a new row
	ID     string        // of a new row that comes back with its old id
	Action string        // that the plan shows; "" for one that the plan need not name
	Fields []string      // that the plan shows

	Name, Type              string
	Description             *string
	Pulling, Provisioned    bool
	Consumer                bool
	Authentication, Further map[string]any
	SecretStays             bool // not one byte of it is written
	keepsName               bool // that someone else gave it
	Memory                  memory
}

// prediction is what the model says about a run.
type prediction struct {
	Invalid   bool            // the manifest has problems
	Elsewhere bool            // Keep seems to keep its secrets elsewhere
	Guards    map[string]bool // SQLSTATEs of the guards that object
	Rows      []expected
	Untouched []*liveProvider // rows of users
	Pruned    []*liveProvider
	Left      map[string]bool // names of deleted providers that stay deleted, because drift is kept
}

// problems tells whether the manifest itself is refused.
func problems(m manifest) bool {
	seen, claimed := map[string]bool{}, map[string]bool{}
	for _, e := range m.Entries {
		if seen[e.Name] {
			return true
		}
		seen[e.Name] = true
		for _, old := range e.RenamedFrom {
			if old == e.Name || claimed[old] {
				return true
			}
			claimed[old] = true
		}
	}
	return false
}

// predict says what a run does to the rows that are there.
func predict(before *world, known map[string]memory, m manifest, o options) prediction {
	p := prediction{Guards: map[string]bool{}, Left: map[string]bool{}}
	if p.Invalid = problems(m); p.Invalid {
		return p
	}
	for _, row := range before.Providers {
		if _, ours := known[row.ID]; !ours && row.Secret == nil && o.AssumeDB == "" {
			p.Elsewhere = true
		}
	}

	rows := matchRows(before, known, m, o)
	going, provisioned := 0, 0
	for i := range before.Providers {
		row := &before.Providers[i]
		if row.Provisioned {
			provisioned++
		}
		switch {
		case slices.Contains(slices.Collect(maps.Values(rows)), row):
		case !row.Provisioned:
			p.Untouched = append(p.Untouched, row)
		default:
			p.Pruned = append(p.Pruned, row)
			going++
			past, ours := known[row.ID]
			if past.Guard {
				p.Guards["KB022"] = true
			}
			if ours && o.OnDrift == "fail" && len(drifted(row, past)) > 0 {
				p.Guards["KB025"] = true // what someone else changed would be lost
			}
			if len(m.Entries) == 0 && !o.allowsEmpty() {
				p.Guards["KB020"] = true
			}
		}
	}
	for i := range m.Entries {
		e := &m.Entries[i]
		row, found := rows[i]
		if !found {
			p.add(before, known, m, e, o)
			continue
		}
		x := predictRow(row, known, m, e, o, p.Guards)
		if x.Action == "replace" {
			going++
		}
		p.Rows = append(p.Rows, x)
	}
	keptNames := map[string]bool{}
	for _, x := range p.Rows {
		if x.keepsName {
			keptNames[x.Name] = true
		}
	}
	for _, x := range p.Rows {
		if keptNames[x.Entry.Name] && slices.Contains([]string{"add", "rename", "replace"}, x.Action) {
			p.Guards["KB025"] = true // nobody can take a name that someone else gave to another provider and that is kept
		}
	}
	if going > allowed(o, len(m.Entries), provisioned) {
		p.Guards["KB021"] = true
	}
	return p
}

// allowed is how many providers may be pruned or replaced.
func allowed(o options, entries, provisioned int) int {
	if o.MaxPrune == nil {
		if o.allowsEmpty() && entries == 0 {
			return provisioned
		}
		return max(3, provisioned/2)
	}
	number := 0
	for _, digit := range strings.TrimSuffix(*o.MaxPrune, "%") {
		number = number*10 + int(digit-'0')
	}
	if strings.HasSuffix(*o.MaxPrune, "%") {
		return provisioned * number / 100
	}
	return number
}

// add is a provider without a row: a new one, or one of ours that someone deleted.
func (p *prediction) add(before *world, known map[string]memory, m manifest, e *wanted, o options) {
	live := before.byID()
	id, guard := "", false
	for _, old := range slices.Sorted(maps.Keys(known)) {
		if known[old].Name != e.Name || live[old] != nil {
			continue
		}
		switch o.OnDrift {
		case "keep":
			p.Left[e.Name] = true
			return
		case "fail":
			p.Guards["KB025"] = true
		}
		guard = known[old].Guard
		if known[old].Type == e.Type {
			id = old
		}
		break
	}
	x := newRow(m, e, guard)
	x.Action, x.ID = "add", id
	p.Rows = append(p.Rows, x)
}

// newRow is the row of an added or replaced provider.
func newRow(m manifest, e *wanted, guard bool) expected {
	x := expected{
		Entry: e, Name: e.Name, Type: e.Type, Description: e.Description, Pulling: true, Provisioned: true,
		Consumer: catalogue[e.Type].Consumer, Authentication: withoutNil(e.Authentication), Further: map[string]any{},
	}
	if e.PullingEnabled != nil {
		x.Pulling = *e.PullingEnabled
	}
	x.remember(m, guard)
	return x
}

// remember is what a run remembers of a row that is as wanted.
func (x *expected) remember(m manifest, guard bool) {
	if x.Entry.PreventDelete != nil {
		guard = *x.Entry.PreventDelete
	}
	x.Memory = memory{
		Name: x.Name, Type: x.Type, Description: x.Description, Pulling: x.Pulling, Written: withoutNil(x.Entry.Authentication),
		Guard: guard, Webhook: m.wantsWebhook(*x.Entry), RenamedFrom: x.Entry.RenamedFrom,
	}
}

func withoutNil(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}

// predictRow is a provider that has a row: it is updated, renamed, taken over, or replaced.
func predictRow(row *liveProvider, known map[string]memory, m manifest, e *wanted, o options, guards map[string]bool) expected {
	past, ours := known[row.ID]
	drift := map[string]bool{}
	if ours {
		drift = drifted(row, past)
	}
	kept := func(field string) bool { return o.OnDrift == "keep" && drift[field] }
	guard := past.Guard
	if e.PreventDelete != nil {
		guard = *e.PreventDelete
	}
	usersOwn := !row.Provisioned && !ours
	if usersOwn && (!o.adopts() || row.Type != e.Type) {
		guards["KB024"] = true // one of another type is never taken over
	}
	if row.Type != e.Type && kept("type") {
		// Nothing else of the manifest is meant for a row of that type.
		return expected{
			Entry: e, Before: row, Name: row.Name, Type: row.Type, Description: row.Description, Pulling: row.Pulling,
			Provisioned: row.Provisioned, Consumer: row.Consumer, SecretStays: true, Memory: past, keepsName: row.Name != e.Name,
		}
	}
	if row.Type != e.Type {
		if guard {
			guards["KB022"] = true
		}
		x := newRow(m, e, guard)
		x.Action, x.Fields = "replace", lost(row, &x, drift)
		if ours && past.Webhook != m.wantsWebhook(*e) {
			x.Fields = append(x.Fields, "install_webhook")
		}
		if e.PreventDelete != nil && *e.PreventDelete != past.Guard {
			x.Fields = append(x.Fields, "prevent_delete")
		}
		slices.Sort(x.Fields)
		if o.OnDrift == "fail" && slices.ContainsFunc(x.Fields, func(field string) bool { return drift[field] }) {
			guards["KB025"] = true
		}
		return x
	}

	x := expected{
		Entry: e, Before: row, Name: row.Name, Type: row.Type, Description: row.Description, Pulling: row.Pulling,
		Provisioned: row.Provisioned, Consumer: catalogue[row.Type].Consumer,
		Authentication: map[string]any{}, Further: row.furtherInSecret,
	}
	skipped := map[string]bool{} // differs, and is left as it is
	change := func(field string, differs bool, apply func()) {
		switch {
		case !differs:
		case kept(field):
			skipped[field] = true
		default:
			x.Fields = append(x.Fields, field)
			apply()
		}
	}
	change("name", row.Name != e.Name, func() { x.Name = e.Name })
	change("provisioned", !row.Provisioned, func() { x.Provisioned = true })
	change("consumer", row.Consumer != x.Consumer, func() {})
	if e.Description != nil {
		change("description", row.Description == nil || *row.Description != *e.Description, func() { x.Description = e.Description })
	}
	if e.PullingEnabled != nil {
		change("pulling_enabled", row.Pulling != *e.PullingEnabled, func() { x.Pulling = *e.PullingEnabled })
	}
	change("prevent_delete", e.PreventDelete != nil && *e.PreventDelete != past.Guard, func() {})
	change("install_webhook", ours && past.Webhook != m.wantsWebhook(*e), func() {})
	x.keepsName = skipped["name"]

	if !row.readable {
		change("secret", true, func() { x.Authentication = withoutNil(e.Authentication) })
		x.SecretStays = skipped["secret"]
	} else {
		for key, value := range row.authentication {
			x.Authentication[key] = value
			_, isWanted := e.Authentication[key]
			isManaged := slices.Contains(catalogue[row.Type].Keys, key)
			if ours {
				_, isManaged = past.Written[key]
			}
			if isManaged && !isWanted {
				change("authentication."+key, true, func() { delete(x.Authentication, key) })
			}
		}
		for key, value := range e.Authentication {
			live, isThere := row.authentication[key]
			change("authentication."+key, !isThere || !reflect.DeepEqual(live, value), func() { x.Authentication[key] = value })
		}
		change("secret.name", row.Name == e.Name && row.secretName != any(e.Name), func() {})
	}
	slices.Sort(x.Fields)

	if o.OnDrift == "fail" && slices.ContainsFunc(x.Fields, func(field string) bool { return drift[field] }) {
		guards["KB025"] = true
	}
	x.remember(m, past.Guard)
	x.keepMemory(past, skipped)
	switch {
	case usersOwn:
		x.Action = "adopt"
	case slices.Contains(x.Fields, "name"):
		x.Action = "rename"
	case !ours:
		x.Action = "adopt"
	case len(x.Fields) > 0:
		x.Action = "update"
	}
	return x
}

// keepMemory leaves what is remembered of skipped fields as it was: kept drift stays known as drift.
func (x *expected) keepMemory(past memory, skipped map[string]bool) {
	if skipped["name"] {
		x.Memory.Name = past.Name
	}
	if skipped["type"] {
		x.Memory.Type = past.Type
	}
	if skipped["description"] {
		x.Memory.Description = past.Description
	}
	if skipped["pulling_enabled"] {
		x.Memory.Pulling = past.Pulling
	}
	if skipped["secret"] {
		x.Memory.Written = past.Written // nothing of it was written
		return
	}
	x.Memory.Written = maps.Clone(x.Memory.Written)
	for key, old := range past.Written {
		if skipped["authentication."+key] {
			x.Memory.Written[key] = old
		}
	}
}

// lost is what the successor of a replaced row has otherwise: its columns, and of the secret what someone else changed.
func lost(row *liveProvider, successor *expected, drift map[string]bool) []string {
	fields := []string{"type"}
	for field, differs := range map[string]bool{
		"name": row.Name != successor.Name, "provisioned": !row.Provisioned, "consumer": row.Consumer != successor.Consumer,
		"description":     !reflect.DeepEqual(row.Description, successor.Description),
		"pulling_enabled": row.Pulling != successor.Pulling, "secret": row.Secret == nil || drift["secret"],
	} {
		if differs {
			fields = append(fields, field)
		}
	}
	for field := range drift {
		key, ofSecret := strings.CutPrefix(field, "authentication.")
		live, isThere := row.authentication[key]
		wanted, isWanted := successor.Authentication[key]
		if ofSecret && (isThere != isWanted || !reflect.DeepEqual(live, wanted)) {
			fields = append(fields, field)
		}
	}
	return fields
}

// drifted is what someone else changed in a provider of ours.
func drifted(row *liveProvider, past memory) map[string]bool {
	drift := map[string]bool{}
	mark := func(field string, differs bool) {
		if differs {
			drift[field] = true
		}
	}
	mark("name", row.Name != past.Name)
	mark("type", row.Type != past.Type)
	mark("provisioned", !row.Provisioned)
	mark("description", !reflect.DeepEqual(row.Description, past.Description))
	mark("pulling_enabled", row.Pulling != past.Pulling)
	mark("secret", !row.readable)
	if row.readable {
		for key, value := range past.Written {
			live, isThere := row.authentication[key]
			mark("authentication."+key, !isThere || !reflect.DeepEqual(live, value))
		}
	}
	return drift
}

// matchRows finds the live row of each entry: by name, as a declared rename, as the row that had the name after the last
// run, or as the one leaving row of the same type and authentication.
func matchRows(before *world, known map[string]memory, m manifest, o options) map[int]*liveProvider {
	live := before.byName()
	position := map[string]int{}
	for i, e := range m.Entries {
		position[e.Name] = i
	}
	rows := renamedRows(before, known, m)
	taken := map[*liveProvider]bool{}
	for _, row := range rows {
		taken[row] = true
	}
	take := func(i int, row *liveProvider) {
		if _, has := rows[i]; !has && !taken[row] {
			rows[i], taken[row] = row, true
		}
	}
	// Rows of ours that someone else renamed, whose name is still wanted. They get it back when no other row has it, or
	// when the row that has it goes back to its own name too.
	type displacedRow struct {
		row   *liveProvider
		entry int
	}
	var displaced []displacedRow
	byID := before.byID()
	isDisplaced := map[string]bool{}
	for _, id := range slices.Sorted(maps.Keys(known)) {
		i, isWanted := position[known[id].Name]
		row := byID[id]
		if _, has := rows[i]; row != nil && isWanted && row.Name != known[id].Name && !has && !taken[row] {
			displaced = append(displaced, displacedRow{row, i})
			isDisplaced[row.Name] = true
		}
	}
	for _, d := range displaced {
		if isDisplaced[m.Entries[d.entry].Name] {
			take(d.entry, d.row)
		}
	}
	for i, e := range m.Entries {
		if row := live[e.Name]; row != nil {
			take(i, row)
		}
	}
	for _, d := range displaced {
		take(d.entry, d.row)
	}
	if !o.detects() {
		return rows
	}

	identity := func(kind string, authentication map[string]any) string { return kind + compact(authentication) }
	leaving, arriving := map[string][]*liveProvider{}, map[string][]int{}
	for i := range before.Providers {
		row := &before.Providers[i]
		if taken[row] || !row.Provisioned || row.Secret == nil {
			continue
		}
		managed := maps.Clone(row.authentication)
		if past, ours := known[row.ID]; ours {
			maps.DeleteFunc(managed, func(key string, _ any) bool { _, was := past.Written[key]; return !was })
		}
		key := identity(row.Type, managed)
		leaving[key] = append(leaving[key], row)
	}
	for i, e := range m.Entries {
		if _, has := rows[i]; !has && len(e.Authentication) > 0 {
			key := identity(e.Type, e.Authentication)
			arriving[key] = append(arriving[key], i)
		}
	}
	for key, entries := range arriving {
		if len(entries) == 1 && len(leaving[key]) == 1 {
			take(entries[0], leaving[key][0])
		}
	}
	return rows
}

// renamedRows follows the declarations. Each entry claims one live row at most, and no row is claimed twice, so they form
// paths and cycles. A path is renamed when its first entry has no row of its own and its last claim is a name that the
// manifest no longer has; a cycle is renamed once, and then again only after its declarations were gone.
func renamedRows(before *world, known map[string]memory, m manifest) map[int]*liveProvider {
	live := before.byName()
	position := map[string]int{}
	for i, e := range m.Entries {
		position[e.Name] = i
	}
	claims := map[int]string{}
	claimed := map[string]bool{}
	for i, e := range m.Entries {
		var free, inUse []string
		for _, old := range e.RenamedFrom {
			if _, isEntry := position[old]; live[old] == nil {
				continue
			} else if isEntry {
				inUse = append(inUse, old)
			} else {
				free = append(free, old)
			}
		}
		if candidates := append(free, inUse...); len(candidates) > 0 {
			claims[i] = candidates[0]
			claimed[candidates[0]] = true
		}
	}

	rows := map[int]*liveProvider{}
	rename := func(entries []int) {
		for _, i := range entries {
			rows[i] = live[claims[i]]
		}
	}
	onPath := map[int]bool{}
	for head := range claims {
		if claimed[m.Entries[head].Name] {
			continue
		}
		var path []int
		endsFree := false
		for i, claiming := head, true; claiming; {
			path = append(path, i)
			onPath[i] = true
			next, isEntry := position[claims[i]]
			endsFree = !isEntry
			_, claiming = claims[next]
			claiming = claiming && isEntry
			i = next
		}
		if endsFree && live[m.Entries[head].Name] == nil {
			rename(path)
		}
	}
	inCycle := map[int]bool{}
	for start := range claims {
		if onPath[start] || inCycle[start] {
			continue
		}
		var cycle []int
		isDone := false
		for i := start; !inCycle[i]; i = position[claims[i]] {
			inCycle[i] = true
			cycle = append(cycle, i)
			past := known[live[m.Entries[i].Name].ID]
			isDone = isDone || slices.Contains(past.RenamedFrom, claims[i])
		}
		if !isDone {
			rename(cycle)
		}
	}
	return rows
}
