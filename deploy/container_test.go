//go:build deploy

package deploy

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

// imageConfig is what the tests read of the image's configuration, in the form of runc.
type imageConfig struct {
	Process struct {
		User struct{ UID, GID int }
		Args []string
		Env  []string
	}
}

// unpacked is the image of make image, unpacked once.
var unpacked = sync.OnceValues(func() (string, error) {
	if _, err := os.Stat("../dist/image-oci/index.json"); err != nil {
		return "", errors.New("there is no image: run make image")
	}
	directory, err := filepath.Abs("../dist/image-unpacked")
	if err != nil {
		return "", err
	}
	if err := os.RemoveAll(directory); err != nil {
		return "", err
	}
	output, err := exec.Command("umoci", "unpack", "--image", "../dist/image-oci:latest", directory).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("umoci: %w\n%s", err, output)
	}
	return directory, nil
})

func image(t *testing.T) (directory string, config imageConfig) {
	t.Helper()
	directory, err := unpacked()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(directory, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	return directory, config
}

// container is a run of the image. It has the network of the machine, and nothing else of it.
type container struct {
	command []string          // in place of the image's entry point
	args    []string          // after the entry point
	env     map[string]string // in addition to the image's
	mounts  map[string]string // path in the container: folder or file of the machine, read-only
	user    int               // in place of the image's
}

// run returns what the container printed, both streams as a kubelet logs them, and its exit code.
func (c container) run(t *testing.T) (output string, exit int) {
	t.Helper()
	directory, config := image(t)
	type object = map[string]any
	mounts := []object{
		{"destination": "/proc", "type": "proc", "source": "proc"},
		{"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": []string{"nosuid", "mode=755", "size=64k"}},
	}
	for _, path := range slices.Sorted(maps.Keys(c.mounts)) {
		mounts = append(mounts, object{"destination": path, "type": "bind", "source": c.mounts[path], "options": []string{"rbind", "ro"}})
	}
	user := config.Process.User.UID
	if c.user != 0 {
		user = c.user
	}
	args := slices.Concat(config.Process.Args, c.args)
	if c.command != nil {
		args = slices.Concat(c.command, c.args)
	}
	env := slices.Clone(config.Process.Env)
	for _, name := range slices.Sorted(maps.Keys(c.env)) {
		env = append(env, name+"="+c.env[name])
	}
	spec := object{
		"ociVersion": "1.0.2",
		"process": object{
			"user": object{"uid": user, "gid": user}, "args": args, "env": env, "cwd": "/", "noNewPrivileges": true, "capabilities": object{},
		},
		"root":   object{"path": filepath.Join(directory, "rootfs"), "readonly": true},
		"mounts": mounts,
		"linux":  object{"namespaces": []object{{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}}},
	}
	text, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	bundle := t.TempDir()
	if err := os.WriteFile(filepath.Join(bundle, "config.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	printed, err := exec.Command("runc", "--root", filepath.Join(bundle, "state"), "run", "--bundle", bundle, filepath.Base(filepath.Dir(bundle))).CombinedOutput()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(printed), failed.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(printed), 0
}

// readable writes files into a folder that every user may read, and returns its path.
func readable(t *testing.T, files map[string]string) string {
	t.Helper()
	directory, err := os.MkdirTemp("", "keep-bootstrap-deploy-") // t.TempDir is closed to another user
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(directory) })
	for name, text := range files {
		path := filepath.Join(directory, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(directory, 0o755); err != nil {
		t.Fatal(err)
	}
	return directory
}
