//! Laws of nexus-core that need nothing but its public face.

#[cfg(test)] // tells clippy that the functions beside the tests are test code too
mod audit;
