-- +goose Up
CREATE TABLE {{.Prefix}}savedviews_views (
	id         {{.ID}},
	owner_id   bigint  REFERENCES {{.Prefix}}people (id) ON DELETE CASCADE,
	sharing    text    NOT NULL CHECK (sharing IN ('private', 'departments', 'everybody')),
	name       text    NOT NULL,
	icon       text    NOT NULL,
	filters    text    NOT NULL,
	sort       text    NOT NULL,
	columns    text    NOT NULL,
	version    integer NOT NULL,
	created_at bigint  NOT NULL,
	updated_at bigint  NOT NULL,
	CHECK (owner_id IS NOT NULL OR sharing <> 'private')
);
-- A person's own, and those that others may see.
CREATE INDEX {{.Prefix}}savedviews_own    ON {{.Prefix}}savedviews_views (owner_id, id);
CREATE INDEX {{.Prefix}}savedviews_shared ON {{.Prefix}}savedviews_views (sharing, id) WHERE sharing <> 'private';

CREATE TABLE {{.Prefix}}savedviews_departments (
	view_id       bigint NOT NULL REFERENCES {{.Prefix}}savedviews_views (id) ON DELETE CASCADE,
	department_id bigint NOT NULL REFERENCES {{.Prefix}}departments (id) ON DELETE CASCADE,
	PRIMARY KEY (view_id, department_id)
);
CREATE INDEX {{.Prefix}}savedviews_of_department ON {{.Prefix}}savedviews_departments (department_id, view_id);

-- Each person has an order of their own.
CREATE TABLE {{.Prefix}}savedviews_positions (
	person_id bigint  NOT NULL REFERENCES {{.Prefix}}people (id) ON DELETE CASCADE,
	view_id   bigint  NOT NULL REFERENCES {{.Prefix}}savedviews_views (id) ON DELETE CASCADE,
	position  integer NOT NULL,
	PRIMARY KEY (person_id, view_id)
);
CREATE INDEX {{.Prefix}}savedviews_placed ON {{.Prefix}}savedviews_positions (view_id);

-- The one row that whoever changes views locks, and that remembers whether the views of the first run were made.
CREATE TABLE {{.Prefix}}savedviews_desk (
	id     integer NOT NULL PRIMARY KEY CHECK (id = 1),
	seeded boolean NOT NULL
);
INSERT INTO {{.Prefix}}savedviews_desk (id, seeded) VALUES (1, false);

-- +goose Down
DROP TABLE {{.Prefix}}savedviews_desk;
DROP TABLE {{.Prefix}}savedviews_positions;
DROP TABLE {{.Prefix}}savedviews_departments;
DROP TABLE {{.Prefix}}savedviews_views;
