package blocklist

import "context"

// listHits is the input of the route: its tags are the checks, the defaults
// and the documentation.
type listHits struct {
	Limit  int   `query:"limit" default:"25" min:"1" max:"100"`
	Before int64 `query:"before" default:"0" min:"0" doc:"only replies before this one: the last of the page before"`
}

type hitList struct {
	Hits []Hit `json:"hits"`
}

func (p *Plugin) listHits(ctx context.Context, in listHits) (hitList, error) {
	out := hitList{Hits: []Hit{}}
	q := p.host.DB(ctx).Order("reply_id DESC").Limit(in.Limit)
	if in.Before > 0 {
		q = q.Where("reply_id < ?", in.Before)
	}
	return out, q.Find(&out.Hits).Error
}
