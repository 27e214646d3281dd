package manifest

import "strings"

// similar returns the known key that key was probably meant to be, or "".
// Short keys must be nearer than long ones: `note` is not a slip of `name`.
func similar(key string, known []string) string {
	plain := func(s string) string {
		return strings.ToLower(strings.NewReplacer("-", "", "_", "", " ", "").Replace(s))
	}
	best, nearest := "", 3
	for _, candidate := range known {
		if plain(key) == plain(candidate) {
			return candidate
		}
		allowed := 2
		if len(candidate) <= 4 {
			allowed = 1
		}
		if d := distance(strings.ToLower(key), candidate); d <= allowed && d < nearest {
			best, nearest = candidate, d
		}
	}
	return best
}

// distance counts the letters to insert, remove, replace or swap with their
// neighbour that turn a into b; 3 stands for anything above 2.
func distance(a, b string) int {
	const far = 3
	if len(a)-len(b) >= far || len(b)-len(a) >= far {
		return far
	}
	before, previous, current := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := 1; i <= len(a); i++ {
		current[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			current[j] = min(previous[j]+1, current[j-1]+1, previous[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				current[j] = min(current[j], before[j-2]+1)
			}
		}
		before, previous, current = previous, current, before
	}
	return min(far, previous[len(b)])
}
