//! Architecture tests of the workspace: everything is in `tests/`.
