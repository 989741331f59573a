-- Format 5: a call writes fewer pages. On disk every tree that a commit touches is a page in the log, and a call
-- commits twice.

-- The attempt that is under way, and the counters it is reserved on, stand in the row of their call, which is
-- written anyway.
ALTER TABLE llm_api_calls ADD COLUMN attempt TEXT;
ALTER TABLE llm_api_calls ADD COLUMN counters TEXT;
UPDATE llm_api_calls SET attempt = a.body, counters = a.counters FROM llm_attempt AS a
    WHERE a.tenant = llm_api_calls.tenant AND a.call = llm_api_calls.id;
DROP TABLE llm_attempt;

-- The sums of a user's months follow from those of the days.
DROP TABLE llm_monthly_costs;
CREATE VIEW llm_monthly_costs AS
    SELECT tenant, scope_id AS user, substr(day, 1, 7) AS month, sum(calls) AS calls, sum(tokens) AS tokens,
           sum(cost_nano) AS cost_nano
    FROM llm_usage_daily WHERE scope = 'user' GROUP BY tenant, scope_id, substr(day, 1, 7);

-- A record is admitted after the one it names and nowhere else. Since each place in a chain is taken once, no two
-- records have one predecessor, and no index of predecessors is needed to say so.
ALTER TABLE audit_record RENAME TO audit_record_4;
CREATE TABLE audit_record (
    id     INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    run    TEXT NOT NULL,
    seq    INTEGER NOT NULL CHECK (seq >= 0),
    prev   BLOB NOT NULL,                        -- the predecessor's hash; empty for the first
    body   BLOB NOT NULL,
    leaf   BLOB NOT NULL,
    mac    BLOB NOT NULL,
    UNIQUE (tenant, run, seq)
);
INSERT INTO audit_record SELECT id, tenant, run, seq, prev, body, leaf, mac FROM audit_record_4 ORDER BY id;
DROP TABLE audit_record_4;
CREATE TRIGGER audit_record_follows_its_predecessor BEFORE INSERT ON audit_record
WHEN NEW.seq > 0 AND NOT EXISTS (
    SELECT 1 FROM audit_record
    WHERE tenant = NEW.tenant AND run = NEW.run AND seq = NEW.seq - 1 AND leaf = NEW.prev)
BEGIN
    SELECT raise(ABORT, 'a record follows the one it names');
END;
