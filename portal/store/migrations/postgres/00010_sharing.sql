-- +goose Up
CREATE TABLE camera_groups (
    id         TEXT PRIMARY KEY,
    owner_id   BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX camera_groups_owner ON camera_groups (owner_id);
-- A membership has an id of its own: what ended with one does not end what another lets people do.
CREATE TABLE group_cameras (
    id        TEXT PRIMARY KEY,
    group_id  TEXT NOT NULL REFERENCES camera_groups (id) ON DELETE CASCADE,
    camera_id TEXT NOT NULL REFERENCES cameras (id) ON DELETE CASCADE,
    UNIQUE (group_id, camera_id)
);
CREATE INDEX group_cameras_camera ON group_cameras (camera_id);
-- A share is an invitation until viewer_id is set.
CREATE TABLE shares (
    id           TEXT PRIMARY KEY,
    owner_id     BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    camera_id    TEXT REFERENCES cameras (id) ON DELETE CASCADE,
    group_id     TEXT REFERENCES camera_groups (id) ON DELETE CASCADE,
    name         TEXT NOT NULL,
    invitee_id   BIGINT REFERENCES users (id) ON DELETE SET NULL,
    link_hash    BYTEA UNIQUE,
    by_link      BOOLEAN NOT NULL,
    invite_until TIMESTAMPTZ NOT NULL,
    viewer_id    BIGINT REFERENCES users (id) ON DELETE CASCADE,
    accepted_at  TIMESTAMPTZ,
    talk         BOOLEAN NOT NULL,
    hours        TEXT NOT NULL,
    zone         TEXT NOT NULL,
    edition      TEXT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    expires_at   TIMESTAMPTZ,
    CHECK ((camera_id IS NULL) <> (group_id IS NULL))
);
CREATE INDEX shares_owner ON shares (owner_id);
CREATE INDEX shares_viewer ON shares (viewer_id);
CREATE INDEX shares_invitee ON shares (invitee_id);
CREATE INDEX shares_camera ON shares (camera_id);
CREATE INDEX shares_group ON shares (group_id);
CREATE TABLE guest_links (
    id         TEXT PRIMARY KEY,
    camera_id  TEXT NOT NULL REFERENCES cameras (id) ON DELETE CASCADE,
    owner_id   BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    hash       BYTEA NOT NULL UNIQUE,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX guest_links_camera ON guest_links (camera_id);
CREATE TABLE guest_visits (
    id            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    link_id       TEXT NOT NULL REFERENCES guest_links (id) ON DELETE CASCADE,
    hash          BYTEA NOT NULL UNIQUE,
    address       TEXT NOT NULL,
    device        TEXT NOT NULL,
    first_used_at TIMESTAMPTZ NOT NULL,
    last_used_at  TIMESTAMPTZ NOT NULL,
    count         INTEGER NOT NULL,
    expires_at    TIMESTAMPTZ NOT NULL
);
CREATE INDEX guest_visits_link ON guest_visits (link_id);
CREATE TABLE transfers (
    id         TEXT PRIMARY KEY,
    camera_id  TEXT NOT NULL UNIQUE REFERENCES cameras (id) ON DELETE CASCADE,
    from_id    BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    to_id      BIGINT REFERENCES users (id) ON DELETE SET NULL,
    to_name    TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX transfers_to ON transfers (to_id);

-- +goose Down
DROP TABLE transfers;
DROP TABLE guest_visits;
DROP TABLE guest_links;
DROP TABLE shares;
DROP TABLE group_cameras;
DROP TABLE camera_groups;
