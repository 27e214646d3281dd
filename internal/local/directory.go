package local

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
)

// systemDirectory holds the servers of root, each in a directory named by a hash.
const systemDirectory = "/var/lib/keep-bootstrap"

// elsewhere is the end of a hint.
const elsewhere = "give a database instead (DATABASE_URL), or set XDG_DATA_HOME to a directory of your own"

// dataHome is the directory of the current user for everything that this package keeps.
func dataHome(given string) (string, error) {
	if given == "" {
		given = os.Getenv("XDG_DATA_HOME")
	}
	if !filepath.IsAbs(given) { // the XDG specification: ignore relative paths
		home := os.Getenv("HOME")
		if u, err := user.Current(); err == nil && home == "" {
			home = u.HomeDir
		}
		given = filepath.Join(home, ".local", "share")
	}
	if !filepath.IsAbs(given) {
		return "", failure("there is no home directory for the data of the local PostgreSQL",
			"set HOME or XDG_DATA_HOME, or give a database (DATABASE_URL)", nil)
	}
	return filepath.Join(given, "keep-bootstrap"), nil
}

// directoryFor returns the directory for the files that belong in dir: dir itself, or one below systemDirectory if the
// caller is root and the server's account cannot enter dir, as it cannot enter most homes of root. Another dir is another
// database. Without create, "" means that the directory does not exist yet.
func directoryFor(dir string, create bool) (string, error) {
	dir, err := filepath.Abs(dir)
	if strings.ContainsAny(dir, "\"$`\n") || os.PathSeparator == '/' && strings.Contains(dir, `\`) {
		// pg_ctl passes its paths to a shell, in double quotes.
		err = fmt.Errorf("%q contains a quote, dollar sign, backslash or line break, which PostgreSQL does not support", dir)
	}
	if err == nil && create {
		err = makeDirectory(dir)
	}
	if err == nil && isRoot() && exists(dir) && !openToAll(dir) {
		dir = filepath.Join(systemDirectory, fmt.Sprintf("%x", sha256.Sum256([]byte(dir)))[:16])
		if create {
			err = errors.Join(makeDirectory(systemDirectory), makeDirectory(dir))
		}
		if err == nil && exists(dir) && !openToAll(dir) {
			err = fmt.Errorf("%s is not a directory of root that other accounts can enter", dir)
		}
	}
	if err != nil {
		return "", failure("there is no usable directory for the local PostgreSQL", elsewhere, err)
	}
	if !exists(dir) {
		return "", nil
	}
	return dir, nil
}

// makeDirectory creates a private directory. One of root can be entered, not read, by the server's account, whatever the
// umask is.
func makeDirectory(path string) error {
	if !isRoot() {
		return os.MkdirAll(path, 0o700)
	}
	if err := os.MkdirAll(path, 0o711); err != nil {
		return err
	}
	return os.Chmod(path, 0o711) //nolint:gosec // to be entered
}

// openToAll reports whether every account can enter the directory, and only root can replace it.
func openToAll(dir string) bool {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return false
	}
	for {
		info, err := os.Stat(dir)
		if err != nil || !info.IsDir() || info.Mode().Perm()&0o001 == 0 || owner(info).uid != 0 {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
		dir = filepath.Dir(dir)
	}
}
