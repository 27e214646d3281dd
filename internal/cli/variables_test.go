package cli_test

import (
	"strings"
	"testing"
)

// A boolean variable of the program is true or false, 1 or 0, in any case; a misspelt variable is warned of.
func TestBooleanVariableIgnored(t *testing.T) {
	t.Parallel()
	path := file(t, "providers:\n- {name: a, type: http, note: x}\n")
	for value, code := range map[string]int{"true": 65, "True": 65, "1": 65, "false": 0, "FALSE": 0, "0": 0} {
		run(t, environment{"BOOTSTRAP_STRICT": value}, "validate", "-f", path).want(t, code)
	}
	for _, value := range []string{"yes", "banana", "t"} {
		r := run(t, environment{"BOOTSTRAP_STRICT": value}, "validate", "-f", path).want(t, 64, "BOOTSTRAP_STRICT must be true, false, 1 or 0")
		if strings.Contains(r.stderr, "strconv") || strings.Contains(r.stderr, "ParseBool") {
			t.Errorf("names a function: %s", r.stderr)
		}
	}
	for name, near := range map[string]string{"BOOTSTRAP_MAX_PRUN": "BOOTSTRAP_MAX_PRUNE", "BOOTSTRAP_NO_SUCH": "unknown variable", "BOOTSTRAP_ALLOWEMPTY": "BOOTSTRAP_ALLOW_EMPTY"} {
		run(t, environment{name: "1"}, "validate", "-f", path).want(t, 0, name, near)
	}
	if r := run(t, environment{"BOOTSTRAP_MAX_PRUNE": "1", "BOOTSTRAP_SERVICE_HOST": "10.0.0.1", "BOOTSTRAP_PORT": "tcp://10.0.0.1:80"}, "validate", "-f", path).want(t, 0); strings.Contains(r.stderr, "unknown variable") {
		t.Errorf("%s", r.stderr)
	}
	// Keep compares PROVISION_RESOURCES with the very text true.
	for value, warned := range map[string]bool{"true": true, "false": false, "True": false, "1": false} {
		env := environment{"PROVISION_RESOURCES": value, "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"}
		if r := run(t, env, "up", "-f", path).want(t, 69); strings.Contains(r.stderr, "Keep will overwrite this run") != warned {
			t.Errorf("%s: %s", value, r.stderr)
		}
	}
	if r := run(t, environment{"BOOTSTRAP_FILE": `"` + path + `"`}, "validate"); r.exit != 64 || !strings.Contains(r.stderr, "BOOTSTRAP_FILE is wrapped in quotes") {
		t.Errorf("%+v", r)
	}
	run(t, nil, "validate", "-f", "/srv/x-\xff.yaml").want(t, 64, "is not UTF-8")
	for _, args := range [][]string{{"apply", "--plan", "/dev/zero"}, {"validate", "-f", path, "--catalogue", "/dev/zero"}, {"status", "--database-url-file", "/dev/zero"}, {"status", "--env-file", "/dev/zero"}} {
		if r := run(t, nil, args...); r.exit != 64 && r.exit != 65 || !strings.Contains(r.stderr, "pipe, socket or device") {
			t.Errorf("%q: %+v", args, r)
		}
	}
}

// TestChoicesAreCompleted: the shell completes every flag whose value is one of some words.
func TestChoicesAreCompleted(t *testing.T) {
	t.Parallel()
	for flag, words := range map[string][]string{
		"--on-drift": {"overwrite", "keep", "fail"}, "--output": {"text", "json", "markdown"}, "--log-format": {"text", "json"}, "--assume-secret-manager": {"db"},
	} {
		inOrder(t, run(t, nil, "__complete", "plan", flag, "").want(t, 0).stdout, words...)
	}
	inOrder(t, run(t, nil, "__complete", "import-secrets", "--from", "").want(t, 0).stdout, "k8s", "file")
}
