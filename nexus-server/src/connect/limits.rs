//! [`ConnectionLimits`]: settings of connections, and the number of them that the descriptor limit allows.

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use nexus_core::{Error, Result};
use nexus_providers::bootstrap::{Network, ServerConfig};

/// Default limit of connections, where descriptors allow more.
const USUAL_CONNECTIONS: usize = 1_024;
/// Largest limit that a configuration can set.
const MOST_CONNECTIONS: usize = 1_000_000;
/// Smallest limit, however few descriptors there are.
const FEWEST_CONNECTIONS: usize = 4;
/// Descriptors reserved for the store, the vendors' sockets and the worker processes.
const OTHER_DESCRIPTORS: usize = 128;
/// Connections beyond the limit that are reserved for health probes.
pub(super) const RESERVED_CONNECTIONS: usize = 8;

/// Limits of connections: their number, and a timeout for each phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Largest number of concurrent connections. Eight more are accepted for health probes only.
    pub connections: usize,
    /// Largest number of connections per address (IPv6: per network of 64 bits). This machine's own addresses and the
    /// trusted proxies are exempt.
    pub connections_per_address: usize,
    /// Proxies that forward the requests of many clients.
    pub trusted_proxies: Vec<Network>,
    /// Timeout of a request's head, from the connection or from its first byte.
    pub header: Duration,
    /// Idle timeout of a connection between two requests.
    pub idle: Duration,
    /// Timeout of a request's body.
    pub body: Duration,
    /// Write timeout: longest time for which a client may leave a response unread.
    pub write: Duration,
}

impl Default for ConnectionLimits {
    /// 1,024 connections, 64 of one address; 10 s for a head, 60 s idle, 30 s for a body, 30 s without reading.
    fn default() -> Self {
        Self {
            connections: USUAL_CONNECTIONS,
            connections_per_address: 64,
            trusted_proxies: Vec::new(),
            header: Duration::from_secs(10),
            idle: Duration::from_mins(1),
            body: Duration::from_secs(30),
            write: Duration::from_secs(30),
        }
    }
}

impl ConnectionLimits {
    /// Returns the limits of `config` for a process that may open `descriptors` files.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `TOO_FEW_DESCRIPTORS` for more connections than
    /// leave room for the store and the models.
    pub(crate) fn of(config: &ServerConfig, descriptors: usize) -> Result<Self> {
        let usual = Self::default();
        let room = room(descriptors);
        let connections = match config.max_connections.map(NonZeroUsize::get) {
            Some(wanted) if wanted > room => return Err(too_few(wanted, room, descriptors)),
            Some(wanted) => wanted,
            None => USUAL_CONNECTIONS.min(room),
        };
        Ok(Self {
            connections,
            connections_per_address: config
                .max_connections_per_address
                .map_or(usual.connections_per_address, NonZeroUsize::get),
            trusted_proxies: config.trusted_proxies.clone(),
            header: config.header().unwrap_or(usual.header),
            idle: config.idle().unwrap_or(usual.idle),
            body: config.body().unwrap_or(usual.body),
            write: config.write().unwrap_or(usual.write),
        })
    }

    /// Returns whether `address` is exempt from the limit per address.
    pub(super) fn is_exempt(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_loopback() || self.trusted_proxies.iter().any(|proxy| proxy.contains(address))
    }
}

/// Returns the number of connections that `descriptors` leave room for: half of them where they are few.
fn room(descriptors: usize) -> usize {
    let others = OTHER_DESCRIPTORS.min(descriptors / 2) + RESERVED_CONNECTIONS;
    descriptors.saturating_sub(others).clamp(FEWEST_CONNECTIONS, MOST_CONNECTIONS)
}

fn too_few(wanted: usize, room: usize, descriptors: usize) -> Error {
    Error::invalid(format!(
        "`server.max_connections` is {wanted}, but a process that may open {descriptors} files has room for {room}"
    ))
    .with_code("TOO_FEW_DESCRIPTORS")
    .with_hint("raise the limit with `ulimit -n`, or lower the setting")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(max_connections: Option<usize>, descriptors: usize) -> Result<ConnectionLimits> {
        let max_connections = max_connections.map(|most| most.try_into().unwrap());
        ConnectionLimits::of(&ServerConfig { max_connections, ..ServerConfig::default() }, descriptors)
    }

    #[test]
    fn connections_leave_descriptors_for_the_store_and_the_models() {
        let room = |descriptors| limits(None, descriptors).unwrap().connections;
        assert_eq!([room(1 << 20), room(1_024), room(200), room(10)], [1_024, 888, 92, 4]);
    }

    #[test]
    fn the_defaults_are_those_that_the_configuration_shows() {
        let env = nexus_providers::bootstrap::Environment::from([("", ""); 0]);
        let fields = nexus_providers::bootstrap::Config::parse("", &env).unwrap().fields();
        let shown = |path: &str| fields.iter().find(|field| field.path == path).unwrap().value.to_string();
        let limits = ConnectionLimits::default();
        for (path, duration) in [
            ("server.header_ms", limits.header),
            ("server.idle_ms", limits.idle),
            ("server.body_ms", limits.body),
            ("server.write_ms", limits.write),
        ] {
            assert_eq!(shown(path), duration.as_millis().to_string(), "{path}");
        }
        assert_eq!(shown("server.max_connections"), format!("\"at most {}\"", limits.connections));
        assert_eq!(shown("server.max_connections_per_address"), limits.connections_per_address.to_string());
    }

    #[test]
    fn more_connections_than_descriptors_allow_are_refused_at_the_start() {
        assert_eq!(limits(Some(888), 1_024).unwrap().connections, 888);
        let error = limits(Some(889), 1_024).unwrap_err();
        assert_eq!(error.code(), "TOO_FEW_DESCRIPTORS");
        assert_eq!(
            error.message(),
            "`server.max_connections` is 889, but a process that may open 1024 files has room for 888"
        );
    }

    #[test]
    fn this_machine_and_trusted_proxies_have_no_limit_of_their_own() {
        let trusted_proxies = vec!["10.0.0.0/8".parse().unwrap(), "2001:db8::7".parse().unwrap()];
        let limits = ConnectionLimits { trusted_proxies, ..ConnectionLimits::default() };
        for exempt in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "10.1.2.3", "2001:db8::7"] {
            assert!(limits.is_exempt(exempt.parse().unwrap()), "{exempt}");
        }
        for bound in ["192.0.2.1", "11.0.0.1", "2001:db8::8", "::ffff:192.0.2.1"] {
            assert!(!limits.is_exempt(bound.parse().unwrap()), "{bound}");
        }
    }
}
