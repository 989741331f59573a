//! Origin check against browsers: any page that a user has open can reach a server on the loopback address.
//!
//! `Origin` names a page of another origin, and `Host` one whose own name resolves to `127.0.0.1` (DNS rebinding).
//! Both are refused, on every route.

use std::net::IpAddr;

use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Uri};
use nexus_core::{Error, ErrorKind, Result};

/// Checks that a request is addressed to this server and does not come from a page of another origin.
///
/// # Errors
/// [`Denied`](ErrorKind::Denied) with `HOST_REFUSED` or `ORIGIN_REFUSED`.
pub(crate) fn check(uri: &Uri, headers: &HeaderMap) -> Result<()> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next().and_then(authority).filter(is_loopback).ok_or_else(foreign_host)?;
    if hosts.next().is_some() || uri.authority().is_some_and(|target| *target != host) {
        return Err(foreign_host());
    }
    let own = |origin: &HeaderValue| {
        origin
            .to_str()
            .ok()
            .and_then(|origin| origin.strip_prefix("http://"))
            .is_some_and(|origin| host == origin)
    };
    if headers.get_all(ORIGIN).iter().all(own) { Ok(()) } else { Err(foreign_origin()) }
}

/// Parses host and port of a header: without a user part, and with a valid port.
fn authority(host: &HeaderValue) -> Option<Authority> {
    let authority: Authority = host.to_str().ok()?.parse().ok()?;
    let port = authority.as_str().strip_prefix(authority.host())?;
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|number| number.to_string() == port);
    (port.is_empty() || port.strip_prefix(':').is_some_and(is_port)).then_some(authority)
}

fn is_loopback(authority: &Authority) -> bool {
    let host = authority.host();
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn foreign_host() -> Error {
    Error::new(ErrorKind::Denied, "the request names another host than this machine")
        .with_code("HOST_REFUSED")
        .with_hint("use `localhost`, `127.0.0.1` or `[::1]`: without authentication the server answers this machine only")
}

fn foreign_origin() -> Error {
    Error::new(ErrorKind::Denied, "the request comes from a page of another origin")
        .with_code("ORIGIN_REFUSED")
        .with_hint("without authentication the server answers programs on this machine, not web pages")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_that(headers: &[(&'static str, &str)], expected: Option<&str>) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let code = check(&Uri::from_static("/health/live"), &map).map_err(|error| error.code()).err();
        assert_eq!(code, expected, "{headers:?}");
    }

    #[test]
    fn loopback_names_pass_with_any_port() {
        for host in ["localhost", "LOCALHOST:1", "127.0.0.1:8080", "127.9.9.9", "[::1]", "[::1]:8080"] {
            check_that(&[("host", host)], None);
        }
    }

    #[test]
    fn a_host_that_is_elsewhere_is_refused() {
        let elsewhere = [
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "10.0.0.1",
            "0.0.0.0",
            "[::2]",
            "",
            "a b",
            "evil.example@127.0.0.1",
            "user:password@localhost:8080",
            "localhost:99999",
            "localhost:65536",
            "localhost:080",
            "localhost:+80",
            "localhost:",
            "[::1]:99999",
            "[::1]x",
        ];
        for host in elsewhere {
            check_that(&[("host", host)], Some("HOST_REFUSED"));
        }
        check_that(&[], Some("HOST_REFUSED"));
        check_that(&[("host", "localhost"), ("host", "evil.example")], Some("HOST_REFUSED"));
    }

    #[test]
    fn a_request_line_that_names_another_host_is_refused() {
        let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static("localhost"))]);
        assert!(check(&Uri::from_static("http://evil.example/health/live"), &headers).is_err());
        assert!(check(&Uri::from_static("http://localhost/health/live"), &headers).is_ok());
    }

    #[test]
    fn a_page_of_another_origin_is_refused() {
        check_that(&[("host", "localhost:8080"), ("origin", "http://localhost:8080")], None);
        let foreign = ["http://evil.example", "http://localhost:3000", "https://localhost:8080", "null", ""];
        for origin in foreign {
            check_that(&[("host", "localhost:8080"), ("origin", origin)], Some("ORIGIN_REFUSED"));
        }
    }
}
