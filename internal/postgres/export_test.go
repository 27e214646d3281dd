package postgres

import "github.com/jackc/pgx/v5/pgconn"

// SetLookup replaces the resolver of host names.
func (c *Config) SetLookup(lookup pgconn.LookupFunc) {
	for _, host := range c.hosts {
		host.LookupFunc = lookup
	}
}
