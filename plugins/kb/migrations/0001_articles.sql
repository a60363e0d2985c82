-- +goose Up
CREATE TABLE {{.Prefix}}kb_categories (
	id        {{.ID}},
	parent_id bigint  REFERENCES {{.Prefix}}kb_categories (id),
	name      text    NOT NULL,
	slug      text    NOT NULL,
	position  bigint  NOT NULL
);
CREATE UNIQUE INDEX {{.Prefix}}kb_category_slug ON {{.Prefix}}kb_categories (slug);
CREATE INDEX {{.Prefix}}kb_category_order ON {{.Prefix}}kb_categories (position, id);
-- Whether one has children.
CREATE INDEX {{.Prefix}}kb_category_parent ON {{.Prefix}}kb_categories (parent_id);

CREATE TABLE {{.Prefix}}kb_articles (
	id          {{.ID}},
	category_id bigint  REFERENCES {{.Prefix}}kb_categories (id),
	locale      text    NOT NULL,
	slug        text    NOT NULL,
	title       text    NOT NULL,
	body        text    NOT NULL,
	html        text    NOT NULL,
	plain       text    NOT NULL,
	state       text    NOT NULL,
	publish_at  bigint,
	version     bigint  NOT NULL,
	views       bigint  NOT NULL,
	by_id       bigint  REFERENCES {{.Prefix}}people (id) ON DELETE SET NULL,
	by_name     text    NOT NULL,
	created_at  bigint  NOT NULL,
	updated_at  bigint  NOT NULL,
	CHECK (state = 'draft' OR publish_at IS NOT NULL)
);
-- The address of an article.
CREATE UNIQUE INDEX {{.Prefix}}kb_article_slug ON {{.Prefix}}kb_articles (slug, locale);
-- Lists.
CREATE INDEX {{.Prefix}}kb_article_list ON {{.Prefix}}kb_articles (locale, id);
CREATE INDEX {{.Prefix}}kb_article_category ON {{.Prefix}}kb_articles (category_id, id);
-- What is due.
CREATE INDEX {{.Prefix}}kb_article_due ON {{.Prefix}}kb_articles (publish_at, id) WHERE state = 'scheduled';

CREATE TABLE {{.Prefix}}kb_versions (
	id         {{.ID}},
	article_id bigint  NOT NULL REFERENCES {{.Prefix}}kb_articles (id) ON DELETE CASCADE,
	number     bigint  NOT NULL,
	title      text    NOT NULL,
	body       text    NOT NULL,
	by_id      bigint  REFERENCES {{.Prefix}}people (id) ON DELETE SET NULL,
	by_name    text    NOT NULL,
	saved_at   bigint  NOT NULL
);
CREATE UNIQUE INDEX {{.Prefix}}kb_version_number ON {{.Prefix}}kb_versions (article_id, number);

-- The files of articles, by the ids of the desk's attachments, which hold the
-- content. An article is deleted after its files: a file whose row went alone
-- would be kept for good.
CREATE TABLE {{.Prefix}}kb_files (
	id         bigint PRIMARY KEY REFERENCES {{.Prefix}}attachments (id),
	article_id bigint NOT NULL REFERENCES {{.Prefix}}kb_articles (id),
	name       text   NOT NULL,
	media_type text   NOT NULL,
	size       bigint NOT NULL,
	added_at   bigint NOT NULL
);
CREATE INDEX {{.Prefix}}kb_file_list ON {{.Prefix}}kb_files (article_id, id);

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
DROP TABLE {{.Prefix}}kb_misses;
DROP TABLE {{.Prefix}}kb_words;
DROP TABLE {{.Prefix}}kb_files;
-- The desk forgets what nobody keeps.
UPDATE {{.Prefix}}attachments SET keeper = NULL WHERE keeper = 'kb';
DROP TABLE {{.Prefix}}kb_versions;
DROP TABLE {{.Prefix}}kb_articles;
DROP TABLE {{.Prefix}}kb_categories;
