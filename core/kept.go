package core

import (
	"context"
	"io"
)

// unclaimed are uploads that belong to no reply and to no plugin yet.
func unclaimed() []Cond {
	return []Cond{{Column: "reply_id", Op: IsNull}, {Column: "keeper", Op: IsNull}}
}

// KeepFile makes an upload of the actor the plugin's own: no reply claims it any
// more, the desk does not forget it after a day, and only the plugin says who
// reads it. Call it in the Change that writes what the file belongs to. It fails
// with Invalid when the upload is not there, is somebody else's, or is used
// already. See Attachments.Upload for how a file is uploaded.
func KeepFile(ctx context.Context, h Host, upload int64) (Attachment, error) {
	rows, err := update[Attachment](ctx, h.Desk().store, []Assign{Set("keeper", h.PluginID())},
		append(unclaimed(), Is("id", upload), Is("uploader", ActorFrom(ctx).key()), Is("stored", true))...)
	if err == nil && len(rows) == 0 {
		err = InvalidField("file", "name a file that you uploaded within a day and have not used yet")
	}
	if err != nil {
		return Attachment{}, err
	}
	return rows[0], nil
}

// OpenFile reads a file that the plugin keeps, whoever is acting. Close what it
// returns.
func OpenFile(ctx context.Context, h Host, id int64) (Attachment, io.ReadCloser, error) {
	s := h.Desk().Attachments
	a, err := byID[Attachment](ctx, s.d.store, "attachment", id, Is("keeper", h.PluginID()))
	if err != nil {
		return a, nil, err
	}
	return s.read(ctx, a)
}

// DropFiles deletes files that the plugin keeps; what is not there is left alone.
// Call it in the Change that deletes what they belong to. Their content goes an
// hour after nothing refers to it any more.
func DropFiles(ctx context.Context, h Host, ids ...int64) error {
	if len(ids) == 0 {
		return nil
	}
	return h.Desk().Attachments.release(ctx, Where("id", In, ids), Is("keeper", h.PluginID()))
}
