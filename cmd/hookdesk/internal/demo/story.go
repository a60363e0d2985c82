package demo

import (
	_ "embed" // stories.txt
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/hookdesk/hookdesk/core"
)

// stories.txt holds the conversations, written by hand:
//
//	== subject | another subject
//	@ department type priority tag,tag
//	C: the customer's message     A: an agent's answer     N: a note
//	C+error.log: with a file      Z: 5d an agent snoozes the ticket, and why
//
// A message goes on until the next mark. [this|that] is one of the two, and
// {invoice} is a word that differs from ticket to ticket.
//
//go:embed stories.txt
var storyText string

// story is a conversation before its words are chosen.
type story struct {
	subjects   []string
	department string
	kind       string
	priority   core.Priority
	tags       []string
	lines      []line
}

// line is one message, or a snooze.
type line struct {
	by    byte // C, A, N or Z
	file  string
	text  string        // of the message, or why it sleeps
	sleep time.Duration // of a snooze
}

var (
	mark = regexp.MustCompile(`^([CANZ])(?:\+([\w.]+))?: (.*)$`)
	nap  = regexp.MustCompile(`^(\d+)d (.+)$`)
)

// parseStories reads stories.txt; an error is a mistake in it.
func parseStories(text string) ([]story, error) {
	var all []story
	for number, row := range strings.Split(strings.TrimSpace(text), "\n") {
		if subjects, ok := strings.CutPrefix(row, "== "); ok {
			all = append(all, story{subjects: strings.Split(subjects, " | ")})
			continue
		}
		if len(all) == 0 {
			return nil, fmt.Errorf("stories.txt:%d: stands before the first story", number+1)
		}
		if err := all[len(all)-1].read(row); err != nil {
			return nil, fmt.Errorf("stories.txt:%d: %w", number+1, err)
		}
	}
	return all, nil
}

// read takes over one row below the subject.
func (s *story) read(row string) error {
	if head, ok := strings.CutPrefix(row, "@ "); ok {
		words := strings.Fields(head)
		if len(words) != 4 {
			return fmt.Errorf("want department, type, priority and tags, not %q", head)
		}
		s.department, s.kind, s.tags = words[0], words[1], strings.Split(words[3], ",")
		return s.priority.UnmarshalText([]byte(words[2]))
	}
	if m := mark.FindStringSubmatch(row); m != nil {
		l, err := lineOf(m[1][0], m[2], m[3])
		if err == nil && len(s.lines) == 0 && l.by != 'C' {
			err = errors.New("a story begins with the customer")
		}
		s.lines = append(s.lines, l)
		return err
	}
	if len(s.lines) == 0 {
		return fmt.Errorf("%q is no message", row)
	}
	s.lines[len(s.lines)-1].text += "\n" + row
	return nil
}

func lineOf(by byte, file, text string) (line, error) {
	l := line{by: by, file: file, text: text}
	if by != 'Z' {
		return l, nil
	}
	m := nap.FindStringSubmatch(text)
	if m == nil {
		return l, fmt.Errorf("want days and a reason, such as 5d it is late, not %q", text)
	}
	n, err := strconv.Atoi(m[1])
	l.sleep, l.text = time.Duration(n)*24*time.Hour, m[2]
	return l, err
}

var choice = regexp.MustCompile(`\[[^\[\]]*\]`)

// say chooses the words of a text.
func say(r *rand.Rand, words *strings.Replacer, text string) string {
	text = choice.ReplaceAllStringFunc(text, func(c string) string {
		return pick(r, strings.Split(c[1:len(c)-1], "|"))
	})
	return strings.TrimSpace(words.Replace(text))
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }
