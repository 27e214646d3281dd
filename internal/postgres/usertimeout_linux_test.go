package postgres_test

import (
	"syscall"
	"testing"

	"keep-bootstrap/test/pgtest"
)

// TestKeepalivesReachTheSocket: the system's own view of the connection.
func TestKeepalivesReachTheSocket(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Empty)
	conn := connect(t, d.URL+"&keepalives_idle=33&keepalives_interval=7&keepalives_count=4&tcp_user_timeout=54321")
	socket, ok := conn.PgConn().Conn().(syscall.Conn)
	if !ok {
		t.Skip("not a socket")
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	want := map[int]int{0x4: 33, 0x5: 7, 0x6: 4, 0x12: 54321} // TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, TCP_USER_TIMEOUT of Linux
	_ = raw.Control(func(fd uintptr) {
		for option, value := range want {
			if got, err := syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, option); err != nil || got != value {
				t.Errorf("option %d: %d, want %d, %v", option, got, value, err)
			}
		}
	})
}
