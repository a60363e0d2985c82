package core

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/hookdesk/hookdesk/rest"
)

// DeskSettings are core's own settings.
type DeskSettings struct {
	StatusFlow    bool `json:"status_flow" doc:"an answer changes the status: to waiting_on_customer, waiting_on_agent or reopened"`
	RetentionDays int  `json:"retention_days" min:"1" max:"3650" doc:"days in the bin before a ticket is purged"`
	MaxFileMB     int  `json:"max_file_mb" min:"1" max:"1000" doc:"size of an attachment"`
}

func defaultSettings() DeskSettings {
	return DeskSettings{StatusFlow: true, RetentionDays: 30, MaxFileMB: 20}
}

// Setting is the row of the settings of core or a plugin.
type Setting struct {
	Owner   string
	Value   string // JSON; secrets are encrypted
	Version int
	Editor  string
	At      Time
}

// Settings is the service of settings.
type Settings struct{ d *Desk }

// SettingsOf are the settings of one owner, as an admin sees them.
type SettingsOf struct {
	Owner   string          `json:"owner"`
	Schema  json.RawMessage `json:"schema" doc:"JSON Schema of value"`
	Value   json.RawMessage `json:"value" doc:"without the secrets"`
	Secrets []string        `json:"secrets" doc:"names of the secrets that are set"`
	Version int             `json:"version" doc:"0: nothing was saved yet"`
}

// SettingDraft is a change of settings about to be made; a veto refuses it.
type SettingDraft struct {
	Owner string          `json:"owner"`
	Value json.RawMessage `json:"value"` // without the secrets
}

// SettingSaved is the event of changed settings.
type SettingSaved struct {
	Owner   string `json:"owner"`
	Version int    `json:"version"`
}

// settingCache holds the rows, so that reading a setting costs no query.
type settingCache struct {
	mu   sync.RWMutex
	rows map[string]Setting
}

func (c *settingCache) get(owner string) Setting {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.rows[owner]
}

func (c *settingCache) put(rows ...Setting) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rows == nil {
		c.rows = map[string]Setting{}
	}
	for _, r := range rows {
		c.rows[r.Owner] = r
	}
}

func (s Settings) load(ctx context.Context) error {
	rows, err := find[Setting](ctx, s.d.store, Query{Limit: maxList})
	s.d.settings.put(rows...)
	return err
}

// declare checks the form of a plugin's settings at the start.
func (s Settings) declare(h *host) error {
	if h.manifest.Settings == nil {
		return nil
	}
	if _, err := rest.SchemaOf(h.manifest.Settings); err != nil {
		return fmt.Errorf("plugin %s: settings: %w", h.id, err)
	}
	if len(secretsOf(h.manifest.Settings)) > 0 && s.d.config.Secret == nil {
		return fmt.Errorf("plugin %s keeps secrets in its settings: give the Config a Secret of 32 random bytes", h.id)
	}
	if nested := nestedSecret(reflect.TypeOf(h.manifest.Settings), true); nested != "" {
		return fmt.Errorf("plugin %s: settings: %s is tagged as a secret; only strings of the settings' own struct are kept as such", h.id, nested)
	}
	return nil
}

func (d *Desk) deskSettings() DeskSettings {
	v := defaultSettings()
	if row := d.settings.get(coreID); row.Value != "" {
		if err := json.Unmarshal([]byte(row.Value), &v); err != nil {
			d.log.Error("core's settings cannot be read; the defaults hold", "err", err)
			return defaultSettings()
		}
	}
	return v
}

// read fills into with a plugin's settings of now, secrets in clear.
func (s Settings) read(h *host, into any) error {
	if h.manifest.Settings == nil {
		return fmt.Errorf("plugin %s: the manifest has no settings", h.id)
	}
	if reflect.TypeOf(into) != reflect.PointerTo(reflect.TypeOf(h.manifest.Settings)) {
		return fmt.Errorf("plugin %s: settings are read into a *%T, not a %T", h.id, h.manifest.Settings, into)
	}
	reflect.ValueOf(into).Elem().Set(reflect.ValueOf(h.manifest.Settings))
	row := s.d.settings.get(h.id)
	if row.Value == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(row.Value), into); err != nil {
		return fmt.Errorf("plugin %s: settings: %w", h.id, err)
	}
	return s.decrypt(into)
}

// prototypes are the settings that can be saved, with their defaults.
func (s Settings) prototype(owner string) (any, error) {
	if owner == coreID {
		return defaultSettings(), nil
	}
	for _, h := range s.d.hosts {
		if h.id == owner && h.manifest.Settings != nil {
			return h.manifest.Settings, nil
		}
	}
	return nil, Errorf(NotFound, "no settings of %q", owner)
}

// List returns the settings of core and of every plugin that has some. Admins
// only.
func (s Settings) List(ctx context.Context) ([]SettingsOf, error) {
	if err := s.d.can(ctx, Administer, nil); err != nil {
		return nil, err
	}
	owners := []string{coreID}
	for _, h := range s.d.hosts {
		if h.manifest.Settings != nil {
			owners = append(owners, h.id)
		}
	}
	out := make([]SettingsOf, 0, len(owners))
	for _, owner := range owners {
		one, err := s.show(owner)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

func (s Settings) show(owner string) (SettingsOf, error) {
	proto, err := s.prototype(owner)
	if err != nil {
		return SettingsOf{}, err
	}
	row := s.d.settings.get(owner)
	v := reflect.New(reflect.TypeOf(proto))
	v.Elem().Set(reflect.ValueOf(proto))
	if row.Value != "" {
		if err := json.Unmarshal([]byte(row.Value), v.Interface()); err != nil {
			return SettingsOf{}, fmt.Errorf("settings of %s: %w", owner, err)
		}
	}
	out := SettingsOf{Owner: owner, Version: row.Version, Secrets: []string{}}
	for name, field := range secretsOf(proto) {
		if f := v.Elem().Field(field); f.String() != "" {
			out.Secrets = append(out.Secrets, name)
			f.SetString("")
		}
	}
	schema, err := rest.SchemaOf(proto)
	if err != nil {
		return out, err
	}
	if out.Schema, err = json.Marshal(schema); err != nil {
		return out, err
	}
	out.Value, err = json.Marshal(v.Interface())
	return out, err
}

// Save replaces the settings of core or of a plugin. A secret that is left out
// or empty stays as it is, one that is null is forgotten. Admins only; Conflict when they are not at version.
func (s Settings) Save(ctx context.Context, owner string, value json.RawMessage, version *int) (SettingsOf, error) {
	d := s.d
	if err := d.can(ctx, Administer, nil); err != nil {
		return SettingsOf{}, err
	}
	row, err := s.edited(owner, value)
	if err != nil {
		return SettingsOf{}, err
	}
	old := d.settings.get(owner)
	if version != nil && *version != old.Version {
		return SettingsOf{}, &Error{Kind: Conflict, Code: "version", Message: "the settings were changed meanwhile"}
	}
	if err := d.hooks.Setting.Save.Before.Run(ctx, &SettingDraft{owner, value}); err != nil {
		return SettingsOf{}, translate(err)
	}
	row.Owner, row.Version, row.Editor, row.At = owner, old.Version+1, editor(ctx), d.now()
	err = d.change(ctx, func(ctx context.Context) error {
		if err := s.write(ctx, old, &row); err != nil {
			return err
		}
		return record(ctx, d, &d.hooks.Setting.Save, 0, AdminsOnly, &SettingSaved{owner, row.Version})
	})
	if errors.Is(err, ErrDuplicate) {
		err = Errorf(Conflict, "the settings were changed meanwhile")
	}
	if err != nil {
		return SettingsOf{}, err
	}
	d.settings.put(row)
	return s.show(owner)
}

func (s Settings) write(ctx context.Context, old Setting, row *Setting) error {
	if old.Version == 0 {
		return s.d.store.Insert(ctx, row)
	}
	rows, err := update[Setting](ctx, s.d.store, []Assign{
		Set("value", row.Value), Set("version", row.Version), Set("editor", row.Editor), Set("at", row.At),
	}, Is("owner", row.Owner), Is("version", old.Version))
	if err == nil && len(rows) == 0 {
		err = Errorf(Conflict, "the settings were changed meanwhile")
	}
	return err
}

// edited checks value against the owner's struct and returns the row for it.
func (s Settings) edited(owner string, value json.RawMessage) (Setting, error) {
	proto, err := s.prototype(owner)
	if err != nil {
		return Setting{}, err
	}
	value, forgotten, err := forget(proto, value)
	if err != nil {
		return Setting{}, err
	}
	v := reflect.New(reflect.TypeOf(proto))
	if err := rest.Decode(value, v.Interface()); err != nil {
		return Setting{}, err
	}
	was := reflect.New(reflect.TypeOf(proto))
	if old := s.d.settings.get(owner); old.Value != "" {
		if err := json.Unmarshal([]byte(old.Value), was.Interface()); err != nil {
			return Setting{}, fmt.Errorf("settings of %s: %w", owner, err)
		}
	}
	for name, field := range secretsOf(proto) {
		f := v.Elem().Field(field)
		if f.String() == "" {
			if !slices.Contains(forgotten, name) {
				f.SetString(was.Elem().Field(field).String())
			}
			continue
		}
		sealed, err := s.seal(f.String())
		if err != nil {
			return Setting{}, err
		}
		f.SetString(sealed)
	}
	text, err := json.Marshal(v.Interface())
	return Setting{Value: string(text)}, err
}
