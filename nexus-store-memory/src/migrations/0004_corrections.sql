-- Format 4: a line of the ledger may be corrected by another line of the same attempt, which holds the difference.

DROP TRIGGER billing_ledger_is_not_changed;
DROP TRIGGER billing_ledger_is_not_deleted;
DROP INDEX line_by_user;
DROP INDEX line_by_investigation;
DROP INDEX line_by_run;
ALTER TABLE billing_ledger RENAME TO billing_ledger_3;

-- One line for each attempt that is over, and one for each correction. Lines are added and never changed. The numbers
-- are what a line adds: the sum of the lines is the truth.
CREATE TABLE billing_ledger (
    tenant        TEXT NOT NULL,
    seq           INTEGER NOT NULL,
    ts            INTEGER NOT NULL,
    day           TEXT NOT NULL,                 -- the civil day it is booked on; of a correction, that of the attempt
    user          TEXT NOT NULL,
    investigation TEXT,
    run           TEXT,
    model         TEXT NOT NULL,
    call          TEXT NOT NULL,
    attempt       INTEGER NOT NULL,
    revision      INTEGER NOT NULL DEFAULT 0,    -- 0 is the attempt's own line, then come its corrections
    estimated     INTEGER NOT NULL DEFAULT 1,    -- whether the line may be corrected; an old export does not say
    calls         INTEGER NOT NULL,
    tokens        INTEGER NOT NULL,
    cost_units    INTEGER NOT NULL,
    cost_nano     INTEGER NOT NULL,
    counters      TEXT,                          -- of an estimate: the counters it was counted on
    body          TEXT NOT NULL,
    PRIMARY KEY (tenant, seq)                    -- lines are listed by it, and it goes with time
) STRICT, WITHOUT ROWID;

INSERT INTO billing_ledger (tenant, seq, ts, day, user, investigation, run, model, call, attempt, estimated, calls,
    tokens, cost_units, cost_nano, body)
SELECT tenant, seq, ts, day, user, investigation, run, model, call, attempt, json_extract(body, '$.estimated'), calls,
    tokens, cost_units, cost_nano, body
FROM billing_ledger_3 ORDER BY tenant, seq;
DROP TABLE billing_ledger_3;

CREATE UNIQUE INDEX line_by_call ON billing_ledger (tenant, call, attempt, revision);
CREATE INDEX line_by_user ON billing_ledger (tenant, user, seq);
CREATE INDEX line_by_investigation ON billing_ledger (tenant, investigation, day) WHERE investigation IS NOT NULL;
CREATE INDEX line_by_run ON billing_ledger (tenant, run, day) WHERE run IS NOT NULL;
CREATE INDEX line_estimated ON billing_ledger (tenant, seq) WHERE revision = 0 AND estimated = 1;
CREATE TRIGGER billing_ledger_is_not_changed BEFORE UPDATE ON billing_ledger
BEGIN
    SELECT raise(ABORT, 'lines of the ledger are not changed');
END;
CREATE TRIGGER billing_ledger_is_not_deleted BEFORE DELETE ON billing_ledger
BEGIN
    SELECT raise(ABORT, 'lines of the ledger are not deleted');
END;
