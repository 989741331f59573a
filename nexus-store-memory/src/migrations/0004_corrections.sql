-- Format 4: a ledger entry may be reconciled by another entry of the same attempt, which holds the difference.

DROP TRIGGER billing_ledger_is_not_changed;
DROP TRIGGER billing_ledger_is_not_deleted;
DROP INDEX line_by_user;
DROP INDEX line_by_investigation;
DROP INDEX line_by_run;
ALTER TABLE billing_ledger RENAME TO billing_ledger_3;

-- One entry for each attempt that has ended, and one for each reconciliation. Entries are added and never changed. The
-- amounts are differences: the sum of an attempt's entries is its charge.
CREATE TABLE billing_ledger (
    tenant        TEXT NOT NULL,
    seq           INTEGER NOT NULL,
    ts            INTEGER NOT NULL,
    day           TEXT NOT NULL,                 -- the civil day of the booking, for reconciliations too
    user          TEXT NOT NULL,
    investigation TEXT,
    run           TEXT,
    model         TEXT NOT NULL,
    call          TEXT NOT NULL,
    attempt       INTEGER NOT NULL,
    revision      INTEGER NOT NULL DEFAULT 0,    -- 0 is the attempt's own entry, its reconciliations follow
    estimated     INTEGER NOT NULL DEFAULT 1,    -- whether the entry may be reconciled; missing in old exports
    calls         INTEGER NOT NULL,
    tokens        INTEGER NOT NULL,
    cost_units    INTEGER NOT NULL,
    cost_nano     INTEGER NOT NULL,
    counters      TEXT,                          -- of an estimate: the counters that counted it
    body          TEXT NOT NULL,
    PRIMARY KEY (tenant, seq)                    -- entries are listed by it, in the order of time
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
