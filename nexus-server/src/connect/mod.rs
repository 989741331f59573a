//! Connections: how many there may be, how long each may take, and which one is closed when there are too many.
//!
//! A client costs a descriptor and some memory before it has said a word. So every step that a client can draw out has
//! a deadline, and the number of connections has a limit below that of descriptors. When it is reached, a newcomer
//! takes the place of the connection that has waited longest without a request, so health probes are always answered.
//!
//! - `limits`: the settings; `activity`: what one connection is doing; `table`: all of them, and which one must go.
//! - `accept`: takes connections in; `connection`: serves one over HTTP/1.1 with hyper's own builder.
//! - `stream`: the deadline of writing; `body`: notices the ends of requests and responses; `tally`: log lines.

mod accept;
mod activity;
mod body;
mod connection;
mod limits;
mod refusal_log;
mod stream;
mod table;

pub(crate) use accept::{Accept, Accepted, Serving};
pub(crate) use connection::OverCapacity;
pub use limits::ConnectionLimits;
