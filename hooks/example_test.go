package hooks_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/hooks"
)

// host stands in for the host that a plugin is given when it registers.
type host struct{ id string }

func (h host) PluginID() string { return h.id }
func (h host) Rank() int        { return 1 }
func (h host) OnDisable(func()) {} // this plugin is never switched off

type note struct {
	ID   int64
	Text string
	Tags []string `gorm:"-"`
}

// Clone lets a note be put back whole when a handler fails half way.
func (n note) Clone() note {
	n.Tags = slices.Clone(n.Tags)
	return n
}

func Example() {
	var store hooks.Action[note, note]
	store.Declare(hooks.Point{Name: "note.store", Doc: "A note is stored."}, "note.stored")

	store.Before.Add(host{"tidy"}, "trim", func(_ context.Context, n *note) error {
		n.Text = strings.TrimSpace(n.Text)
		return nil
	})
	store.Before.Add(host{"tidy"}, "not-empty", func(_ context.Context, n *note) error {
		if n.Text == "" {
			return hooks.Veto("empty", "A note needs some text.")
		}
		return nil
	})

	for _, text := range []string{"  buy milk ", "   "} {
		n := note{Text: text}
		err := store.Before.Run(context.Background(), &n)
		if refusal := (*hooks.Refusal)(nil); errors.As(err, &refusal) {
			fmt.Println("tell the person:", refusal.Message)
			fmt.Println("tell the log:", err)
			continue
		}
		fmt.Printf("store %q\n", n.Text)
	}
	// Output:
	// store "buy milk"
	// tell the person: A note needs some text.
	// tell the log: hook note.store.before: tidy.not-empty refused: empty: A note needs some text.
}

func ExampleWithin() {
	type shadow struct{ NoteID int64 }
	db, err := gorm.Open(sqlite.Dialector{DriverName: "sqlite", DSN: "file:example?mode=memory&cache=shared"})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := db.AutoMigrate(&note{}, &shadow{}); err != nil {
		fmt.Println(err)
		return
	}

	var stored hooks.Within[note]
	stored.Declare(hooks.Point{Name: "note.store.within", Doc: "A note is being stored."})
	stored.Add(host{"shadow"}, "follow", func(_ context.Context, tx *gorm.DB, n *note) error {
		return tx.Create(&shadow{NoteID: n.ID}).Error
	})
	stored.Add(host{"limit"}, "two", func(_ context.Context, _ *gorm.DB, n *note) error {
		if n.ID > 2 {
			return hooks.Veto("full", "There is room for two notes only.")
		}
		return nil
	})

	for _, text := range []string{"a", "b", "c"} {
		err := db.Transaction(func(tx *gorm.DB) error {
			n := note{Text: text}
			if err := tx.Create(&n).Error; err != nil {
				return err
			}
			return stored.Run(context.Background(), tx, &n)
		})
		fmt.Println(text, errors.As(err, new(*hooks.Refusal)))
	}
	var notes, shadows int64
	db.Model(&note{}).Count(&notes)
	db.Model(&shadow{}).Count(&shadows)
	fmt.Println(notes, "notes,", shadows, "shadows")
	// Output:
	// a false
	// b false
	// c true
	// 2 notes, 2 shadows
}

func ExampleAfter() {
	var stored hooks.After[note]
	stored.Declare(hooks.Point{Name: "note.stored", Doc: "A note was stored."})
	stored.Add(host{"mail"}, "tell", func(_ context.Context, e hooks.Event[note]) error {
		if e.Attempt == 1 {
			return errors.New("no mail server")
		}
		fmt.Println("mailed by attempt", e.Attempt, "on event", e.ID, "of", e.Key, "by", e.Actor.Name+":", e.Data.Text)
		return nil
	})

	// What an event log does, in short: offer it until it is taken.
	env := hooks.Envelope{ID: 12, Name: "note.stored", Key: "note:3", Actor: hooks.Actor{Kind: "agent", Name: "Ann"},
		Data: []byte(`{"ID": 3, "Text": "buy milk"}`)}
	for _, c := range stored.Consumers() {
		for env.Attempt = 1; ; env.Attempt++ {
			err := c.Deliver(context.Background(), env)
			if err == nil {
				break
			}
			fmt.Println(c.Name(), "must wait:", err)
		}
	}
	// Output:
	// mail.tell@note.stored must wait: hook note.stored: mail.tell: no mail server
	// mailed by attempt 2 on event 12 of note:3 by Ann: buy milk
}

func ExampleFilter() {
	var show hooks.Filter[note]
	show.Declare(hooks.Point{Name: "note.show", Doc: "A note goes to a reader."})
	show.Add(host{"tags"}, "from-text", func(_ context.Context, n *note) error {
		n.Tags = append(n.Tags, "shopping")
		return nil
	})
	show.Add(host{"clever"}, "rewrite", func(_ context.Context, n *note) error {
		n.Text, n.Tags[0] = "", "half done"
		var model *note
		n.Text = model.Text // a panic
		return nil
	})

	n := note{Text: "buy milk"}
	show.Run(context.Background(), &n)
	fmt.Println(n.Text, n.Tags)
	fmt.Println(show.Handlers()[1].Name, "failed", show.Handlers()[1].Failures, "time")
	// Output:
	// buy milk [shopping]
	// clever.rewrite failed 1 time
}

// A plugin that wants to be extended has a struct of points as core has one.
type snoozeHooks struct {
	Set  hooks.Action[note, note]
	Wake hooks.Action[note, note]
}

func newSnoozeHooks() *snoozeHooks {
	on := &snoozeHooks{}
	on.Set.Declare(hooks.Point{Name: "snooze.set", Doc: "A note is put to sleep."}, "snooze.began")
	on.Wake.Declare(hooks.Point{Name: "snooze.wake", Doc: "A note wakes up."}, "snooze.ended")
	return on
}

func ExampleWalk() {
	on := newSnoozeHooks()
	if err := hooks.Check(on); err != nil {
		fmt.Println(err)
	}
	on.Set.Before.Add(host{"worktime"}, "not-at-night", func(context.Context, *note) error { return nil }, hooks.At(hooks.Early))
	for _, p := range hooks.Walk(on) {
		fmt.Printf("%-19s %s", p.Point().Name, p.Point().Doc)
		for _, h := range p.Handlers() {
			fmt.Printf(" (%s, %s)", h.Name, h.Slot)
		}
		fmt.Println()
	}
	// Output:
	// snooze.set.before   A note is put to sleep. (worktime.not-at-night, early)
	// snooze.set.within   A note is put to sleep.
	// snooze.began        A note is put to sleep.
	// snooze.wake.before  A note wakes up.
	// snooze.wake.within  A note wakes up.
	// snooze.ended        A note wakes up.
}
