package export

import (
	"math/big"
	"strconv"
	"strings"
)

// number writes a number of JSON so that YAML 1.1 reads the same number: digits only, since 1e3 is a text there and a
// leading zero makes a number octal. It is the form in which PostgreSQL compares numbers.
func number(literal string) string {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(literal), "e")
	_, fraction, _ := strings.Cut(mantissa, ".")
	shift := 0
	if exponent != "" {
		var err error
		if shift, err = strconv.Atoi(exponent); err != nil || shift < -400 || shift > 400 {
			return literal // no number that Keep could store
		}
	}
	value, ok := new(big.Rat).SetString(literal)
	if !ok {
		return literal
	}
	return value.FloatString(max(0, len(fraction)-shift))
}
