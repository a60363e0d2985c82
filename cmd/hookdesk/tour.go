package main

import (
	"fmt"

	"github.com/hookdesk/hookdesk/cmd/hookdesk/internal/demo"
)

// scene is what one person may try, as lines for a shell.
type scene struct {
	heading string
	lines   []string
}

// tour shows a customer, an agent and an admin. hers is a ticket of the
// customer, work one that the agent sees; 0 where there is none.
func tour(base string, hers, work int64) []scene {
	customer := by{"-H 'X-User: " + demo.Customer + "'", base}
	agent := by{"-H 'X-User: " + demo.Agent + "' -H 'X-Agent: true'", base}
	admin := by{"-H 'X-User: " + demo.Admin + "' -H 'X-Admin: true'", base}
	scenes := []scene{
		{"As a customer, Carla Berg, who reads no notes:", []string{
			customer.get("/api/kb/search?q=vat"),
			customer.get("/api/tickets"),
			customer.send("POST", "/api/tickets", `{"subject": "The demo works", "body": "I only wanted to say so."}`),
		}},
		{"As an agent, Chloé Martin of the technical support:", []string{
			agent.get("/api/tickets?open=true&sort=-priority"),
			agent.get("/api/tickets?snoozed=only"),
			agent.get("/api/tickets?sort=sla_due"),
			agent.get("/api/views"),
			agent.get("/api/dashboard"),
		}},
		{"As an admin, Xenia Novak:", []string{
			admin.get("/api/plugins"),
			admin.get("/api/sla/policies"),
			admin.send("POST", "/api/plugins/snooze/disable", ""),
			admin.send("POST", "/api/plugins/snooze/enable", ""),
		}},
	}
	if hers != 0 {
		one := fmt.Sprintf("/api/tickets/%d", hers)
		scenes[0].lines = append(scenes[0].lines, customer.get(one), customer.send("POST", one+"/replies", `{"body": "Is there any news?"}`))
	}
	if work != 0 {
		one := fmt.Sprintf("/api/tickets/%d", work)
		scenes[1].lines = append(scenes[1].lines, agent.get(one),
			agent.send("POST", one+"/replies", `{"body": "Only agents read this.", "internal": true}`),
			agent.send("PUT", one+"/snooze", `{"preset": "1h", "reason": "lunch"}`))
	}
	return scenes
}

// by is how somebody calls the desk.
type by struct{ headers, base string }

func (b by) get(path string) string { return fmt.Sprintf("curl %s '%s%s'", b.headers, b.base, path) }

func (b by) send(method, path, body string) string {
	line := fmt.Sprintf("curl -X %s %s", method, b.headers)
	if body != "" {
		line += " -H 'Content-Type: application/json' -d '" + body + "'"
	}
	return fmt.Sprintf("%s '%s%s'", line, b.base, path)
}
