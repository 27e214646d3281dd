package doctest

import (
	"regexp"
	"strings"
)

// What differs from run to run, and what is compared in its place. A mask is as wide as what it hides, so that tables
// stay aligned.
var masks = []struct {
	pattern *regexp.Regexp
	mask    string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "<uuid>"},
	{regexp.MustCompile(`\b[0-9a-f]{32}\b`), "<id>"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?(\+00)?`), "<time>"},
	{regexp.MustCompile(`\b127\.0\.0\.1:\d+`), "<address>"},
	{regexp.MustCompile(`(?m)^psql:[^ ]*: `), ""},         // file and line of a psql that does not read from a terminal
	{regexp.MustCompile(`(?m)^.* \.\.\. for=\d+s\n`), ""}, // progress, shown on a slow machine
	{regexp.MustCompile(`(?m)[ \t]+$`), ""},
}

func masked(text string) string {
	for _, m := range masks {
		text = m.pattern.ReplaceAllString(text, m.mask)
	}
	return strings.Trim(text, "\n")
}

// anyLines stands for any number of lines in an output.
const anyLines = "..."

// matches reports whether what was printed is what the page shows.
func matches(shown, printed string) bool {
	want, got := strings.Split(masked(shown), "\n"), strings.Split(masked(printed), "\n")
	return matchLines(want, got)
}

func matchLines(want, got []string) bool {
	for i, line := range want {
		if line == anyLines {
			for skipped := 0; skipped+i <= len(got); skipped++ {
				if matchLines(want[i+1:], got[i+skipped:]) {
					return true
				}
			}
			return false
		}
		if i >= len(got) || got[i] != line {
			return false
		}
	}
	return len(got) == len(want)
}
