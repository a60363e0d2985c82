-- +goose Up
-- Each call of the After handler, in order, however often it came.
CREATE TABLE {{.Prefix}}probe_heard (
	id        {{.ID}},
	handler   text   NOT NULL,
	event_id  bigint NOT NULL,
	ticket_id bigint NOT NULL
);
-- What Once let happen. Nothing here forbids that it happens twice: that is Once's business.
CREATE TABLE {{.Prefix}}probe_effects (
	id       {{.ID}},
	handler  text   NOT NULL,
	event_id bigint NOT NULL
);
-- Written in the transaction that wrote the reply.
CREATE TABLE {{.Prefix}}probe_within (
	id       {{.ID}},
	reply_id bigint NOT NULL
);
-- What the job has counted: each number once, if no two processes did its work.
CREATE TABLE {{.Prefix}}probe_count (
	id {{.ID}},
	n  bigint NOT NULL
);

-- +goose Down
DROP TABLE {{.Prefix}}probe_count;
DROP TABLE {{.Prefix}}probe_within;
DROP TABLE {{.Prefix}}probe_effects;
DROP TABLE {{.Prefix}}probe_heard;
