//! Store behind the facade, and the guarantees of this store alone: files, locks, crashes, copies.

#[cfg(test)]
mod audit_salt;
#[cfg(test)]
mod backup_restore;
#[cfg(test)]
mod budget;
#[cfg(test)]
mod cancel;
#[cfg(test)]
mod content;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod decisions;
#[cfg(test)]
mod denials;
#[cfg(test)]
mod directory;
#[cfg(test)]
mod equivalence;
#[cfg(test)]
mod erasure;
#[cfg(test)]
mod expiry;
#[cfg(test)]
mod files;
#[cfg(test)]
mod journey;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod owners;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod permission;
#[cfg(test)] // tells clippy that the functions beside the tests are test code too
mod prechunked;
#[cfg(test)]
mod readers;
#[cfg(test)]
mod reads;
#[cfg(test)]
mod reconcile;
#[cfg(test)]
mod records;
#[cfg(test)]
mod resources;
#[cfg(test)]
mod retention;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod semantic_cache;
#[cfg(test)]
mod sweep;
#[cfg(test)]
mod tenants;
#[cfg(test)]
mod typed;
#[cfg(test)]
mod uploads;
#[cfg(test)]
mod vectors;
#[cfg(test)]
mod workers;
