-- Claims take the oldest of the unfinished runs of all tenants, and read no further than they take.
CREATE INDEX run_open_by_seq ON run (seq) WHERE closed = 0;
