package postgres

import (
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// SetLookup replaces the resolver of host names.
func (c *Config) SetLookup(lookup pgconn.LookupFunc) {
	for _, host := range c.hosts {
		host.LookupFunc = lookup
	}
}

// HurryWatches shortens the times after which silent connections are looked at: for all tests of this package.
func HurryWatches() {
	askAfter, askAgain, askTimeout, settle, silence = 500*time.Millisecond, 100*time.Millisecond, time.Second, time.Second, 2*time.Second
}
