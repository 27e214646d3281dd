package document

import (
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// Similar returns the known word that a word was probably meant to be, or "": equal except for case and separators, or two
// letters off, one for short words.
func Similar(word string, known []string) string {
	const longest, short = 100, 4
	if len(word) > longest {
		return ""
	}
	best, nearest := "", 0
	for _, candidate := range known {
		if letters(word) != "" && letters(word) == letters(candidate) {
			return candidate
		}
		allowed := 2
		if len(candidate) <= short {
			allowed = 1
		}
		if off := len(word) - len(candidate); off > 4*allowed || off < -4*allowed {
			continue // bytes, of which a character has at most four
		}
		distance := levenshtein.ComputeDistance(strings.ToLower(word), strings.ToLower(candidate))
		if distance == 2 && swapped(word, candidate) {
			distance = 1
		}
		if distance <= allowed && (best == "" || distance < nearest) {
			best, nearest = candidate, distance
		}
	}
	return best
}

// swapped reports whether two words have the same letters in another order.
func swapped(a, b string) bool {
	sorted := func(s string) string {
		runes := []rune(strings.ToLower(s))
		slices.Sort(runes)
		return string(runes)
	}
	return sorted(a) == sorted(b)
}

// letters keeps the ASCII letters and digits of a word, in lower case.
func letters(word string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return -1
	}, word)
}
