package cli

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-isatty"
)

func isTerminal(file *os.File) bool { return isatty.IsTerminal(file.Fd()) }

// colours says whether stdout gets colour: on a terminal that is not dumb, unless NO_COLOR is set; anywhere when
// CLICOLOR_FORCE is set.
func (a *app) colours() bool {
	switch {
	case a.getenv("NO_COLOR") != "":
		return false
	case a.getenv("CLICOLOR_FORCE") != "" && a.getenv("CLICOLOR_FORCE") != "0":
		return true
	}
	return a.getenv("TERM") != "dumb" && terminal(a.Stdout)
}

const (
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

// paint colours text, or returns it as it is.
func paint(colour, text string, on bool) string {
	if !on || colour == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// longest is how many characters of a name the text output shows.
const longest = 60

// shown makes a name fit for one line of a terminal: control characters are escaped, and a long one is cut.
func shown(name string) string {
	printable := utf8.ValidString(name)
	for _, r := range name {
		printable = printable && (unicode.IsPrint(r) || r == ' ')
	}
	if !printable || name == "" || strings.TrimSpace(name) != name {
		name = strconv.Quote(name)
	}
	if utf8.RuneCountInString(name) > longest {
		name = string([]rune(name)[:longest-3]) + "..."
	}
	return name
}

// oneLine makes a text of the database fit for one line of a terminal: what is not printable is escaped.
func oneLine(text string) string {
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

// table aligns the columns of rows and joins them to lines. A column that is empty in every row is left out; the last
// one is not padded.
func table(rows [][]string) []string {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	lines := make([]string, len(rows))
	for i, row := range rows {
		var line strings.Builder
		for j, cell := range row {
			line.WriteString(cell)
			if j < len(row)-1 && widths[j] > 0 {
				line.WriteString(strings.Repeat(" ", widths[j]-utf8.RuneCountInString(cell)+2))
			}
		}
		lines[i] = strings.TrimRight(line.String(), " ")
	}
	return lines
}

// count says how many there are: "1 provider", "12 providers".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
