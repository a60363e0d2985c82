-- +goose Up
-- Times are microseconds since 1970, UTC, so that one SQL text serves both databases and
-- keyset cursors are plain integers. Enumerations are small integers; Go names them.

CREATE TABLE {{.Prefix}}people (
	id         {{.ID}},
	user_id    text,
	email      text     NOT NULL DEFAULT '',
	name       text     NOT NULL DEFAULT '',
	role       smallint NOT NULL CHECK (role BETWEEN 1 AND 4),
	locale     text     NOT NULL DEFAULT '',
	time_zone  text     NOT NULL DEFAULT '',
	created_at bigint   NOT NULL,
	updated_at bigint   NOT NULL
);
CREATE UNIQUE INDEX {{.Prefix}}people_user ON {{.Prefix}}people (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX {{.Prefix}}people_email ON {{.Prefix}}people (email, id);
CREATE INDEX {{.Prefix}}people_role ON {{.Prefix}}people (role, id);

CREATE TABLE {{.Prefix}}departments (
	id       {{.ID}},
	name     text    NOT NULL,
	slug     text    NOT NULL UNIQUE,
	active   boolean NOT NULL,
	position integer NOT NULL,
	version  integer NOT NULL DEFAULT 1
);
CREATE INDEX {{.Prefix}}departments_position ON {{.Prefix}}departments (position, id);

CREATE TABLE {{.Prefix}}department_agents (
	department_id bigint NOT NULL REFERENCES {{.Prefix}}departments (id) ON DELETE CASCADE,
	person_id     bigint NOT NULL REFERENCES {{.Prefix}}people (id) ON DELETE CASCADE,
	PRIMARY KEY (department_id, person_id)
);
CREATE INDEX {{.Prefix}}department_agents_person ON {{.Prefix}}department_agents (person_id, department_id);

-- A ticket is slim: no body, so that lists never read one. The opening message is reply 0.
CREATE TABLE {{.Prefix}}tickets (
	id                {{.ID}},
	subject           text     NOT NULL,
	status            smallint NOT NULL CHECK (status BETWEEN 0 AND 7),
	priority          smallint NOT NULL CHECK (priority BETWEEN 0 AND 4),
	type              text     NOT NULL,
	channel           smallint NOT NULL,
	requester_id      bigint   NOT NULL REFERENCES {{.Prefix}}people (id),
	assignee_id       bigint   REFERENCES {{.Prefix}}people (id),
	department_id     bigint   REFERENCES {{.Prefix}}departments (id),
	version           integer  NOT NULL,
	last_number       integer  NOT NULL,
	reply_count       integer  NOT NULL,
	tag_count         integer  NOT NULL,
	is_open           boolean  NOT NULL,
	last_reply_at     bigint,
	last_reply_by     bigint   REFERENCES {{.Prefix}}people (id),
	first_response_at bigint,
	resolved_at       bigint,
	closed_at         bigint,
	merged_into_id    bigint   REFERENCES {{.Prefix}}tickets (id),
	unmerged_status   smallint,
	split_from_id     bigint   REFERENCES {{.Prefix}}tickets (id) ON DELETE SET NULL,
	created_at        bigint   NOT NULL,
	updated_at        bigint   NOT NULL,
	public_at         bigint   NOT NULL,
	deleted_at        bigint
);
-- The queue: every offered filter with every offered sort, over open tickets only. "<> -1" is true of every row and hides
-- the indexes that begin with a sort key from lists that do not say so: PostgreSQL would walk them for a filter that it
-- takes for common, and for a rare value walk the whole queue.
CREATE INDEX {{.Prefix}}queue_updated             ON {{.Prefix}}tickets (updated_at, id) WHERE is_open AND id <> -1;
CREATE INDEX {{.Prefix}}queue_created             ON {{.Prefix}}tickets (created_at, id) WHERE is_open AND id <> -1;
CREATE INDEX {{.Prefix}}queue_priority            ON {{.Prefix}}tickets (priority, updated_at, id) WHERE is_open AND priority <> -1;
CREATE INDEX {{.Prefix}}queue_priority_created    ON {{.Prefix}}tickets (priority, created_at, id) WHERE is_open AND priority <> -1;
CREATE INDEX {{.Prefix}}queue_status_updated      ON {{.Prefix}}tickets (status, updated_at, id) WHERE is_open;
CREATE INDEX {{.Prefix}}queue_status_created      ON {{.Prefix}}tickets (status, created_at, id) WHERE is_open;
CREATE INDEX {{.Prefix}}queue_status_priority     ON {{.Prefix}}tickets (status, priority, updated_at, id) WHERE is_open;
CREATE INDEX {{.Prefix}}queue_type_updated        ON {{.Prefix}}tickets (type, updated_at, id) WHERE is_open;
CREATE INDEX {{.Prefix}}queue_type_created        ON {{.Prefix}}tickets (type, created_at, id) WHERE is_open;
CREATE INDEX {{.Prefix}}queue_type_priority       ON {{.Prefix}}tickets (type, priority, updated_at, id) WHERE is_open;
CREATE INDEX {{.Prefix}}queue_department_updated  ON {{.Prefix}}tickets (department_id, updated_at, id) WHERE is_open;
CREATE INDEX {{.Prefix}}queue_department_created  ON {{.Prefix}}tickets (department_id, created_at, id) WHERE is_open;
CREATE INDEX {{.Prefix}}queue_department_priority ON {{.Prefix}}tickets (department_id, priority, updated_at, id) WHERE is_open;
CREATE INDEX {{.Prefix}}queue_assignee_updated    ON {{.Prefix}}tickets (assignee_id, updated_at, id) WHERE is_open;
CREATE INDEX {{.Prefix}}queue_assignee_created    ON {{.Prefix}}tickets (assignee_id, created_at, id) WHERE is_open;
CREATE INDEX {{.Prefix}}queue_assignee_priority   ON {{.Prefix}}tickets (assignee_id, priority, updated_at, id) WHERE is_open;
-- The archive: all that was not deleted.
CREATE INDEX {{.Prefix}}tickets_updated            ON {{.Prefix}}tickets (updated_at, id) WHERE deleted_at IS NULL AND id <> -1;
CREATE INDEX {{.Prefix}}tickets_created            ON {{.Prefix}}tickets (created_at, id) WHERE deleted_at IS NULL AND id <> -1;
CREATE INDEX {{.Prefix}}tickets_status_updated     ON {{.Prefix}}tickets (status, updated_at, id) WHERE deleted_at IS NULL;
CREATE INDEX {{.Prefix}}tickets_priority_updated   ON {{.Prefix}}tickets (priority, updated_at, id) WHERE deleted_at IS NULL;
CREATE INDEX {{.Prefix}}tickets_type_updated       ON {{.Prefix}}tickets (type, updated_at, id) WHERE deleted_at IS NULL;
CREATE INDEX {{.Prefix}}tickets_department_updated ON {{.Prefix}}tickets (department_id, updated_at, id) WHERE deleted_at IS NULL;
CREATE INDEX {{.Prefix}}tickets_assignee_updated   ON {{.Prefix}}tickets (assignee_id, updated_at, id) WHERE deleted_at IS NULL;
-- A requester's own. Customers sort by public_at: a note must not move their list.
CREATE INDEX {{.Prefix}}tickets_requester_public   ON {{.Prefix}}tickets (requester_id, public_at, id) WHERE deleted_at IS NULL;
CREATE INDEX {{.Prefix}}tickets_requester_updated  ON {{.Prefix}}tickets (requester_id, updated_at, id) WHERE deleted_at IS NULL;
CREATE INDEX {{.Prefix}}tickets_requester_created  ON {{.Prefix}}tickets (requester_id, created_at, id) WHERE deleted_at IS NULL;
-- Rare ones.
CREATE INDEX {{.Prefix}}tickets_merged  ON {{.Prefix}}tickets (merged_into_id) WHERE merged_into_id IS NOT NULL;
CREATE INDEX {{.Prefix}}tickets_split   ON {{.Prefix}}tickets (split_from_id) WHERE split_from_id IS NOT NULL;
CREATE INDEX {{.Prefix}}tickets_deleted ON {{.Prefix}}tickets (deleted_at, id) WHERE deleted_at IS NOT NULL;

CREATE TABLE {{.Prefix}}replies (
	id             {{.ID}},
	ticket_id      bigint   NOT NULL REFERENCES {{.Prefix}}tickets (id) ON DELETE CASCADE,
	number         integer  NOT NULL,
	kind           smallint NOT NULL CHECK (kind BETWEEN 0 AND 2),
	author_id      bigint   REFERENCES {{.Prefix}}people (id),
	author         text     NOT NULL,
	by_agent       boolean  NOT NULL,
	channel        smallint NOT NULL,
	body           text     NOT NULL,
	merged_from_id bigint   REFERENCES {{.Prefix}}tickets (id) ON DELETE SET NULL,
	merged_number  integer,
	merged_kind    smallint,
	created_at     bigint   NOT NULL,
	edited_at      bigint,
	deleted_at     bigint,
	UNIQUE (ticket_id, number)
);
CREATE INDEX {{.Prefix}}replies_merged ON {{.Prefix}}replies (merged_from_id, number) WHERE merged_from_id IS NOT NULL;

CREATE TABLE {{.Prefix}}reply_edits (
	id       {{.ID}},
	reply_id bigint NOT NULL REFERENCES {{.Prefix}}replies (id) ON DELETE CASCADE,
	body     text   NOT NULL,
	editor   text   NOT NULL,
	at       bigint NOT NULL
);
CREATE INDEX {{.Prefix}}reply_edits_reply ON {{.Prefix}}reply_edits (reply_id, id);

CREATE TABLE {{.Prefix}}tags (
	id      {{.ID}},
	name    text    NOT NULL,
	slug    text    NOT NULL UNIQUE,
	colour  text    NOT NULL DEFAULT '',
	version integer NOT NULL DEFAULT 1
);
CREATE INDEX {{.Prefix}}tags_name ON {{.Prefix}}tags (name, id);

-- The ticket's sort keys stand here again, or a rare tag would cost a walk through the whole queue.
CREATE TABLE {{.Prefix}}ticket_tags (
	ticket_id  bigint   NOT NULL REFERENCES {{.Prefix}}tickets (id) ON DELETE CASCADE,
	tag_id     bigint   NOT NULL REFERENCES {{.Prefix}}tags (id) ON DELETE CASCADE,
	is_open    boolean  NOT NULL,
	priority   smallint NOT NULL,
	created_at bigint   NOT NULL,
	updated_at bigint   NOT NULL,
	PRIMARY KEY (ticket_id, tag_id)
);
CREATE INDEX {{.Prefix}}tickets_tag_updated ON {{.Prefix}}ticket_tags (tag_id, updated_at, ticket_id);
CREATE INDEX {{.Prefix}}queue_tag_updated  ON {{.Prefix}}ticket_tags (tag_id, updated_at, ticket_id) WHERE is_open;
CREATE INDEX {{.Prefix}}queue_tag_created  ON {{.Prefix}}ticket_tags (tag_id, created_at, ticket_id) WHERE is_open;
CREATE INDEX {{.Prefix}}queue_tag_priority ON {{.Prefix}}ticket_tags (tag_id, priority, updated_at, ticket_id) WHERE is_open;

-- Which words stand in a ticket's subject and replies; fed after the commit, from the events.
CREATE TABLE {{.Prefix}}ticket_words (
	word      text    NOT NULL,
	ticket_id bigint  NOT NULL REFERENCES {{.Prefix}}tickets (id) ON DELETE CASCADE,
	internal  boolean NOT NULL,
	PRIMARY KEY (word, ticket_id)
);
CREATE INDEX {{.Prefix}}ticket_words_ticket ON {{.Prefix}}ticket_words (ticket_id);

CREATE TABLE {{.Prefix}}blobs (
	sha256      text   PRIMARY KEY,
	size        bigint NOT NULL,
	refs        bigint NOT NULL,
	released_at bigint
);
CREATE INDEX {{.Prefix}}blobs_released ON {{.Prefix}}blobs (released_at) WHERE released_at IS NOT NULL;

CREATE TABLE {{.Prefix}}attachments (
	id          {{.ID}},
	ticket_id   bigint   REFERENCES {{.Prefix}}tickets (id) ON DELETE CASCADE,
	reply_id    bigint   REFERENCES {{.Prefix}}replies (id) ON DELETE CASCADE,
	uploader    text     NOT NULL,
	keeper      text,
	name        text     NOT NULL,
	media_type  text     NOT NULL,
	size        bigint   NOT NULL,
	sha256      text     NOT NULL REFERENCES {{.Prefix}}blobs (sha256),
	stored      boolean  NOT NULL,
	created_at  bigint   NOT NULL
);
CREATE INDEX {{.Prefix}}attachments_reply ON {{.Prefix}}attachments (reply_id, id) WHERE reply_id IS NOT NULL;
CREATE INDEX {{.Prefix}}attachments_ticket ON {{.Prefix}}attachments (ticket_id, id) WHERE ticket_id IS NOT NULL;
CREATE INDEX {{.Prefix}}attachments_unclaimed ON {{.Prefix}}attachments (created_at, id) WHERE reply_id IS NULL AND keeper IS NULL;
CREATE INDEX {{.Prefix}}attachments_blob ON {{.Prefix}}attachments (sha256);

CREATE TABLE {{.Prefix}}guest_tokens (
	hash       text   PRIMARY KEY,
	ticket_id  bigint NOT NULL REFERENCES {{.Prefix}}tickets (id) ON DELETE CASCADE,
	person_id  bigint NOT NULL REFERENCES {{.Prefix}}people (id) ON DELETE CASCADE,
	expires_at bigint NOT NULL
);
CREATE INDEX {{.Prefix}}guest_tokens_ticket ON {{.Prefix}}guest_tokens (ticket_id);
CREATE INDEX {{.Prefix}}guest_tokens_person ON {{.Prefix}}guest_tokens (person_id);
CREATE INDEX {{.Prefix}}guest_tokens_expires ON {{.Prefix}}guest_tokens (expires_at);

CREATE TABLE {{.Prefix}}settings (
	owner   text    PRIMARY KEY,
	value   text    NOT NULL,
	version integer NOT NULL,
	editor  text    NOT NULL,
	at      bigint  NOT NULL
);

CREATE TABLE {{.Prefix}}plugins (
	id      text    PRIMARY KEY,
	version text    NOT NULL,
	enabled boolean NOT NULL,
	at      bigint  NOT NULL
);

CREATE TABLE {{.Prefix}}idempotency_keys (
	caller     text    NOT NULL,
	key        text    NOT NULL,
	route      text    NOT NULL,
	digest     text    NOT NULL,
	status     integer NOT NULL,
	etag       text    NOT NULL,
	answer     text    NOT NULL,
	event_id   bigint  NOT NULL,
	expires_at bigint  NOT NULL,
	PRIMARY KEY (caller, key)
);
CREATE INDEX {{.Prefix}}idempotency_keys_expires ON {{.Prefix}}idempotency_keys (expires_at);

-- What plugins without tables of their own keep.
CREATE TABLE {{.Prefix}}plugin_values (
	plugin     text    NOT NULL,
	key        text    NOT NULL{{if .Postgres}} COLLATE "C"{{end}},
	value      text    NOT NULL,
	version    bigint  NOT NULL,
	expires_at bigint,
	PRIMARY KEY (plugin, key)
);
CREATE INDEX {{.Prefix}}plugin_values_expires ON {{.Prefix}}plugin_values (expires_at) WHERE expires_at IS NOT NULL;

-- One row for each change, written in its transaction, never updated: activity feed, outbox,
-- replay log and audit trail. No foreign key: what happened stays known after a purge.
CREATE TABLE {{.Prefix}}events (
	id         {{.ID}},
	ticket_id  bigint,
	type       text     NOT NULL,
	audience   smallint NOT NULL,
	actor      text     NOT NULL,
	cause      bigint   NOT NULL,
	depth      smallint NOT NULL,
	payload    text     NOT NULL,
	created_at bigint   NOT NULL
);
CREATE INDEX {{.Prefix}}events_ticket ON {{.Prefix}}events (ticket_id, id);

-- PostgreSQL hands out ids before the commit, so readers that follow ids would skip a late
-- committer. There a change leaves a pending row too, and its place in the log is given after
-- the commit. SQLite commits one transaction after the other: the id is the place.
{{if .Postgres}}
CREATE TABLE {{.Prefix}}event_pending (event_id bigint PRIMARY KEY);
CREATE TABLE {{.Prefix}}event_seq (
	seq      bigint PRIMARY KEY,
	event_id bigint NOT NULL UNIQUE
);
{{end}}

-- How far each After handler got, and who serves it: token rises with each claim, beat while the
-- holder lives; beat is 0 when nobody works.
CREATE TABLE {{.Prefix}}consumers (
	name   text   PRIMARY KEY,
	cursor bigint NOT NULL,
	token  bigint NOT NULL,
	beat   bigint NOT NULL
);

-- Events that a handler failed on, and those of the same lane that wait behind them. Only the first
-- of a lane has next_at, unless all its attempts failed: then an admin decides.
CREATE TABLE {{.Prefix}}parked_events (
	id         {{.ID}},
	consumer   text    NOT NULL REFERENCES {{.Prefix}}consumers (name) ON DELETE CASCADE,
	seq        bigint  NOT NULL,
	event_id   bigint  NOT NULL REFERENCES {{.Prefix}}events (id) ON DELETE CASCADE,
	lane       bigint  NOT NULL,
	attempts   integer NOT NULL,
	next_at    bigint,
	last_error text    NOT NULL,
	parked_at  bigint  NOT NULL,
	UNIQUE (consumer, seq)
);
CREATE INDEX {{.Prefix}}parked_events_lane  ON {{.Prefix}}parked_events (consumer, lane, seq);
CREATE INDEX {{.Prefix}}parked_events_due   ON {{.Prefix}}parked_events (consumer, next_at) WHERE next_at IS NOT NULL;
CREATE INDEX {{.Prefix}}parked_events_event ON {{.Prefix}}parked_events (event_id);

-- Effects in this database that happened for an event, and must not happen again.
CREATE TABLE {{.Prefix}}handled (
	event_id bigint NOT NULL REFERENCES {{.Prefix}}events (id) ON DELETE CASCADE,
	name     text   NOT NULL,
	PRIMARY KEY (event_id, name)
);

CREATE TABLE {{.Prefix}}jobs (
	name       text    PRIMARY KEY,
	token      bigint  NOT NULL,
	beat       bigint  NOT NULL,
	schedule   text    NOT NULL,
	next_at    bigint  NOT NULL,
	started_at bigint,
	ended_at   bigint,
	failures   integer NOT NULL,
	last_error text    NOT NULL
);
CREATE TABLE {{.Prefix}}job_runs (
	id         {{.ID}},
	job        text    NOT NULL REFERENCES {{.Prefix}}jobs (name) ON DELETE CASCADE,
	due_at     bigint  NOT NULL,
	started_at bigint  NOT NULL,
	ended_at   bigint,
	error      text    NOT NULL
);
CREATE INDEX {{.Prefix}}job_runs_job ON {{.Prefix}}job_runs (job, id);

-- +goose Down
DROP TABLE {{.Prefix}}job_runs;
DROP TABLE {{.Prefix}}jobs;
DROP TABLE {{.Prefix}}handled;
DROP TABLE {{.Prefix}}parked_events;
DROP TABLE {{.Prefix}}consumers;
{{if .Postgres}}
DROP TABLE {{.Prefix}}event_seq;
DROP TABLE {{.Prefix}}event_pending;
{{end}}
DROP TABLE {{.Prefix}}events;
DROP TABLE {{.Prefix}}plugin_values;
DROP TABLE {{.Prefix}}idempotency_keys;
DROP TABLE {{.Prefix}}plugins;
DROP TABLE {{.Prefix}}settings;
DROP TABLE {{.Prefix}}guest_tokens;
DROP TABLE {{.Prefix}}attachments;
DROP TABLE {{.Prefix}}blobs;
DROP TABLE {{.Prefix}}ticket_words;
DROP TABLE {{.Prefix}}ticket_tags;
DROP TABLE {{.Prefix}}tags;
DROP TABLE {{.Prefix}}reply_edits;
DROP TABLE {{.Prefix}}replies;
DROP TABLE {{.Prefix}}tickets;
DROP TABLE {{.Prefix}}department_agents;
DROP TABLE {{.Prefix}}departments;
DROP TABLE {{.Prefix}}people;
