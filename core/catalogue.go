package core

import (
	"time"

	"github.com/hookdesk/hookdesk/hooks"
)

// Hooks is the catalogue: every point at which a plugin can take part in what
// the desk does. Plugins reach it by Host.Hooks and declare their own points
// in structs of the same kind.
type Hooks struct {
	Ticket     TicketHooks
	Reply      ReplyHooks
	Attachment AttachmentHooks
	Person     PersonHooks
	Setting    SettingHooks
	Auth       AuthHooks
	Plugin     PluginHooks
	Desk       DeskHooks
}

// TicketHooks are the points of a ticket's life.
type TicketHooks struct {
	Create  hooks.Action[TicketDraft, TicketCreated]
	Update  hooks.Action[TicketChange, TicketChanged]
	Status  hooks.Action[TicketChange, TicketChanged]
	Assign  hooks.Action[TicketChange, TicketChanged]
	Tag     hooks.Action[TicketChange, TicketChanged]
	Delete  hooks.Action[TicketRemoval, TicketRemoved]
	Restore hooks.Action[TicketRemoval, TicketRemoved]
	Merge   hooks.Action[TicketMerge, TicketMerged]
	Unmerge hooks.Action[TicketMerge, TicketMerged]
	Split   hooks.Action[TicketSplit, TicketSplitOff]
	List    hooks.Filter[TicketQuery]
	Show    hooks.Filter[TicketsShown]
}

// ReplyHooks are the points of replies and notes.
type ReplyHooks struct {
	Add    hooks.Action[ReplyDraft, ReplyAdded]
	Edit   hooks.Action[ReplyChange, ReplyChanged]
	Delete hooks.Action[ReplyChange, ReplyChanged]
}

// AttachmentHooks are the points of uploaded files.
type AttachmentHooks struct {
	Add hooks.Action[AttachmentDraft, AttachmentAdded]
}

// PersonHooks are the points of whoever takes part.
type PersonHooks struct {
	Upsert hooks.Action[Person, PersonUpserted]
}

// SettingHooks are the points of the settings.
type SettingHooks struct {
	Save hooks.Action[SettingDraft, SettingSaved]
}

// AuthHooks are the points of permissions.
type AuthHooks struct {
	Can hooks.Before[Permission]
}

// PluginHooks tell of plugins switched on and off; they are not durable.
type PluginHooks struct {
	Enabled  hooks.After[PluginSwitched]
	Disabled hooks.After[PluginSwitched]
}

// DeskHooks tell of the desk itself; they are not durable.
type DeskHooks struct {
	Started  hooks.After[DeskSwitched]
	Stopping hooks.After[DeskSwitched]
}

// PluginSwitched names the plugin that was switched on or off.
type PluginSwitched struct {
	Plugin string `json:"plugin"`
}

// DeskSwitched says since when the desk runs or stops.
type DeskSwitched struct {
	At Time `json:"at"`
}

// within is how long a handler in this process may keep a person waiting.
// Plugins in other processes have shorter deadlines of their own.
const within = 5 * time.Second

// NewHooks is the catalogue with nobody attached. Each desk has its own; another
// one is for whoever stands in for a desk, as a plugin's own process does.
func NewHooks() *Hooks {
	h := &Hooks{}
	h.Ticket.declare()
	h.Reply.declare()
	action(&h.Attachment.Add, "attachment.add", "attachment.added",
		"A file is stored: a veto refuses it, as a virus scanner would.", "name", "media_type")
	action(&h.Person.Upsert, "person.upsert", "person.upserted",
		"A person is seen for the first time, or with a changed name, address or role.", "name", "email", "locale", "time_zone")
	action(&h.Setting.Save, "setting.save", "setting.saved", "An admin saves the settings of the desk or of a plugin.")
	h.Auth.Can.Declare(hooks.Point{
		Name: "auth.can", Timeout: within,
		Doc: "An actor whom the desk allows an action: a veto takes the right away. It cannot give one.",
	})
	transient(&h.Plugin.Enabled, "plugin.enabled", "A plugin was switched on.")
	transient(&h.Plugin.Disabled, "plugin.disabled", "A plugin was switched off.")
	transient(&h.Desk.Started, "desk.started", "The desk runs: jobs and deliveries begin.")
	transient(&h.Desk.Stopping, "desk.stopping", "The desk is about to stop.")
	return h
}

func (t *TicketHooks) declare() {
	action(&t.Create, "ticket.create", "ticket.created",
		"A ticket with its opening message is created.", "subject", "body", "priority", "type", "department_id", "assignee_id", "tags")
	change := []string{"new"}
	action(&t.Update, "ticket.update", "ticket.updated", "Subject, priority, type or department changes.", change...)
	action(&t.Status, "ticket.status", "ticket.status_changed", "The status changes, by hand or because somebody answered.", change...)
	action(&t.Assign, "ticket.assign", "ticket.assigned", "The assignee changes.", change...)
	action(&t.Tag, "ticket.tag", "ticket.tagged", "The tags change.", change...)
	action(&t.Delete, "ticket.delete", "ticket.deleted", "A ticket is put into the bin.")
	action(&t.Restore, "ticket.restore", "ticket.restored", "A ticket is taken out of the bin.")
	action(&t.Merge, "ticket.merge", "ticket.merged", "Tickets are merged into another one.")
	action(&t.Unmerge, "ticket.unmerge", "ticket.unmerged", "A merge is undone.")
	action(&t.Split, "ticket.split", "ticket.split_off", "A reply becomes a ticket of its own.", "subject")
	t.List.Declare(hooks.Point{Name: "ticket.list", Doc: "A list of tickets is asked for: add conditions.", Timeout: within})
	t.Show.Declare(hooks.Point{Name: "ticket.show", Doc: "Tickets go to an actor: add what the plugin knows of them.", Timeout: within})
}

func (r *ReplyHooks) declare() {
	action(&r.Add, "reply.add", "reply.added", "A public reply or an internal note is added.", "body")
	action(&r.Edit, "reply.edit", "reply.edited", "The text of a reply changes; the former text is kept.", "body")
	action(&r.Delete, "reply.delete", "reply.deleted", "A reply is taken away.")
}

func action[D, E any](a *hooks.Action[D, E], name, event, doc string, writable ...string) {
	a.Declare(hooks.Point{Name: name, Doc: doc, Timeout: within, Writable: writable}, event)
}

func transient[T any](a *hooks.After[T], name, doc string) {
	a.Declare(hooks.Point{Name: name, Doc: doc, Transient: true})
}
