package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"strings"
)

// systemDirectory holds the servers of root, each in a directory with a random name.
const systemDirectory = "/var/lib/keep-bootstrap"

const elsewhere = "give a database instead (DATABASE_URL), or set XDG_DATA_HOME to a directory of your own"

// dataHome is the directory of the current user for everything that this package keeps.
func dataHome(given string) (string, error) {
	if given == "" {
		given = os.Getenv("XDG_DATA_HOME")
		if !filepath.IsAbs(given) { // the XDG specification: relative paths are to be ignored
			given = ""
		}
	}
	if given == "" {
		home := os.Getenv("HOME")
		if home == "" {
			if u, err := user.Current(); err == nil {
				home = u.HomeDir
			}
		}
		if !filepath.IsAbs(home) {
			return "", &Error{
				Message: "there is no home directory for the data of the local PostgreSQL",
				Hint:    "set HOME or XDG_DATA_HOME, or give a database (DATABASE_URL)",
			}
		}
		given = filepath.Join(home, ".local", "share")
	}
	return filepath.Join(given, "keep-bootstrap"), nil
}

// place returns the directory in which the server's own user may keep what belongs below dir.
//
// For an ordinary user that is dir itself. Root's home is usually closed to the user that the server runs as, so root's
// files are below /var/lib/keep-bootstrap, in a directory with a random name, and dir has a file with that name. A new
// home therefore is a new database, and two homes never share one.
//
// Without create, "" says that there is none yet.
func place(dir string, create bool, log *slog.Logger) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", &Error{Message: "cannot find the directory for the local PostgreSQL", Hint: elsewhere, Err: err}
	}
	if strings.ContainsAny(dir, "\"$`\n") || os.PathSeparator == '/' && strings.Contains(dir, `\`) {
		// pg_ctl hands its paths to a shell, in double quotes.
		return "", &Error{
			Message: fmt.Sprintf("PostgreSQL cannot be started from %q: the path holds a quote, dollar sign, backslash or line break", dir),
			Hint:    elsewhere,
		}
	}
	if create {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return "", &Error{Message: "cannot create the directory for the local PostgreSQL", Hint: elsewhere, Err: err}
		}
	} else if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if !needsOtherUser() {
		return dir, nil
	}
	return rootPlace(dir, create, log)
}

// rootPlace is place for root.
func rootPlace(dir string, create bool, log *slog.Logger) (string, error) {
	account, err := serverAccount()
	if err != nil {
		return "", err
	}
	record := filepath.Join(dir, "location")
	if !create {
		location, _ := readLocation(record, account)
		return location, nil
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	unlock, err := lockFile(context.Background(), record+".lock", log)
	if err != nil {
		return "", err
	}
	defer unlock()

	location, err := readLocation(record, account)
	if err == nil {
		return location, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		log.Warn("the directory of the local PostgreSQL is not usable, a new one is made", "reason", err)
	}
	location, err = makeLocation(account)
	if err == nil {
		err = writeFile(record, []byte(location+"\n"))
	}
	if err != nil {
		return "", &Error{
			Message: "cannot create a directory for the local PostgreSQL below " + systemDirectory,
			Hint:    "run as an ordinary user, or give a database (DATABASE_URL)",
			Err:     err,
		}
	}
	return location, nil
}

// readLocation reads where root's files are, and trusts it only if it is what makeLocation makes.
func readLocation(record string, a account) (string, error) {
	text, err := os.ReadFile(record)
	if err != nil {
		return "", err
	}
	location := strings.TrimSpace(string(text))
	if filepath.Dir(location) != systemDirectory {
		return "", fmt.Errorf("%s names %q, which is not directly below %s", record, location, systemDirectory)
	}
	info, err := os.Lstat(location)
	if err != nil {
		return "", fmt.Errorf("named in %s: %v", record, err)
	}
	if !info.IsDir() || !ownedBy(info, a.uid) {
		return "", fmt.Errorf("%s, named in %s, is not a directory of user %s", location, record, a.name)
	}
	return location, nil
}

// makeLocation creates a directory that only root and the server's user can enter.
func makeLocation(a account) (string, error) {
	if err := os.MkdirAll(systemDirectory, 0o711); err != nil {
		return "", err
	}
	if err := os.Chmod(systemDirectory, 0o711); err != nil { // whatever the umask is
		return "", err
	}
	location := filepath.Join(systemDirectory, strings.ToLower(rand.Text()))
	if err := os.Mkdir(location, 0o700); err != nil {
		return "", err
	}
	if err := os.Chown(location, a.uid, a.gid); err != nil {
		return "", errors.Join(err, os.Remove(location))
	}
	return location, nil
}

// account is the operating system user that the server runs as when the program runs as root.
type account struct {
	name     string
	uid, gid int
}

// writeFile replaces a file as a whole, readable by its owner only: a reader or a crash sees the old content or the new.
func writeFile(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}
