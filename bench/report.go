package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// spread is what several runs took, in seconds.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	Runs   int     `json:"runs"`
}

func newSpread(samples []float64) spread {
	if len(samples) == 0 {
		return spread{}
	}
	sorted := slices.Sorted(slices.Values(samples))
	half := len(sorted) / 2
	median := sorted[half]
	if len(sorted)%2 == 0 {
		median = (sorted[half-1] + sorted[half]) / 2
	}
	return spread{median, sorted[0], sorted[len(sorted)-1], len(sorted)}
}

// ratios compares medians with the floor of the same size, and with the process that does nothing.
func (b *benchmark) ratios(r *results) {
	for _, m := range r.Measurements {
		for _, floor := range r.Measurements {
			if floor.Side == floorName && floor.Size == m.Size {
				m.ToFloor = m.Seconds.Median / floor.Seconds.Median
			}
		}
	}
	for _, m := range append(slices.Clone(r.Measurements), r.Special...) {
		if m.Size <= 10 && !strings.Contains(m.Case, "at once") {
			m.ToSelect = m.Seconds.Median / r.SelectOne.Median
		}
	}
}

// slope is the exponent with which time grows with size, from 1,000 on: the least squares of the logarithms.
func (r *results) slope(kase, side string) (slope float64, ok bool) {
	var n, x, y, xx, xy float64
	for _, m := range r.Measurements {
		if m.Case != kase || m.Side != side || m.Size < 1000 {
			continue
		}
		lx, ly := math.Log(float64(m.Size)), math.Log(m.Seconds.Median)
		n, x, y, xx, xy = n+1, x+lx, y+ly, xx+lx*lx, xy+lx*ly
	}
	if n < 2 {
		return 0, false
	}
	return (n*xy - x*y) / (n*xx - x*x), true
}

func (r *results) json(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// table collects lines, so that one error is enough.
type table struct{ strings.Builder }

func (t *table) line(format string, args ...any) { fmt.Fprintf(t, format+"\n", args...) }

func (r *results) markdown(w io.Writer) error {
	t := &table{}
	if r.Description != "" {
		t.line("%s", r.Description)
	}
	t.line("%s; %s. `psql -c 'select 1'`: %s. Program: %.1f MB.\n", strings.SplitN(r.Server, " on ", 2)[0], r.Settings, milliseconds(r.SelectOne), float64(r.BinarySize)/1e6)
	for _, size := range r.sizes() {
		r.sizeTable(t, size)
	}
	r.growth(t)
	t.line("### Small runs and neighbours\n")
	t.line("| case | side | time | x `select 1` |\n|---|---|--:|--:|")
	for _, m := range r.Special {
		ratio := ""
		if m.ToSelect > 0 {
			ratio = fmt.Sprintf("%.1f", m.ToSelect)
		}
		t.line("| %s | %s | %s | %s |", m.Case, m.Side, milliseconds(m.Seconds), ratio)
	}
	t.line("\n### Parts of a run that finds ten providers current\n")
	t.line("| part | time |\n|---|--:|")
	for _, p := range r.Startup {
		t.line("| %s | %s |", p.Name, milliseconds(p.Seconds))
	}
	if r.Statements > 0 {
		t.line("\nPlans of %d statements were checked; %d look at more rows than is linear.", r.Statements, len(r.Suspicious))
		for _, text := range r.Suspicious {
			t.line("- %s", text)
		}
	}
	_, err := io.WriteString(w, t.String())
	return err
}

func (r *results) sizes() []int {
	var all []int
	for _, m := range r.Measurements {
		if !slices.Contains(all, m.Size) {
			all = append(all, m.Size)
		}
	}
	return all
}

func (r *results) sizeTable(t *table, size int) {
	t.line("### %s providers\n", thousands(int64(size)))
	t.line("| case | side | time | providers/s | x floor | round trips | statements | WAL MB | rows: Keep + own | client MB | temp MB | locks held s | longest stall ms |")
	t.line("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
	for _, m := range r.Measurements {
		if m.Size != size {
			continue
		}
		trips, statements, locks, stall := "", "", "", ""
		if m.traffic != nil {
			trips, statements = fmt.Sprint(m.RoundTrips), fmt.Sprint(m.Statements)
		}
		if m.seen != nil {
			locks, stall = fmt.Sprintf("%.2f", m.LockSeconds), fmt.Sprintf("%.0f", m.StallSeconds*1000)
		}
		t.line("| %s | %s | %s | %s | %.2f | %s | %s | %.1f | %s + %s | %.0f | %.0f | %s | %s |", m.Case, m.Side, duration(m.Seconds),
			thousands(int64(float64(size)/m.Seconds.Median)), m.ToFloor, trips, statements, float64(m.WAL)/1e6,
			thousands(m.KeepRows), thousands(m.OwnRows), float64(m.Memory)/1e6, float64(m.TempBytes)/1e6, locks, stall)
	}
	t.line("")
}

func (r *results) growth(t *table) {
	t.line("### Growth: exponent of time over size, from 1,000 on\n")
	t.line("| case | side | exponent |\n|---|---|--:|")
	for _, k := range cases {
		for _, s := range sides {
			if slope, ok := r.slope(k.name, s.name); ok {
				t.line("| %s | %s | %.2f |", k.name, s.name, slope)
			}
		}
	}
	t.line("")
}

func duration(s spread) string {
	if s.Max < 0.2 {
		return milliseconds(s)
	}
	return fmt.Sprintf("%.2f s (%.2f to %.2f)", s.Median, s.Min, s.Max)
}

func milliseconds(s spread) string {
	return fmt.Sprintf("%.1f ms (%.1f to %.1f)", s.Median*1000, s.Min*1000, s.Max*1000)
}

func thousands(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
