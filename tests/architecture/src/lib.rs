//! End-to-end tests of Nexus: everything is in `tests/`.
