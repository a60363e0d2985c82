package kb

import (
	"context"

	"gorm.io/gorm/clause"

	"github.com/hookdesk/hookdesk/core"
)

// atOnce is how many articles are published in one transaction.
const atOnce = 50

// publishDue tells of the articles whose time has come. Customers see them
// already.
func (a *Articles) publishDue(ctx context.Context) error {
	for {
		told := 0
		err := a.host.Change(ctx, func(ctx context.Context) (err error) {
			told, err = a.tellDue(ctx)
			return err
		})
		if err != nil || told < atOnce {
			return err
		}
	}
}

// tellDue takes the first that are due. Of several that try at once, one
// succeeds.
func (a *Articles) tellDue(ctx context.Context) (int, error) {
	db := a.host.DB(ctx)
	due := db.Model(&Article{}).Select("id").Where("state = 'scheduled' AND publish_at <= ?", a.now()).Order("publish_at, id").Limit(atOnce)
	var told []Article
	err := db.Model(&told).Clauses(clause.Returning{}).Where("state = 'scheduled' AND id IN (?)", due).
		Update("state", StatePublished).Error
	for i := 0; err == nil && i < len(told); i++ {
		err = core.Perform(ctx, a.host, &a.hooks.Publish, 0, true, &Saved{told[i].summary(), told[i].By})
	}
	return len(told), err
}
