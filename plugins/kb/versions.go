package kb

import (
	"context"
	"errors"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/core"
)

// Version is an article as it was saved once.
type Version struct {
	ID        int64     `json:"-"`
	ArticleID int64     `json:"article_id"`
	Number    int       `json:"number"`
	Title     string    `json:"title"`
	Body      string    `json:"body" doc:"Markdown; empty in lists"`
	By        Who       `json:"by" gorm:"embedded;embeddedPrefix:by_"`
	SavedAt   core.Time `json:"saved_at"`
}

func (a *Articles) versions(ctx context.Context, article, before int64, limit int) ([]Version, error) {
	if _, err := a.article(ctx, article); err != nil {
		return nil, err
	}
	q := a.host.DB(ctx).Omit("body").Where("article_id = ?", article)
	if before != 0 {
		q = q.Where("number < ?", before)
	}
	list := []Version{}
	err := q.Order("number DESC").Limit(limit).Find(&list).Error
	return list, err
}

func (a *Articles) version(ctx context.Context, article int64, number int) (Version, error) {
	var v Version
	err := a.host.DB(ctx).Where("article_id = ? AND number = ?", article, number).Take(&v).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		err = core.Errorf(core.NotFound, "article %d has no version %d", article, number)
	}
	return v, err
}

// restore saves a former version as the newest: nothing is lost by it.
func (a *Articles) restore(ctx context.Context, article int64, number, seen int) (Article, error) {
	v, err := a.version(ctx, article, number)
	if err != nil {
		return Article{}, err
	}
	return a.Update(ctx, article, ArticlePatch{Version: seen, Title: &v.Title, Body: &v.Body})
}
