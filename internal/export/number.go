package export

import (
	"strconv"
	"strings"
)

// number writes a number of JSON so that YAML 1.1 reads the same number: digits only, since 1e3 is a text there and a
// leading zero makes a number octal. It is the form in which PostgreSQL compares numbers.
func number(literal string) string {
	mantissa, exponentText, _ := strings.Cut(strings.ToLower(literal), "e")
	exponent := 0
	if exponentText != "" {
		var err error
		if exponent, err = strconv.Atoi(exponentText); err != nil || exponent < -400 || exponent > 400 {
			return literal // no number that Keep could store
		}
	}
	mantissa, negative := strings.CutPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits, point := whole+fraction, len(whole)+exponent
	if point < 1 {
		digits, point = strings.Repeat("0", 1-point)+digits, 1
	}
	if point > len(digits) {
		digits += strings.Repeat("0", point-len(digits))
	}
	whole, fraction = strings.TrimLeft(digits[:point], "0"), digits[point:]
	if whole == "" {
		whole = "0"
	}
	if negative && strings.Trim(whole+fraction, "0") != "" {
		whole = "-" + whole
	}
	if fraction == "" {
		return whole
	}
	return whole + "." + fraction
}
