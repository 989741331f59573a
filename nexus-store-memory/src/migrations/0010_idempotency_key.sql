-- The table of idempotency keys is named after what it holds.
ALTER TABLE claim RENAME TO idempotency_key;
DROP INDEX claim_by_expiry;
CREATE INDEX idempotency_key_by_expiry ON idempotency_key (expires_at);
