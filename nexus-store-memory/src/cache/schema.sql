CREATE TABLE IF NOT EXISTS entry (
    ordinal    INTEGER PRIMARY KEY,
    tenant     TEXT NOT NULL,
    scope      BLOB NOT NULL,
    content    BLOB NOT NULL,
    body       BLOB NOT NULL,
    vector     BLOB,                              -- single precision, little-endian
    run        TEXT,                              -- the run that it was made for
    made_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used       INTEGER NOT NULL,                  -- rises with every use
    UNIQUE (tenant, scope, content)
) STRICT;
CREATE INDEX IF NOT EXISTS entry_used ON entry (used);
CREATE INDEX IF NOT EXISTS entry_expires_at ON entry (expires_at);
CREATE INDEX IF NOT EXISTS entry_run ON entry (tenant, run) WHERE run IS NOT NULL;
