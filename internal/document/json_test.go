package document

import "testing"

// Between JSON lines there are no brackets and commas to expect.
func TestFaultBetweenJSONLines(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text    string
		format  Format
		message string
	}{
		{`{"a": 1} nothing`, JSONLines, "expected a value"},
		{`{"a": 1}, {"a": 2}`, JSONLines, "a comma between two values"},
		{`, {"a": 2}`, JSON, "expected a value"},
		{`[{"a": 1} nothing`, JSON, "expected a comma or a closing bracket"},
	} {
		if _, _, fault := Parse([]byte(test.text), test.format); fault == nil || fault.Message != test.message {
			t.Errorf("%s: %+v", test.text, fault)
		}
	}
}
