//go:build !linux

package postgres

// setUserTimeout does nothing: as in libpq, tcp_user_timeout is for systems that have it.
func setUserTimeout(uintptr, int) error { return nil }
