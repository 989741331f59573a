//! Tests of the governed model boundary: the real engine, the real store and the real clients of vendors, against a
//! scripted vendor that keeps a bill of its own. There is nothing here but `tests/`.
