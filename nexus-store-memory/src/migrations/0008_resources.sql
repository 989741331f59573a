-- Administrative resources: typed documents with versions, indexes and a history. The tenant '' is the installation, which no
-- tenant's id can be.

CREATE TABLE resource (
    tenant     TEXT NOT NULL,
    kind       TEXT NOT NULL,
    id         TEXT NOT NULL,
    version    INTEGER NOT NULL,
    body       TEXT NOT NULL,                    -- JSON, with `[redacted]` in the place of hidden fields
    sensitive  TEXT NOT NULL DEFAULT '{}',       -- JSON: sensitive fields by JSON pointer, which no export holds
    sealed     TEXT NOT NULL DEFAULT '{}',       -- JSON: sealed secrets by JSON pointer
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    updated_by TEXT NOT NULL,
    PRIMARY KEY (tenant, kind, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX resource_of_tenant ON resource (kind, tenant) WHERE id = tenant;

CREATE TABLE resource_index (
    tenant TEXT NOT NULL,
    kind   TEXT NOT NULL,
    id     TEXT NOT NULL,
    name   TEXT NOT NULL,
    value  TEXT NOT NULL,
    PRIMARY KEY (tenant, kind, name, value, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX resource_index_by_id ON resource_index (tenant, kind, id);
CREATE INDEX resource_index_of_tenant ON resource_index (kind, name, value, tenant) WHERE id = tenant;

CREATE TABLE resource_history (
    tenant  TEXT NOT NULL,
    kind    TEXT NOT NULL,
    id      TEXT NOT NULL,
    version INTEGER NOT NULL,
    body    TEXT NOT NULL,                       -- JSON of the entry, redacted
    PRIMARY KEY (tenant, kind, id, version)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER resource_history_never_changes BEFORE UPDATE ON resource_history
BEGIN
    SELECT RAISE(ABORT, 'a history is append-only');
END;
