package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// distribution is PostgreSQL's programs, below the cache directory:
//
//	archives/        what was downloaded
//	programs/18.3.0  unpacked, and proved by starting a server with them
//	programs/lock    held by the process that downloads or unpacks
type distribution struct{ *cluster }

// ensure returns the directory with the programs. They appear there only when they are complete: they are unpacked and
// tried elsewhere first, so an interruption leaves nothing that looks finished.
func (d distribution) ensure(ctx context.Context) (string, error) {
	release := string(releases[d.Version])
	all := filepath.Join(d.Cache, "programs")
	programs := filepath.Join(all, release)
	if complete(programs) {
		return programs, nil
	}
	if err := os.MkdirAll(all, 0o700); err != nil {
		return "", d.unreadable(err)
	}
	unlock, err := lockFile(ctx, filepath.Join(all, "lock"), d.log)
	if err != nil {
		return "", err
	}
	defer unlock()
	if complete(programs) {
		return programs, nil
	}
	if err := os.RemoveAll(programs); err != nil { // cleaned up halfway by someone
		return "", d.unreadable(err)
	}
	archives, _ := filepath.Glob(filepath.Join(d.Cache, "archives", "*-"+release+".txz"))
	if len(archives) == 0 {
		d.log.Info(fmt.Sprintf("downloading PostgreSQL %s, about 15 MB", release))
	}
	err = d.unpack(ctx, all, programs)
	if err != nil && len(archives) > 0 {
		d.log.Warn("the downloaded PostgreSQL is damaged, downloading it again", "file", archives[0])
		for _, archive := range archives {
			if err := os.Remove(archive); err != nil {
				return "", d.unreadable(err)
			}
		}
		err = d.unpack(ctx, all, programs)
	}
	if err != nil {
		return "", d.explain(err)
	}
	return programs, nil
}

// unpack downloads if need be, unpacks, starts and stops a server to see that the programs work, and moves them to their
// place.
func (d distribution) unpack(ctx context.Context, all, programs string) error {
	leftovers, _ := filepath.Glob(filepath.Join(all, "trial-*"))
	for _, directory := range leftovers {
		trial := *d.cluster
		trial.Directory = directory
		if _, _, ok := trial.postmaster(); ok {
			if err := trial.shutDown(ctx, filepath.Join(directory, "programs"), "immediate"); err != nil {
				return err
			}
		}
		if err := os.RemoveAll(directory); err != nil {
			return err
		}
	}
	directory, err := os.MkdirTemp(all, "trial-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(directory)
	temporary, err := privateTemporary(directory)
	if err != nil {
		return err
	}
	config := embeddedpostgres.DefaultConfig().
		Version(releases[d.Version]).
		CachePath(filepath.Join(d.Cache, "archives")).
		BinariesPath(filepath.Join(directory, "programs")).
		DataPath(filepath.Join(directory, "data")).
		RuntimePath(filepath.Join(temporary, "run")).
		Port(uint32(freePort())).
		Encoding("UTF8").Locale("C").
		StartParameters(map[string]string{"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}).
		StartTimeout(readyTimeout).
		Logger(new(bytes.Buffer))
	if d.Repository != "" {
		config = config.BinaryRepositoryURL(strings.TrimRight(d.Repository, "/"))
	}
	server := embeddedpostgres.NewDatabase(config)
	if err := server.Start(); err != nil {
		return err
	}
	if err := server.Stop(); err != nil {
		return err
	}
	return os.Rename(filepath.Join(directory, "programs"), programs)
}

// complete tells whether the programs are there.
func complete(programs string) bool {
	for _, name := range []string{"initdb", "pg_ctl", "postgres"} {
		_, err := os.Stat(filepath.Join(programs, "bin", name))
		_, errExe := os.Stat(filepath.Join(programs, "bin", name+".exe"))
		if err != nil && errExe != nil {
			return false
		}
	}
	return true
}

// explain turns embedded-postgres's errors, which are texts only, into ours.
func (d distribution) explain(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	release := releases[d.Version]
	if strings.Contains(err.Error(), "no space left on device") {
		return &Error{
			Message: fmt.Sprintf("no space for PostgreSQL %s (about 120 MB) in %s", release, d.Cache),
			Hint:    "make space, or " + elsewhere,
			Err:     err,
		}
	}
	for _, text := range []string{
		"unable to connect to", "no version found matching", "error fetching postgres", "download sha256", "downloaded checksums",
		"unable to extract postgres archive: ",
	} {
		if strings.Contains(err.Error(), text) {
			return &Error{
				Message: fmt.Sprintf("cannot download PostgreSQL %s, which is used when no database is given", release),
				Hint: "is this machine offline? behind a proxy, set HTTPS_PROXY; " +
					"or give a database (DATABASE_URL), then nothing is downloaded",
				Err: err,
			}
		}
	}
	return &Error{
		Message: fmt.Sprintf("PostgreSQL %s does not run on this machine", release),
		Hint:    "give a database instead (DATABASE_URL)",
		Err:     err,
	}
}
