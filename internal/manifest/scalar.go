package manifest

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Keep reads YAML by the rules of YAML 1.1 (yes and no are booleans, 012 is ten,
// 12:30 is 750), while the YAML library goes mostly by 1.2. So the scalars are
// resolved here, by the patterns of Keep's reader.

// trap marks a plain scalar that means something other than it seems.
type trap uint8

const (
	trapNone        trap = iota
	trapOctal            // 012
	trapSexagesimal      // 12:30
	trapSwitch           // yes, no, on, off
	trapAnchor           // &name and nothing else
)

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
	boolPattern  = regexp.MustCompile(`^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$`)
	floatPattern = regexp.MustCompile(`^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?` +
		`|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?` +
		`|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*` +
		`|[-+]?\.(?:inf|Inf|INF)` +
		`|\.(?:nan|NaN|NAN))$`)
	intPattern = regexp.MustCompile(`^(?:[-+]?0b[0-1_]+` +
		`|[-+]?0[0-7_]+` +
		`|[-+]?(?:0|[1-9][0-9_]*)` +
		`|[-+]?0x[0-9a-fA-F_]+` +
		`|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$`)
	datePattern = regexp.MustCompile(`^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}` +
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
		if boolPattern.MatchString(s) {
			return tagBool
		}
	case strings.IndexByte("yYtTfFoO", c) >= 0:
		if len(s) <= 5 && boolPattern.MatchString(s) {
			return tagBool
		}
	case c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.':
		switch {
		case floatPattern.MatchString(s):
			return tagFloat
		case intPattern.MatchString(s):
			return tagInt
		case datePattern.MatchString(s):
			return tagDate
		}
	case s == "=":
		return tagValue
	case s == "<<":
		return tagMerge
	}
	return tagText
}

// unfit says why a scalar cannot be stored.
type unfit uint8

const (
	fits       unfit = iota
	notOfTag         // the text is no value of its tag
	tooLarge         // more digits than Python converts
	notFinite        // inf, nan, or too large for a float
	dateNotSet       // a date, which has no JSON form
	reserved         // a lone = or <<
)

// setPlain sets kind and text of n from a plain scalar.
func (n *node) setPlain(s string) unfit {
	tag := plainTag(s)
	if tag != tagText {
		n.written = s
	}
	switch tag {
	case tagDate:
		n.kind, n.text = kindText, s
		text, ok := pythonTime(s)
		if !ok {
			return notOfTag
		}
		n.text = text
		return dateNotSet
	case tagValue, tagMerge:
		n.kind, n.text = kindText, s
		return reserved
	}
	unfit := n.setTagged(tag, s)
	switch {
	case tag == tagInt && strings.Contains(s, ":"), tag == tagFloat && strings.Contains(s, ":"):
		n.trap = trapSexagesimal
	case tag == tagInt && octal(s):
		n.trap = trapOctal
	case tag == tagBool && !strings.EqualFold(s, "true") && !strings.EqualFold(s, "false"):
		n.trap = trapSwitch
	}
	return unfit
}

// octal says whether an integer is octal by its leading zero.
func octal(s string) bool {
	s = strings.TrimLeft(s, "+-")
	return len(s) > 1 && s[0] == '0' && s[1] != 'x' && s[1] != 'b' && strings.Trim(s, "0_") != ""
}

// setTagged sets kind and text of n from the text of a scalar of that tag.
func (n *node) setTagged(tag scalarTag, s string) unfit {
	switch tag {
	case tagNull:
		n.kind = kindNull
	case tagBool:
		n.kind = kindBool
		switch strings.ToLower(s) {
		case "yes", "true", "on":
			n.text = "true"
		case "no", "false", "off":
			n.text = "false"
		default:
			return notOfTag
		}
	case tagInt:
		n.kind, n.text = kindNumber, "0"
		value, unfit := yamlInt(s)
		if unfit != fits {
			return unfit
		}
		n.text = value
	case tagFloat:
		n.kind, n.text = kindNumber, "0.0"
		value, unfit := yamlFloat(s)
		switch unfit {
		case fits:
			n.text = value
		case notFinite:
			n.kind, n.text = kindText, value
		}
		return unfit
	default:
		n.kind, n.text = kindText, s
	}
	return fits
}

// timePattern takes a date or time apart.
var timePattern = regexp.MustCompile(`^([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})` +
	`(?:(?:[Tt]|[ \t]+)([0-9]{1,2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]*))?` +
	`(?:[ \t]*(?:(Z)|([-+])([0-9]{1,2})(?::([0-9]{2}))?))?)?$`)

// pythonTime writes a date or time of YAML as Python does, or says that there is no such day or hour.
func pythonTime(s string) (string, bool) {
	part := timePattern.FindStringSubmatch(s)
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
func yamlInt(s string) (string, unfit) {
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
		return "", notOfTag
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
				return "", notOfTag
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
		return "", notOfTag
	}
	if negative {
		value.Neg(value)
	}
	text := value.String()
	if len(text) > maxDigits {
		return "", tooLarge
	}
	return text, fits
}

// yamlFloat gives a YAML 1.1 float as Python writes it.
func yamlFloat(s string) (string, unfit) {
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
		return ".nan", notFinite
	case digits == ".inf":
		value = math.Inf(1)
	case strings.Contains(digits, ":"):
		base := 1.0 // added from the right, as Keep's reader does, since that decides the last digit
		parts := strings.Split(digits, ":")
		for _, part := range slices.Backward(parts) {
			n, err := strconv.ParseFloat(part, 64)
			if err != nil {
				return "", notOfTag
			}
			value += n * base
			base *= 60
		}
	default:
		if strings.Trim(digits, "0123456789.e+-") != "" {
			return "", notOfTag
		}
		n, err := strconv.ParseFloat(digits, 64)
		if err != nil && !math.IsInf(n, 0) {
			return "", notOfTag
		}
		value = n
	}
	switch value *= sign; {
	case math.IsInf(value, 1):
		return ".inf", notFinite
	case math.IsInf(value, -1):
		return "-.inf", notFinite
	}
	return pythonFloat(value), fits
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
