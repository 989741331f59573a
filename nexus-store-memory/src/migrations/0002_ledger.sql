-- Format 2: model calls, what they may consume, and what they did. The tables that are added to are STRICT, so that a
-- sum beyond 64 bits is an error; SQLite would go on with a rounded number otherwise.

-- Which call a request is, and what came of it: kept until `expires_at`, because it holds text.
CREATE TABLE claim (
    tenant     TEXT NOT NULL,
    operation  TEXT NOT NULL,
    key        TEXT NOT NULL,
    call       TEXT NOT NULL,
    digest     TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    given_back INTEGER NOT NULL DEFAULT 0,       -- nothing was sent: whoever asks again makes the call
    result     TEXT,
    PRIMARY KEY (tenant, operation, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX claim_by_expiry ON claim (expires_at);

CREATE TABLE llm_api_calls (
    seq              INTEGER PRIMARY KEY,        -- the order in which calls were admitted
    tenant           TEXT NOT NULL,
    id               TEXT NOT NULL,
    organisation     TEXT,
    user             TEXT NOT NULL,
    provider         TEXT NOT NULL,
    model            TEXT NOT NULL,
    endpoint         TEXT NOT NULL,              -- chat, embed or speak
    request_id       TEXT NOT NULL,              -- the claim's key
    correlation_id   TEXT,
    created_at       INTEGER NOT NULL,
    status           TEXT NOT NULL,
    input_tokens     INTEGER NOT NULL DEFAULT 0,
    output_tokens    INTEGER NOT NULL DEFAULT 0,
    cost_nano        INTEGER NOT NULL DEFAULT 0,
    latency_ms       INTEGER,
    was_cached       INTEGER NOT NULL,
    owner            TEXT NOT NULL,              -- the process that makes it
    billable         INTEGER NOT NULL DEFAULT 0, -- whether an attempt was sent, or charged
    request_metadata TEXT NOT NULL,
    body             TEXT NOT NULL,
    reasoning        TEXT,                       -- what the model thought, for admins; never in the body
    UNIQUE (tenant, id)
) STRICT;
CREATE INDEX call_by_time ON llm_api_calls (tenant, created_at);
CREATE INDEX call_by_user ON llm_api_calls (tenant, user, created_at);
CREATE INDEX call_open ON llm_api_calls (seq) WHERE status = 'open';

-- The attempt of each call that is not over, and the counters it is reserved on.
CREATE TABLE llm_attempt (
    tenant   TEXT NOT NULL,
    call     TEXT NOT NULL,
    number   INTEGER NOT NULL,
    counters TEXT NOT NULL,
    body     TEXT NOT NULL,
    PRIMARY KEY (tenant, call)
) STRICT, WITHOUT ROWID;

CREATE TABLE quota_counter (
    tenant              TEXT NOT NULL,
    scope               TEXT NOT NULL,
    id                  TEXT NOT NULL,
    model               TEXT NOT NULL,
    window              TEXT NOT NULL,
    ends_at             INTEGER,
    reserved_calls      INTEGER NOT NULL CHECK (reserved_calls >= 0),
    reserved_tokens     INTEGER NOT NULL CHECK (reserved_tokens >= 0),
    reserved_cost_units INTEGER NOT NULL CHECK (reserved_cost_units >= 0),
    reserved_nano       INTEGER NOT NULL CHECK (reserved_nano >= 0),
    settled_calls       INTEGER NOT NULL CHECK (settled_calls >= 0),
    settled_tokens      INTEGER NOT NULL CHECK (settled_tokens >= 0),
    settled_cost_units  INTEGER NOT NULL CHECK (settled_cost_units >= 0),
    settled_nano        INTEGER NOT NULL CHECK (settled_nano >= 0),
    PRIMARY KEY (tenant, scope, id, model, window)
) STRICT, WITHOUT ROWID;
CREATE INDEX counter_by_end ON quota_counter (ends_at) WHERE ends_at IS NOT NULL;

-- One line for each attempt that is over. Lines are added and never changed.
CREATE TABLE billing_ledger (
    tenant        TEXT NOT NULL,
    seq           INTEGER NOT NULL,
    ts            INTEGER NOT NULL,
    day           TEXT NOT NULL,                 -- the civil day it is booked on
    user          TEXT NOT NULL,
    investigation TEXT,
    run           TEXT,
    model         TEXT NOT NULL,
    call          TEXT NOT NULL,
    attempt       INTEGER NOT NULL,
    calls         INTEGER NOT NULL,
    tokens        INTEGER NOT NULL,
    cost_units    INTEGER NOT NULL,
    cost_nano     INTEGER NOT NULL,
    body          TEXT NOT NULL,
    PRIMARY KEY (tenant, seq),                   -- lines are listed by it, and it goes with time
    UNIQUE (tenant, call, attempt)
) STRICT, WITHOUT ROWID;
CREATE INDEX line_by_user ON billing_ledger (tenant, user, seq);
CREATE INDEX line_by_investigation ON billing_ledger (tenant, investigation, day) WHERE investigation IS NOT NULL;
CREATE INDEX line_by_run ON billing_ledger (tenant, run, day) WHERE run IS NOT NULL;
CREATE TRIGGER billing_ledger_is_not_changed BEFORE UPDATE ON billing_ledger
BEGIN
    SELECT raise(ABORT, 'lines of the ledger are not changed');
END;
CREATE TRIGGER billing_ledger_is_not_deleted BEFORE DELETE ON billing_ledger
BEGIN
    SELECT raise(ABORT, 'lines of the ledger are not deleted');
END;

-- Sums of the ledger, written with it.
CREATE TABLE llm_usage_daily (
    tenant     TEXT NOT NULL,
    scope      TEXT NOT NULL,                    -- tenant, organisation or user
    scope_id   TEXT NOT NULL,                    -- empty for calls without an organisation
    day        TEXT NOT NULL,
    model      TEXT NOT NULL,
    calls      INTEGER NOT NULL,
    tokens     INTEGER NOT NULL,
    cost_units INTEGER NOT NULL,
    cost_nano  INTEGER NOT NULL,
    PRIMARY KEY (tenant, scope, scope_id, day, model)
) STRICT, WITHOUT ROWID;

CREATE TABLE llm_monthly_costs (
    tenant    TEXT NOT NULL,
    user      TEXT NOT NULL,
    month     TEXT NOT NULL,
    calls     INTEGER NOT NULL,
    tokens    INTEGER NOT NULL,
    cost_nano INTEGER NOT NULL,
    PRIMARY KEY (tenant, user, month)
) STRICT, WITHOUT ROWID;

CREATE TABLE usage_records (
    tenant           TEXT NOT NULL,
    date             TEXT NOT NULL,
    provider         TEXT NOT NULL,
    tokens           INTEGER NOT NULL,
    embedding_tokens INTEGER NOT NULL,
    queries          INTEGER NOT NULL,
    documents        INTEGER NOT NULL,
    bytes            INTEGER NOT NULL,
    cost_nano        INTEGER NOT NULL,
    PRIMARY KEY (tenant, date, provider)
) STRICT, WITHOUT ROWID;

CREATE TABLE quota_limit (
    tenant  TEXT NOT NULL,
    subject TEXT NOT NULL,
    body    TEXT NOT NULL,
    PRIMARY KEY (tenant, subject)
) STRICT, WITHOUT ROWID;

CREATE TABLE stop (
    tenant TEXT NOT NULL,                        -- empty for the stop of everything
    scope  TEXT NOT NULL,
    id     TEXT NOT NULL,
    body   TEXT NOT NULL,
    PRIMARY KEY (tenant, scope, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE hour_tally (
    tenant     TEXT NOT NULL,
    scope      TEXT NOT NULL,
    id         TEXT NOT NULL,
    hour       INTEGER NOT NULL,                 -- hours since 1970
    spent_nano INTEGER NOT NULL,
    calls      INTEGER NOT NULL,
    failed     INTEGER NOT NULL,
    PRIMARY KEY (tenant, scope, id, hour)
) STRICT, WITHOUT ROWID;

CREATE TABLE price_row (
    seq  INTEGER PRIMARY KEY AUTOINCREMENT,
    body TEXT NOT NULL
) STRICT;
