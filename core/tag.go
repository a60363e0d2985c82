package core

import (
	"context"
	"errors"
	"regexp"
	"slices"
)

// Tag is a label on tickets.
type Tag struct {
	ID      int64  `json:"id"`
	Name    string `json:"name"`
	Slug    string `json:"slug"`
	Colour  string `json:"colour" doc:"#rrggbb, or nothing"`
	Version int    `json:"version"`
}

// TicketTag is a tag on a ticket, with the ticket's sort keys, so that the
// queue of a tag is one walk along an index.
type TicketTag struct {
	TicketID  int64
	TagID     int64
	IsOpen    bool
	Priority  Priority
	CreatedAt Time
	UpdatedAt Time
}

// Tags is the service of tags.
type Tags struct{ d *Desk }

// TagPatch says what of a tag shall be; nil fields stay.
type TagPatch struct {
	Name    *string
	Slug    *string
	Colour  *string
	Version *int // the one that the caller has seen
}

var colourForm = regexp.MustCompile(`^(#[0-9a-f]{6})?$`)

// List returns a page of the tags by name, and the cursor of the next. Agents
// only: tags are how the desk sorts its work.
func (s Tags) List(ctx context.Context, p Page) ([]Tag, string, error) {
	if err := s.d.can(ctx, ReadDirectory, nil); err != nil {
		return nil, "", err
	}
	q := Query{Order: []Order{{Column: "name"}, {Column: "id"}}, Limit: p.limit() + 1}
	if p.Cursor != "" {
		id, err := p.id()
		if err != nil {
			return nil, "", err
		}
		last, err := byID[Tag](ctx, s.d.store, "tag", id)
		if err != nil {
			return nil, "", InvalidField("cursor", "not a cursor of this list")
		}
		q.After = []any{last.Name, last.ID}
	}
	tags, err := find[Tag](ctx, s.d.store, q)
	next := ""
	if len(tags) > p.limit() {
		tags = tags[:p.limit()]
		next = cursorOf(tags[len(tags)-1].ID)
	}
	return tags, next, err
}

// Create adds a tag. Admins only.
func (s Tags) Create(ctx context.Context, p TagPatch) (Tag, error) {
	t := Tag{Version: 1}
	err := s.save(ctx, &t, p)
	return t, err
}

// Update changes a tag. Admins only; Conflict when it is not at p.Version.
func (s Tags) Update(ctx context.Context, id int64, p TagPatch) (Tag, error) {
	if err := s.d.can(ctx, Administer, nil); err != nil {
		return Tag{}, err
	}
	t, err := byID[Tag](ctx, s.d.store, "tag", id)
	if err == nil && p.Version != nil && *p.Version != t.Version {
		err = &Error{Kind: Conflict, Code: "version", Message: "the tag was changed meanwhile", Changes: t}
	}
	if err != nil {
		return t, err
	}
	err = s.save(ctx, &t, p)
	return t, err
}

func (s Tags) save(ctx context.Context, t *Tag, p TagPatch) error {
	if err := s.d.can(ctx, Administer, nil); err != nil {
		return err
	}
	set(&t.Name, p.Name)
	set(&t.Colour, p.Colour)
	if p.Slug != nil {
		t.Slug = *p.Slug
	} else if t.ID == 0 {
		t.Slug = t.Name
	}
	if err := checkNamed("name", &t.Name, &t.Slug); err != nil {
		return err
	}
	if !colourForm.MatchString(t.Colour) {
		return InvalidField("colour", "a colour is # and six hexadecimal digits in lower case")
	}
	err := s.d.change(ctx, func(ctx context.Context) error { return s.write(ctx, t) })
	if errors.Is(err, ErrDuplicate) {
		return InvalidField("slug", "another tag has this one")
	}
	return err
}

func (s Tags) write(ctx context.Context, t *Tag) error {
	if t.ID == 0 {
		return s.d.store.Insert(ctx, t)
	}
	rows, err := update[Tag](ctx, s.d.store, []Assign{
		Set("name", t.Name), Set("slug", t.Slug), Set("colour", t.Colour), Add("version", 1),
	}, Is("id", t.ID), Is("version", t.Version))
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return Errorf(Conflict, "the tag was changed meanwhile")
	}
	*t = rows[0]
	return nil
}

// Delete removes a tag, also from the tickets that have it. Admins only.
func (s Tags) Delete(ctx context.Context, id int64) error {
	if err := s.d.can(ctx, Administer, nil); err != nil {
		return err
	}
	return s.d.change(ctx, func(ctx context.Context) error {
		if err := s.detach(ctx, id); err != nil {
			return err
		}
		n, err := s.d.store.Delete(ctx, &Tag{}, Is("id", id))
		if err == nil && n == 0 {
			err = notFound("tag", id)
		}
		return err
	})
}

// detach takes a tag off all tickets. The lock on its row keeps others from
// putting it on one meanwhile.
func (s Tags) detach(ctx context.Context, id int64) error {
	if _, err := find[Tag](ctx, s.d.store, Query{Where: []Cond{Is("id", id)}, Lock: true}); err != nil {
		return err
	}
	for {
		rows, err := find[TicketTag](ctx, s.d.store, Query{Where: []Cond{Is("tag_id", id)}, Limit: maxList})
		if err != nil || len(rows) == 0 {
			return err
		}
		tickets := make([]int64, len(rows))
		for i, r := range rows {
			tickets[i] = r.TicketID
		}
		if _, err := update[Ticket](ctx, s.d.store, []Assign{Add("tag_count", -1)}, Where("id", In, tickets)); err != nil {
			return err
		}
		if _, err := s.d.store.Delete(ctx, &TicketTag{}, Is("tag_id", id), Where("ticket_id", In, tickets)); err != nil {
			return err
		}
	}
}

// resolve finds tags by slug or name and returns their ids in order.
func (s Tags) resolve(ctx context.Context, names []string) ([]int64, error) {
	if len(names) > maxTags {
		return nil, InvalidField("tags", "a ticket has at most %d tags", maxTags)
	}
	if len(names) == 0 {
		return nil, nil
	}
	slugs := make([]string, len(names))
	for i, name := range names {
		slugs[i] = slugOf(name)
	}
	tags, err := find[Tag](ctx, s.d.store, Query{Where: []Cond{Where("slug", In, slugs)}, Order: []Order{{Column: "id"}}})
	if err != nil {
		return nil, err
	}
	ids := make([]int64, 0, len(tags))
	for _, t := range tags {
		ids = append(ids, t.ID)
	}
	for i, slug := range slugs {
		if !slices.ContainsFunc(tags, func(t Tag) bool { return t.Slug == slug }) {
			return nil, InvalidField("tags", "there is no tag %q", names[i])
		}
	}
	return ids, nil
}

// of returns the ids of a ticket's tags in order.
func (s Tags) of(ctx context.Context, t Ticket) ([]int64, error) {
	if t.TagCount == 0 {
		return nil, nil
	}
	rows, err := find[TicketTag](ctx, s.d.store, Query{Where: []Cond{Is("ticket_id", t.ID)}, Order: []Order{{Column: "tag_id"}}})
	var ids []int64
	for _, r := range rows {
		ids = append(ids, r.TagID)
	}
	return ids, err
}

func (s Tags) attach(ctx context.Context, t Ticket, tags []int64) error {
	for _, id := range tags {
		row := TicketTag{TicketID: t.ID, TagID: id, IsOpen: t.IsOpen, Priority: t.Priority, CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt}
		if err := s.d.store.Insert(ctx, &row); errors.Is(err, ErrForeign) {
			return Errorf(Conflict, "a tag was deleted meanwhile")
		} else if err != nil {
			return err
		}
	}
	return nil
}

// sync makes the ticket's tags what they shall be and keeps their sort keys.
func (s Tags) sync(ctx context.Context, t Ticket, old, now []int64) error {
	if slices.Equal(old, now) {
		return s.touch(ctx, t)
	}
	if _, err := s.d.store.Delete(ctx, &TicketTag{}, Is("ticket_id", t.ID)); err != nil {
		return err
	}
	return s.attach(ctx, t, now)
}

// touch copies the ticket's sort keys to its tags.
func (s Tags) touch(ctx context.Context, t Ticket) error {
	if t.TagCount == 0 {
		return nil
	}
	_, err := update[TicketTag](ctx, s.d.store, []Assign{
		Set("is_open", t.IsOpen), Set("priority", t.Priority), Set("updated_at", t.UpdatedAt),
	}, Is("ticket_id", t.ID))
	return err
}
