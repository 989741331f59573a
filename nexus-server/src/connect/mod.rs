//! Connections: their limit, their deadlines, and the eviction of one when there are too many.
//!
//! A client costs a descriptor and some memory before it sends a byte. So every phase that a client can prolong has a
//! deadline, and the limit of connections is below that of descriptors. At the limit, a new connection evicts the one
//! that has waited longest without a request, so health probes are always answered.
//!
//! - `limits`: settings; `activity`: phase of one connection; `table`: all connections, and the choice of one to evict.
//! - `accept`: accepts connections; `connection`: serves one over HTTP/1.1 with hyper's own builder.
//! - `stream`: write timeout; `body`: ends of requests and responses; `refusal_log`: log lines.

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
