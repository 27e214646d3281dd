package activate

import (
	"net/netip"
	"net/url"
	"strings"
)

// isLocal reports whether outside systems cannot reach an address, because it means the machine that calls it. What is not an
// address at all counts as local.
func isLocal(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return true
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if ip, err := netip.ParseAddr(host); err == nil {
		ip = ip.Unmap()
		return ip.IsLoopback() || ip.IsUnspecified()
	}
	return host == "" || host == "localhost" || strings.HasSuffix(host, ".localhost") || host == "localhost.localdomain"
}

// shownAddress is an address without user and password.
func shownAddress(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return hidden
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}
