package export

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// value is a value of JSON that keeps the order of keys and the text of numbers.
type value struct {
	scalar any // nil, bool, string or json.Number
	list   []value
	isList bool
	object []member // not nil for an object
}

type member struct {
	key   string
	value value
}

// parse reads JSON. Of a key that an object has twice, the last value counts, as everywhere.
func parse(text string) (value, error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	v, err := read(decoder)
	if err != nil {
		return value{}, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return value{}, errors.New("text after the end of the JSON")
	}
	return v, nil
}

func read(decoder *json.Decoder) (value, error) {
	token, err := decoder.Token()
	if err != nil {
		return value{}, err
	}
	delimiter, ok := token.(json.Delim)
	if !ok {
		return value{scalar: token}, nil
	}
	v := value{isList: delimiter == '['}
	index := map[string]int{}
	if !v.isList {
		v.object = []member{}
	}
	for decoder.More() {
		var key string
		if !v.isList {
			token, err := decoder.Token()
			if err != nil {
				return value{}, err
			}
			key, _ = token.(string)
		}
		below, err := read(decoder)
		if err != nil {
			return value{}, err
		}
		if v.isList {
			v.list = append(v.list, below)
			continue
		}
		if i, ok := index[key]; ok {
			v.object[i].value = below
			continue
		}
		index[key] = len(v.object)
		v.object = append(v.object, member{key, below})
	}
	_, err = decoder.Token()
	return v, err
}
