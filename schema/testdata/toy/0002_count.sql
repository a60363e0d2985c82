-- +goose Up
UPDATE {{.Prefix}}things SET n = n + 1;

-- +goose Down
UPDATE {{.Prefix}}things SET n = n - 1;
