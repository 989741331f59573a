-- Format 3: answers aloud. Each goes with its run's journal.

CREATE TABLE audio (
    tenant TEXT NOT NULL,
    run    TEXT NOT NULL,
    mime   TEXT NOT NULL,
    bytes  BLOB NOT NULL,
    PRIMARY KEY (tenant, run),
    FOREIGN KEY (tenant, run) REFERENCES run (tenant, id) ON DELETE CASCADE
);
