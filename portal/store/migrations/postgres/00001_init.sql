-- +goose Up
CREATE TABLE users (
    id            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    username      TEXT NOT NULL,
    username_key  TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    pending_until TIMESTAMPTZ,
    created_at    TIMESTAMPTZ NOT NULL
);
CREATE TABLE cameras (
    id                 TEXT PRIMARY KEY,
    name               TEXT NOT NULL DEFAULT '',
    owner_id           BIGINT REFERENCES users (id) ON DELETE SET NULL,
    claim_hash         BYTEA,
    key_version        INTEGER NOT NULL DEFAULT 1,
    fingerprint        TEXT NOT NULL DEFAULT '',
    pinned_fingerprint TEXT NOT NULL DEFAULT '',
    claimed_at         TIMESTAMPTZ,
    last_seen_at       TIMESTAMPTZ,
    created_at         TIMESTAMPTZ NOT NULL
);
CREATE INDEX cameras_owner ON cameras (owner_id);
CREATE TABLE login_sessions (
    token      TEXT PRIMARY KEY,
    data       BYTEA NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX login_sessions_expiry ON login_sessions (expires_at);
CREATE TABLE used_nonces (
    nonce      TEXT PRIMARY KEY,
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE TABLE revocations (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject    TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);
CREATE TABLE mqtt_tokens (
    id         TEXT PRIMARY KEY,
    subject    TEXT NOT NULL,
    camera     TEXT NOT NULL,
    rpc        BOOLEAN NOT NULL,
    note       TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    revoked_at TIMESTAMPTZ
);
CREATE TABLE notices (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id    BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    camera_id  TEXT NOT NULL,
    kind       TEXT NOT NULL,
    count      INTEGER NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    UNIQUE (user_id, camera_id, kind)
);

-- +goose Down
DROP TABLE notices;
DROP TABLE mqtt_tokens;
DROP TABLE revocations;
DROP TABLE used_nonces;
DROP TABLE login_sessions;
DROP TABLE cameras;
DROP TABLE users;
