package document

import (
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

// scalarTag is what a plain scalar is taken for.
type scalarTag uint8

const (
	tagText scalarTag = iota
	tagNull
	tagBool
	tagInt
	tagFloat
	tagDate
	tagValue // a lone =
	tagMerge // <<
)

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
	datePattern = Pattern(`^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}` +
		`|[0-9]{4}-[0-9][0-9]?-[0-9][0-9]?` +
		`(?:[Tt]|[ \t]+)[0-9][0-9]?` +
		`:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?` +
		`(?:[ \t]*(?:Z|[-+][0-9][0-9]?(?::[0-9]{2})?))?)$`)
)

// plainTag says what Keep's reader takes a plain scalar for.
func plainTag(s string) scalarTag {
	if s == "" {
		return tagNull
	}
	switch c := s[0]; {
	case c == '~' || c == 'n' || c == 'N':
		switch s {
		case "~", "null", "Null", "NULL":
			return tagNull
		}
		if boolPattern().MatchString(s) {
			return tagBool
		}
	case strings.IndexByte("yYtTfFoO", c) >= 0:
		if len(s) <= 5 && boolPattern().MatchString(s) {
			return tagBool
		}
	case c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.':
		switch {
		case floatPattern().MatchString(s):
			return tagFloat
		case intPattern().MatchString(s):
			return tagInt
		case datePattern().MatchString(s):
			return tagDate
		}
	case s == "=":
		return tagValue
	case s == "<<":
		return tagMerge
	}
	return tagText
}

// setPlain sets the value from a plain scalar.
func (v *Value) setPlain(s string) {
	tag := plainTag(s)
	if tag != tagText {
		v.written = &s
	}
	switch tag {
	case tagDate:
		v.Kind, v.Text, v.Flaw = Text, s, badNumber
		if text, ok := pythonTime(s); ok {
			v.Text, v.Flaw = text, Date
		}
		return
	case tagValue, tagMerge:
		v.Kind, v.Text, v.Flaw = Text, s, reserved
		return
	}
	v.setTagged(tag, s)
	switch {
	case tag == tagInt && strings.Contains(s, ":"), tag == tagFloat && strings.Contains(s, ":"):
		v.Trap = Sexagesimal
	case tag == tagInt && octal(s):
		v.Trap = Octal
	case tag == tagBool && !strings.EqualFold(s, "true") && !strings.EqualFold(s, "false"):
		v.Trap = Switch
	}
}

// ReadsAsText reports whether a text that is written plain is read as that text, by Keep's reader.
func ReadsAsText(text string) bool { return plainTag(text) == tagText }

// octal reports whether an integer is octal by its leading zero.
func octal(s string) bool {
	s = strings.TrimLeft(s, "+-")
	return len(s) > 1 && s[0] == '0' && s[1] != 'x' && s[1] != 'b' && strings.Trim(s, "0_") != ""
}

// setTagged sets the value from the text of a scalar of that tag.
func (v *Value) setTagged(tag scalarTag, s string) {
	switch tag {
	case tagNull:
		v.Kind = Null
	case tagBool:
		v.Kind = Boolean
		switch strings.ToLower(s) {
		case "yes", "true", "on":
			v.Text = "true"
		case "no", "false", "off":
			v.Text = "false"
		default:
			v.Flaw = badNumber
		}
	case tagInt:
		v.Kind = Number
		if v.Text, v.Flaw = yamlInt(s); v.Flaw != Sound {
			v.Text = "0"
		}
	case tagFloat:
		v.Kind = Number
		switch v.Text, v.Flaw = yamlFloat(s); v.Flaw {
		case Sound:
		case NotFinite:
			v.Kind = Text
		default:
			v.Text = "0.0"
		}
	default:
		v.Kind, v.Text = Text, s
	}
}

// timePattern takes a date or time apart.
var timePattern = Pattern(`^([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})` +
	`(?:(?:[Tt]|[ \t]+)([0-9]{1,2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]*))?` +
	`(?:[ \t]*(?:(Z)|([-+])([0-9]{1,2})(?::([0-9]{2}))?))?)?$`)

// pythonTime writes a date or time of YAML as Python does, or says that there is no such day or hour.
func pythonTime(s string) (string, bool) {
	part := timePattern().FindStringSubmatch(s)
	if part == nil {
		return "", false
	}
	number := func(i int) int {
		n, _ := strconv.Atoi(part[i]) // digits, at most four, or nothing
		return n
	}
	year, month, day := number(1), number(2), number(3)
	hour, minute, second := number(4), number(5), number(6)
	at := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	if year < 1 || at.Day() != day || int(at.Month()) != month || at.Hour() != hour || at.Minute() != minute || at.Second() != second {
		return "", false
	}
	if part[4] == "" {
		return at.Format(time.DateOnly), true
	}
	text := at.Format(time.DateTime)
	if fraction := (part[7] + "000000")[:6]; fraction != "000000" {
		text += "." + fraction
	}
	switch {
	case part[8] != "":
		text += "+00:00"
	case part[9] != "":
		offset := number(10)*60 + number(11)
		if offset >= 24*60 {
			return "", false
		}
		sign := part[9]
		if offset == 0 {
			sign = "+"
		}
		text += fmt.Sprintf("%s%02d:%02d", sign, offset/60, offset%60)
	}
	return text, true
}

// yamlInt gives a YAML 1.1 integer in decimal.
func yamlInt(s string) (string, Flaw) {
	if len(s) > 2*maxDigits {
		return "", tooLarge
	}
	digits := strings.ReplaceAll(s, "_", "")
	negative := strings.HasPrefix(digits, "-")
	if negative || strings.HasPrefix(digits, "+") {
		digits = digits[1:]
	}
	value := new(big.Int)
	ok := digits != ""
	switch {
	case !ok || digits[0] == '+' || digits[0] == '-':
		return "", badNumber
	case digits == "0":
	case strings.HasPrefix(digits, "0b"):
		_, ok = value.SetString(digits[2:], 2)
	case strings.HasPrefix(digits, "0x"):
		_, ok = value.SetString(digits[2:], 16)
	case digits[0] == '0':
		_, ok = value.SetString(digits, 8)
	case strings.Contains(digits, ":"):
		sixty := big.NewInt(60)
		for part := range strings.SplitSeq(digits, ":") {
			n, err := strconv.ParseUint(part, 10, 63)
			if err != nil {
				return "", badNumber
			}
			value.Add(value.Mul(value, sixty), new(big.Int).SetUint64(n))
		}
	default:
		if len(digits) > maxDigits {
			return "", tooLarge
		}
		_, ok = value.SetString(digits, 10)
	}
	if !ok {
		return "", badNumber
	}
	if negative {
		value.Neg(value)
	}
	text := value.String()
	if len(text) > maxDigits {
		return "", tooLarge
	}
	return text, Sound
}

// yamlFloat gives a YAML 1.1 float as Python writes it.
func yamlFloat(s string) (string, Flaw) {
	digits := strings.ToLower(strings.ReplaceAll(s, "_", ""))
	sign := 1.0
	if strings.HasPrefix(digits, "-") {
		sign = -1
	}
	if strings.HasPrefix(digits, "-") || strings.HasPrefix(digits, "+") {
		digits = digits[1:]
	}
	var value float64
	switch {
	case digits == ".nan":
		return ".nan", NotFinite
	case digits == ".inf":
		value = math.Inf(1)
	case strings.Contains(digits, ":"):
		base := 1.0 // added from the right, as Keep's reader does, since that decides the last digit
		parts := strings.Split(digits, ":")
		for _, part := range slices.Backward(parts) {
			n, err := strconv.ParseFloat(part, 64)
			if err != nil {
				return "", badNumber
			}
			value += n * base
			base *= 60
		}
	default:
		if strings.Trim(digits, "0123456789.e+-") != "" {
			return "", badNumber
		}
		n, err := strconv.ParseFloat(digits, 64)
		if err != nil && !math.IsInf(n, 0) {
			return "", badNumber
		}
		value = n
	}
	switch value *= sign; {
	case math.IsInf(value, 1):
		return ".inf", NotFinite
	case math.IsInf(value, -1):
		return "-.inf", NotFinite
	}
	return pythonFloat(value), Sound
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
