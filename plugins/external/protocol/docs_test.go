package protocol_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/hooks"
	"github.com/hookdesk/hookdesk/plugins/external/protocol"
)

// page is docs/protocol.md.
func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// example is the block of that name in the page.
func example(t *testing.T, name string) string {
	t.Helper()
	found := regexp.MustCompile("(?s)```[a-z]+ example-" + name + "\n(.*?)\n```").FindStringSubmatch(page(t))
	if found == nil {
		t.Fatalf("the page has no example %s", name)
	}
	return found[1]
}

func TestThePageNamesEachCallAndEachField(t *testing.T) {
	t.Parallel()
	text := page(t)
	sections := regexp.MustCompile(`(?m)^##+ `).Split(text, -1)
	file := protocol.File_plugin_proto
	for service := range each(file.Services()) {
		for call := range each(service.Methods()) {
			if !strings.Contains(text, string(call.Name())+"(") {
				t.Errorf("the call %s", call.FullName())
			}
		}
	}
	for message := range each(file.Messages()) {
		name := regexp.MustCompile(`\b` + string(message.Name()) + `\b`)
		about := strings.Join(slices.DeleteFunc(slices.Clone(sections), func(s string) bool { return !name.MatchString(s) }), "")
		if about == "" {
			t.Errorf("the message %s", message.Name())
		}
		for field := range each(message.Fields()) {
			if !strings.Contains(about, "`"+string(field.Name())+"`") && !strings.Contains(about, "`"+string(message.Name())+"."+string(field.Name())+"`") {
				t.Errorf("the field %s", field.FullName())
			}
		}
	}
}

// each goes over one of protobuf's lists.
func each[T any](list interface {
	Len() int
	Get(i int) T
}) func(func(T) bool) {
	return func(yield func(T) bool) {
		for i := range list.Len() {
			if !yield(list.Get(i)) {
				return
			}
		}
	}
}

func TestTheSignatureOfThePageIsRight(t *testing.T) {
	t.Parallel()
	in := map[string]string{}
	for line := range strings.Lines(example(t, "signature")) {
		words := strings.Fields(line)
		in[words[0]] = words[1]
	}
	sent, err := strconv.ParseInt(in["time"], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), in["method"], in["target"], http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{protocol.ActorHeader: in["actor"], protocol.TimeHeader: in["time"], protocol.SignatureHeader: in["signature"]} {
		r.Header.Set(name, value)
	}
	key, at := []byte(in["identity_key"]), time.Unix(sent, 0)
	for after, good := range map[time.Duration]bool{0: true, time.Minute: true, -time.Minute: true, 61 * time.Second: false, -61 * time.Second: false} {
		if _, err := protocol.Verify(r, key, at.Add(after)); (err == nil) != good {
			t.Errorf("after %s: %v", after, err)
		}
	}
	actor, err := base64.StdEncoding.DecodeString(in["actor"])
	if err != nil || string(actor) != example(t, "actor") {
		t.Errorf("%v: the actor is %s", err, actor)
	}
	var who core.Actor
	if err := json.Unmarshal(actor, &who); err != nil {
		t.Fatal(err)
	}
	if err := protocol.Sign(r, key, who, at); err != nil || r.Header.Get(protocol.SignatureHeader) != in["signature"] || r.Header.Get(protocol.ActorHeader) != in["actor"] {
		t.Errorf("%v: the desk sends %v", err, r.Header)
	}
}

func TestThePatchOfThePageDoesWhatItSays(t *testing.T) {
	t.Parallel()
	draft := same[core.TicketDraft](t, "payload")
	on := core.NewHooks()
	patch := func(_ context.Context, payload json.RawMessage) (json.RawMessage, error) {
		if string(payload) != example(t, "payload") {
			t.Errorf("the payload is %s", payload)
		}
		return json.RawMessage(example(t, "patch")), nil
	}
	if _, err := hooks.Attach(&on.Ticket.Create.Before, owner{}, "patch", patch); err != nil {
		t.Fatal(err)
	}
	if err := on.Ticket.Create.Before.Run(t.Context(), &draft); err != nil {
		t.Fatal(err)
	}
	if got, err := json.Marshal(draft); err != nil || string(got) != example(t, "patched") {
		t.Errorf("%v\n%s", err, got)
	}
}

func TestTheEventOfThePageIsOne(t *testing.T) {
	t.Parallel()
	var e protocol.Event
	if err := prototext.Unmarshal([]byte(example(t, "event")), &e); err != nil {
		t.Fatal(err)
	}
	want := hooks.Envelope{
		ID: 7, Name: "ticket.created", Key: "ticket:3", At: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), Attempt: 1, Data: json.RawMessage("{}"),
		Actor: hooks.Actor{Kind: "requester", ID: "carla", Name: "Carla Berg", PersonID: 2},
	}
	if got := protocol.Unwrap(&e); !reflect.DeepEqual(got, want) {
		t.Errorf("it is %+v", got)
	}
	if !proto.Equal(protocol.Wrap(want), &e) {
		t.Errorf("it crosses as %v", protocol.Wrap(want))
	}
}

func TestTheHandshakeOfThePageIsWhatIsAgreedOn(t *testing.T) {
	t.Parallel()
	parts := strings.Split(example(t, "handshake"), "|")
	if len(parts) != 6 || parts[1] != strconv.Itoa(protocol.Version) || parts[2] != "unix" || parts[4] != "grpc" {
		t.Errorf("%q", parts)
	}
	for _, word := range []string{
		protocol.Handshake().MagicCookieKey, protocol.Handshake().MagicCookieValue, protocol.TokenKey, protocol.ActorHeader, protocol.TimeHeader, protocol.SignatureHeader,
	} {
		if !strings.Contains(page(t), "`"+word+"`") {
			t.Errorf("the page does not say %s", word)
		}
	}
}

// same reads an example, which must be written as it is on the page.
func same[T any](t *testing.T, name string) T {
	t.Helper()
	var v T
	in := json.NewDecoder(strings.NewReader(example(t, name)))
	in.DisallowUnknownFields()
	if err := in.Decode(&v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if text, err := json.Marshal(v); err != nil || !bytes.Equal(text, []byte(example(t, name))) {
		t.Errorf("%s: %v\n%s", name, err, text)
	}
	return v
}

type owner struct{}

func (owner) PluginID() string { return "page" }

func (owner) Rank() int { return 0 }

func (owner) OnDisable(func()) {}
