//! The store behind the facade, and what only this store promises: files, locks, crashes, copies.

#[cfg(test)] // tells clippy that the functions beside the tests are test code too
mod brought;
#[cfg(test)]
mod budget;
#[cfg(test)]
mod cancel;
#[cfg(test)]
mod copies;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod directory;
#[cfg(test)]
mod erased;
#[cfg(test)]
mod expiry;
#[cfg(test)]
mod files;
#[cfg(test)]
mod journey;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod nearest;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod permission;
#[cfg(test)]
mod reconcile;
#[cfg(test)]
mod retention;
#[cfg(test)]
mod salted;
#[cfg(test)]
mod same;
#[cfg(test)]
mod sweep;
#[cfg(test)]
mod uploads;
#[cfg(test)]
mod vectors;
#[cfg(test)]
mod workers;
