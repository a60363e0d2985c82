package core

import (
	"strconv"
	"strings"
)

// SeenVersion is the version that a caller has seen of what is to be changed: of
// the header If-Match, an ETag such as "3", or of the body's version, which must
// agree. Nil: the caller means it as it is now.
func SeenVersion(ifMatch string, body *int) (*int, error) {
	if ifMatch == "" || ifMatch == "*" {
		return body, nil
	}
	n, err := strconv.Atoi(strings.Trim(strings.TrimPrefix(ifMatch, "W/"), `"`))
	if err != nil {
		return nil, InvalidField("If-Match", "must be the ETag of the answer before, such as \"3\"")
	}
	if body != nil && *body != n {
		return nil, InvalidField("version", "differs from If-Match")
	}
	return &n, nil
}
