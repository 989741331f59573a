-- Owners: each unfinished run and open call belongs to one running Nexus, until its lease has expired.

-- A run or call begins with a lease of its own, so that no call needs a further write. Rows of older stores have none, and
-- are claimed at once. The user of a run is its `owner`; the Nexus that drives it is its `driver`.
ALTER TABLE run ADD COLUMN driver TEXT NOT NULL DEFAULT '';
ALTER TABLE run ADD COLUMN lease_until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE llm_api_calls ADD COLUMN lease_until INTEGER NOT NULL DEFAULT 0;

-- One renewal extends the leases of all work of an owner.
CREATE TABLE owner_lease (
    owner       TEXT PRIMARY KEY,
    lease_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
