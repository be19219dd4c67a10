-- +goose Up
-- The name of an account towards passkeys: random, made when it is first needed.
ALTER TABLE users ADD COLUMN handle BLOB;
CREATE TABLE one_time_codes (
    user_id      INTEGER PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    secret       BLOB NOT NULL,
    last_step    BIGINT NOT NULL,
    confirmed_at DATETIME,
    created_at   DATETIME NOT NULL
);
CREATE TABLE recovery_codes (
    hash       BLOB PRIMARY KEY,
    user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at DATETIME NOT NULL
);
CREATE INDEX recovery_codes_user ON recovery_codes (user_id);
CREATE TABLE passkeys (
    id           TEXT PRIMARY KEY,
    user_id      INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    credential   BLOB NOT NULL UNIQUE,
    data         BLOB NOT NULL,
    name         TEXT NOT NULL,
    created_at   DATETIME NOT NULL,
    last_used_at DATETIME
);
CREATE INDEX passkeys_user ON passkeys (user_id);

-- +goose Down
DROP TABLE passkeys;
DROP TABLE recovery_codes;
DROP TABLE one_time_codes;
ALTER TABLE users DROP COLUMN handle;
