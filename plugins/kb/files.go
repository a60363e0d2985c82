package kb

import (
	"context"
	"errors"
	"io"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/hookdesk/hookdesk/core"
)

// File is a file of an article. It belongs to the article and not to one of its
// versions: to add or to delete one makes no version, and restoring a version
// leaves the files as they are.
type File struct {
	ID        int64     `json:"id"` // the attachment's
	ArticleID int64     `json:"-"`
	Name      string    `json:"name"`
	MediaType string    `json:"media_type" doc:"told from the content, not by who uploaded it"`
	Size      int64     `json:"size" doc:"bytes"`
	AddedAt   core.Time `json:"added_at"`
}

// Attached is the event of a file that an article was given, or that was taken
// from it.
type Attached struct {
	ArticleID int64 `json:"article_id"`
	File      File  `json:"file"`
	By        Who   `json:"by"`
}

const maxFiles = 50 // of an article

// files lists the files of an article in the order in which they came.
func (a *Articles) files(ctx context.Context, article int64) ([]File, error) {
	list := []File{}
	err := a.host.DB(ctx).Where("article_id = ?", article).Order("id").Limit(maxFiles).Find(&list).Error
	return list, err
}

// addFile gives an article a file, by the same door as those of tickets.
func (a *Articles) addFile(ctx context.Context, article int64, name string, content io.Reader) (File, error) {
	if err := a.room(ctx, article); err != nil { // before the content is taken
		return File{}, err
	}
	upload, err := a.host.Desk().Attachments.Upload(ctx, name, content)
	if err != nil {
		return File{}, err
	}
	added := File{upload.ID, article, upload.Name, upload.MediaType, upload.Size, a.now()}
	err = a.host.Change(ctx, func(ctx context.Context) error {
		if err := a.lock(ctx, article); err != nil {
			return err
		}
		if err := a.room(ctx, article); err != nil {
			return err
		}
		if _, err := core.KeepFile(ctx, a.host, upload.ID); err != nil {
			return err
		}
		if err := a.host.DB(ctx).Create(&added).Error; err != nil {
			return err
		}
		return core.Announce(ctx, a.host, &a.hooks.Attach, 0, true, &Attached{article, added, whoOf(core.ActorFrom(ctx))})
	})
	return added, err
}

// room fails when the article is not there or has all the files it may have.
func (a *Articles) room(ctx context.Context, article int64) error {
	found, err := a.article(ctx, article)
	if err == nil && len(found.Files) >= maxFiles {
		err = core.Errorf(core.Conflict, "an article has at most %d files: delete one first", maxFiles)
	}
	return err
}

// lock keeps others from adding files to an article, or deleting it, until the
// transaction ends.
func (a *Articles) lock(ctx context.Context, article int64) error {
	err := a.host.DB(ctx).Clauses(clause.Locking{Strength: "UPDATE"}).Select("id").Take(&Article{}, article).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return core.Errorf(core.NotFound, "no article %d", article)
	}
	return err
}

// removeFile takes a file from an article for good.
func (a *Articles) removeFile(ctx context.Context, article, file int64) error {
	return a.host.Change(ctx, func(ctx context.Context) error {
		var gone []File
		err := a.host.DB(ctx).Clauses(clause.Returning{}).Where("id = ? AND article_id = ?", file, article).Delete(&gone).Error
		if err == nil && len(gone) == 0 {
			err = noFile(article, file)
		}
		if err != nil {
			return err
		}
		if err := core.DropFiles(ctx, a.host, file); err != nil {
			return err
		}
		return core.Announce(ctx, a.host, &a.hooks.Detach, 0, true, &Attached{article, gone[0], whoOf(core.ActorFrom(ctx))})
	})
}

// removeFiles takes all files from an article that is about to be deleted.
func (a *Articles) removeFiles(ctx context.Context, article int64) error {
	var gone []File
	err := a.host.DB(ctx).Clauses(clause.Returning{}).Where("article_id = ?", article).Delete(&gone).Error
	if err != nil {
		return err
	}
	ids := make([]int64, len(gone))
	for i, f := range gone {
		ids[i] = f.ID
	}
	return core.DropFiles(ctx, a.host, ids...)
}

// openFile reads a file for whoever may read the article: agents any, customers
// what is published.
func (a *Articles) openFile(ctx context.Context, article, file int64) (none core.Attachment, _ io.ReadCloser, err error) {
	if core.ActorFrom(ctx).IsAgent() {
		_, err = a.article(ctx, article)
	} else {
		err = a.readable(ctx, article)
	}
	if err != nil {
		return none, nil, err
	}
	err = a.host.DB(ctx).Where("article_id = ?", article).Take(&File{}, file).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		err = noFile(article, file)
	}
	if err != nil {
		return none, nil, err
	}
	return core.OpenFile(ctx, a.host, file)
}

func noFile(article, file int64) error {
	return core.Errorf(core.NotFound, "article %d has no file %d", article, file)
}
