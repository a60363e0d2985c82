package core

import (
	"fmt"
	"slices"
	"strings"
)

// memoryUnique lists the columns of which a table has no two equal rows; a row
// with a NULL among them is like no other.
var memoryUnique = map[string][][]string{
	"people":            {{"id"}, {"user_id"}},
	"departments":       {{"id"}, {"slug"}},
	"department_agents": {{"department_id", "person_id"}},
	"tickets":           {{"id"}},
	"replies":           {{"id"}, {"ticket_id", "number"}},
	"reply_edits":       {{"id"}},
	"tags":              {{"id"}, {"slug"}},
	"ticket_tags":       {{"ticket_id", "tag_id"}},
	"ticket_words":      {{"word", "ticket_id"}},
	"blobs":             {{"sha256"}},
	"attachments":       {{"id"}},
	"guest_tokens":      {{"hash"}},
	"settings":          {{"owner"}},
	"plugins":           {{"id"}},
	"idempotency_keys":  {{"caller", "key"}},
	"plugin_values":     {{"plugin", "key"}},
	"events":            {{"id"}},
	"consumers":         {{"name"}},
	"parked_events":     {{"id"}, {"consumer", "seq"}},
	"handled":           {{"event_id", "name"}},
	"jobs":              {{"name"}},
	"job_runs":          {{"id"}},
}

// memoryReference says that a column holds the key of a row in another table.
type memoryReference struct {
	table, column string
	parent, key   string
	gone          memoryAction
}

// memoryAction is what becomes of a row when the one that it refers to goes.
type memoryAction uint8

const (
	restrict memoryAction = iota // the other one cannot go
	cascade                      // it goes as well
	setNull                      // it forgets the other one
)

var memoryReferences = []memoryReference{
	{"department_agents", "department_id", "departments", "id", cascade},
	{"department_agents", "person_id", "people", "id", cascade},
	{"tickets", "requester_id", "people", "id", restrict},
	{"tickets", "assignee_id", "people", "id", restrict},
	{"tickets", "department_id", "departments", "id", restrict},
	{"tickets", "last_reply_by", "people", "id", restrict},
	{"tickets", "merged_into_id", "tickets", "id", restrict},
	{"tickets", "split_from_id", "tickets", "id", setNull},
	{"replies", "ticket_id", "tickets", "id", cascade},
	{"replies", "author_id", "people", "id", restrict},
	{"replies", "merged_from_id", "tickets", "id", setNull},
	{"reply_edits", "reply_id", "replies", "id", cascade},
	{"ticket_tags", "ticket_id", "tickets", "id", cascade},
	{"ticket_tags", "tag_id", "tags", "id", cascade},
	{"ticket_words", "ticket_id", "tickets", "id", cascade},
	{"attachments", "ticket_id", "tickets", "id", cascade},
	{"attachments", "reply_id", "replies", "id", cascade},
	{"attachments", "sha256", "blobs", "sha256", restrict},
	{"guest_tokens", "ticket_id", "tickets", "id", cascade},
	{"guest_tokens", "person_id", "people", "id", cascade},
	{"parked_events", "consumer", "consumers", "name", cascade},
	{"parked_events", "event_id", "events", "id", cascade},
	{"handled", "event_id", "events", "id", cascade},
	{"job_runs", "job", "jobs", "name", cascade},
}

// keeps checks a row, which is in the table already, against the rules.
func (m memoryState) keeps(tb *Table, row any) error {
	for _, columns := range memoryUnique[tb.Name] {
		like := func(other any) bool {
			return other != row && !slices.ContainsFunc(columns, func(c string) bool {
				v := cellOf(tb, c, row)
				return v == nil || v != cellOf(tb, c, other)
			})
		}
		if slices.ContainsFunc(m.rows(tb.Name), like) {
			return fmt.Errorf("%w: table %s, %s", ErrDuplicate, tb.Name, strings.Join(columns, ", "))
		}
	}
	for _, r := range memoryReferences {
		if r.table != tb.Name {
			continue
		}
		key := cellOf(tb, r.column, row)
		if key == nil || slices.ContainsFunc(m.rows(r.parent), func(p any) bool { return cellOf(TableOf(p), r.key, p) == key }) {
			continue
		}
		return fmt.Errorf("%w: table %s, %s: there is no %v in %s", ErrForeign, tb.Name, r.column, key, r.parent)
	}
	return nil
}

// remove takes rows away, with all that hangs on them, and tells how many
// there were in the table itself.
func (tx *memoryTx) remove(name string, which func(row any) bool) (int, error) {
	var gone []any
	table := tx.table(name)
	table.rows = slices.DeleteFunc(table.rows, func(row any) bool {
		yes := which(row)
		if yes {
			gone = append(gone, row)
		}
		return yes
	})
	if len(gone) == 0 {
		return 0, nil
	}
	for _, restricting := range []bool{false, true} { // as in SQL, a reference counts that is still there at the end
		for _, r := range memoryReferences {
			if r.parent != name || (r.gone == restrict) != restricting {
				continue
			}
			if err := tx.letGo(r, gone); err != nil {
				return 0, err
			}
		}
	}
	return len(gone), nil
}

// letGo does what a reference demands when its parents are gone.
func (tx *memoryTx) letGo(r memoryReference, gone []any) error {
	refers := func(row any) bool {
		key := cellOf(TableOf(row), r.column, row)
		return key != nil && slices.ContainsFunc(gone, func(p any) bool { return cellOf(TableOf(p), r.key, p) == key })
	}
	switch r.gone {
	case cascade:
		_, err := tx.remove(r.table, refers)
		return err
	case setNull:
		table := tx.table(r.table)
		for i, row := range table.rows {
			if !refers(row) {
				continue
			}
			now, err := changedRow(TableOf(row), row, []Assign{Set(r.column, nil)})
			if err != nil {
				return err
			}
			table.rows[i] = now
		}
		return nil
	default:
		if slices.ContainsFunc(tx.state.rows(r.table), refers) {
			return fmt.Errorf("%w: table %s, %s", ErrForeign, r.table, r.column)
		}
		return nil
	}
}
