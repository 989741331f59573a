-- Format 6: lists and status use indexes, what grows without end has a retention, and a change carries what authorises it.

-- Data directory and raw bytes.

-- Money: limits, calls, ledger, kill switch.

-- A counter of all time began at nothing when its limit was set. It holds what the ledger has for it, as those of days and
-- months do.
UPDATE quota_counter AS q SET (settled_calls, settled_tokens, settled_cost_units, settled_nano) = (
    SELECT coalesce(sum(calls), 0), coalesce(sum(tokens), 0), coalesce(sum(cost_units), 0), coalesce(sum(cost_nano), 0)
    FROM (SELECT calls, tokens, cost_units, cost_nano FROM llm_usage_daily AS d
          WHERE q.scope IN ('tenant', 'organisation', 'user') AND d.tenant = q.tenant AND d.scope = q.scope
            AND d.scope_id = q.id AND (q.model = '*' OR d.model = q.model)
          UNION ALL SELECT calls, tokens, cost_units, cost_nano FROM billing_ledger AS l INDEXED BY line_by_investigation
          WHERE q.scope = 'investigation' AND l.tenant = q.tenant AND l.investigation = q.id
            AND (q.model = '*' OR l.model = q.model)
          UNION ALL SELECT calls, tokens, cost_units, cost_nano FROM billing_ledger AS l INDEXED BY line_by_run
          WHERE q.scope = 'run' AND l.tenant = q.tenant AND l.run = q.id AND (q.model = '*' OR l.model = q.model)))
WHERE window = 'total';

-- Runs, sessions, jobs.

-- Search: corpora, versions, passages, vectors.

-- How long a version's vectors are. Vectors of one model and another length are not compared with each other, so no
-- document decides for the others how long theirs may be.
ALTER TABLE version ADD COLUMN dimension INTEGER;
UPDATE version SET dimension = (
    SELECT length(numbers) / 4 FROM vector
    WHERE passage >= version.ordinal << 24 AND passage < (version.ordinal + 1) << 24 AND vector.model = version.model
    LIMIT 1)
WHERE vectors > 0;
DROP TABLE dimension;

-- Rows of retired versions are removed once no index needs them; the corpus remembers up to which watermark.
ALTER TABLE corpus ADD COLUMN swept INTEGER NOT NULL DEFAULT 0;
UPDATE version SET document = '' WHERE state = 'retired';
CREATE INDEX version_live ON version (corpus, model, dimension, vectors, passages) WHERE state = 'live';
CREATE INDEX version_retired ON version (corpus, changed) WHERE state = 'retired';
CREATE INDEX access_by_grantee ON access (tenant, grantee, document);

-- Lists and status. SQLite knows no statistics here, so statements name the index that they use. What is written with every
-- call gets no further index, because each is a page more in a commit.

CREATE INDEX run_by_tenant ON run (tenant);      -- and so in the order of seq, like each index of these tables
CREATE INDEX run_by_owner ON run (tenant, owner);
DROP INDEX run_unfinished;
CREATE INDEX run_open ON run (tenant) WHERE closed = 0;

CREATE TABLE run_tag (
    tenant TEXT NOT NULL,
    tag    TEXT NOT NULL,
    run    INTEGER NOT NULL REFERENCES run (seq) ON DELETE CASCADE,
    PRIMARY KEY (tenant, tag, run)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_tag_of_run ON run_tag (run);
INSERT OR IGNORE INTO run_tag SELECT r.tenant, t.value, r.seq FROM run AS r, json_each(r.body, '$.ask.tags') AS t;
CREATE TRIGGER run_is_found_by_its_tags AFTER INSERT ON run
BEGIN
    INSERT OR IGNORE INTO run_tag SELECT NEW.tenant, value, NEW.seq FROM json_each(NEW.body, '$.ask.tags');
END;

CREATE INDEX session_by_owner ON session (tenant, owner, touched);
CREATE INDEX document_by_corpus_and_status ON document (corpus, status);
CREATE INDEX usage_by_day ON llm_usage_daily (tenant, scope, day);

-- Lines and calls of a model, and lines of an hour, are found by blocks of 1,024: a block has a row for each model and hour in
-- it, so nearly every insert finds the row there and writes nothing.
CREATE TABLE line_block_of_model (
    tenant TEXT NOT NULL,
    model  TEXT NOT NULL,
    block  INTEGER NOT NULL,                     -- seq >> 10
    PRIMARY KEY (tenant, model, block)
) STRICT, WITHOUT ROWID;
CREATE TABLE line_block_of_hour (
    tenant TEXT NOT NULL,
    hour   INTEGER NOT NULL,                     -- hours since 1970
    block  INTEGER NOT NULL,
    PRIMARY KEY (tenant, hour, block)
) STRICT, WITHOUT ROWID;
CREATE TABLE call_block_of_model (
    tenant TEXT NOT NULL,
    model  TEXT NOT NULL,
    block  INTEGER NOT NULL,
    PRIMARY KEY (tenant, model, block)
) STRICT, WITHOUT ROWID;
INSERT INTO line_block_of_model SELECT DISTINCT tenant, model, seq >> 10 FROM billing_ledger;
INSERT INTO line_block_of_hour SELECT DISTINCT tenant, ts / 3600000000, seq >> 10 FROM billing_ledger;
INSERT INTO call_block_of_model SELECT DISTINCT tenant, model, seq >> 10 FROM llm_api_calls;
CREATE TRIGGER line_is_found_by_its_block AFTER INSERT ON billing_ledger
BEGIN
    INSERT OR IGNORE INTO line_block_of_model VALUES (NEW.tenant, NEW.model, NEW.seq >> 10);
    INSERT OR IGNORE INTO line_block_of_hour VALUES (NEW.tenant, NEW.ts / 3600000000, NEW.seq >> 10);
END;
CREATE TRIGGER call_is_found_by_its_block AFTER INSERT ON llm_api_calls
BEGIN
    INSERT OR IGNORE INTO call_block_of_model VALUES (NEW.tenant, NEW.model, NEW.seq >> 10);
END;
CREATE TRIGGER call_is_found_by_another_block AFTER UPDATE OF model ON llm_api_calls WHEN NEW.model <> OLD.model
BEGIN
    INSERT OR IGNORE INTO call_block_of_model VALUES (NEW.tenant, NEW.model, NEW.seq >> 10);
END;

-- Lines of unknown outcome that were not corrected yet.
CREATE TABLE line_unreconciled (
    tenant TEXT NOT NULL,
    seq    INTEGER NOT NULL,
    PRIMARY KEY (tenant, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO line_unreconciled
    SELECT tenant, seq FROM billing_ledger AS l
    WHERE revision = 0 AND estimated = 1 AND json_extract(body, '$.status') = 'unknown_outcome'
      AND NOT EXISTS (SELECT 1 FROM billing_ledger AS later INDEXED BY line_by_call
          WHERE later.tenant = l.tenant AND later.call = l.call AND later.attempt = l.attempt AND later.revision > 0);
DROP INDEX line_estimated;
CREATE TRIGGER line_is_to_be_reconciled AFTER INSERT ON billing_ledger
WHEN NEW.revision = 0 AND NEW.estimated = 1 AND json_extract(NEW.body, '$.status') = 'unknown_outcome'
BEGIN
    INSERT OR IGNORE INTO line_unreconciled VALUES (NEW.tenant, NEW.seq);
END;
CREATE TRIGGER line_is_reconciled AFTER INSERT ON billing_ledger WHEN NEW.revision > 0
BEGIN
    DELETE FROM line_unreconciled WHERE tenant = NEW.tenant AND seq IN (
        SELECT seq FROM billing_ledger INDEXED BY line_by_call
        WHERE tenant = NEW.tenant AND call = NEW.call AND attempt = NEW.attempt AND revision = 0);
END;

-- Retention. Each class is read in the order in which its records began.
CREATE INDEX run_with_journal ON run (tenant, seq) WHERE closed = 1 AND pruned = 0;
CREATE INDEX job_finished ON job (tenant, seq) WHERE state IN ('succeeded', 'failed');
