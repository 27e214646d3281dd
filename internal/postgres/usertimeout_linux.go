package postgres

import "syscall"

// setUserTimeout makes TCP give up a connection whose data was not acknowledged for so many milliseconds.
func setUserTimeout(fd uintptr, milliseconds int) error {
	const tcpUserTimeout = 0x12 // TCP_USER_TIMEOUT, which package syscall lacks
	return syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, milliseconds)
}
