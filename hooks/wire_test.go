package hooks_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/hookdesk/hookdesk/hooks"
)

// letter is a payload with everything that a patch can get wrong.
type letter struct {
	Subject string            `json:"subject"`
	Tags    []string          `json:"tags"`
	Fields  map[string]string `json:"fields"`
	Owner   *draft            `json:"owner"`
	Secret  string            `json:"-"`
	Sealed  string            `json:"sealed"`
}

func written() letter {
	return letter{Subject: "Help", Tags: []string{"a", "b"}, Fields: map[string]string{"x": "1", "y": "2"}, Owner: &draft{Subject: "o", Count: 3},
		Secret: "kept", Sealed: "kept"}
}

func TestAPatchChangesWhatItNamesAndNothingElse(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		patch string
		want  func(*letter) // of written
		fails string
	}{
		"nothing is no change":               {patch: ``},
		"an empty patch is none":             {patch: `{}`},
		"one field":                          {patch: `{"subject":"Hilfe"}`, want: func(l *letter) { l.Subject = "Hilfe" }},
		"a list is replaced":                 {patch: `{"tags":["c"]}`, want: func(l *letter) { l.Tags = []string{"c"} }},
		"null empties":                       {patch: `{"owner":null,"tags":null}`, want: func(l *letter) { l.Owner, l.Tags = nil, nil }},
		"a key of a map is deleted":          {patch: `{"fields":{"x":null,"z":"3"}}`, want: func(l *letter) { l.Fields = map[string]string{"y": "2", "z": "3"} }},
		"a field of an object changes":       {patch: `{"owner":{"count":4}}`, want: func(l *letter) { l.Owner.Count = 4 }},
		"what is not writable fails":         {patch: `{"subject":"x","sealed":"broken"}`, fails: "sealed"},
		"what does not exist fails":          {patch: `{"colour":"red"}`, fails: "colour"},
		"a wrong type fails, all or none":    {patch: `{"subject":7,"tags":["c"]}`, fails: "subject"},
		"what is no object fails":            {patch: `["subject"]`, fails: "no JSON object"},
		"what is no JSON fails":              {patch: `{"subject":`, fails: "no JSON object"},
		"hidden fields cannot be reached":    {patch: `{"Secret":"x"}`, fails: "Secret"},
		"names are told apart by their case": {patch: `{"SUBJECT":"x"}`, fails: "SUBJECT"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var point hooks.Before[letter]
			point.Declare(hooks.Point{Name: "letter.send.before", Doc: "-", Writable: []string{"subject", "tags", "fields", "owner"}})
			_, err := hooks.Attach(&point, &owner{id: "p"}, "far", func(_ context.Context, payload json.RawMessage) (json.RawMessage, error) {
				if strings.Contains(string(payload), "Secret") {
					t.Errorf("a hidden field crossed: %s", payload)
				}
				return json.RawMessage(tt.patch), nil
			})
			if err != nil {
				t.Fatal(err)
			}
			got, want, before := written(), written(), written()
			shared := got // what somebody else may still hold
			if tt.want != nil {
				tt.want(&want)
			}
			err = point.Run(t.Context(), &got)
			if (err == nil) != (tt.fails == "") || err != nil && !strings.Contains(err.Error(), tt.fails) {
				t.Fatalf("error %v", err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
			if !reflect.DeepEqual(shared, before) {
				t.Errorf("the patch reached a copy: %+v", shared)
			}
		})
	}
}

func TestARawHandlerVetoesAndBreaksAsAnyOther(t *testing.T) {
	t.Parallel()
	var point hooks.Before[letter]
	point.Declare(hooks.Point{Name: "letter.send.before", Doc: "-"})
	answer := hooks.Veto("spam", "No.")
	remove, err := hooks.Attach(&point, &owner{id: "p"}, "far", func(context.Context, json.RawMessage) (json.RawMessage, error) { return nil, answer })
	if err != nil {
		t.Fatal(err)
	}
	v := written()
	if err := point.Run(t.Context(), &v); !errors.As(err, new(*hooks.Vetoed)) {
		t.Errorf("a veto came back as %v", err)
	}
	answer = errBoom
	if err := point.Run(t.Context(), &v); !errors.As(err, new(*hooks.Failure)) {
		t.Errorf("an error came back as %v", err)
	}
	remove()
	if err := point.Run(t.Context(), &v); err != nil {
		t.Errorf("a removed handler said %v", err)
	}
}

func TestListenIsGivenTheEventAsItWasLogged(t *testing.T) {
	t.Parallel()
	point := stored()
	var got hooks.Envelope
	if _, err := hooks.Listen(point, &owner{id: "p"}, "far", func(_ context.Context, e hooks.Envelope) error { got = e; return nil }); err != nil {
		t.Fatal(err)
	}
	sent := hooks.Envelope{ID: 4, Name: "draft.stored", Key: "draft:4", Attempt: 2, Cause: 1, Actor: hooks.Actor{Kind: "agent", ID: "u"},
		Data: json.RawMessage(`{"subject":"s","tags":["a"],"count":2,"of_a_later_version":true}`)}
	if err := point.Consumers()[0].Deliver(t.Context(), sent); err != nil || !reflect.DeepEqual(got, sent) {
		t.Errorf("got %+v (%s) %v", got, got.Data, err)
	}
}

func TestRawHandlersFitTheirKind(t *testing.T) {
	t.Parallel()
	raw := func(context.Context, json.RawMessage) (json.RawMessage, error) { return nil, nil }
	hear := func(context.Context, hooks.Envelope) error { return nil }
	var filter hooks.Filter[letter]
	filter.Declare(hooks.Point{Name: "letter.show", Doc: "-", Writable: []string{"subject"}})
	var within hooks.Within[letter]
	within.Declare(hooks.Point{Name: "letter.send.within", Doc: "-"})
	if _, err := hooks.Attach(&filter, &owner{id: "p"}, "far", raw); err != nil {
		t.Error(err)
	}
	if _, err := hooks.Listen(&filter, &owner{id: "p"}, "far", hear); err == nil {
		t.Error("a filter has no events")
	}
	for _, p := range []hooks.Inspector{&within, stored()} {
		if _, err := hooks.Attach(p, &owner{id: "p"}, "far", raw); err == nil {
			t.Errorf("attached to a %s", p.Kind())
		}
	}
}

func TestCallIsTheOtherEndOfAttach(t *testing.T) {
	t.Parallel()
	near := &owner{id: "p"}
	var there hooks.Before[letter] // in the other process
	there.Declare(hooks.Point{Name: "letter.send.before", Doc: "-"})
	there.Add(near, "shout", func(_ context.Context, l *letter) error {
		if l.Subject == "spam" {
			return hooks.Veto("spam", "No.")
		}
		l.Subject, l.Tags = strings.ToUpper(l.Subject), append(l.Tags, "loud")
		return nil
	})
	there.Add(near, "other", func(context.Context, *letter) error { t.Error("another handler was called"); return nil })
	var here hooks.Before[letter]
	here.Declare(hooks.Point{Name: "letter.send.before", Doc: "-", Writable: []string{"subject", "tags"}})
	_, err := hooks.Attach(&here, near, "shout", func(ctx context.Context, payload json.RawMessage) (json.RawMessage, error) {
		return hooks.Call(ctx, &there, "p.shout", payload)
	})
	if err != nil {
		t.Fatal(err)
	}
	got, want := written(), written()
	want.Subject, want.Tags = "HELP", []string{"a", "b", "loud"}
	if err := here.Run(t.Context(), &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v %v, want %+v", got, err, want)
	}
	got.Subject = "spam"
	if err := here.Run(t.Context(), &got); !errors.As(err, new(*hooks.Vetoed)) {
		t.Errorf("the veto came back as %v", err)
	}
	if _, err := hooks.Call(t.Context(), &there, "p.nobody", json.RawMessage(`{}`)); err == nil {
		t.Error("called a handler that is not there")
	}
}

// anything has members of any kind; one that is empty is not written.
type anything struct {
	A json.RawMessage `json:"a,omitempty"`
	B json.RawMessage `json:"b,omitempty"`
	C json.RawMessage `json:"c,omitempty"`
}

func TestAPatchIsTheDifferenceThatAHandlerMakes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ was, next, want string }{
		"the same":                {`{"a":1,"b":{"c":[1]}}`, `{"a":1,"b":{"c":[1]}}`, ``},
		"a changed field":         {`{"a":1,"b":2}`, `{"a":1,"b":3}`, `{"b":3}`},
		"a changed list":          {`{"a":[1,2]}`, `{"a":[2]}`, `{"a":[2]}`},
		"a field of an object":    {`{"a":{"b":1,"c":2}}`, `{"a":{"b":1,"c":3}}`, `{"a":{"c":3}}`},
		"a key that is gone":      {`{"a":{"b":1,"c":2}}`, `{"a":{"c":2}}`, `{"a":{"b":null}}`},
		"an object that is null":  {`{"a":{"b":1}}`, `{"a":null}`, `{"a":null}`},
		"marks inside texts":      {`{"a":"},{\"b\":\\","b":1}`, `{"a":"},{\"b\":\\","b":2}`, `{"b":2}`},
		"empty objects and lists": {`{"a":{},"b":[],"c":1}`, `{"a":{"x":[{}]},"b":[[]],"c":1}`, `{"a":{"x":[{}]},"b":[[]]}`},
		"spaces":                  {` { "a" : [ 1 , 2 ] , "b" : 1 } `, "{\n\"a\":[1,2],\t\"b\":2}", `{"b":2}`},
		"nothing at all":          {`{}`, `{}`, ``},
		"all of it":               {`{"a":1,"b":2}`, `{}`, `{"a":null,"b":null}`},
		"an object that was null": {`{"a":null}`, `{"a":{"b":1}}`, `{"a":{"b":1}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var point hooks.Before[anything]
			point.Declare(hooks.Point{Name: "anything.change.before", Doc: "-"})
			point.Add(&owner{id: "p"}, "change", func(_ context.Context, v *anything) error {
				*v = anything{}
				return json.Unmarshal([]byte(tt.next), v)
			})
			got, err := hooks.Call(t.Context(), &point, "p.change", json.RawMessage(tt.was))
			if err != nil || string(got) != tt.want {
				t.Errorf("got %s %v, want %s", got, err, tt.want)
			}
		})
	}
}
