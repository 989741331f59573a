use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread::{self, JoinHandle};

use super::*;
use crate::http::{HttpOptions, Proxy};

/// Key of these tests alone, and public.
const KEY: &str = include_str!("test-key.pem");

/// Starts a proxy with these answers, one connection each; returns its address, and the requests that it received.
fn proxy(answers: Vec<String>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let serving = thread::spawn(move || {
        let mut asked = Vec::new();
        for body in answers {
            let (mut socket, _) = listener.accept().unwrap();
            let (mut request, mut buffer) = (Vec::new(), [0; 4_096]);
            while !whole(&request) {
                let read = socket.read(&mut buffer).unwrap();
                assert!(read > 0, "the request breaks off");
                request.extend_from_slice(&buffer[..read]);
            }
            let status = if body.contains("error") { "400 Bad Request" } else { "200 OK" };
            let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}", body.len());
            socket.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).unwrap();
            asked.push(String::from_utf8(request).unwrap());
        }
        asked
    });
    (address, serving)
}

/// Whether the body has the length of its head.
fn whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.split_once("content-length: ").and_then(|(_, rest)| rest.lines().next()?.parse().ok());
    body.len() >= length.unwrap_or(0)
}

/// Service account whose token endpoint only the proxy reaches.
fn account(proxy: &str) -> Grant {
    let options = HttpOptions { proxy: Proxy::At(Secret::new(proxy)), ..HttpOptions::default() };
    let json = json!({
        "type": "service_account", "project_id": "acme-1", "private_key": KEY,
        "client_email": "nexus@acme-1.example", "token_uri": "http://tokens.invalid/token",
    });
    Grant::of_file(&HttpClient::new(&options).unwrap(), &Secret::new(json.to_string())).unwrap()
}

fn given(token: &str, seconds: u64) -> String {
    json!({"access_token": token, "expires_in": seconds, "token_type": "Bearer"}).to_string()
}

#[tokio::test]
async fn a_token_is_asked_for_through_the_providers_own_proxy_and_kept_while_it_is_good() {
    let (address, serving) = proxy(vec![given("ya29.short", 60), given("ya29.long", 3_600)]);
    let grant = account(&address);
    assert_eq!(grant.token().await.unwrap().expose(), "ya29.short");
    // The first token is about to expire, so a second one is requested and reused.
    for _ in 0..3 {
        assert_eq!(grant.token().await.unwrap().expose(), "ya29.long");
    }
    let asked = serving.join().unwrap();
    assert_eq!(asked.len(), 2);
    let (head, form) = asked[0].split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST http://tokens.invalid/token HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("content-type: application/x-www-form-urlencoded\r\n"), "{head}");
    let assertion =
        form.strip_prefix("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=");
    let parts: Vec<Vec<u8>> =
        assertion.unwrap().split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
    let [header, claims, signature] = &parts[..] else { panic!("{form}") };
    let (header, claims): (Value, Value) =
        (serde_json::from_slice(header).unwrap(), serde_json::from_slice(claims).unwrap());
    assert_eq!(header, json!({"alg": "RS256", "typ": "JWT"}));
    assert_eq!(
        (&claims["iss"], &claims["aud"]),
        (&json!("nexus@acme-1.example"), &json!("http://tokens.invalid/token"))
    );
    assert_eq!(claims["scope"], SCOPE);
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 3_600);
    assert_eq!(signature.len(), 256);
}

#[tokio::test]
async fn a_grant_that_is_refused_is_no_right_and_shows_no_key() {
    let refusal = json!({"error": "invalid_grant", "error_description": "Invalid JWT Signature."});
    let (address, serving) = proxy(vec![refusal.to_string()]);
    let grant = account(&address);
    let error = grant.token().await.unwrap_err();
    assert_eq!(ProviderErrorKind::of(&error), Some(ProviderErrorKind::Authentication), "{error:?}");
    let [asked] = serving.join().unwrap().try_into().unwrap();
    let (_, signature) = asked.rsplit_once('.').unwrap();
    assert!(!format!("{grant:?} {}", error.report()).contains(signature));
    assert_eq!(format!("{grant:?}"), r#"Grant("service account")"#);
}

#[tokio::test]
async fn a_token_endpoint_out_of_reach_is_told_as_such() {
    // The port is closed again.
    let address = format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    assert_eq!(
        ProviderErrorKind::of(&account(&address).token().await.unwrap_err()),
        Some(ProviderErrorKind::Unreachable)
    );
}

#[test]
fn a_signed_in_user_brings_a_refresh_token() {
    let json = json!({
        "type": "authorized_user", "client_id": "an id", "client_secret": "a&b", "refresh_token": "1//x=y",
        "quota_project_id": "acme-1",
    });
    let client = HttpClient::new(&HttpOptions::default()).unwrap();
    let grant = Grant::of_file(&client, &Secret::new(json.to_string())).unwrap();
    let form = grant.form(SystemTime::now()).unwrap();
    assert_eq!(
        form,
        "grant_type=refresh_token&client_id=an+id&client_secret=a%26b&refresh_token=1%2F%2Fx%3Dy"
    );
    assert_eq!(format!("{grant:?}"), r#"Grant("user")"#);
}

#[test]
fn an_assertion_is_not_signed_by_a_clock_before_1970() {
    let grant = account("http://127.0.0.1:1");
    let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
    assert_eq!(grant.form(before).unwrap_err().code(), "CLOCK_BEFORE_1970");
}
