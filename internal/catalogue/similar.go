package catalogue

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Nearest returns the type that can be installed whose name is nearest to name, or "". Near means that at least 60 % of
// the pairs of neighbouring characters are shared, case and separators aside (Dice's coefficient).
func (c *Catalogue) Nearest(name string) string {
	wanted := plain(name)
	wantedPairs := pairsOf(wanted[:min(len(wanted), 100)])
	best, bestShared, bestTotal := "", 0, 1
	for _, candidate := range c.names {
		t := c.types[candidate]
		total := len(t.pairs) + len(wantedPairs)
		if !t.Installable || 20*min(len(t.pairs), len(wantedPairs)) < 6*total {
			continue // it could not be near
		}
		shared := 2 * sharedPairs(t.pairs, wantedPairs)
		if 10*shared >= 6*total && shared*bestTotal > bestShared*total {
			best, bestShared, bestTotal = candidate, shared, total
		}
	}
	return best
}

// pairsOf returns the pairs of neighbouring characters of a plain name, its ends included, sorted.
func pairsOf(name string) []uint16 {
	name = "^" + name + "$"
	pairs := make([]uint16, len(name)-1)
	for i := range pairs {
		pairs[i] = uint16(name[i])<<8 | uint16(name[i+1])
	}
	slices.Sort(pairs)
	return pairs
}

// sharedPairs counts the pairs that both have.
func sharedPairs(a, b []uint16) int {
	shared := 0
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] < b[j]:
			i++
		case a[i] > b[j]:
			j++
		default:
			shared, i, j = shared+1, i+1, j+1
		}
	}
	return shared
}

// mistyped returns the absent field that an unknown one was probably meant to be, or "": equal but for case and
// separators, or two characters off, one for short names.
func mistyped(name string, absent []*Field) string {
	best, nearest := "", 0
	lower, letters := lowerASCII(name), plain(name)
	for _, field := range absent {
		declared := field.Name
		allowed := 2
		if utf8.RuneCountInString(declared) <= 4 {
			allowed = 1
		}
		same := letters == plain(declared)
		off := len(lower) - len(declared)
		if !same && (off > 4*allowed || off < -4*allowed) {
			continue // bytes, of which a character has at most four
		}
		d := distance(lower, lowerASCII(declared))
		if (same || d <= allowed) && (best == "" || d < nearest) {
			best, nearest = declared, d
		}
	}
	return best
}

// distance counts the characters to insert, remove or replace that turn a into b (Levenshtein). Both are cut to 100.
func distance(a, b string) int {
	from, to := []rune(firstRunes(a, 100)), []rune(firstRunes(b, 100))
	previous, current := make([]int, len(to)+1), make([]int, len(to)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := range from {
		current[0] = i + 1
		for j := range to {
			cost := 1
			if from[i] == to[j] {
				cost = 0
			}
			current[j+1] = min(current[j]+1, previous[j+1]+1, previous[j]+cost)
		}
		previous, current = current, previous
	}
	return previous[len(to)]
}

// plain keeps the ASCII letters and digits of a name, in lower case.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return -1
	}, name)
}

// lowerASCII lowers A to Z and nothing else, whatever the locale.
func lowerASCII(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r - 'A' + 'a'
		}
		return r
	}, text)
}

// firstRunes cuts a text to n characters.
func firstRunes(text string, n int) string {
	for i := range text {
		if n == 0 {
			return text[:i]
		}
		n--
	}
	return text
}

// quote writes a text as PostgreSQL's to_json does: control characters, quotes and backslashes escaped, all else as it is.
func quote(text string) string {
	const hex = "0123456789abcdef"
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c >= ' ':
			b.WriteByte(c)
		case strings.IndexByte("\b\f\n\r\t", c) >= 0:
			b.WriteByte('\\')
			b.WriteByte("bfnrt"[strings.IndexByte("\b\f\n\r\t", c)])
		default:
			b.WriteString(`\u00`)
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	b.WriteByte('"')
	return b.String()
}
