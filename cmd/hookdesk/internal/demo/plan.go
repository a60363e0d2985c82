package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/hookdesk/hookdesk/core"
)

const (
	days    = 60               // how far back the demo goes
	fresh   = 20 * time.Minute // the age of the newest ticket, at least
	tickets = 200              // how many there are in the end
	doubles = 4                // of them: asked twice, and merged
	splits  = 2                // of them: came out of another one
	lastly  = 6                // at most: snoozed as the story ends
)

// ticket is one conversation with its words chosen.
type ticket struct {
	story    story
	who      int // of the customers
	customer core.Identity
	agent    core.Identity
	subject  string
	lines    []line
	channel  core.Channel
	chosen   bool // the customer named the department

	id    int64 // once it exists
	reply int64 // the newest of the customer
}

// act is what somebody does to a ticket; ctx says who.
type act func(s *stage, ctx context.Context, t *ticket) error

// step is one act at its time.
type step struct {
	at       time.Time
	by       core.Identity
	do       act
	of       *ticket
	answered bool // by the agent: the ticket may sleep from here
}

// planner lays out what happens between start and now.
type planner struct {
	*rand.Rand
	now   time.Time
	steps []step
}

// plan is all that happened in the last 60 days, in order.
func plan(now time.Time) ([]step, error) {
	stories, err := parseStories(storyText)
	if err != nil {
		return nil, err
	}
	p := &planner{Rand: rand.New(rand.NewPCG(1, 42)), now: now.UTC()}
	var deck []story
	for n := range tickets - doubles - splits {
		if len(deck) == 0 {
			deck = slices.Clone(stories)
			p.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
		}
		p.ticket(n, deck[0])
		deck = deck[1:]
	}
	p.sleep()
	p.sort()
	return p.steps, nil
}

func (p *planner) sort() {
	slices.SortStableFunc(p.steps, func(a, b step) int { return a.at.Compare(b.at) })
}

// ticket lays out the n-th conversation.
func (p *planner) ticket(n int, s story) {
	who := p.IntN(len(customers))
	if n%12 == 0 {
		who = 0 // the one whom the demo introduces
	}
	t := &ticket{story: s, who: who, customer: customer(who), agent: p.agentOf(s), chosen: p.IntN(3) > 0}
	t.channel = pick(p.Rand, []core.Channel{core.ViaWeb, core.ViaWeb, core.ViaEmail, core.ViaEmail, core.ViaAPI, core.ViaPhone})
	special := n < doubles+splits
	at := p.asked(t.channel, special)
	p.phrase(t, at)
	opener := t.customer
	if t.channel == core.ViaPhone {
		opener = t.agent // who takes the call writes it down
	}
	p.happen(t, at, opener, (*stage).open)
	triaged := p.office(at.Add(p.between(5*time.Minute, 4*time.Hour)))
	p.happen(t, triaged, t.agent, (*stage).triage)
	switch {
	case special && n < doubles:
		p.askAgain(t, at, triaged)
	case special:
		p.askElse(n, t, at, triaged)
	}
	p.end(t, p.talk(t, triaged))
}

// asked is when a customer asks. What happens to a special ticket is over by now.
func (p *planner) asked(by core.Channel, special bool) time.Time {
	age := fresh + time.Duration(p.Float64()*p.Float64()*days*float64(24*time.Hour)) // more of them lately
	if special {
		age = min(age+6*24*time.Hour, days*24*time.Hour)
	}
	for {
		at := p.waking(p.now.Add(-age))
		if by == core.ViaPhone {
			at = p.office(at)
		}
		if !at.After(p.now.Add(-fresh)) {
			return at
		}
		age += 5 * time.Hour // now is at night or on a weekend: it was before
	}
}

// agentOf is somebody who may answer.
func (p *planner) agentOf(s story) core.Identity {
	for _, d := range departments {
		if d.slug == s.department && p.IntN(6) > 0 {
			return agent(pick(p.Rand, d.agents))
		}
	}
	return agent("hugo")
}

// happen notes a step, unless it lies in the future.
func (p *planner) happen(t *ticket, at time.Time, by core.Identity, do act) {
	if at.Before(p.now) {
		p.steps = append(p.steps, step{at: at, by: by, of: t, do: do})
	}
}

// write notes a message of the ticket.
func (p *planner) write(t *ticket, at time.Time, l line) {
	by := t.agent
	if l.by == 'C' {
		by = t.customer
	}
	p.happen(t, at, by, func(s *stage, ctx context.Context, t *ticket) error { return s.message(ctx, t, l) })
	if l.by == 'A' && at.Before(p.now) {
		p.steps[len(p.steps)-1].answered = true
	}
}

// talk lays out the messages behind the first, and returns when the last is over.
func (p *planner) talk(t *ticket, at time.Time) time.Time {
	for _, l := range t.lines[1:] {
		switch l.by {
		case 'C':
			at = p.waking(at.Add(p.between(15*time.Minute, 50*time.Hour)))
		case 'Z':
			at = p.office(at.Add(p.between(time.Minute, 20*time.Minute)))
			p.snooze(t, at, l)
			at = p.office(at.Add(l.sleep))
			continue
		default:
			at = p.office(at.Add(p.between(10*time.Minute, 20*time.Hour)))
		}
		p.write(t, at, l)
	}
	return at
}

func (p *planner) snooze(t *ticket, at time.Time, l line) {
	p.happen(t, at, t.agent, func(s *stage, ctx context.Context, t *ticket) error { return s.snooze(ctx, t, l) })
	p.happen(t, at.Add(l.sleep), t.agent, (*stage).wake)
}

// end resolves the ticket and, some days later, may close it. Some come back.
func (p *planner) end(t *ticket, at time.Time) {
	at = p.office(at.Add(p.between(10*time.Minute, 20*time.Hour)))
	p.happen(t, at, t.agent, (*stage).resolve)
	switch p.IntN(8) {
	case 0:
		more := pick(p.Rand, encores[:])
		words := p.words(t, at)
		at = p.waking(at.Add(p.between(5*time.Hour, 90*time.Hour)))
		p.write(t, at, line{by: 'C', text: words.Replace(more.question)})
		at = p.office(at.Add(p.between(time.Hour, 10*time.Hour)))
		p.write(t, at, line{by: 'A', text: words.Replace(more.answer)})
		p.happen(t, p.office(at.Add(p.between(time.Hour, 40*time.Hour))), t.agent, (*stage).resolve)
	case 1, 2, 3, 4:
		p.happen(t, p.office(at.Add(p.between(70*time.Hour, 200*time.Hour))), t.agent, (*stage).close)
	}
}

// askAgain lets the customer ask the same again, for an agent to merge.
func (p *planner) askAgain(t *ticket, at, triaged time.Time) {
	again := *t
	again.channel, again.subject = t.later(), "Did you get this? "+t.subject
	again.lines = []line{{by: 'C', text: fmt.Sprintf(impatience, t.subject, firstName(t.customer))}}
	p.happen(&again, at.Add(3*time.Minute), t.customer, (*stage).open)
	p.happen(t, triaged.Add(4*time.Minute), t.agent, func(s *stage, ctx context.Context, t *ticket) error { return s.merge(ctx, t, &again) })
}

// askElse lets the customer ask for something else, for an agent to split off.
func (p *planner) askElse(n int, t *ticket, at, triaged time.Time) {
	more := asides[n%len(asides)]
	words := p.words(t, at)
	off := &ticket{who: t.who, customer: t.customer, agent: t.agent, subject: more.subject, channel: t.channel}
	p.write(t, at.Add(2*time.Minute), line{by: 'C', text: words.Replace(more.question)})
	p.happen(t, triaged.Add(6*time.Minute), t.agent, func(s *stage, ctx context.Context, t *ticket) error { return s.split(ctx, t, off) })
	p.write(off, p.office(triaged.Add(time.Hour)), line{by: 'A', text: words.Replace(more.answer)})
}

// sleep puts tickets to sleep whose agent has just answered.
func (p *planner) sleep() {
	p.sort()
	newest := map[*ticket]int{}
	for i, s := range p.steps {
		newest[s.of] = i
	}
	left := lastly
	for i, s := range slices.Backward(p.steps) {
		at := s.at.Add(time.Minute)
		if left > 0 && s.answered && newest[s.of] == i && at.Before(p.now) {
			left--
			p.snooze(s.of, at, line{by: 'Z', text: "waits for the customer's answer", sleep: time.Duration(12+left) * 24 * time.Hour})
		}
	}
}
