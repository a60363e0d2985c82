package demo

import (
	"fmt"
	"strings"
	"time"
)

// exchange is a question and its answer, below a subject where it is a ticket
// of its own.
type exchange struct{ subject, question, answer string }

// encores bring a ticket back that was resolved.
var encores = [...]exchange{
	{
		question: "I have to come back to this: {colleague} asks whether the same goes for the rest of our team. Does it?",
		answer:   "Hi {name}, yes, it is the same for everybody in your account. There is nothing more that you need to do.",
	},
	{
		question: "Sorry to open this again. Could you send me a short summary that I can pass on to my boss?",
		answer:   "Hi {name}, of course: I have put what is above onto one page, and sent it to you by mail.",
	},
	{
		question: "We have a second account, for our other company. Is it the same there?",
		answer:   "Hi {name}, I looked at the second account as well: the same holds there.",
	},
}

// asides are asked in the middle of something else.
var asides = [...]exchange{
	{
		subject:  "Invoices in French for one customer",
		question: "By the way, something else: how do I get the invoices for one single customer in French?",
		answer:   "Hi {name}, I made this a ticket of its own. Open the customer, choose Edit → Language: from the next invoice on, it is French.",
	},
	{
		subject:  "Public holidays of a second office",
		question: "Apart from that: we open an office in another country. Where do I enter its public holidays?",
		answer:   "Hi {name}, I answer here, so that the other matter stays clear. People → Offices → Add: with the country, its holidays come by themselves.",
	},
}

// impatience takes the subject and a first name.
const impatience = "Hello,\n\nI just wrote to you about \"%s\", but I am not sure that it was sent: I saw no confirmation. Did it reach you?\n\n%s"

// phrase chooses the words of a ticket that is opened at a time.
func (p *planner) phrase(t *ticket, at time.Time) {
	words := p.words(t, at)
	t.subject = say(p.Rand, words, pick(p.Rand, t.story.subjects))
	for _, l := range t.story.lines {
		l.text = say(p.Rand, words, l.text)
		t.lines = append(t.lines, l)
	}
}

// words are what the texts of one ticket have in common.
func (p *planner) words(t *ticket, at time.Time) *strings.Replacer {
	name := firstName(t.customer)
	bye := pick(p.Rand, []string{"Kind regards,\n%s", "Best wishes\n%s", "Thanks\n%s", "Regards, %s", "— %s"})
	return strings.NewReplacer(
		"{hi}", pick(p.Rand, []string{"Hello,", "Hi,", "Good morning,", "Dear team,", "Hello support,"}), "{bye}", fmt.Sprintf(bye, name),
		"{thanks}", pick(p.Rand, []string{"Thank you!", "Thanks a lot, " + firstName(t.agent) + ".", "Many thanks.", "Thanks!"}),
		"{name}", name, "{company}", companyOf(t.who), "{colleague}", firstName(customer(p.IntN(len(customers)))),
		"{n}", fmt.Sprint(4000+p.IntN(6000)), "{rows}", fmt.Sprint(400+p.IntN(4000)), "{line}", fmt.Sprint(12+p.IntN(300)),
		"{seats}", fmt.Sprint(3+p.IntN(20)), "{minor}", fmt.Sprint(1+p.IntN(8)), "{amount}", fmt.Sprintf("%d.00", 29+10*p.IntN(80)),
		"{month}", at.AddDate(0, 0, -at.Day()).Month().String(), "{day}", at.AddDate(0, 0, -1-p.IntN(3)).Weekday().String(),
		"{browser}", pick(p.Rand, []string{"Firefox 144", "Chrome on Windows 11", "Safari on a Mac", "Edge"}),
	)
}
