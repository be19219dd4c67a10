-- +goose Up
-- A batch is what was provisioned together. revoked_at is since when a camera has no key that counts.
ALTER TABLE cameras ADD COLUMN batch TEXT NOT NULL DEFAULT '';
ALTER TABLE cameras ADD COLUMN revoked_at DATETIME;
CREATE INDEX cameras_batch ON cameras (batch);
CREATE INDEX cameras_created ON cameras (created_at, id);

-- +goose Down
DROP INDEX cameras_created;
DROP INDEX cameras_batch;
ALTER TABLE cameras DROP COLUMN revoked_at;
ALTER TABLE cameras DROP COLUMN batch;
