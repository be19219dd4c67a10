-- +goose Up
-- Of whoever runs the portal. Scopes are words with spaces between them.
CREATE TABLE admin_tokens (
    id           TEXT PRIMARY KEY,
    name         TEXT NOT NULL,
    hash         BYTEA NOT NULL UNIQUE,
    scopes       TEXT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    expires_at   TIMESTAMPTZ NOT NULL,
    last_used_at TIMESTAMPTZ
);
-- What was done with the fleet, and by whom.
CREATE TABLE admin_log (
    id        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        TIMESTAMPTZ NOT NULL,
    operator  TEXT NOT NULL,
    address   TEXT NOT NULL,
    kind      TEXT NOT NULL,
    camera_id TEXT NOT NULL,
    detail    TEXT NOT NULL
);
CREATE INDEX admin_log_at ON admin_log (at);
CREATE INDEX admin_log_camera ON admin_log (camera_id, id);
CREATE TABLE admins (
    user_id  BIGINT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    added_at TIMESTAMPTZ NOT NULL
);

-- +goose Down
DROP TABLE admins;
DROP TABLE admin_log;
DROP TABLE admin_tokens;
