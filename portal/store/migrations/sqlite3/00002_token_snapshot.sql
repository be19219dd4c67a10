-- +goose Up
ALTER TABLE mqtt_tokens ADD COLUMN snapshot BOOLEAN NOT NULL DEFAULT FALSE;

-- +goose Down
ALTER TABLE mqtt_tokens DROP COLUMN snapshot;
