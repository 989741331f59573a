-- Number of changes of the settings that every call reads, by tenant. The empty tenant counts those of all tenants.
CREATE TABLE settings_version (
    tenant TEXT PRIMARY KEY,
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
