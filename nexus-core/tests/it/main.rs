//! Integration tests of nexus-core's public API.

#[cfg(test)] // tells clippy that the functions beside the tests are test code too
mod audit;
