-- +goose Up
-- Verified addresses only: one that is not verified yet is in its token.
CREATE TABLE emails (
    user_id     BIGINT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    address     TEXT NOT NULL,
    address_key TEXT NOT NULL,
    verified_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX emails_key ON emails (address_key);
CREATE TABLE mail_tokens (
    hash       BYTEA PRIMARY KEY,
    user_id    BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind       TEXT NOT NULL,
    address    TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    UNIQUE (user_id, kind)
);
CREATE TABLE known_devices (
    user_id    BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    hash       BYTEA NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, hash)
);

-- +goose Down
DROP TABLE known_devices;
DROP TABLE mail_tokens;
DROP TABLE emails;
