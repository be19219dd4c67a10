-- +goose Up
CREATE TABLE throttles (
    hash     BLOB PRIMARY KEY,
    whole_at BIGINT NOT NULL
);
CREATE INDEX throttles_whole ON throttles (whole_at);

-- +goose Down
DROP TABLE throttles;
