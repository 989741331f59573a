-- Format 6: lists and status use indexes, what grows without end has a retention, and a change carries what authorises it.

-- Data directory and raw bytes.

-- Money: limits, calls, ledger, kill switch.

-- Runs, sessions, jobs.

-- Search: corpora, versions, passages, vectors.

-- Lists and status.

-- Retention. Each class is read in the order in which its records began.
CREATE INDEX run_with_journal ON run (tenant, seq) WHERE closed = 1 AND pruned = 0;
CREATE INDEX job_finished ON job (tenant, seq) WHERE state IN ('succeeded', 'failed');
