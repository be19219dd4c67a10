-- +goose Up
CREATE TABLE users (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    username      TEXT NOT NULL,
    username_key  TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    pending_until DATETIME,
    created_at    DATETIME NOT NULL
);
CREATE TABLE cameras (
    id                 TEXT PRIMARY KEY,
    name               TEXT NOT NULL DEFAULT '',
    owner_id           INTEGER REFERENCES users (id) ON DELETE SET NULL,
    claim_hash         BLOB,
    key_version        INTEGER NOT NULL DEFAULT 1,
    fingerprint        TEXT NOT NULL DEFAULT '',
    pinned_fingerprint TEXT NOT NULL DEFAULT '',
    claimed_at         DATETIME,
    last_seen_at       DATETIME,
    created_at         DATETIME NOT NULL
);
CREATE INDEX cameras_owner ON cameras (owner_id);
CREATE TABLE login_sessions (
    token      TEXT PRIMARY KEY,
    data       BLOB NOT NULL,
    expires_at DATETIME NOT NULL
);
CREATE INDEX login_sessions_expiry ON login_sessions (expires_at);
CREATE TABLE used_nonces (
    nonce      TEXT PRIMARY KEY,
    expires_at DATETIME NOT NULL
);
CREATE TABLE revocations (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    subject    TEXT NOT NULL,
    created_at DATETIME NOT NULL
);
CREATE TABLE mqtt_tokens (
    id         TEXT PRIMARY KEY,
    subject    TEXT NOT NULL,
    camera     TEXT NOT NULL,
    rpc        BOOLEAN NOT NULL,
    note       TEXT NOT NULL,
    created_at DATETIME NOT NULL,
    expires_at DATETIME NOT NULL,
    revoked_at DATETIME
);
CREATE TABLE notices (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    camera_id  TEXT NOT NULL,
    kind       TEXT NOT NULL,
    count      INTEGER NOT NULL,
    updated_at DATETIME NOT NULL,
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
