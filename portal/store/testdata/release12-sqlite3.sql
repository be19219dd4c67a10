PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE goose_db_version (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
INSERT INTO goose_db_version VALUES(1,0,1,'2025-06-01 12:00:00');
INSERT INTO goose_db_version VALUES(2,1,1,'2025-06-01 12:00:00');
INSERT INTO goose_db_version VALUES(3,2,1,'2025-06-01 12:00:00');
INSERT INTO goose_db_version VALUES(4,3,1,'2025-06-01 12:00:00');
INSERT INTO goose_db_version VALUES(5,4,1,'2025-06-01 12:00:00');
INSERT INTO goose_db_version VALUES(6,5,1,'2025-06-01 12:00:00');
INSERT INTO goose_db_version VALUES(7,6,1,'2025-06-01 12:00:00');
INSERT INTO goose_db_version VALUES(8,7,1,'2025-06-01 12:00:00');
INSERT INTO goose_db_version VALUES(9,10,1,'2025-06-01 12:00:00');
INSERT INTO goose_db_version VALUES(10,11,1,'2025-06-01 12:00:00');
INSERT INTO goose_db_version VALUES(11,12,1,'2025-06-01 12:00:00');
CREATE TABLE users (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    username      TEXT NOT NULL,
    username_key  TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    pending_until DATETIME,
    created_at    DATETIME NOT NULL
, handle BLOB);
INSERT INTO users VALUES(1,'Olga','olga','$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g',NULL,'2025-06-01 12:00:00.5+00:00',NULL);
INSERT INTO users VALUES(2,'Nick','nick','hash of Nick',NULL,'2025-06-01 12:00:00.5+00:00',NULL);
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
INSERT INTO cameras VALUES('camera1','Front door',1,NULL,3,'AA','AA','2025-06-01 12:00:00.5+00:00','2025-06-01 12:00:00.5+00:00','2025-06-01 12:00:00.5+00:00');
INSERT INTO cameras VALUES('camera2','',NULL,X'636c61696d',1,'','',NULL,NULL,'2025-06-01 12:00:00.5+00:00');
CREATE TABLE login_sessions (
    token      TEXT PRIMARY KEY,
    data       BLOB NOT NULL,
    expires_at DATETIME NOT NULL
);
INSERT INTO login_sessions VALUES('session',X'64617461','2125-06-01 12:00:00+00:00');
CREATE TABLE used_nonces (
    nonce      TEXT PRIMARY KEY,
    expires_at DATETIME NOT NULL
);
CREATE TABLE revocations (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    subject    TEXT NOT NULL,
    created_at DATETIME NOT NULL
);
INSERT INTO revocations VALUES(1,'login-x','2025-06-01 12:00:00.5+00:00');
CREATE TABLE mqtt_tokens (
    id         TEXT PRIMARY KEY,
    subject    TEXT NOT NULL,
    camera     TEXT NOT NULL,
    rpc        BOOLEAN NOT NULL,
    note       TEXT NOT NULL,
    created_at DATETIME NOT NULL,
    expires_at DATETIME NOT NULL,
    revoked_at DATETIME
, snapshot BOOLEAN NOT NULL DEFAULT FALSE);
INSERT INTO mqtt_tokens VALUES('token1','tool-x','camera1',1,'note','2025-06-01 12:00:00.5+00:00','2125-06-01 12:00:00+00:00',NULL,1);
CREATE TABLE notices (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    camera_id  TEXT NOT NULL,
    kind       TEXT NOT NULL,
    count      INTEGER NOT NULL,
    updated_at DATETIME NOT NULL,
    UNIQUE (user_id, camera_id, kind)
);
INSERT INTO notices VALUES(1,1,'camera1','claim_attempt',2,'2025-06-01 12:00:00.5+00:00');
CREATE TABLE view_tokens (
    id           TEXT PRIMARY KEY,
    camera_id    TEXT NOT NULL REFERENCES cameras (id) ON DELETE CASCADE,
    user_id      INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name         TEXT NOT NULL,
    hash         BLOB NOT NULL UNIQUE,
    created_at   DATETIME NOT NULL,
    expires_at   DATETIME,
    last_used_at DATETIME
);
INSERT INTO view_tokens VALUES('view1','camera1',1,'Hall',X'766965772068617368','2025-06-01 12:00:00.5+00:00',NULL,NULL);
CREATE TABLE logins (
    id           TEXT PRIMARY KEY,
    session      TEXT NOT NULL UNIQUE REFERENCES login_sessions (token) ON DELETE CASCADE,
    user_id      INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    method       TEXT NOT NULL,
    address      TEXT NOT NULL,
    agent        TEXT NOT NULL,
    created_at   DATETIME NOT NULL,
    proved_at    DATETIME NOT NULL,
    last_used_at DATETIME NOT NULL
);
INSERT INTO logins VALUES('login1','session',1,'password','192.0.2.1','Browser','2025-06-01 12:00:00.5+00:00','2025-06-01 12:00:00.5+00:00','2025-06-01 12:00:00.5+00:00');
CREATE TABLE one_time_codes (
    user_id      INTEGER PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    secret       BLOB NOT NULL,
    last_step    BIGINT NOT NULL,
    confirmed_at DATETIME,
    created_at   DATETIME NOT NULL
);
INSERT INTO one_time_codes VALUES(1,X'7365616c6564',58000000,'2025-06-01 12:00:00.5+00:00','2025-06-01 12:00:00.5+00:00');
CREATE TABLE recovery_codes (
    hash       BLOB PRIMARY KEY,
    user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at DATETIME NOT NULL
);
CREATE TABLE passkeys (
    id           TEXT PRIMARY KEY,
    user_id      INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    credential   BLOB NOT NULL UNIQUE,
    data         BLOB NOT NULL,
    name         TEXT NOT NULL,
    created_at   DATETIME NOT NULL,
    last_used_at DATETIME
);
INSERT INTO passkeys VALUES('key1',1,X'63726564656e7469616c',X'7b7d','Phone','2025-06-01 12:00:00.5+00:00',NULL);
CREATE TABLE emails (
    user_id     INTEGER PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    address     TEXT NOT NULL,
    address_key TEXT NOT NULL,
    verified_at DATETIME NOT NULL
);
INSERT INTO emails VALUES(1,'Olga@mail.example','olga@mail.example','2025-06-01 12:00:00.5+00:00');
CREATE TABLE mail_tokens (
    hash       BLOB PRIMARY KEY,
    user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind       TEXT NOT NULL,
    address    TEXT NOT NULL,
    created_at DATETIME NOT NULL,
    expires_at DATETIME NOT NULL,
    UNIQUE (user_id, kind)
);
CREATE TABLE known_devices (
    user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    hash       BLOB NOT NULL,
    created_at DATETIME NOT NULL,
    PRIMARY KEY (user_id, hash)
);
CREATE TABLE identities (
    id           TEXT PRIMARY KEY,
    user_id      INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    issuer       TEXT NOT NULL,
    subject      TEXT NOT NULL,
    name         TEXT NOT NULL,
    created_at   DATETIME NOT NULL,
    last_used_at DATETIME,
    UNIQUE (issuer, subject)
);
CREATE TABLE camera_groups (
    id         TEXT PRIMARY KEY,
    owner_id   INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    created_at DATETIME NOT NULL
);
CREATE TABLE group_cameras (
    id        TEXT PRIMARY KEY,
    group_id  TEXT NOT NULL REFERENCES camera_groups (id) ON DELETE CASCADE,
    camera_id TEXT NOT NULL REFERENCES cameras (id) ON DELETE CASCADE,
    UNIQUE (group_id, camera_id)
);
CREATE TABLE shares (
    id           TEXT PRIMARY KEY,
    owner_id     INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    camera_id    TEXT REFERENCES cameras (id) ON DELETE CASCADE,
    group_id     TEXT REFERENCES camera_groups (id) ON DELETE CASCADE,
    name         TEXT NOT NULL,
    invitee_id   INTEGER REFERENCES users (id) ON DELETE SET NULL,
    link_hash    BLOB UNIQUE,
    by_link      BOOLEAN NOT NULL,
    invite_until DATETIME NOT NULL,
    viewer_id    INTEGER REFERENCES users (id) ON DELETE CASCADE,
    accepted_at  DATETIME,
    talk         BOOLEAN NOT NULL,
    hours        TEXT NOT NULL,
    zone         TEXT NOT NULL,
    edition      TEXT NOT NULL,
    created_at   DATETIME NOT NULL,
    expires_at   DATETIME,
    CHECK ((camera_id IS NULL) <> (group_id IS NULL))
);
INSERT INTO shares VALUES('share1',1,'camera1',NULL,'Nick',NULL,NULL,0,'2125-06-01 12:00:00+00:00',2,'2025-06-01 12:00:00.5+00:00',1,'[]','UTC','e1','2025-06-01 12:00:00.5+00:00',NULL);
CREATE TABLE guest_links (
    id         TEXT PRIMARY KEY,
    camera_id  TEXT NOT NULL REFERENCES cameras (id) ON DELETE CASCADE,
    owner_id   INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    hash       BLOB NOT NULL UNIQUE,
    created_at DATETIME NOT NULL,
    expires_at DATETIME NOT NULL
);
INSERT INTO guest_links VALUES('guest1','camera1',1,'Sitter',X'67756573742068617368','2025-06-01 12:00:00.5+00:00','2125-06-01 12:00:00+00:00');
CREATE TABLE guest_visits (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    link_id       TEXT NOT NULL REFERENCES guest_links (id) ON DELETE CASCADE,
    hash          BLOB NOT NULL UNIQUE,
    address       TEXT NOT NULL,
    device        TEXT NOT NULL,
    first_used_at DATETIME NOT NULL,
    last_used_at  DATETIME NOT NULL,
    count         INTEGER NOT NULL,
    expires_at    DATETIME NOT NULL
);
CREATE TABLE transfers (
    id         TEXT PRIMARY KEY,
    camera_id  TEXT NOT NULL UNIQUE REFERENCES cameras (id) ON DELETE CASCADE,
    from_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    to_id      INTEGER REFERENCES users (id) ON DELETE SET NULL,
    to_name    TEXT NOT NULL,
    created_at DATETIME NOT NULL,
    expires_at DATETIME NOT NULL
);
CREATE TABLE audit_log (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    at         DATETIME NOT NULL,
    user_id    INTEGER NOT NULL,
    camera_id  TEXT NOT NULL,
    kind       TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor      TEXT NOT NULL,
    address    TEXT NOT NULL,
    device     TEXT NOT NULL,
    detail     TEXT NOT NULL,
    session    TEXT NOT NULL,
    seconds    INTEGER NOT NULL
);
INSERT INTO audit_log VALUES(1,'2025-06-01 12:00:00.5+00:00',1,'camera1','claimed','person','Olga','192.0.2.1','Browser','','',0);
CREATE TABLE audit_gate (
    opened INTEGER NOT NULL
);
INSERT INTO audit_gate VALUES(0);
CREATE TABLE api_tokens (
    id           TEXT PRIMARY KEY,
    user_id      INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name         TEXT NOT NULL,
    hash         BLOB NOT NULL UNIQUE,
    scopes       TEXT NOT NULL,
    created_at   DATETIME NOT NULL,
    expires_at   DATETIME NOT NULL,
    last_used_at DATETIME
);
INSERT INTO api_tokens VALUES('api1',1,'Script',X'6170692068617368','cameras:read','2025-06-01 12:00:00.5+00:00','2125-06-01 12:00:00+00:00',NULL);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('goose_db_version',11);
INSERT INTO sqlite_sequence VALUES('users',2);
INSERT INTO sqlite_sequence VALUES('revocations',1);
INSERT INTO sqlite_sequence VALUES('notices',1);
INSERT INTO sqlite_sequence VALUES('audit_log',1);
CREATE INDEX cameras_owner ON cameras (owner_id);
CREATE INDEX login_sessions_expiry ON login_sessions (expires_at);
CREATE INDEX view_tokens_camera ON view_tokens (camera_id);
CREATE INDEX logins_user ON logins (user_id);
CREATE INDEX recovery_codes_user ON recovery_codes (user_id);
CREATE INDEX passkeys_user ON passkeys (user_id);
CREATE INDEX emails_key ON emails (address_key);
CREATE INDEX identities_user ON identities (user_id);
CREATE INDEX camera_groups_owner ON camera_groups (owner_id);
CREATE INDEX group_cameras_camera ON group_cameras (camera_id);
CREATE INDEX shares_owner ON shares (owner_id);
CREATE INDEX shares_viewer ON shares (viewer_id);
CREATE INDEX shares_invitee ON shares (invitee_id);
CREATE INDEX shares_camera ON shares (camera_id);
CREATE INDEX shares_group ON shares (group_id);
CREATE INDEX guest_links_camera ON guest_links (camera_id);
CREATE INDEX guest_visits_link ON guest_visits (link_id);
CREATE INDEX transfers_to ON transfers (to_id);
CREATE INDEX audit_log_user ON audit_log (user_id, id);
CREATE INDEX audit_log_camera ON audit_log (user_id, camera_id, id);
CREATE INDEX audit_log_at ON audit_log (at);
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit_log
WHEN (SELECT COUNT(*) FROM audit_gate WHERE opened = 1) = 0
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit_log
WHEN EXISTS (SELECT 1 FROM audit_log WHERE id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
CREATE INDEX api_tokens_user ON api_tokens (user_id);
COMMIT;
