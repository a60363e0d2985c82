-- +goose Up
CREATE TABLE {{.Prefix}}{{.Owner}}_parts (
	id       {{.ID}},
	thing_id bigint NOT NULL REFERENCES {{.Prefix}}things (id) ON DELETE CASCADE
);

-- +goose Down
DROP TABLE {{.Prefix}}{{.Owner}}_parts;
