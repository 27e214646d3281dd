-- For sqlc only: what the program creates before the first migration, the schema and tern's version table.
CREATE SCHEMA bootstrap;
CREATE TABLE bootstrap.schema_version (
    version integer NOT NULL
);
