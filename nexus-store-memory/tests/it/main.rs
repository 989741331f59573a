//! The store behind the facade, and what only this store promises: files, locks, crashes, copies.

mod copies;
mod journey;
