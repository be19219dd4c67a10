-- +goose Up
-- What happened, in the order in which it did. Nothing is ever changed in it, and nothing leaves it but by age,
-- or with its account: through audit_gate, which one function of the portal opens within its transaction.
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
CREATE INDEX audit_log_user ON audit_log (user_id, id);
CREATE INDEX audit_log_camera ON audit_log (user_id, camera_id, id);
CREATE INDEX audit_log_at ON audit_log (at);
CREATE TABLE audit_gate (
    opened INTEGER NOT NULL
);
INSERT INTO audit_gate (opened) VALUES (0);
-- +goose StatementBegin
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit_log
WHEN (SELECT COUNT(*) FROM audit_gate WHERE opened = 1) = 0
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
-- REPLACE deletes without asking the trigger above.
CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit_log
WHEN EXISTS (SELECT 1 FROM audit_log WHERE id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
-- +goose StatementEnd

-- +goose Down
DROP TABLE audit_log;
DROP TABLE audit_gate;
