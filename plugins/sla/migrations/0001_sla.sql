-- +goose Up
-- Rises with each change of a policy or calendar: what is compiled in memory is as old as its number.
CREATE TABLE {{.Prefix}}sla_revisions (
	id       smallint PRIMARY KEY,
	revision bigint   NOT NULL
);
INSERT INTO {{.Prefix}}sla_revisions (id, revision) VALUES (1, 0);
CREATE TABLE {{.Prefix}}sla_calendars (
	id      {{.ID}},
	name    text    NOT NULL,
	version integer NOT NULL,
	current bigint  NOT NULL,
	body    text    NOT NULL
);
CREATE TABLE {{.Prefix}}sla_policies (
	id          {{.ID}},
	name        text     NOT NULL,
	position    integer  NOT NULL,
	is_default  boolean  NOT NULL,
	version     integer  NOT NULL,
	current     bigint   NOT NULL,
	calendar_id bigint   REFERENCES {{.Prefix}}sla_calendars (id),
	body        text     NOT NULL
);
CREATE UNIQUE INDEX {{.Prefix}}sla_default ON {{.Prefix}}sla_policies (is_default) WHERE is_default;
CREATE INDEX {{.Prefix}}sla_policies_calendar ON {{.Prefix}}sla_policies (calendar_id);
-- What policies and calendars were; tickets point here, so nothing of it changes or goes.
CREATE TABLE {{.Prefix}}sla_versions (
	id       {{.ID}},
	kind     text    NOT NULL,
	owner_id bigint  NOT NULL,
	number   integer NOT NULL,
	name     text    NOT NULL,
	body     text    NOT NULL,
	by_id    bigint  REFERENCES {{.Prefix}}people (id) ON DELETE SET NULL,
	by_name  text    NOT NULL,
	at       bigint  NOT NULL
);
CREATE UNIQUE INDEX {{.Prefix}}sla_versions_number ON {{.Prefix}}sla_versions (kind, owner_id, number);
CREATE INDEX {{.Prefix}}sla_versions_by ON {{.Prefix}}sla_versions (by_id);
-- Versions never go, so no reference guards them: every new ticket would lock the same row.
CREATE TABLE {{.Prefix}}sla_promises (
	ticket_id        bigint  PRIMARY KEY REFERENCES {{.Prefix}}tickets (id) ON DELETE CASCADE,
	policy_id        bigint  NOT NULL,
	policy_version   bigint  NOT NULL,
	calendar_version bigint,
	why              text    NOT NULL,
	held             text    NOT NULL,
	due_at           bigint,
	due_kind         text    NOT NULL,
	alarm_at         bigint,
	breached         boolean NOT NULL,
	untouched        boolean NOT NULL
);
-- What rings next.
CREATE INDEX {{.Prefix}}sla_alarms ON {{.Prefix}}sla_promises (alarm_at, ticket_id) WHERE alarm_at IS NOT NULL;
-- The queue by due time, and what of it is late.
CREATE INDEX {{.Prefix}}sla_due ON {{.Prefix}}sla_promises (due_at, ticket_id) WHERE due_at IS NOT NULL;
CREATE INDEX {{.Prefix}}sla_breached ON {{.Prefix}}sla_promises (ticket_id) WHERE breached;
CREATE INDEX {{.Prefix}}sla_held ON {{.Prefix}}sla_promises (ticket_id) WHERE held <> '';
CREATE TABLE {{.Prefix}}sla_clocks (
	id          {{.ID}},
	ticket_id   bigint   NOT NULL REFERENCES {{.Prefix}}tickets (id) ON DELETE CASCADE,
	kind        text     NOT NULL,
	hours       text     NOT NULL,
	minutes     integer  NOT NULL,
	started_at  bigint   NOT NULL,
	due_at      bigint,
	warned      smallint NOT NULL,
	breached_at bigint,
	stopped_at  bigint,
	outcome     text     NOT NULL,
	elapsed     bigint   NOT NULL
);
CREATE INDEX {{.Prefix}}sla_clocks_ticket ON {{.Prefix}}sla_clocks (ticket_id, id);
-- A ticket has one clock of a kind at a time.
CREATE UNIQUE INDEX {{.Prefix}}sla_clocks_running ON {{.Prefix}}sla_clocks (ticket_id, kind) WHERE stopped_at IS NULL;
CREATE TABLE {{.Prefix}}sla_pauses (
	id        {{.ID}},
	ticket_id bigint NOT NULL REFERENCES {{.Prefix}}tickets (id) ON DELETE CASCADE,
	why       text   NOT NULL,
	from_at   bigint NOT NULL,
	to_at     bigint
);
CREATE INDEX {{.Prefix}}sla_pauses_ticket ON {{.Prefix}}sla_pauses (ticket_id, id);

-- +goose Down
DROP TABLE {{.Prefix}}sla_pauses;
DROP TABLE {{.Prefix}}sla_clocks;
DROP TABLE {{.Prefix}}sla_promises;
DROP TABLE {{.Prefix}}sla_versions;
DROP TABLE {{.Prefix}}sla_policies;
DROP TABLE {{.Prefix}}sla_calendars;
DROP TABLE {{.Prefix}}sla_revisions;
