//! The store behind the facade, and what only this store promises: files, locks, crashes, copies.

mod copies;
mod crash;
mod files;
mod journey;
mod same;
