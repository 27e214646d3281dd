package doctest

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// block is a fenced block of a page, or a comment for the test.
type block struct {
	line     int // of the page, of what opens it
	language string
	text     string // with the last line end
	first    int    // index of the first line of the text
	last     int    // index behind the last line of the text

	run, output bool
	exit        int
	needs       string
	file        string
	grants      string // which role the grants of the block are for
	database    string // of a comment; the other fields are then empty
}

// page is a file of the documentation.
type page struct {
	path   string
	lines  []string
	blocks []block
}

var (
	fence   = regexp.MustCompile("^(`{3,})\\s*([a-z]*)(.*)$")
	comment = regexp.MustCompile(`^<!-- test: database=(\w+) -->$`)
)

func readPage(path string) (*page, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	p := &page{path: path, lines: strings.Split(string(text), "\n")}
	for i := 0; i < len(p.lines); i++ {
		if found := comment.FindStringSubmatch(p.lines[i]); found != nil {
			p.blocks = append(p.blocks, block{line: i + 1, database: found[1]})
			continue
		}
		opening := fence.FindStringSubmatch(p.lines[i])
		if opening == nil {
			continue
		}
		b := block{line: i + 1, language: opening[2], first: i + 1}
		for _, attribute := range strings.Fields(opening[3]) {
			if err := b.attribute(attribute); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", path, b.line, err)
			}
		}
		for i++; i < len(p.lines) && p.lines[i] != opening[1]; i++ {
			b.text += p.lines[i] + "\n"
		}
		if i == len(p.lines) {
			return nil, fmt.Errorf("%s:%d: the block has no end", path, b.line)
		}
		b.last = i
		p.blocks = append(p.blocks, b)
	}
	return p, nil
}

func (b *block) attribute(text string) (err error) {
	name, value, _ := strings.Cut(text, "=")
	switch name {
	case "run":
		b.run = true
	case "output":
		b.output = true
	case "exit":
		b.exit, err = strconv.Atoi(value)
	case "needs":
		b.needs = value
	case "file":
		b.file = value
	case "grants":
		b.grants = value
	default:
		err = fmt.Errorf("unknown attribute %q", text)
	}
	return err
}

// replaceOutput puts what was printed into an output block. It must be called from the end of the page to its beginning.
func (p *page) replaceOutput(b *block, printed string) {
	lines := append([]string{}, p.lines[:b.first]...)
	if printed = strings.TrimRight(printed, "\n"); printed != "" {
		lines = append(lines, strings.Split(printed, "\n")...)
	}
	p.lines = append(lines, p.lines[b.last:]...)
}

func (p *page) write() error {
	return os.WriteFile(p.path, []byte(strings.Join(p.lines, "\n")), 0o644)
}
