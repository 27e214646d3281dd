package document

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Keep reads YAML by the rules of YAML 1.1 (yes and no are booleans, 012 is ten,
// 12:30 is 750), while the YAML library mostly follows 1.2. So the scalars are
// resolved here, by the patterns of Keep's reader.

var (
	boolPattern  = Pattern(`^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$`)
	floatPattern = Pattern(`^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?` +
		`|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?` +
		`|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*` +
		`|[-+]?\.(?:inf|Inf|INF)` +
		`|\.(?:nan|NaN|NAN))$`)
	intPattern = Pattern(`^(?:[-+]?0b[0-1_]+` +
		`|[-+]?0[0-7_]+` +
		`|[-+]?(?:0|[1-9][0-9_]*)` +
		`|[-+]?0x[0-9a-fA-F_]+` +
		`|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$`)
	datePattern = Pattern(`^(?:([0-9]{4}-[0-9]{2}-[0-9]{2})` +
		`|([0-9]{4}-[0-9][0-9]?-[0-9][0-9]?)(?:[Tt]|[ \t]+)([0-9][0-9]?:[0-9]{2}:[0-9]{2})(?:\.([0-9]*))?` +
		`(?:[ \t]*(?:(Z)|([-+])([0-9][0-9]?)(?::([0-9]{2}))?))?)$`)
	octalPattern = Pattern(`^[-+]?0[0-7_]*[1-7]`)
)

// setPlain sets the value from a plain scalar.
func (v *Value) setPlain(s string) {
	v.Kind, v.Text = Text, s
	if s != "" && !strings.ContainsRune("~=<+-.0123456789yYnNtTfFoO", rune(s[0])) {
		return
	}
	switch {
	case slices.Contains([]string{"", "~", "null", "Null", "NULL"}, s):
		v.Kind, v.Text = Null, ""
	case s == "=" || s == "<<":
		v.Flaw = reserved
	case boolPattern().MatchString(s):
		if v.setBool(s); !strings.EqualFold(s, v.Text) {
			v.Trap = Switch
		}
	case floatPattern().MatchString(s):
		v.setFloat(s)
	case intPattern().MatchString(s):
		v.setInt(s)
		if octalPattern().MatchString(s) {
			v.Trap = Octal
		}
	case datePattern().MatchString(s):
		v.setDate(s)
	default:
		return
	}
	v.written = &s
	if v.Kind == Number && strings.Contains(s, ":") {
		v.Trap = Sexagesimal
	}
}

// ReadsAsText reports whether a text that is written plain is read as that text, by Keep's reader.
func ReadsAsText(text string) bool {
	var v Value
	v.setPlain(text)
	return v.written == nil
}

// setBool sets the value from the text of a boolean.
func (v *Value) setBool(s string) {
	v.Kind = Boolean
	switch strings.ToLower(s) {
	case "yes", "true", "on":
		v.Text = "true"
	case "no", "false", "off":
		v.Text = "false"
	default:
		v.Text, v.Flaw = "false", badNumber
	}
}

// setDate sets the value from a date or time, as Python writes it, if there is such a day and hour.
func (v *Value) setDate(s string) {
	v.Flaw = badNumber
	part := datePattern().FindStringSubmatch(s)
	number := func(i int) int {
		n, _ := strconv.Atoi(part[i]) // at most two digits, or nothing
		return n
	}
	text := part[1]
	at, err := time.Parse(time.DateOnly, text)
	if text == "" {
		at, err = time.Parse("2006-1-2 15:04:05", part[2]+" "+part[3])
		text = at.Format(time.DateTime)
		if fraction := (part[4] + "000000")[:6]; fraction != "000000" {
			text += "." + fraction
		}
	}
	offset := number(7)*60 + number(8)
	if err != nil || at.Year() < 1 || offset >= 24*60 {
		return
	}
	switch {
	case part[6] != "" && offset > 0:
		text += fmt.Sprintf("%s%02d:%02d", part[6], offset/60, offset%60)
	case part[5] != "" || part[6] != "":
		text += "+00:00"
	}
	v.Text, v.Flaw = text, Date
}

// setInt sets the value from a YAML 1.1 integer, in decimal.
func (v *Value) setInt(s string) {
	v.Kind, v.Text = Number, "0"
	switch {
	case len(s) > 2*maxDigits:
		v.Flaw = tooLarge
		return
	case !intPattern().MatchString(s):
		v.Flaw = badNumber
		return
	}
	value, ok := new(big.Int), true
	digits := strings.ReplaceAll(s, "_", "")
	if strings.Contains(digits, ":") {
		for part := range strings.SplitSeq(strings.TrimLeft(digits, "+-"), ":") {
			n, _ := new(big.Int).SetString(part, 10) // digits, by the pattern
			value.Add(value.Mul(value, big.NewInt(60)), n)
		}
		if digits[0] == '-' {
			value.Neg(value)
		}
	} else {
		_, ok = value.SetString(digits, 0) // 0b and 0x without digits
	}
	switch text := value.String(); {
	case !ok:
		v.Flaw = badNumber
	case len(text) > maxDigits:
		v.Flaw = tooLarge
	default:
		v.Text = text
	}
}

// setFloat sets the value from a YAML 1.1 float, as Python writes it.
func (v *Value) setFloat(s string) {
	v.Kind, v.Text = Number, "0.0"
	digits := strings.TrimPrefix(strings.ToLower(strings.ReplaceAll(s, "_", "")), "+")
	unsigned := strings.TrimPrefix(digits, "-")
	var value float64
	var err error
	switch {
	case unsigned == ".nan":
		v.Kind, v.Text, v.Flaw = Text, ".nan", NotFinite
		return
	case unsigned == ".inf":
		value = math.Inf(1)
	case strings.Contains(unsigned, ":"):
		base := 1.0 // added from the right, as Keep's reader does, since that decides the last digit
		for _, part := range slices.Backward(strings.Split(unsigned, ":")) {
			n, errPart := strconv.ParseFloat(part, 64)
			err = errors.Join(err, errPart)
			value += n * base
			base *= 60
		}
	case strings.Trim(unsigned, "0123456789.e+-") != "":
		err = strconv.ErrSyntax
	default:
		value, err = strconv.ParseFloat(unsigned, 64)
	}
	if unsigned != digits {
		value = -value
	}
	switch {
	case math.IsInf(value, 1):
		v.Kind, v.Text, v.Flaw = Text, ".inf", NotFinite
	case math.IsInf(value, -1):
		v.Kind, v.Text, v.Flaw = Text, "-.inf", NotFinite
	case err != nil:
		v.Flaw = badNumber
	default:
		v.Text = pythonFloat(value)
	}
}

// PythonNumber writes a number of JSON as Python does, which reads a number with a fraction or an exponent as a float.
func PythonNumber(literal string) string {
	if !strings.ContainsAny(literal, ".eE") {
		return literal
	}
	value, err := strconv.ParseFloat(literal, 64)
	if err != nil {
		return literal
	}
	return pythonFloat(value)
}

// pythonFloat writes a float as Python's repr does.
func pythonFloat(value float64) string {
	text := strconv.FormatFloat(value, 'e', -1, 64)
	_, exponent, _ := strings.Cut(text, "e")
	if e, _ := strconv.Atoi(exponent); e >= -4 && e < 16 {
		text = strconv.FormatFloat(value, 'f', -1, 64)
		if !strings.Contains(text, ".") {
			text += ".0"
		}
	}
	return text
}
