package catalogue

import (
	"strconv"
	"strings"
)

// decimal is a number as written in JSON, exact: 0.digits times ten to the power of exponent, where digits begin and end
// with another digit than 0. No digits are zero.
type decimal struct {
	negative bool
	digits   string
	exponent int
}

// parseDecimal takes a number of JSON, also with a leading +, with leading zeros or with nothing after its point.
func parseDecimal(text string) decimal {
	var d decimal
	d.negative = strings.HasPrefix(text, "-")
	text = strings.TrimLeft(text, "+-")
	mantissa, power, _ := strings.Cut(strings.ToLower(text), "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	significant := strings.TrimLeft(whole+fraction, "0")
	d.exponent = len(significant) - len(fraction)
	d.digits = strings.TrimRight(significant, "0")
	if d.digits == "" {
		return decimal{}
	}
	if power != "" {
		const far = 1 << 30 // any exponent beyond says the same
		e, err := strconv.Atoi(power)
		switch {
		case err != nil && strings.HasPrefix(power, "-"), e < -far:
			e = -far
		case err != nil, e > far:
			e = far
		}
		d.exponent += e
	}
	return d
}

// isZeroOrOne says whether the number is exactly 0 or 1.
func isZeroOrOne(text string) bool {
	d := parseDecimal(text)
	return d.digits == "" || !d.negative && d.digits == "1" && d.exponent == 1
}

// isPort says whether the number, its fraction cut off, is from 1 to 65535.
func isPort(text string) bool {
	const longest = 5
	d := parseDecimal(text)
	if d.negative || d.exponent < 1 || d.exponent > longest {
		return false
	}
	whole := d.digits[:min(len(d.digits), d.exponent)]
	whole += strings.Repeat("0", d.exponent-len(whole))
	port, err := strconv.Atoi(whole)
	return err == nil && port <= 65535
}
