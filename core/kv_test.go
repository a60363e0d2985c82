package core_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
)

func TestAPluginKeepsValuesOfItsOwn(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		hosts := map[string]core.Host{}
		keeper := func(id string) core.Plugin {
			return core.Inline(id, func(h core.Host) error { hosts[id] = h; return nil })
		}
		d := desktest.New(t, db, keeper("mine"), keeper("theirs"))
		ctx, kv := t.Context(), hosts["mine"].KV()
		put := func(key, text string, version int64, expires *core.Time) (core.Value, error) {
			return kv.Put(ctx, core.Value{Key: key, Value: json.RawMessage(text), Version: version, ExpiresAt: expires})
		}
		want := func(what string, err error, kind core.Kind) {
			t.Helper()
			if kind == 0 && err != nil || kind != 0 && core.KindOf(err) != kind {
				t.Errorf("%s: %v", what, err)
			}
		}
		v, err := put("a/1", `{"n":1}`, 0, nil)
		want("a new key", err, 0)
		_, err = put("a/1", `2`, 0, nil)
		want("a key that must be new", err, core.Conflict)
		next, err := put("a/1", `{"n":2}`, v.Version, nil)
		want("at the version seen", err, 0)
		_, err = put("a/1", `3`, v.Version, nil)
		want("at an older version", err, core.Conflict)
		_, err = put("a/2", `nonsense`, 0, nil)
		want("what is no JSON", err, core.Invalid)
		soon := core.TimeOf(d.Now().Add(time.Hour))
		_, err = put("a/3", `true`, core.AnyVersion, &soon)
		want("one that expires", err, 0)

		if _, err := hosts["theirs"].KV().Get(ctx, "a/1"); core.KindOf(err) != core.NotFound {
			t.Errorf("another plugin reads the value: %v", err)
		}
		if got, err := kv.Get(ctx, "a/1"); err != nil || string(got.Value) != `{"n":2}` || got.Version != next.Version {
			t.Errorf("got %+v %v", got, err)
		}
		if list, err := kv.List(ctx, "a/", "a/1", 10); err != nil || len(list) != 1 || list[0].Key != "a/3" {
			t.Errorf("listed %+v %v", list, err)
		}
		d.Clock.Advance(2 * time.Hour)
		_, err = kv.Get(ctx, "a/3")
		want("an expired one", err, core.NotFound)
		_, err = put("a/3", `false`, 0, nil)
		want("an expired key is new", err, 0)
		want("another version", kv.Delete(ctx, "a/1", v.Version), core.Conflict)
		want("delete", kv.Delete(ctx, "a/1", next.Version), 0)
		want("delete again", kv.Delete(ctx, "a/1", next.Version), 0)
	})
}
