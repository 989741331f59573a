-- Format 1. Tenants lead every key that a caller can name. Bodies are JSON of core's types; columns beside them
-- are what queries look for.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE corpus (
    ordinal   INTEGER PRIMARY KEY AUTOINCREMENT, -- names the corpus in the text index; never used again
    tenant    TEXT NOT NULL,
    id        TEXT NOT NULL,
    body      TEXT NOT NULL,
    watermark INTEGER NOT NULL DEFAULT 0,        -- grows with every change to what can be found, or by whom
    UNIQUE (tenant, id)
);

CREATE TABLE document (
    tenant    TEXT NOT NULL,
    id        TEXT NOT NULL,
    corpus    INTEGER NOT NULL REFERENCES corpus (ordinal),
    status    TEXT NOT NULL,
    hash      TEXT NOT NULL,                     -- of the raw bytes
    live      INTEGER,                           -- the version that is searched
    newest    INTEGER NOT NULL DEFAULT 0,        -- the number of the newest version
    body      TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
) WITHOUT ROWID;
CREATE INDEX document_by_corpus ON document (corpus, id);
CREATE INDEX document_by_hash ON document (tenant, hash);
CREATE INDEX document_by_status ON document (tenant, status);

-- A version's passages have the ids `ordinal << 24 | number`.
CREATE TABLE version (
    ordinal   INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant    TEXT NOT NULL,
    corpus    INTEGER NOT NULL,
    document  TEXT NOT NULL,
    number    INTEGER NOT NULL,
    state     TEXT NOT NULL,                     -- staged, live, retired
    changed   INTEGER NOT NULL,                  -- the corpus's watermark when liveness or access changed last
    published INTEGER NOT NULL DEFAULT 0,        -- the corpus's watermark when it was published
    passages  INTEGER NOT NULL DEFAULT 0,
    model     INTEGER,
    vectors   INTEGER NOT NULL DEFAULT 0,
    languages TEXT NOT NULL DEFAULT '[]',
    described TEXT NOT NULL DEFAULT '{}'         -- name, tags and metadata as of this version
);
CREATE INDEX version_by_document ON version (tenant, document, number);
CREATE INDEX version_by_change ON version (corpus, changed);
CREATE INDEX version_by_publication ON version (corpus, published);

CREATE TABLE passage (
    id         INTEGER PRIMARY KEY,
    text       TEXT NOT NULL,
    span_start INTEGER NOT NULL,
    span_end   INTEGER NOT NULL,
    page       INTEGER,
    headings   TEXT NOT NULL,
    tokens     INTEGER NOT NULL,
    hash       TEXT NOT NULL,
    language   TEXT NOT NULL
);

CREATE TABLE model (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

CREATE TABLE dimension (
    corpus    INTEGER NOT NULL REFERENCES corpus (ordinal) ON DELETE CASCADE,
    model     INTEGER NOT NULL REFERENCES model (id),
    dimension INTEGER NOT NULL,
    PRIMARY KEY (corpus, model)
) WITHOUT ROWID;

CREATE TABLE vector (
    id      INTEGER PRIMARY KEY,
    passage INTEGER NOT NULL,
    model   INTEGER NOT NULL REFERENCES model (id),
    numbers BLOB NOT NULL                        -- f32, little endian
);
CREATE UNIQUE INDEX vector_of_passage ON vector (passage, model);

CREATE TABLE job (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT, -- the order in which jobs were queued
    tenant      TEXT NOT NULL,
    id          TEXT NOT NULL,
    document    TEXT NOT NULL,
    version     INTEGER NOT NULL,                -- the ordinal of the version it makes
    state       TEXT NOT NULL,
    token       TEXT,
    lease_until INTEGER,
    reindex     INTEGER NOT NULL,
    body        TEXT NOT NULL,
    UNIQUE (tenant, id),
    FOREIGN KEY (tenant, document) REFERENCES document (tenant, id) ON DELETE CASCADE
);
CREATE INDEX job_to_do ON job (seq) WHERE state IN ('queued', 'processing');
CREATE INDEX job_by_document ON job (tenant, document);

CREATE TABLE access (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant     TEXT NOT NULL,
    document   TEXT NOT NULL,
    grantee    TEXT NOT NULL,
    permission TEXT NOT NULL,
    expires_at INTEGER,
    id         TEXT NOT NULL,
    granted_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (tenant, document, grantee, permission),
    FOREIGN KEY (tenant, document) REFERENCES document (tenant, id) ON DELETE CASCADE
);

CREATE TABLE session (
    tenant     TEXT NOT NULL,
    id         TEXT NOT NULL,
    owner      TEXT NOT NULL,
    touched    INTEGER NOT NULL,
    body       TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
) WITHOUT ROWID;
CREATE INDEX session_by_time ON session (tenant, touched);

CREATE TABLE message (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant  TEXT NOT NULL,
    session TEXT NOT NULL,
    body    TEXT NOT NULL,
    FOREIGN KEY (tenant, session) REFERENCES session (tenant, id) ON DELETE CASCADE
);
CREATE INDEX message_by_session ON message (tenant, session, seq);

CREATE TABLE run (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order in which runs began
    tenant   TEXT NOT NULL,
    id       TEXT NOT NULL,
    owner    TEXT NOT NULL,
    session  TEXT NOT NULL,
    closed   INTEGER NOT NULL,
    version  INTEGER NOT NULL,
    pruned   INTEGER NOT NULL DEFAULT 0,
    evidence TEXT,
    body     TEXT NOT NULL,
    UNIQUE (tenant, id)
);
CREATE INDEX run_by_session ON run (tenant, session);
CREATE INDEX run_unfinished ON run (seq) WHERE closed = 0;

CREATE TABLE event (
    tenant TEXT NOT NULL,
    run    TEXT NOT NULL,
    seq    INTEGER NOT NULL,
    body   TEXT NOT NULL,
    PRIMARY KEY (tenant, run, seq),
    FOREIGN KEY (tenant, run) REFERENCES run (tenant, id) ON DELETE CASCADE
) WITHOUT ROWID;

-- Records lie in the order of writing, so that those of many runs that are written together share pages.
CREATE TABLE audit_record (
    id     INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    run    TEXT NOT NULL,
    seq    INTEGER NOT NULL,
    prev   BLOB NOT NULL,                        -- the predecessor's hash; empty for the first
    body   BLOB NOT NULL,
    leaf   BLOB NOT NULL,
    mac    BLOB NOT NULL,
    UNIQUE (tenant, run, seq),
    UNIQUE (tenant, run, prev)
);

CREATE TABLE audit_head (
    tenant   TEXT NOT NULL,
    run      TEXT NOT NULL,
    next_seq INTEGER NOT NULL,
    last     BLOB NOT NULL,
    closed   INTEGER NOT NULL,
    PRIMARY KEY (tenant, run)
) WITHOUT ROWID;
