package core

import (
	"context"
	"regexp"
	"strings"
)

// TicketSort sorts tickets by a column of a table of a plugin's. The list has the
// tickets for which the table has a row with a value, and no others; an index on
// Column and Key, where Column is not null, serves it.
type TicketSort struct {
	Table  string // as Host.Table takes it
	Key    string // the column of the ticket's id, of which each has one row
	Column string // of type bigint
}

// ticketSort is a sort with the plugin that adds it.
type ticketSort struct {
	TicketSort
	h *host
}

var sortForm = regexp.MustCompile(`^[a-z][a-z0-9_]{1,39}$`)

// Sort implements Host.
func (h *host) Sort(name string, by TicketSort) {
	switch known, taken := h.d.sorts[name]; {
	case h.again:
	case !sortForm.MatchString(name) || coreSorts[name]:
		h.wrong("sort %q: a name must match %s and be none of core's", name, sortForm)
	case taken:
		h.wrong("sort %q: it is one of plugin %s", name, known.h.id)
	case by.Table == "" || by.Key == "" || by.Column == "":
		h.wrong("sort %q: it needs a table, a key and a column", name)
	default:
		h.d.sorts[name] = ticketSort{by, h}
	}
}

// coreSorts are the sorts of a ticket's own columns.
var coreSorts = map[string]bool{"updated": true, "created": true, "priority": true}

// sideSorter is a Store that has the tables of plugins beside its own.
type sideSorter interface {
	// sorted finds tickets and, of each, what the first sort key is.
	sorted(ctx context.Context, q Query) ([]Ticket, []int64, error)
}

// sortOf finds a plugin's sort, by its name with or without "-"; nil when there
// is none, or its plugin is off.
func (d *Desk) sortOf(sort string) *ticketSort {
	by, known := d.sorts[strings.TrimPrefix(sort, "-")]
	if _, able := d.store.(sideSorter); !known || !by.h.on() || !able {
		return nil
	}
	return &by
}

// HasSort reports whether GET /api/tickets can be sorted so: by a column of the
// tickets, or by a plugin that is on.
func (s Tickets) HasSort(sort string) bool {
	return coreSorts[strings.TrimPrefix(sort, "-")] || s.d.sortOf(sort) != nil
}

// bySide walks the table of a plugin's sort.
func (w *ticketWalk) bySide(ctx context.Context, q TicketQuery, base Query) error {
	if q.Tag != nil {
		ids, err := w.d.Tags.resolve(ctx, q.Tag)
		if err != nil {
			return err
		}
		marks := strings.TrimPrefix(strings.Repeat(",?", len(ids)), ",")
		base.Where = append(base.Where, Cond{
			Op: SQL, Value: anys(ids),
			Column: "EXISTS (SELECT 1 FROM " + w.d.config.TablePrefix + "ticket_tags g WHERE g.ticket_id = t.id AND g.tag_id IN (" + marks + "))",
		})
	}
	by := q.side
	base.From = &Side{Table: by.h.Table(by.Table), Key: by.Key, Where: []Cond{{Column: by.Column, Op: NotNull}}}
	base.Order = w.order([]string{by.Column, by.Key})
	w.columns, w.side, w.lanes = []string{by.Column, "id"}, by, []Query{base}
	w.values = map[int64]int64{}
	return nil
}

// sideColumn is "" where the sort is by a ticket's own columns.
func (w *ticketWalk) sideColumn() string {
	if w.side == nil {
		return ""
	}
	return w.side.Column
}

// sideBatch reads rows of a plugin's sort, and remembers where they stand.
func (w *ticketWalk) sideBatch(ctx context.Context, lane Query) ([]Ticket, error) {
	rows, values, err := w.d.store.(sideSorter).sorted(ctx, lane) //nolint:errcheck,forcetypeassert // sortOf has seen it
	for i, t := range rows {
		w.values[t.ID] = values[i]
	}
	return rows, err
}
