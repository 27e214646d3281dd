package document

import (
	"regexp"
	"sync"
)

// Pattern compiles an expression when it is first needed: together they take a millisecond, and most commands need
// none.
func Pattern(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}
