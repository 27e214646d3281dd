// Package reliability holds tests only: the real program against real servers, many times at once, killed, cut off and
// hindered, on old and new PostgreSQL and behind a pooler. docs/reliability.md has the figures.
//
// The short form belongs to all tests. BOOTSTRAP_TORTURE=1 (make torture) tries as often as the figures say. Every test
// logs lines that begin with "figure:"; scripts/torture.sh makes the table of them.
package reliability
