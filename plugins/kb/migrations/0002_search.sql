-- +goose Up
-- The words of articles, cut and folded by the plugin, so that both databases
-- find the same. title and body are searched, grams are the thirds of a title's
-- words, by which a misspelt one is recognised.
{{if .Postgres}}
CREATE TABLE {{.Prefix}}kb_words (
	article_id bigint   PRIMARY KEY REFERENCES {{.Prefix}}kb_articles (id) ON DELETE CASCADE,
	words      tsvector NOT NULL,
	grams      tsvector NOT NULL
);
CREATE INDEX {{.Prefix}}kb_words_words ON {{.Prefix}}kb_words USING gin (words);
CREATE INDEX {{.Prefix}}kb_words_grams ON {{.Prefix}}kb_words USING gin (grams);
{{else}}
CREATE VIRTUAL TABLE {{.Prefix}}kb_words USING fts5 (
	title, body, grams,
	content = '', contentless_delete = 1, prefix = '2 3 4',
	tokenize = "unicode61 remove_diacritics 0 categories 'L* M* N* Co'"
);
{{end}}
-- Searches that found nothing.
CREATE TABLE {{.Prefix}}kb_misses (
	words   text    PRIMARY KEY,
	count   bigint  NOT NULL,
	last_at bigint  NOT NULL
);
CREATE INDEX {{.Prefix}}kb_miss_last ON {{.Prefix}}kb_misses (last_at, words);
CREATE INDEX {{.Prefix}}kb_miss_count ON {{.Prefix}}kb_misses (count, words);

-- +goose Down
DROP TABLE {{.Prefix}}kb_misses;
DROP TABLE {{.Prefix}}kb_words;
