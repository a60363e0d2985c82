package kb

import (
	"context"
	"regexp"
	"strings"

	"github.com/hookdesk/hookdesk/core"
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

// locales are what a reader wants and what is read instead.
func locales(ctx context.Context, asked Locale, s Settings) (wanted, fallback Locale) {
	if asked == "" {
		if err := asked.UnmarshalText([]byte(core.ActorFrom(ctx).Person.Locale)); err != nil {
			asked = s.DefaultLocale
		}
	}
	return asked, s.DefaultLocale
}

// visible is the condition for a customer to read an article, which is called
// alias in the query. It is one of time: nobody waits for the job. Where an
// article is missing in the locale, that of the default locale with the same slug
// is there.
func (a *Articles) visible(alias string, wanted, fallback Locale) (sql string, args []any) {
	now := a.now().UnixMicro()
	shown := alias + ".state <> 'draft' AND " + alias + ".publish_at <= ?"
	if wanted == fallback {
		return shown + " AND " + alias + ".locale = ?", []any{now, string(wanted)}
	}
	return shown + " AND (" + alias + ".locale = ? OR " + alias + ".locale = ? AND NOT EXISTS (SELECT 1 FROM " + a.host.Table("articles") +
			" o WHERE o.slug = " + alias + ".slug AND o.locale = ? AND o.state <> 'draft' AND o.publish_at <= ?))",
		[]any{now, string(wanted), string(fallback), string(wanted), now}
}
