package manifest

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"keep-bootstrap/internal/catalogue"
)

// hard are inputs of about so many bytes that are meant to take long.
func hard(size int) map[string]string {
	fill := func(head, part, tail string) string {
		return head + strings.Repeat(part, (size-len(head)-len(tail))/len(part)) + tail
	}
	const provider = "name: a\ntype: http\nauthentication:\n  x: "
	numbered := func(head, part, tail string) string {
		var text strings.Builder
		text.WriteString(head)
		for i := 0; text.Len() < size-len(tail)-2*len(part); i++ {
			fmt.Fprintf(&text, part, i)
		}
		return text.String() + tail
	}
	anchors := "x-0: &a0 {"
	for i := range 9 {
		anchors += string(rune('a'+i)) + ": 1, "
	}
	anchors += "}\n"
	return map[string]string{
		"brackets":        fill("", "[", ""),
		"braces":          fill("", "{", ""),
		"json brackets":   fill(`{"a": `, "[", ""),
		"closed brackets": fill(provider+"[", "[],", "]"),
		"question marks":  fill("", "? ", ""),
		"dashes":          fill("", "- ", ""),
		"colons":          fill(provider+"\n", "    a: ", ""),
		"flow colons":     fill(provider+"{", "a: ", "}"),
		"items":           fill("", "- \n", ""),
		"comments":        fill("", "#\n", ""),
		"comments after":  fill(provider+"\n", "    - a # b\n", ""),
		"comments before": fill(provider+"\n", "    # b\n    - a\n", ""),
		"blank lines":     fill(provider+"|\n", "\n", ""),
		"quote":           fill(provider+"\"", "\\\n", ""),
		"one key":         fill("", "k", ": 1"),
		"one number":      fill(provider, "1", ""),
		"one hex":         fill(provider+"0x", "1", ""),
		"one float":       fill(provider+"1.", "1", ""),
		"one sixty":       fill(provider+"1", ":1", ""),
		"underscores":     fill(provider+"1", "_", ""),
		"json number":     fill(`{"a": {"type": "b", "authentication": {"x": `, "1", "}}}"),
		"json exponent":   fill(`{"a": {"type": "b", "authentication": {"x": 1e`, "1", "}}}"),
		"json keys":       fill(`{"a": {"type": "b", "authentication": {`, `"k":1,`, `"k":2}}}`),
		"json entries":    fill(`{`, `"k":{},`, `"l":{}}`),
		"tags":            fill("", "!a ", ""),
		"anchors":         fill(provider+"[", "&a 1,", "]"),
		"aliases":         fill("x-a: &a [1,2,3,4,5,6,7,8,9]\nproviders:\n  - name: a\n    type: http\n    authentication:\n      x: [", "*a,", "]"),
		"text aliases":    "x-a: &a " + strings.Repeat("x", size/2) + "\nproviders:\n  - name: a\n    type: http\n    authentication:\n      x: [" + strings.Repeat("*a,", size/6) + "]\n",
		"merges":          fill("x-a: &a {b: 1}\nproviders:\n  - name: a\n    type: http\n    authentication:\n      <<: [", "*a,", "]"),
		"merge keys":      fill(anchors+"providers:\n  - name: a\n    type: http\n    authentication: {", "<<: *a0,", "}"),
		"providers":       fill("providers:\n", "- {name: a, type: b}\n", ""),
		"unknown keys":    fill("name: a\ntype: b\n", "authenticatio: 1\n", ""),
		"documents":       fill("", "---\n", ""),
		"percent":         fill("", "%A\n", ""),
		"unclosed":        fill("[", "'", ""),
		"carets":          fill(provider, "é", ""),
		"carriage":        fill(provider+"\n", "    a\r", ""),
		"plain lines":     fill(provider, "a\n    ", ""),
		"fields":          numbered(`{"a": {"type": "victoriametrics", "authentication": {`, `"field%d":1,`, `"x":1}}}`),
		"near fields":     numbered(`{"a": {"type": "victoriametrics", "authentication": {`, `"VMAlert%05d":1,`, `"x":1}}}`),
		"unknown types":   numbered("{", `"a%[1]d":{"type":"grafan%[1]d"},`, `"x":{"type":"y"}}`),
		"wrong kinds":     numbered("[", `{"name":"%d","type":"grafana","authentication":{"host":1}},`, `{"name":"x","type":"y"}]`),
		"references":      fill(`{"a": {"type": "b", "authentication": {"x": [`, `"$(X)",`, `1]}}}`),
	}
}

// TestBoundedWork: twice the input takes about twice the memory, whatever it is. The time is BenchmarkHard's.
func TestBoundedWork(t *testing.T) {
	const size = 1 << 14
	allocated := func(text string) float64 {
		var before, after runtime.MemStats
		options := stdin(text)
		options.Catalogue = catalogue.BuiltIn()
		runtime.ReadMemStats(&before)
		if _, err := Load(options); err != nil {
			if _, ok := errors.AsType[*Problems](err); !ok {
				t.Error(err)
			}
		}
		runtime.ReadMemStats(&after)
		return float64(after.TotalAlloc - before.TotalAlloc)
	}
	small, large := hard(size), hard(4*size)
	for name, text := range small {
		const fixed, growth = 1 << 20, 8 // what any input takes, and a list that grows step by step
		allocated(text)                  // so that what is made once is there
		if one, four := allocated(text), allocated(large[name]); four > growth*one+fixed {
			t.Errorf("%s: %.0f bytes for %d, %.0f for four times that", name, one, size, four)
		}
	}
}

func BenchmarkHard(b *testing.B) {
	for name, text := range hard(1 << 20) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				options := stdin(text)
				options.Catalogue = catalogue.BuiltIn()
				if _, err := Load(options); err != nil {
					continue // most of them are no manifests
				}
			}
		})
	}
}
