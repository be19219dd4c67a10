-- +goose Up
-- camera_id is the camera that used the token, '' while it is unused.
CREATE TABLE enrolments (
    id         TEXT PRIMARY KEY,
    user_id    BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    hash       BYTEA NOT NULL UNIQUE,
    camera_id  TEXT NOT NULL DEFAULT '',
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX enrolments_user ON enrolments (user_id);
CREATE INDEX enrolments_expiry ON enrolments (expires_at);

-- +goose Down
DROP TABLE enrolments;
