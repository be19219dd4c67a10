-- +goose Up
ALTER TABLE mqtt_tokens ADD COLUMN restart BOOLEAN NOT NULL DEFAULT FALSE;

-- +goose Down
ALTER TABLE mqtt_tokens DROP COLUMN restart;
