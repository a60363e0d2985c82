package kb

import (
	"context"
	"io"

	"github.com/hookdesk/hookdesk/core"
)

type oneFile struct {
	ID   int64 `path:"id" min:"1"`
	File int64 `path:"file" min:"1"`
}

func (a *Articles) postFile(ctx context.Context, in oneThing, name string, content io.Reader) (File, error) {
	return a.addFile(ctx, in.ID, name, content)
}

func (a *Articles) getFile(ctx context.Context, in oneFile) (core.Attachment, io.ReadCloser, error) {
	return a.openFile(ctx, in.ID, in.File)
}

func (a *Articles) deleteFile(ctx context.Context, in oneFile) (core.None, error) {
	return core.None{}, a.removeFile(ctx, in.ID, in.File)
}
