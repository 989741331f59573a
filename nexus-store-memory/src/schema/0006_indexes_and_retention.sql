-- Format 6: lists and status use indexes, what grows without end has a retention, and a change carries what authorises it.

-- Data directory and raw bytes.

-- Money: limits, calls, ledger, kill switch.

-- Runs, sessions, jobs.

-- Search: corpora, versions, passages, vectors.

-- Lists and status.

-- Retention.
