package kb

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gorm.io/gorm/clause"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/hooks"
)

// Access is who reads the knowledge base.
type Access string

// The kinds of access.
const (
	EverybodyReads Access = "public"
	SignedInReads  Access = "signed_in"
)

// Values lists the kinds of access.
func (Access) Values() []string { return []string{string(EverybodyReads), string(SignedInReads)} }

// Locale is a language, with a region if one likes, such as "de" or "de-CH". In
// a Config and in a query "" is the default.
type Locale string

var localeForm = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$`)

// MarshalText writes the locale.
func (l Locale) MarshalText() ([]byte, error) { return []byte(l), nil }

// UnmarshalText reads a locale; en_gb is read as en-GB.
func (l *Locale) UnmarshalText(text []byte) error {
	parts := strings.Split(strings.ReplaceAll(strings.ToLower(string(text)), "_", "-"), "-")
	for i, part := range parts {
		if i > 0 && len(part) == 2 {
			parts[i] = strings.ToUpper(part)
		}
	}
	*l = Locale(strings.Join(parts, "-"))
	return l.check()
}

func (l Locale) check() error {
	if !localeForm.MatchString(string(l)) {
		return core.Errorf(core.Invalid, "must be a locale such as en or de-CH")
	}
	return nil
}

func (a *Articles) settings() (s Settings, err error) {
	err = a.host.Settings(&s)
	return s, err
}

// reader is a context's right to read: nothing where the knowledge base is off,
// and nobody who has not signed in where that is asked for. Agents always may.
func (a *Articles) reader(ctx context.Context) (Settings, error) {
	s, err := a.settings()
	who := core.ActorFrom(ctx)
	switch {
	case err != nil, who.IsAgent():
		return s, err
	case !s.Enabled:
		return s, core.Errorf(core.NotFound, "nothing here")
	case s.Access == SignedInReads:
		return s, core.Requesters.Allow(who)
	}
	return s, nil
}

// locales are those that a reader reads, the best first: the one asked for, else
// the reader's own, then that without its region (de after de-CH), and at last the
// default locale likewise.
func locales(ctx context.Context, asked Locale, s Settings) []Locale {
	if asked == "" && asked.UnmarshalText([]byte(core.ActorFrom(ctx).Person.Locale)) != nil {
		asked = s.DefaultLocale
	}
	var chain []Locale
	for _, l := range append(asked.wider(), s.DefaultLocale.wider()...) {
		if !slices.Contains(chain, l) {
			chain = append(chain, l)
		}
	}
	return chain
}

// wider are the locale and those that it is a case of: de-CH is one of de.
func (l Locale) wider() (chain []Locale) {
	for text, more := string(l), true; more; {
		chain = append(chain, Locale(text))
		cut := strings.LastIndexByte(text, '-')
		if more = cut > 0; more {
			text = text[:cut]
		}
	}
	return chain
}

// visible is the condition for a customer to read an article, which is called
// alias in the query. It is one of time: nobody waits for the job. Of articles
// with the same slug the one is there whose locale is the best of the chain.
func (a *Articles) visible(alias string, chain []Locale) (sql string, args []any) {
	now := a.now().UnixMicro()
	shown := alias + ".state <> 'draft' AND " + alias + ".publish_at <= ?"
	args = append(args, now)
	var each []string
	for i, l := range chain {
		one := alias + ".locale = ?"
		args = append(args, string(l))
		if i > 0 {
			one += " AND NOT EXISTS (SELECT 1 FROM " + a.host.Table("articles") + " o WHERE o.slug = " + alias +
				".slug AND o.locale IN ? AND o.state <> 'draft' AND o.publish_at <= ?)"
			args = append(args, chain[:i], now)
		}
		each = append(each, one)
	}
	return shown + " AND (" + strings.Join(each, " OR ") + ")", args
}

// keepReadable refuses a default locale in which nothing is published, though
// something is in another: customers would find an empty knowledge base.
func (a *Articles) keepReadable(ctx context.Context, d *core.SettingDraft) error {
	if d.Owner != a.host.PluginID() {
		return nil
	}
	var next Settings
	if err := json.Unmarshal(d.Value, &next); err != nil {
		return err
	}
	read := next.DefaultLocale.wider()
	var found []Locale
	err := a.host.DB(ctx).Model(&Article{}).Where("state <> ?", StateDraft).
		Clauses(clause.OrderBy{Expression: clause.Expr{SQL: "CASE WHEN locale IN ? THEN 0 ELSE 1 END, locale", Vars: []any{read}}}).
		Limit(1).Pluck("locale", &found).Error
	if err != nil || len(found) == 0 || slices.Contains(read, found[0]) {
		return err
	}
	return hooks.Veto("nothing_to_read", fmt.Sprintf(
		"default_locale: nothing is published in %s, but in %s: publish something first", next.DefaultLocale, found[0]))
}
