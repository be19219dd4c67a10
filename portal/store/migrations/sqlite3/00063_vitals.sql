-- +goose Up
-- A camera is online if it was heard from lately, and not known to be offline since.
ALTER TABLE cameras ADD COLUMN offline_at DATETIME;
ALTER TABLE cameras ADD COLUMN version TEXT NOT NULL DEFAULT '';
CREATE INDEX cameras_seen ON cameras (last_seen_at, id);
CREATE INDEX cameras_version ON cameras (version);
-- One of a camera's measurements for every few minutes of the last day.
CREATE TABLE camera_samples (
    camera_id   TEXT NOT NULL,
    at          DATETIME NOT NULL,
    fps         DOUBLE PRECISION NOT NULL,
    bitrate     DOUBLE PRECISION NOT NULL,
    viewers     INTEGER NOT NULL,
    temperature DOUBLE PRECISION NOT NULL,
    memory      DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (camera_id, at)
);
CREATE INDEX camera_samples_at ON camera_samples (at);
-- What cameras said that happened. Every portal hears it, and one keeps it.
CREATE TABLE camera_events (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    camera_id TEXT NOT NULL,
    at        DATETIME NOT NULL,
    kind      TEXT NOT NULL,
    text      TEXT NOT NULL,
    UNIQUE (camera_id, at, kind)
);
CREATE INDEX camera_events_at ON camera_events (at);

-- +goose Down
DROP TABLE camera_events;
DROP TABLE camera_samples;
DROP INDEX cameras_version;
DROP INDEX cameras_seen;
ALTER TABLE cameras DROP COLUMN version;
ALTER TABLE cameras DROP COLUMN offline_at;
