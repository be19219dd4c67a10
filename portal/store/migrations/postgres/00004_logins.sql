-- +goose Up
-- Logins begun before have no row here, so they end: everybody logs in once more.
DELETE FROM login_sessions;
CREATE TABLE logins (
    id           TEXT PRIMARY KEY,
    session      TEXT NOT NULL UNIQUE REFERENCES login_sessions (token) ON DELETE CASCADE,
    user_id      BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    method       TEXT NOT NULL,
    address      TEXT NOT NULL,
    agent        TEXT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    proved_at    TIMESTAMPTZ NOT NULL,
    last_used_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX logins_user ON logins (user_id);

-- +goose Down
DROP TABLE logins;
