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

// RequireVersion is SeenVersion for what must not be changed unseen: a caller who
// names no version is refused.
func RequireVersion(ifMatch string, body *int) (int, error) {
	seen, err := SeenVersion(ifMatch, body)
	if err != nil {
		return 0, err
	}
	if seen == nil {
		return 0, InvalidField("version", "give the version that you have seen, here or as If-Match")
	}
	return *seen, nil
}
