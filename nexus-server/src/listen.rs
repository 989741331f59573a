//! [`LoopbackListener`]: a socket that only this machine can reach.

use std::net::SocketAddr;

use nexus_core::{Error, ErrorKind, Result};
use tokio::net::TcpListener;

/// A socket on the loopback address. There is no other way to serve, as long as there is no authentication.
#[derive(Debug)]
pub struct LoopbackListener(pub(crate) TcpListener);

impl LoopbackListener {
    /// Listens on `address`; port 0 is any free one.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) with `LISTEN_NOT_LOOPBACK` for an address that other machines reach;
    /// [`Unavailable`](ErrorKind::Unavailable) when it is taken.
    pub async fn bind(address: SocketAddr) -> Result<Self> {
        if !address.ip().is_loopback() {
            return Err(Error::invalid(format!(
                "the server has no authentication yet, so it does not listen on `{address}`, which other machines reach"
            ))
            .code("LISTEN_NOT_LOOPBACK")
            .hint("use `127.0.0.1` or `[::1]`, and a tunnel such as `ssh -L` from elsewhere"));
        }
        let socket = TcpListener::bind(address).await;
        socket.map(Self).map_err(|error| {
            Error::new(ErrorKind::Unavailable, format!("the address `{address}` cannot be listened on"))
                .code("LISTEN_FAILED")
                .hint("is another server running? `--listen 127.0.0.1:0` takes any free port")
                .because(error)
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) when the system does not say.
    pub fn address(&self) -> Result<SocketAddr> {
        self.0.local_addr().map_err(|error| {
            Error::new(ErrorKind::Unavailable, "the system does not say where the server listens")
                .because(error)
        })
    }
}
