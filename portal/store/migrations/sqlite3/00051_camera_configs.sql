-- +goose Up
CREATE TABLE camera_configs (
    camera_id TEXT PRIMARY KEY REFERENCES cameras (id) ON DELETE CASCADE,
    revision BIGINT NOT NULL,
    desired TEXT NOT NULL,
    reported TEXT NOT NULL
);
ALTER TABLE mqtt_tokens ADD COLUMN config BOOLEAN NOT NULL DEFAULT FALSE;

-- +goose Down
ALTER TABLE mqtt_tokens DROP COLUMN config;
DROP TABLE camera_configs;
