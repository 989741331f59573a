//! Address of an Ollama server, in every accepted form of `OLLAMA_HOST`.

use nexus_core::{Error, Result};

/// Default address of an Ollama server.
pub const DEFAULT_HOST: &str = "http://localhost:11434";
/// Default port of a host without scheme and port.
const PORT: &str = "11434";

/// Parses an address: an empty text, `host`, `host:port`, `:port`, `[::1]:port`, or an address with scheme and
/// perhaps a path. A server's wildcard address becomes the loopback address.
///
/// # Errors
/// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `OLLAMA_HOST_INVALID` for another scheme, a user or a
/// query.
pub fn base_address(text: &str) -> Result<String> {
    let text = text.trim().trim_matches(['"', '\'']).trim_end_matches('/');
    if text.is_empty() {
        return Ok(DEFAULT_HOST.to_owned());
    }
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let odd = |c: char| c.is_whitespace() || c.is_control() || "@?#\\".contains(c);
    if !["", "http", "https"].contains(&scheme) || rest.contains(odd) {
        return Err(invalid());
    }
    let (host, port) = split_port(authority).ok_or_else(invalid)?;
    let host = match host {
        "" | "0.0.0.0" => "127.0.0.1",
        "[::]" => "[::1]",
        host => host,
    };
    let port = match (port, scheme) {
        ("", "") => PORT,
        (port, _) => port,
    };
    let mut address = format!("{}://{host}", if scheme.is_empty() { "http" } else { scheme });
    for (separator, part) in [(':', port), ('/', path)] {
        if !part.is_empty() {
            address.push(separator);
            address.push_str(part);
        }
    }
    Ok(address)
}

/// Splits off the port, empty if absent; an IPv6 host keeps its brackets.
fn split_port(authority: &str) -> Option<(&str, &str)> {
    let end = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    let (host, port) = match authority.get(end..)?.rfind(':') {
        Some(colon) => (authority.get(..end + colon)?, authority.get(end + colon + 1..)?),
        None => (authority, ""),
    };
    let is_port = port.is_empty() || port.parse::<u16>().is_ok_and(|port| port > 0);
    let is_host = !host.contains(':') || (host.starts_with('[') && host.ends_with(']'));
    (is_port && is_host).then_some((host, port))
}

fn invalid() -> Error {
    Error::invalid("cannot parse the address of the Ollama server")
        .with_code("OLLAMA_HOST_INVALID")
        .with_hint("write it as `host:port` or as `http://host:port`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(base_address(text).unwrap(), expected, "{text}");
    }

    #[test]
    fn every_form_of_the_variable_is_read() {
        check("", DEFAULT_HOST);
        check("gpu-1", "http://gpu-1:11434");
        check("gpu-1:8080", "http://gpu-1:8080");
        check(":8080", "http://127.0.0.1:8080");
        check("0.0.0.0", "http://127.0.0.1:11434");
        check("[::]:11434", "http://[::1]:11434");
        check("[fe80::1]", "http://[fe80::1]:11434");
        check("http://gpu-1", "http://gpu-1");
        check("https://models.example/ollama/", "https://models.example/ollama");
        check(" \"127.0.0.1:11434/\" ", "http://127.0.0.1:11434");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["ftp://x", "http://user:word@x", "x:port", "x:0", "x:70000", "::1", "http://x/?a", "a b"]
        {
            assert_eq!(base_address(text).unwrap_err().code(), "OLLAMA_HOST_INVALID", "{text}");
        }
    }
}
