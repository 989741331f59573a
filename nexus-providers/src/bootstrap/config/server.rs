//! `[server]`: connection limits and timeouts of the server.

use std::net::IpAddr;
use std::num::{NonZeroU64, NonZeroUsize};
use std::str::FromStr;
use std::time::Duration;

use nexus_core::Error;
use serde::Deserialize;

/// Connection limits and timeouts of the server. Every field is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Upper bound on concurrent connections.
    pub max_connections: Option<NonZeroUsize>,
    /// Upper bound on the concurrent connections of one address, other than loopback and trusted proxies.
    pub max_connections_per_address: Option<NonZeroUsize>,
    /// Proxies that forward many clients: addresses, or networks such as `10.0.0.0/8`.
    pub trusted_proxies: Vec<Network>,
    /// Timeout for the head of a request, in milliseconds.
    pub header_ms: Option<NonZeroU64>,
    /// Idle timeout between two requests, in milliseconds.
    pub idle_ms: Option<NonZeroU64>,
    /// Timeout for the body of a request, in milliseconds.
    pub body_ms: Option<NonZeroU64>,
    /// Write timeout of a response, in milliseconds.
    pub write_ms: Option<NonZeroU64>,
}

impl ServerConfig {
    /// Returns the timeout for the head of a request.
    pub fn header(&self) -> Option<Duration> {
        milliseconds(self.header_ms)
    }

    /// Returns the idle timeout between two requests.
    pub fn idle(&self) -> Option<Duration> {
        milliseconds(self.idle_ms)
    }

    /// Returns the timeout for the body of a request.
    pub fn body(&self) -> Option<Duration> {
        milliseconds(self.body_ms)
    }

    /// Returns the write timeout of a response.
    pub fn write(&self) -> Option<Duration> {
        milliseconds(self.write_ms)
    }
}

fn milliseconds(ms: Option<NonZeroU64>) -> Option<Duration> {
    ms.map(|ms| Duration::from_millis(ms.get()))
}

/// IP network: the addresses with a common prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Whether `address` is in the network. An IPv4-mapped IPv6 address counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                same_bits(network.to_bits().into(), address.to_bits().into(), 32, self.bits)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                same_bits(network.to_bits(), address.to_bits(), 128, self.bits)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// Whether the first `bits` of two numbers of `width` bits are equal.
fn same_bits(a: u128, b: u128, width: u8, bits: u8) -> bool {
    (a ^ b).checked_shr(u32::from(width - bits.min(width))).unwrap_or_default() == 0
}

impl FromStr for Network {
    type Err = Error;

    /// Parses an address, or an address with a prefix length as in `10.0.0.0/8`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let (address, bits) =
            text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let read = || {
            let address: IpAddr = address.parse().ok()?;
            let width = if address.is_ipv4() { 32 } else { 128 };
            let bits = bits.map_or(Some(width), |bits| bits.parse().ok().filter(|bits| *bits <= width))?;
            Some(Self { address, bits })
        };
        read().ok_or_else(|| {
            Error::invalid(format!("`{text}` is neither an address nor a network"))
                .with_code("INVALID_CONFIG")
                .with_hint("write `10.0.0.7` or `10.0.0.0/8`")
        })
    }
}

impl TryFrom<String> for Network {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(network: &str, address: &str, contains: bool) {
        let network: Network = network.parse().unwrap();
        assert_eq!(network.contains(address.parse().unwrap()), contains, "{network:?} {address}");
    }

    #[test]
    fn a_network_contains_the_addresses_that_begin_with_its_bits() {
        check("10.0.0.0/8", "10.255.0.1", true);
        check("10.0.0.0/8", "11.0.0.1", false);
        check("10.0.0.7", "10.0.0.7", true);
        check("10.0.0.7", "10.0.0.6", false);
        check("10.0.0.7", "::ffff:10.0.0.7", true);
        check("0.0.0.0/0", "192.0.2.1", true);
        check("0.0.0.0/0", "::1", false);
        check("2001:db8::/32", "2001:db8:ffff::1", true);
        check("2001:db8::/32", "2001:db9::1", false);
        check("::/0", "2001:db9::1", true);
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in
            ["", "proxy", "10.0.0.0/33", "::1/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0"]
        {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
