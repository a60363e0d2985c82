package core

import (
	"context"
	"encoding/json"
	"errors"
	"unicode/utf8"
)

// KV is a plugin's small storage: JSON values by key, each with a version that
// rises with every change. It joins the transaction that ctx carries. Plugins do
// not see the values of each other.
type KV interface {
	// Get finds the value of a key. It fails with NotFound.
	Get(ctx context.Context, key string) (Value, error)
	// Put keeps a value, and gives it back with its new version. Version is the one
	// that the caller has seen, 0 when the key must be new, or AnyVersion; it fails
	// with Conflict when the key is at another.
	Put(ctx context.Context, v Value) (Value, error)
	// Delete forgets a key at a version, or at AnyVersion. It fails with Conflict
	// when the key is at another version; what is not there is gone already.
	Delete(ctx context.Context, key string, version int64) error
	// List gives up to limit values whose keys start with prefix and lie behind
	// after, by key; at most 100.
	List(ctx context.Context, prefix, after string, limit int) ([]Value, error)
}

// Value is an entry of a KV.
type Value struct {
	Key       string          `json:"key"`
	Value     json.RawMessage `json:"value"`
	Version   int64           `json:"version"`
	ExpiresAt *Time           `json:"expires_at"` // nil: never
}

// AnyVersion writes whatever is there.
const AnyVersion = -1

const (
	maxKey   = 200     // bytes
	maxValue = 1 << 20 // bytes
)

// pluginValue is the row of a Value.
type pluginValue struct {
	Plugin    string
	Key       string
	Value     string
	Version   int64
	ExpiresAt *Time
}

func (r pluginValue) value() Value {
	return Value{Key: r.Key, Value: json.RawMessage(r.Value), Version: r.Version, ExpiresAt: r.ExpiresAt}
}

// kv implements KV.
type kv struct{ h *host }

func (h *host) KV() KV { return kv{h} }

func (s kv) store() Store { return s.h.d.store }

func (s kv) itself(key string) []Cond { return []Cond{Is("plugin", s.h.id), Is("key", key)} }

func (s kv) Get(ctx context.Context, key string) (Value, error) {
	row, ok, err := first[pluginValue](ctx, s.store(), Query{Where: append(s.itself(key), s.alive())})
	if err == nil && !ok {
		err = Errorf(NotFound, "no value of %q", key)
	}
	return row.value(), err
}

// alive leaves out what has expired and was not swept yet.
func (s kv) alive() Cond {
	return Cond{Op: Either, Any: []Cond{{Column: "expires_at", Op: IsNull}, Where("expires_at", Greater, s.h.d.now())}}
}

func (s kv) Put(ctx context.Context, v Value) (Value, error) {
	if err := checkValue(v); err != nil {
		return v, err
	}
	row := pluginValue{Plugin: s.h.id, Key: v.Key, Value: string(v.Value), Version: 1, ExpiresAt: v.ExpiresAt}
	err := s.store().Tx(ctx, func(ctx context.Context) (err error) {
		row, err = s.put(ctx, row, v.Version)
		return err
	})
	if errors.Is(err, ErrDuplicate) {
		err = otherVersion(v.Key)
	}
	return row.value(), err
}

// put keeps the row over the one that is at the version seen, or as a new one.
func (s kv) put(ctx context.Context, row pluginValue, seen int64) (pluginValue, error) {
	dead := append(s.itself(row.Key), Where("expires_at", LessOrEqual, s.h.d.now()))
	if _, err := s.store().Delete(ctx, &row, dead...); err != nil {
		return row, err
	}
	where := s.itself(row.Key)
	if seen != AnyVersion {
		where = append(where, Is("version", seen))
	}
	rows, err := update[pluginValue](ctx, s.store(), []Assign{Set("value", row.Value), Set("expires_at", row.ExpiresAt), Add("version", 1)}, where...)
	switch {
	case err != nil:
		return row, err
	case len(rows) == 1:
		return rows[0], nil
	case seen > 0:
		return row, otherVersion(row.Key)
	}
	return row, s.store().Insert(ctx, &row)
}

func (s kv) Delete(ctx context.Context, key string, version int64) error {
	where := s.itself(key)
	if version != AnyVersion {
		where = append(where, Is("version", version))
	}
	n, err := s.store().Delete(ctx, &pluginValue{}, where...)
	if err != nil || n > 0 {
		return err
	}
	if _, err := s.Get(ctx, key); KindOf(err) == NotFound {
		return nil
	}
	return otherVersion(key)
}

func (s kv) List(ctx context.Context, prefix, after string, limit int) ([]Value, error) {
	where := []Cond{Is("plugin", s.h.id), Where("key", GreaterOrEqual, prefix), Where("key", Greater, after), s.alive()}
	if end := endOf(prefix); end != "" {
		where = append(where, Where("key", Less, end))
	}
	rows, err := find[pluginValue](ctx, s.store(), Query{Where: where, Order: []Order{{Column: "key"}}, Limit: min(max(limit, 1), 100)})
	out := make([]Value, 0, len(rows))
	for _, r := range rows {
		out = append(out, r.value())
	}
	return out, err
}

// endOf is the first text behind all that start with prefix; "" when there is none.
func endOf(prefix string) string {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < utf8.RuneSelf-1 { // keys are ASCII
			return prefix[:i] + string(prefix[i]+1)
		}
	}
	return ""
}

func checkValue(v Value) error {
	switch {
	case v.Key == "" || len(v.Key) > maxKey:
		return InvalidField("key", "must be 1 to %d characters", maxKey)
	case !printable(v.Key):
		return InvalidField("key", "must be printable ASCII")
	case len(v.Value) > maxValue:
		return InvalidField("value", "at most %d bytes", maxValue)
	case !json.Valid(v.Value):
		return InvalidField("value", "must be JSON")
	case v.Version < AnyVersion:
		return InvalidField("version", "must be one that was given, 0 or -1")
	}
	return nil
}

func printable(text string) bool {
	for _, c := range []byte(text) {
		if c < ' ' || c >= utf8.RuneSelf-1 {
			return false
		}
	}
	return true
}

func otherVersion(key string) error {
	return &Error{Kind: Conflict, Code: "version", Message: "the value of " + key + " was changed meanwhile"}
}

// expireValues sweeps what has expired.
func (d *Desk) expireValues(ctx context.Context) error {
	_, err := d.store.Delete(ctx, &pluginValue{}, Where("expires_at", LessOrEqual, d.now()))
	return err
}
