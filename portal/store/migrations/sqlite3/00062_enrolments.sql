-- +goose Up
-- camera_id is the camera that used the token, '' while it is unused.
CREATE TABLE enrolments (
    id         TEXT PRIMARY KEY,
    user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    hash       BLOB NOT NULL UNIQUE,
    camera_id  TEXT NOT NULL DEFAULT '',
    created_at DATETIME NOT NULL,
    expires_at DATETIME NOT NULL
);
CREATE INDEX enrolments_user ON enrolments (user_id);
CREATE INDEX enrolments_expiry ON enrolments (expires_at);

-- +goose Down
DROP TABLE enrolments;
