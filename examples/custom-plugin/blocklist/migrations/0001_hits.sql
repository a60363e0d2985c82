-- +goose Up
-- A row goes with its reply and with its ticket: the plugin has nothing to tidy up.
CREATE TABLE {{.Prefix}}blocklist_hits (
	reply_id  bigint PRIMARY KEY REFERENCES {{.Prefix}}replies (id) ON DELETE CASCADE,
	ticket_id bigint NOT NULL REFERENCES {{.Prefix}}tickets (id) ON DELETE CASCADE,
	word      text   NOT NULL,
	at        bigint NOT NULL
);
CREATE INDEX {{.Prefix}}blocklist_hits_ticket ON {{.Prefix}}blocklist_hits (ticket_id, reply_id);

-- +goose Down
DROP TABLE {{.Prefix}}blocklist_hits;
