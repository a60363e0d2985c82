-- +goose NO TRANSACTION
-- +goose Up
CREATE INDEX {{.Concurrently}} IF NOT EXISTS {{.Prefix}}things_name ON {{.Prefix}}things (name);

-- +goose Down
DROP INDEX {{.Concurrently}} IF EXISTS {{.Prefix}}things_name;
