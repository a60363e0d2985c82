package api

import (
	"context"
	"io"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/rest"
)

func (a *api) registerFiles(o *rest.Owner) {
	o.Handle("POST /api/attachments", core.Requesters, core.TakeFile(a.upload,
		doc("Upload a file, the part \"file\" of a form; a reply claims it by its id within a day.")))
	o.Handle("GET /api/attachments/{id}", core.Requesters, core.GiveFile(a.download, doc("Download a file.")))
}

func (a *api) upload(ctx context.Context, _ struct{}, name string, content io.Reader) (core.Attachment, error) {
	return a.desk.Attachments.Upload(ctx, name, content)
}

type oneFile struct {
	ID int64 `path:"id" min:"1"`
}

func (a *api) download(ctx context.Context, in oneFile) (core.Attachment, io.ReadCloser, error) {
	return a.desk.Attachments.Open(ctx, in.ID)
}
