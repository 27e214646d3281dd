-- For sqlc only: what the program creates before the first migration (the schema and tern's version table), and a view whose
-- columns sqlc cannot know.
CREATE SCHEMA bootstrap;
CREATE TABLE bootstrap.schema_version (
    version integer NOT NULL
);
CREATE TABLE bootstrap.webhook (
    tenant_id   text        NOT NULL,
    object_id   text        NOT NULL,
    name        text        NOT NULL,
    type        text        NOT NULL,
    answer      text,
    answered_at timestamptz,
    url         text,
    recorded    bytea,
    digest      bytea       NOT NULL,
    is_recorded boolean     NOT NULL
);
