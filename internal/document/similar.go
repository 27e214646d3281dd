package document

import (
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

var separators = strings.NewReplacer("_", "", "-", "", ".", "", " ", "")

// Similar returns the known word that a word was probably meant to be, or "": equal except for case and separators,
// or two letters off, one for short words.
func Similar(word string, known []string) string {
	const longest, short = 100, 4
	if len(word) > longest {
		return ""
	}
	best, nearest := "", 3
	for _, candidate := range known {
		if strings.EqualFold(separators.Replace(word), separators.Replace(candidate)) {
			return candidate
		}
		distance := levenshtein.ComputeDistance(strings.ToLower(word), strings.ToLower(candidate))
		if distance == 2 && swapped(word, candidate) {
			distance = 1
		}
		if distance < nearest && (distance < 2 || len(candidate) > short) {
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
