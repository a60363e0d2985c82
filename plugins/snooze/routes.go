package snooze

import (
	"context"
	"strconv"
	"time"

	"github.com/hookdesk/hookdesk/core"
)

type getSnooze struct {
	TicketID int64  `path:"id" min:"1"`
	Limit    int    `query:"limit" default:"25" min:"1" max:"100"`
	Cursor   string `query:"cursor" max:"20" doc:"next_cursor of the page before"`
}

type snoozesOf struct {
	Current    *Snooze  `json:"current" doc:"null when the ticket is awake"`
	History    []Snooze `json:"history" doc:"former ones, the latest first"`
	NextCursor *string  `json:"next_cursor"`
}

func (s *Snoozes) getSnooze(ctx context.Context, in getSnooze) (out snoozesOf, err error) {
	var before int64
	if in.Cursor != "" {
		if before, err = strconv.ParseInt(in.Cursor, 10, 64); err != nil || before < 1 {
			return out, core.InvalidField("cursor", "not a cursor of this list")
		}
	}
	if out.History, err = s.History(ctx, in.TicketID, before, in.Limit+1); err != nil {
		return out, err
	}
	if len(out.History) > in.Limit {
		out.History = out.History[:in.Limit]
		next := strconv.FormatInt(out.History[in.Limit-1].ID, 10)
		out.NextCursor = &next
	}
	asleep, err := s.asleep(ctx, in.TicketID)
	if len(asleep) > 0 {
		out.Current = &asleep[0]
	}
	return out, err
}

type putSnooze struct {
	TicketID int64      `path:"id" min:"1"`
	Until    *time.Time `json:"until,omitempty" doc:"in the future"`
	Preset   Preset     `json:"preset,omitempty" doc:"instead of until; days are those of your time zone"`
	Reason   string     `json:"reason,omitempty" max:"500"`
}

func (s *Snoozes) putSnooze(ctx context.Context, in putSnooze) (Snooze, error) {
	until, err := s.until(ctx, in)
	if err != nil {
		return Snooze{}, err
	}
	return s.Set(ctx, in.TicketID, until, in.Reason)
}

// until is the time that the input asks for, by one of its two fields.
func (s *Snoozes) until(ctx context.Context, in putSnooze) (time.Time, error) {
	switch {
	case in.Until != nil && in.Preset != "":
		return time.Time{}, core.InvalidField("preset", "give until or preset, not both")
	case in.Until != nil:
		return *in.Until, nil
	case in.Preset == "":
		return time.Time{}, core.InvalidField("until", "give until or preset")
	}
	var settings Settings
	if err := s.host.Settings(&settings); err != nil {
		return time.Time{}, err
	}
	until := in.Preset.from(s.host.Now().In(core.ActorFrom(ctx).Person.Location()), settings.DayStartsAt)
	return until, s.checkUntil("preset", until)
}

type deleteSnooze struct {
	TicketID int64 `path:"id" min:"1"`
}

func (s *Snoozes) deleteSnooze(ctx context.Context, in deleteSnooze) (core.None, error) {
	return core.None{}, s.Wake(ctx, in.TicketID)
}
