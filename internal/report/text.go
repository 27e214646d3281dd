package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"

	"keep-bootstrap/internal/manifest"
)

const (
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

// paint colours text, or returns it as it is.
func (w *Writer) paint(colour, text string) string {
	if !w.Colour || colour == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// longest is how many characters of a name the text output shows.
const longest = 60

// Name makes a name fit for one line of a terminal: control characters are escaped, and a long one is cut.
func Name(name string) string {
	if Line(name) != name || name == "" || strings.TrimSpace(name) != name {
		name = strconv.Quote(name)
	}
	if utf8.RuneCountInString(name) > longest {
		name = string([]rune(name)[:longest-3]) + "..."
	}
	return name
}

// Line makes a text of the database fit for one line of a terminal: what is not printable is escaped.
func Line(text string) string {
	var line strings.Builder
	for _, r := range text {
		if unicode.IsPrint(r) {
			line.WriteRune(r)
		} else {
			line.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return line.String()
}

// Number says how many there are: "1 provider", "12 providers".
func Number(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// list makes names fit for one line.
func list(names []string) string {
	shown := make([]string, len(names))
	for i, name := range names {
		shown[i] = Name(name)
	}
	return strings.Join(shown, ", ")
}

// text is a value of the database that may be NULL.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// optionalName is a name of the database that may be NULL; "" then.
func optionalName(name *string) string {
	if name == nil {
		return ""
	}
	return Name(*name)
}

// otherKinds are the kinds other than providers and their rules, in the order in which they are shown.
func otherKinds() []manifest.Kind {
	return slices.DeleteFunc(slices.Clone(manifest.Table), func(k manifest.Kind) bool { return k.Word == manifest.KindProvider })
}

// titled puts the word for a kind before a name that is shown; a provider needs none.
func titled(kind, name string) string {
	switch k := manifest.KindOf(kind); {
	case kind == "", kind == manifest.KindProvider:
		return name
	case k == nil:
		return strings.ReplaceAll(kind, "_", " ") + " " + name
	default:
		return k.One + " " + name
	}
}

// aligned joins the cells of rows to lines in columns. A column that is empty in every row is left out.
func aligned(rows [][]string) []string {
	var text strings.Builder
	columns := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.DiscardEmptyColumns)
	for _, row := range rows {
		fmt.Fprintln(columns, strings.Join(row, "\v"))
	}
	_ = columns.Flush() // a strings.Builder has no errors
	lines := strings.Split(text.String(), "\n")[:len(rows)]
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return lines
}

// table writes rows in columns.
func (w *Writer) table(rows [][]string) {
	for _, line := range aligned(rows) {
		w.printf("%s\n", line)
	}
}
