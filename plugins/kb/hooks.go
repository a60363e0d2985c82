package kb

import (
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/hooks"
)

// Hooks are the points at which others take part, such as a plugin that
// translates:
//
//	base.Hooks.Publish.After.Add(h, "translate", t.translate)
type Hooks struct {
	// Update is an article saved, for the first time too. A Before handler may
	// refuse it, or change Title and Body.
	Update hooks.Action[Draft, Saved]
	// Publish is an article that customers begin to see. A Before handler may
	// refuse it when an admin asks for it, now or for later; nobody is asked again
	// when the time has come.
	Publish hooks.Action[Draft, Saved]
	// Unpublish is an article taken back or deleted. A Before handler may refuse it.
	Unpublish hooks.Action[Draft, Saved]
	// Feedback is what a reader says of an article. A Before handler may refuse it,
	// or change Reason.
	Feedback hooks.Action[Opinion, Judged]
	// Attach and Detach are a file that an article was given, or that was taken from
	// it alone. Who wants to refuse one takes part in core's Attachment.Add.
	Attach hooks.After[Attached]
	Detach hooks.After[Attached]
	// Search is what a search found, before the reader sees it.
	Search hooks.Filter[Results]
}

// Draft is an article about to be saved, published or taken back. ID is 0 for
// one that is new.
type Draft struct {
	ID     int64  `json:"id"`
	Locale Locale `json:"locale"`
	Title  string `json:"title"`
	Body   string `json:"body" doc:"Markdown"`
}

// Saved is the event of an article that was saved, published or taken back.
type Saved struct {
	Article Summary `json:"article"`
	By      Who     `json:"by"`
}

// Opinion is what a reader is about to say of an article.
type Opinion struct {
	ArticleID int64  `json:"article_id"`
	Helpful   bool   `json:"helpful"`
	Reason    string `json:"reason"`
}

// Judged is the event of an opinion given or changed.
type Judged struct {
	Opinion Opinion `json:"opinion"`
}

func (h *Hooks) declare() {
	const patience = 5 * time.Second
	h.Update.Declare(hooks.Point{
		Name: "kb.update", Timeout: patience, Writable: []string{"title", "body"}, Doc: "An admin saves an article.",
	}, "kb.updated")
	h.Publish.Declare(hooks.Point{Name: "kb.publish", Timeout: patience, Doc: "Customers begin to see an article."}, "kb.published")
	h.Unpublish.Declare(hooks.Point{Name: "kb.unpublish", Timeout: patience, Doc: "An article is taken back or deleted."}, "kb.unpublished")
	h.Feedback.Declare(hooks.Point{
		Name: "kb.feedback", Timeout: patience, Writable: []string{"reason"}, Doc: "A reader says whether an article helped.",
	}, "kb.judged")
	h.Attach.Declare(hooks.Point{Name: "kb.attached", Doc: "An article was given a file."})
	h.Detach.Declare(hooks.Point{Name: "kb.detached", Doc: "A file was taken from an article."})
	h.Search.Declare(hooks.Point{Name: "kb.search", Timeout: time.Second, Doc: "What a search found."})
}

// Who saved an article.
type Who struct {
	ID   *int64 `json:"id" doc:"the person's; null for a plugin"`
	Name string `json:"name"`
}

func whoOf(a core.Actor) Who {
	if a.Plugin != "" {
		return Who{Name: a.Plugin}
	}
	return Who{ID: &a.Person.ID, Name: a.Person.Name}
}
