package core

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
)

const (
	defaultLimit = 25
	maxLimit     = 100
)

func (p Page) limit() int {
	switch {
	case p.Limit <= 0:
		return defaultLimit
	case p.Limit > maxLimit:
		return maxLimit
	}
	return p.Limit
}

// id reads a cursor that is the id of the last row seen.
func (p Page) id() (int64, error) {
	text, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	if err == nil {
		var id int64
		if id, err = strconv.ParseInt(string(text), 10, 64); err == nil {
			return id, nil
		}
	}
	return 0, InvalidField("cursor", "not a cursor of this list")
}

func cursorOf(id int64) string { return base64.RawURLEncoding.EncodeToString([]byte(itoa(id))) }

// place is where a page of tickets ends: the sort it belongs to and the last
// row's sort keys.
type place struct {
	Sort string  `json:"s"`
	Keys []int64 `json:"k"`
}

func (p place) cursor() string {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) //nolint:forbidigo // a string and integers always encode
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func readPlace(cursor, sort string, keys int) (place, error) {
	var p place
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || json.Unmarshal(text, &p) != nil || len(p.Keys) != keys {
		return p, InvalidField("cursor", "not a cursor of this list")
	}
	if p.Sort != sort {
		return p, InvalidField("cursor", "the cursor belongs to the sort %q", p.Sort)
	}
	return p, nil
}
