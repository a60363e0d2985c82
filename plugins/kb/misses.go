package kb

import (
	"context"
	"strings"
	"time"

	"github.com/hookdesk/hookdesk/core"
)

// Miss is a search that found nothing: an article that customers look for.
type Miss struct {
	Words  string    `json:"words" doc:"as the search understood them"`
	Count  int64     `json:"count"`
	LastAt core.Time `json:"last_at"`
}

const (
	mostMisses   = 2000
	missesLive   = 90 * 24 * time.Hour
	longestMiss  = 120 // runes
	missesListed = 100
)

// noteMiss counts a search that found nothing. A search succeeds whether it is
// counted or not; where there are too many kinds of them, new ones are not.
func (a *Articles) noteMiss(ctx context.Context, text string) {
	words := []rune(strings.Join(wordsOf(text, maxWords), " "))
	if len(words) == 0 {
		return
	}
	key, table := string(words[:min(len(words), longestMiss)]), a.host.Table("misses")
	now := a.now()
	again := a.exec(ctx, "UPDATE "+table+" SET count = count + 1, last_at = ? WHERE words = ?", now, key)
	err := again.Error
	if err == nil && again.RowsAffected == 0 {
		err = a.exec(ctx, "INSERT INTO "+table+" (words, count, last_at) SELECT CAST(? AS text), 1, ? WHERE (SELECT count(*) FROM "+table+") < ?"+
			" ON CONFLICT (words) DO UPDATE SET count = "+table+".count + 1, last_at = excluded.last_at", key, now.UnixMicro(), mostMisses).Error
	}
	if err != nil && ctx.Err() == nil {
		a.host.Log().WarnContext(ctx, "a search that found nothing was not counted", "err", err)
	}
}

// forgetMisses makes room for what is looked for now.
func (a *Articles) forgetMisses(ctx context.Context) error {
	return a.host.DB(ctx).Where("last_at < ?", core.TimeOf(a.host.Now().Add(-missesLive))).Delete(&Miss{}).Error
}

// misses are the most frequent.
func (a *Articles) misses(ctx context.Context) ([]Miss, error) {
	list := []Miss{}
	err := a.host.DB(ctx).Order("count DESC, words DESC").Limit(missesListed).Find(&list).Error
	return list, err
}
