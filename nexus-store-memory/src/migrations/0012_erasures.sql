-- The audit chain that tells of the erasure of a run's texts, of a session or of a call's row, so that a verification tells
-- an erasure from a loss. Subjects are `run/<id>`, `session/<id>` and `call/<id>`.
CREATE TABLE erasure (
    tenant  TEXT NOT NULL,
    subject TEXT NOT NULL,
    chain   TEXT NOT NULL,
    PRIMARY KEY (tenant, subject)
) STRICT, WITHOUT ROWID;
