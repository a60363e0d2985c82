package kb

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"unicode/utf8"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/hookdesk/hookdesk/core"
)

// vote is what one visitor said of an article.
type vote struct {
	ID        int64
	ArticleID int64
	Visitor   string
	Helpful   bool
	Reason    string
	VotedAt   core.Time
}

const maxReason = 1000

// judge notes what a visitor says of an article, in the place of what the
// visitor said before.
func (a *Articles) judge(ctx context.Context, o Opinion, token string) error {
	visitor, err := visitorOf(core.ActorFrom(ctx), token)
	if err == nil {
		err = a.readable(ctx, o.ArticleID)
	}
	if err != nil {
		return err
	}
	article, helpful := o.ArticleID, o.Helpful
	if err := a.hooks.Feedback.Before.Run(ctx, &o); err != nil {
		return err
	}
	if utf8.RuneCountInString(o.Reason) > maxReason {
		return core.InvalidField("reason", "a reason has at most %d characters", maxReason)
	}
	o.ArticleID, o.Helpful = article, helpful // others change the words, not the vote
	return a.host.Change(ctx, func(ctx context.Context) error {
		err := a.host.DB(ctx).Clauses(clause.OnConflict{
			Columns:   []clause.Column{{Name: "article_id"}, {Name: "visitor"}},
			DoUpdates: clause.AssignmentColumns([]string{"helpful", "reason", "voted_at"}),
		}).Create(&vote{ArticleID: article, Visitor: visitor, Helpful: helpful, Reason: o.Reason, VotedAt: a.now()}).Error
		if errors.Is(err, gorm.ErrForeignKeyViolated) {
			return core.Errorf(core.NotFound, "there is no such article") // deleted meanwhile
		}
		if err != nil {
			return err
		}
		return core.Perform(ctx, a.host, &a.hooks.Feedback, 0, true, &Judged{o})
	})
}

// visitorOf tells visitors apart: a person by the id, anybody else by a token
// that the client keeps. Of the token only a hash is kept.
func visitorOf(who core.Actor, token string) (string, error) {
	switch {
	case who.Person.ID != 0:
		return "person:" + strconv.FormatInt(who.Person.ID, 10), nil
	case len(token) < 8:
		return "", core.InvalidField("visitor", "who has not signed in gives a token of at least 8 characters, the same each time")
	}
	sum := sha256.Sum256([]byte(token))
	return "visitor:" + hex.EncodeToString(sum[:16]), nil
}

// readable fails unless a customer could read the article.
func (a *Articles) readable(ctx context.Context, article int64) error {
	if _, err := a.reader(ctx); err != nil {
		return err
	}
	var n int64
	err := a.host.DB(ctx).Model(&Article{}).Where("id = ? AND state <> 'draft' AND publish_at <= ?", article, a.now()).Count(&n).Error
	if err == nil && n == 0 {
		err = core.Errorf(core.NotFound, "there is no such article")
	}
	return err
}

// totals counts the votes.
func (a *Articles) totals(ctx context.Context, article int64) (helpful, not int64, err error) {
	var rows []struct {
		Helpful bool
		N       int64
	}
	err = a.host.DB(ctx).Model(&vote{}).Select("helpful, count(*) AS n").Where("article_id = ?", article).Group("helpful").Scan(&rows).Error
	for _, r := range rows {
		if r.Helpful {
			helpful = r.N
		} else {
			not = r.N
		}
	}
	return helpful, not, err
}
