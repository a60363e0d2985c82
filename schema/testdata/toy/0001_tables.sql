-- +goose Up
CREATE TABLE {{.Prefix}}things (
	id   {{.ID}},
	name text NOT NULL,
	n    bigint NOT NULL DEFAULT 0
);
INSERT INTO {{.Prefix}}things (name) VALUES ('{{.Owner}}'), ('{{if .Postgres}}postgres{{else}}sqlite{{end}}');

-- +goose Down
DROP TABLE {{.Prefix}}things;
