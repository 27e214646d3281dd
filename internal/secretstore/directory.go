package secretstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"keep-bootstrap/internal/file"
)

// Directory is a directory as Keep's FILE secret manager writes it: a file per secret, named by its key.
type Directory struct {
	Path string
}

// String names the store.
func (d Directory) String() string { return "directory " + d.Path }

// Read reads the files of the keys. A file that cannot be read has an entry with a problem; a directory that cannot be read is an
// error (65). A key is never followed out of the directory.
func (d Directory) Read(_ context.Context, tenant string, keys []string) (Contents, error) {
	root, err := os.OpenRoot(d.Path)
	if err != nil {
		return Contents{}, d.failed(err)
	}
	defer root.Close()
	var contents Contents
	wanted := make(map[string]bool, len(keys))
	for _, key := range keys {
		wanted[key] = true
		var value []byte
		secret, err := root.OpenFile(key, os.O_RDONLY|syscall.O_NONBLOCK, 0) // opening a pipe waits for its other end otherwise
		if err == nil {
			value, err = file.ReadOpen(secret, maxValue)
		}
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENAMETOOLONG), errors.Is(err, syscall.ENOTDIR):
			// Keep cannot have written it.
		case err != nil:
			entry := Entry{Key: key, Problem: "the file cannot be read: " + file.Reason(err)}
			contents.Entries = append(contents.Entries, entry)
		default:
			contents.Entries = append(contents.Entries, newEntry(key, value))
		}
	}
	names, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return Contents{}, d.failed(err)
	}
	for _, entry := range names {
		if name := entry.Name(); !wanted[name] && !entry.IsDir() && looksOwn(name, tenant) {
			contents.Unused = append(contents.Unused, name)
		}
	}
	return contents, nil
}

func (d Directory) failed(err error) error {
	return unreadable(fmt.Sprintf("directory %q cannot be read: %s", d.Path, file.Reason(err)),
		"give --directory the value of Keep's SECRET_MANAGER_DIRECTORY")
}
