-- +goose Up
CREATE TABLE {{.Prefix}}snooze_snoozes (
	id        {{.ID}},
	ticket_id bigint   NOT NULL REFERENCES {{.Prefix}}tickets (id) ON DELETE CASCADE,
	until     bigint   NOT NULL,
	reason    text     NOT NULL,
	by_id     bigint   REFERENCES {{.Prefix}}people (id) ON DELETE SET NULL,
	by_name   text     NOT NULL,
	status    smallint NOT NULL,
	set_at    bigint   NOT NULL,
	woke_at   bigint,
	why       text     NOT NULL,
	CHECK ((woke_at IS NULL) = (why = ''))
);
-- A ticket sleeps once at a time; lists look it up here.
CREATE UNIQUE INDEX {{.Prefix}}snooze_asleep ON {{.Prefix}}snooze_snoozes (ticket_id) WHERE woke_at IS NULL;
-- What is due.
CREATE INDEX {{.Prefix}}snooze_due ON {{.Prefix}}snooze_snoozes (until, id) WHERE woke_at IS NULL;
-- A ticket's history.
CREATE INDEX {{.Prefix}}snooze_history ON {{.Prefix}}snooze_snoozes (ticket_id, id);

-- +goose Down
DROP TABLE {{.Prefix}}snooze_snoozes;
