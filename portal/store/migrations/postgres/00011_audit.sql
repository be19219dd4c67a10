-- +goose Up
-- What happened, in the order in which it did. Nothing is ever changed in it, and nothing leaves it but by age,
-- or with its account: through audit_gate, which one function of the portal opens within its transaction.
CREATE TABLE audit_log (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         TIMESTAMPTZ NOT NULL,
    user_id    BIGINT NOT NULL,
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
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (SELECT 1 FROM audit_gate WHERE opened = 1) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the audit log is append-only';
END
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit_log FOR EACH ROW EXECUTE FUNCTION audit_refuse();
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit_log FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
-- +goose StatementEnd

-- +goose Down
DROP TABLE audit_log;
DROP TABLE audit_gate;
-- +goose StatementBegin
DROP FUNCTION audit_refuse;
-- +goose StatementEnd
