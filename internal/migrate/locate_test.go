package migrate

import "testing"

func TestLocate(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		sql          string
		position     int
		line, column int
		excerpt      string
	}{
		{"select x", 8, 1, 8, "select x\n       ^"},
		{"a\n\tbéé c\nd", 8, 2, 6, "\tbéé c\n\t    ^"},
		{"é\né x", 5, 2, 3, "é x\n  ^"},
		{"x", 0, 0, 0, ""},
		{"x", 2, 0, 0, ""},
	} {
		_, line, column, excerpt := locate(test.sql, test.position)
		if line != test.line || column != test.column || excerpt != test.excerpt {
			t.Errorf("%q at %d: %d:%d %q", test.sql, test.position, line, column, excerpt)
		}
	}
}
