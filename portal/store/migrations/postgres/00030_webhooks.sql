-- +goose Up
CREATE TABLE webhooks (
    id         TEXT PRIMARY KEY,
    user_id    BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    url        TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    last_at    TIMESTAMPTZ,
    last_error TEXT NOT NULL DEFAULT ''
);
CREATE INDEX webhooks_user ON webhooks (user_id);
CREATE TABLE webhook_calls (
    id         TEXT PRIMARY KEY,
    webhook_id TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    body       BYTEA NOT NULL,
    attempts   INTEGER NOT NULL,
    next_at    TIMESTAMPTZ NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX webhook_calls_next ON webhook_calls (next_at);
CREATE INDEX webhook_calls_webhook ON webhook_calls (webhook_id);
CREATE TABLE camera_alerts (
    camera_id TEXT PRIMARY KEY REFERENCES cameras (id) ON DELETE CASCADE,
    raised_at TIMESTAMPTZ NOT NULL
);

-- +goose Down
DROP TABLE camera_alerts;
DROP TABLE webhook_calls;
DROP TABLE webhooks;
