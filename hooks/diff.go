package hooks

import (
	"bytes"
	"encoding/json"
	"slices"
)

// diff is the merge patch that makes next of was, two values as [json.Marshal] writes
// them; nil where nothing changed. Of two objects it is the members that differ.
func diff(was, next json.RawMessage) json.RawMessage {
	switch {
	case bytes.Equal(was, next):
		return nil
	case !isObject(was) || !isObject(next):
		return next
	}
	before, after := members(was), members(next)
	var patch []byte
	change := func(name, value []byte) {
		patch = append(append(append(append(patch, ','), name...), ':'), value...)
	}
	for i, m := range before {
		if find(after, i, m.name) == nil {
			change(m.name, []byte("null"))
		}
	}
	for i, m := range after {
		if value := diff(find(before, i, m.name), m.value); value != nil {
			change(m.name, value)
		}
	}
	if patch == nil { // their order alone
		return nil
	}
	patch[0] = '{'
	return append(patch, '}')
}

// member is one of an object's, as it is written.
type member struct {
	name  []byte // in its quotes
	value json.RawMessage
}

// find looks at place i first, where it is unless a member came or went.
func find(list []member, i int, name []byte) json.RawMessage {
	is := func(m member) bool { return bytes.Equal(m.name, name) }
	if i >= len(list) || !is(list[i]) {
		i = slices.IndexFunc(list, is)
	}
	if i < 0 {
		return nil
	}
	return list[i].value
}

// members cuts an object into its members without reading them: to read them all
// took longer than the handler whose change is looked for.
func members(object json.RawMessage) []member {
	list := make([]member, 0, 16)
	for at := 1; object[at] != '}'; {
		if object[at] == ',' {
			at++
		}
		colon := valueEnd(object, at)
		end := valueEnd(object, colon+1)
		list = append(list, member{object[at:colon], object[colon+1 : end]})
		at = end
	}
	return list
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
