package hooks

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
)

// Diff is the merge patch that makes next of was, two JSON objects whose names are
// escaped alike, as one program writes them; nil when they are the same. It is for
// the other side of the wire.
func Diff(was, next json.RawMessage) (json.RawMessage, error) {
	a, err := members(was)
	if err != nil {
		return nil, err
	}
	b, err := members(next)
	if err != nil {
		return nil, err
	}
	var patch []byte
	change := func(name, value []byte) {
		patch = append(append(append(append(patch, ','), name...), ':'), value...)
	}
	for _, m := range a {
		if find(b, m.name) == nil {
			change(m.name, []byte("null"))
		}
	}
	for _, m := range b {
		value, err := difference(find(a, m.name), m.value)
		if err != nil {
			return nil, err
		}
		if value != nil {
			change(m.name, value)
		}
	}
	if patch == nil {
		return nil, nil
	}
	patch[0] = '{'
	return append(patch, '}'), nil
}

// difference is nil where nothing changed.
func difference(was, next json.RawMessage) (json.RawMessage, error) {
	switch {
	case bytes.Equal(was, next):
		return nil, nil
	case isObject(was) && isObject(next):
		return Diff(was, next)
	}
	return next, nil
}

// member is one of an object's, as it is written.
type member struct {
	name  []byte // in its quotes
	value json.RawMessage
}

func find(list []member, name []byte) json.RawMessage {
	i := slices.IndexFunc(list, func(m member) bool { return bytes.Equal(m.name, name) })
	if i < 0 {
		return nil
	}
	return list[i].value
}

// members cuts an object into its members without reading them: to read them all
// took longer than the handler whose change is looked for.
func members(object json.RawMessage) (list []member, err error) {
	var out bytes.Buffer
	if err := json.Compact(&out, object); err != nil {
		return nil, err
	}
	text := out.Bytes()
	if len(text) == 0 || text[0] != '{' {
		return nil, errors.New("no JSON object")
	}
	for at := 1; text[at] != '}'; {
		if text[at] == ',' {
			at++
		}
		colon := valueEnd(text, at)
		end := valueEnd(text, colon+1)
		list = append(list, member{text[at:colon], text[colon+1 : end]})
		at = end
	}
	return list, nil
}

// valueEnd is where the value ends that begins at from, in JSON that is valid and
// without spaces.
func valueEnd(text []byte, from int) int {
	depth := 0
	for i := from; ; i++ {
		switch text[i] {
		case '"':
			for i++; text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if depth > 0 {
			continue
		}
		switch text[i+1] {
		case ',', ':', '}', ']':
			return i + 1
		}
	}
}
