package fill

import (
	"fmt"
	"slices"
	"strings"
)

// The desk's history, in microseconds since 1970: two years.
const (
	first = int64(1_704_067_200_000_000)
	span  = int64(730 * 86_400_000_000)
	hour  = int64(3_600_000_000)
)

func (w *writer) people() {
	t := w.table("people", "id,user_id,email,name,role,created_at,updated_at")
	for i := 1; i <= Agents+w.size.Requesters; i++ {
		user, role := fmt.Sprintf("user-%d", i), 2
		if i <= Agents {
			user, role = fmt.Sprintf("agent-%d", i), 3
		}
		t.add(i, user, user+"@example.com", "Person "+user, role, first, first)
	}
	t.flush()
}

func (w *writer) labels() {
	departments := w.table("departments", "id,name,slug,active,position")
	for i := 1; i <= Departments; i++ {
		departments.add(i, fmt.Sprintf("Department %d", i), fmt.Sprintf("department-%d", i), true, i)
	}
	departments.flush()
	staff := w.table("department_agents", "department_id,person_id")
	for i := 2; i <= Agents; i += 2 { // the odd ones are in none and see all
		staff.add(1+i%Departments, i)
		staff.add(1+(i+7)%Departments, i)
	}
	staff.flush()
	tags := w.table("tags", "id,name,slug")
	for i := 1; i <= Tags; i++ {
		tags.add(i, fmt.Sprintf("Tag %d", i), fmt.Sprintf("tag-%d", i))
	}
	tags.flush()
}

// ticket is what other tables repeat of one.
type ticket struct {
	id, priority     int
	open             bool
	created, updated int64
	tags             []int
	random           random
}

func (w *writer) ticket(i int) ticket {
	r := random(hash(1, i))
	n := w.size.Tickets
	t := ticket{id: i, created: first + int64(i)*(span/int64(n+1))}
	// Half of the open ones are among the newest tenth.
	share := w.size.OpenPercent * 5 / 9
	if i > n-n/10 {
		share = w.size.OpenPercent * 5
	}
	t.open = r.n(100) < share && !merged(i) && !deleted(i)
	t.updated = min(t.created+int64(r.n(72))*hour+int64(r.n(1_000_000)), first+span)
	t.priority = []int{0, 1, 1, 1, 1, 2, 2, 2, 3, 4}[r.n(10)]
	for range r.n(4) {
		if tag := 1 + r.skewed(Tags); !slices.Contains(t.tags, tag) {
			t.tags = append(t.tags, tag)
		}
	}
	slices.Sort(t.tags)
	t.random = r
	return t
}

func (t *ticket) status() int {
	if t.open {
		return []int{0, 0, 0, 1, 1, 1, 2, 2, 3, 4, 7}[t.random.n(11)]
	}
	return []int{5, 6, 6, 6}[t.random.n(4)]
}

const ticketColumns = "id,subject,status,priority,type,channel,requester_id,assignee_id,department_id,version,last_number,reply_count,tag_count," +
	"is_open,last_reply_at,last_reply_by,first_response_at,resolved_at,closed_at,merged_into_id,unmerged_status,split_from_id,created_at,updated_at," +
	"public_at,deleted_at"

func (w *writer) tickets() {
	rows := w.table("tickets", ticketColumns)
	for i := 1; i <= w.size.Tickets; i++ {
		t := w.ticket(i)
		status, r := t.status(), &t.random
		var assignee, department, resolved, closed, into, unmerged, splitFrom, gone any
		if !t.open || r.n(4) > 0 {
			assignee = 1 + r.skewed(Agents)
		}
		if r.n(10) > 0 {
			department = 1 + r.skewed(Departments)
		}
		if !t.open {
			resolved = t.updated
		}
		if status == 6 {
			closed = t.updated
		}
		if merged(i) {
			into, unmerged, status = i-1, 0, 6
		}
		if i%500 == 7 {
			splitFrom = i - 1
		}
		if deleted(i) {
			gone = t.updated
		}
		last := w.size.Replies(i) - 1
		rows.add(i, r.text(45), status, t.priority, []string{"question", "question", "problem", "incident", "task"}[r.n(5)], r.n(5),
			w.requester(i), assignee, department, 1+r.n(5), last, last, len(t.tags), t.open, t.updated, w.requester(i), t.created+hour,
			resolved, closed, into, unmerged, splitFrom, t.created, t.updated, t.updated, gone)
	}
	rows.flush()
}

func (w *writer) requester(ticket int) int {
	return Agents + 1 + int(hash(2, ticket)%uint64(w.size.Requesters))
}

// replies are written as they came: those of one ticket far apart.
func (w *writer) replies() {
	rows := w.table("replies", "ticket_id,number,kind,author_id,author,by_agent,channel,body,merged_from_id,merged_number,merged_kind,created_at")
	for number := range 20 {
		for i := 1; i <= w.size.Tickets; i++ {
			if number >= w.size.Replies(i) {
				continue
			}
			r := random(hash(100+number, i))
			author, kindOfAuthor, kind, in, at := w.requester(i), "requester", 0, i, number
			var from, was, wasKind any
			if number%2 == 1 {
				author, kindOfAuthor = 1+r.skewed(Agents), "agent"
				if r.n(4) == 0 {
					kind = 1
				}
			}
			if merged(i) {
				in, at, from, was, wasKind = i-1, 100, i, 0, 0
			}
			body := r.text(w.size.Body/2 + r.n(w.size.Body+1))
			rows.add(in, at, kind, author, kindOfAuthor, number%2 == 1, 0, body, from, was, wasKind, first+int64(i)*(span/int64(w.size.Tickets+1))+int64(number)*hour)
		}
	}
	rows.flush()
}

// files hang on every 50th reply; each tenth file is of nobody.
func (w *writer) files() {
	blobs := w.table("blobs", "sha256,size,refs,released_at")
	rows := w.table("attachments", "ticket_id,reply_id,uploader,name,media_type,size,sha256,stored,created_at")
	for i := 1; i <= w.size.Tickets/10; i++ {
		sum := fmt.Sprintf("%064x", i)
		var released any
		if i%10 == 0 {
			released = first + int64(i)*hour
		}
		blobs.add(sum, 1000, i%10, released)
	}
	blobs.flush()
	for i := 1; i <= w.size.Tickets/10; i++ {
		var ticket, reply any
		if i%10 != 0 { // an id below the number of tickets is an opening message
			ticket, reply = i*10, i*10
		}
		rows.add(ticket, reply, fmt.Sprintf("person:%d", i%100+1), "file.pdf", "application/pdf", 1000, fmt.Sprintf("%064x", i), true, first+int64(i)*hour)
	}
	rows.flush()
}

func (w *writer) tags() {
	rows := w.table("ticket_tags", "ticket_id,tag_id,is_open,priority,created_at,updated_at")
	for i := 1; i <= w.size.Tickets; i++ {
		t := w.ticket(i)
		for _, tag := range t.tags {
			rows.add(i, tag, t.open, t.priority, t.created, t.updated)
		}
	}
	rows.flush()
}

// events tell of each ticket's creation and, where it has twenty, of its replies.
func (w *writer) events() {
	rows := w.table("events", "id,ticket_id,type,audience,actor,cause,depth,payload,created_at")
	id := 0
	for i := 1; i <= w.size.Tickets; i++ {
		t := w.ticket(i)
		for n := range w.size.Replies(i) {
			if n > 0 && i%20 != 0 {
				break
			}
			name := []string{"reply.added", "ticket.updated"}[n%2]
			if n == 0 {
				name = "ticket.created"
			}
			id++
			rows.add(id, i, name, n%3/2, `{"kind":"agent","id":"agent-1","name":"Person agent-1","person_id":1}`, 0, 0,
				fmt.Sprintf(`{"ticket":{"id":%d,"subject":%q,"status":"open","priority":"high","type":"question","version":%d}}`, i, t.random.text(45), n+1), t.created+int64(n)*hour)
		}
	}
	rows.flush()
	if w.Postgres && w.err == nil {
		w.run("INSERT INTO " + w.Prefix + "event_seq (seq, event_id) SELECT id, id FROM " + w.Prefix + "events")
	}
}

// words are those of a subject, which is what most searches find.
func (w *writer) words() {
	rows := w.table("ticket_words", "word,ticket_id,internal")
	for i := 1; i <= w.size.Tickets; i++ {
		r := random(hash(3, i))
		words := strings.Fields(r.text(25))
		slices.Sort(words)
		for n, word := range slices.Compact(words) {
			rows.add(word, i, n == 0)
		}
	}
	rows.flush()
}

// tokens are the short-lived rows that jobs sweep.
func (w *writer) tokens() {
	guests := w.table("guest_tokens", "hash,ticket_id,person_id,expires_at")
	keys := w.table("idempotency_keys", "caller,key,route,digest,status,etag,answer,event_id,expires_at")
	for i := 1; i <= w.size.Tickets/5; i++ {
		guests.add(fmt.Sprintf("%064x", i), i, w.requester(i), first+int64(i)*hour)
		keys.add(fmt.Sprintf("person:%d", i%100+1), fmt.Sprintf("key-%d", i), "POST /api/tickets", "", 201, "", "{}", i, first+int64(i)*hour)
	}
	guests.flush()
	keys.flush()
}
