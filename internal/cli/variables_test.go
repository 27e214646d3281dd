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
		r := run(t, environment{"BOOTSTRAP_STRICT": value}, "validate", "-f", path).want(t, 64, "BOOTSTRAP_STRICT must be true or false")
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
}
