-- +goose Up
CREATE TABLE {{.Prefix}}kb_votes (
	id         {{.ID}},
	article_id bigint  NOT NULL REFERENCES {{.Prefix}}kb_articles (id) ON DELETE CASCADE,
	visitor    text    NOT NULL,
	helpful    boolean NOT NULL,
	reason     text    NOT NULL,
	voted_at   bigint  NOT NULL
);
-- Who changes one's mind replaces what one said.
CREATE UNIQUE INDEX {{.Prefix}}kb_vote_visitor ON {{.Prefix}}kb_votes (article_id, visitor);
-- Totals.
CREATE INDEX {{.Prefix}}kb_vote_total ON {{.Prefix}}kb_votes (article_id, helpful);
-- What was said, the latest first.
CREATE INDEX {{.Prefix}}kb_vote_list ON {{.Prefix}}kb_votes (article_id, id);

-- +goose Down
DROP TABLE {{.Prefix}}kb_votes;
