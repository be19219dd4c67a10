-- +goose Up
-- Of whoever runs the portal. Scopes are words with spaces between them.
CREATE TABLE admin_tokens (
    id           TEXT PRIMARY KEY,
    name         TEXT NOT NULL,
    hash         BLOB NOT NULL UNIQUE,
    scopes       TEXT NOT NULL,
    created_at   DATETIME NOT NULL,
    expires_at   DATETIME NOT NULL,
    last_used_at DATETIME
);
-- What was done with the fleet, and by whom.
CREATE TABLE admin_log (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    at        DATETIME NOT NULL,
    operator  TEXT NOT NULL,
    address   TEXT NOT NULL,
    kind      TEXT NOT NULL,
    camera_id TEXT NOT NULL,
    detail    TEXT NOT NULL
);
CREATE INDEX admin_log_at ON admin_log (at);
CREATE INDEX admin_log_camera ON admin_log (camera_id, id);
CREATE TABLE admins (
    user_id  INTEGER PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    added_at DATETIME NOT NULL
);

-- +goose Down
DROP TABLE admins;
DROP TABLE admin_log;
DROP TABLE admin_tokens;
