//! HTTP client: trusted certificates, proxies, and refused redirects.
//!
//! The certificates beside this file were made for it alone, with a key that everyone can read.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use nexus_core::Result;
use nexus_core::llm::{Completion, LlmProvider as _, ProviderErrorKind, Request};
use nexus_fake_provider::Scripted;
use nexus_providers::openai::Service;
use nexus_providers::{HttpClient, HttpOptions, Proxy, Secret};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

const AUTHORITY: &[u8] = include_bytes!("authority.pem");
const CERTIFICATE: &[u8] = include_bytes!("server.pem");
const KEY: &[u8] = include_bytes!("server-key.pem");

const REPLY: &str = r#"{"choices":[{"message":{"content":"north"},"finish_reason":"stop"}]}"#;

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn direct() -> HttpOptions {
    HttpOptions { proxy: Proxy::None, ..HttpOptions::default() }
}

async fn ask(options: &HttpOptions, base: &str) -> Result<Completion> {
    let service = Service::custom("house", base).with_key("sk-test");
    service.chat(&HttpClient::new(options)?, "scripted-1")?.complete(Request::asking("Where to?")).await
}

/// Reads a request up to its body and sends the response.
fn answer(stream: &mut (impl Read + Write), response: &str) -> std::io::Result<()> {
    let (mut request, mut buffer) = (Vec::new(), [0; 4_096]);
    while !String::from_utf8_lossy(&request).contains("Where to?") {
        match stream.read(&mut buffer)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => request.extend_from_slice(&buffer[..read]),
        }
    }
    stream.write_all(response.as_bytes())?;
    stream.flush()
}

/// Starts a server that answers one connection over TLS. Returns its address.
fn tls_server() -> (String, JoinHandle<std::io::Result<()>>) {
    let certificates = CertificateDer::pem_slice_iter(CERTIFICATE).map(|read| read.unwrap()).collect();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certificates, PrivateKeyDer::from_pem_slice(KEY).unwrap())
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("https://{}/v1", listener.local_addr().unwrap());
    let serving = thread::spawn(move || {
        let (socket, _) = listener.accept()?;
        let connection = ServerConnection::new(Arc::new(config)).unwrap();
        let response = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{REPLY}", REPLY.len());
        answer(&mut StreamOwned::new(connection, socket), &response)
    });
    (base, serving)
}

#[test]
fn an_authority_of_ones_own_is_trusted_once_it_is_named() {
    let (base, serving) = tls_server();
    let options = HttpOptions { ca_certificates: vec![AUTHORITY.to_vec()], ..direct() };
    assert_eq!(run(ask(&options, &base)).unwrap().text, "north");
    serving.join().unwrap().unwrap();
}

#[test]
fn a_server_with_an_untrusted_certificate_is_sent_nothing() {
    let (base, serving) = tls_server();
    let error = run(ask(&direct(), &base)).unwrap_err();
    assert_eq!(ProviderErrorKind::of(&error), Some(ProviderErrorKind::Unreachable), "{error:?}");
    assert!(error.report().contains("certificate"), "{}", error.report());
    assert!(serving.join().unwrap().is_err());
}

#[test]
fn a_redirect_is_not_followed_since_the_key_would_go_with_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serving = thread::spawn(move || {
        let head = "HTTP/1.1 307 Temporary Redirect\r\nconnection: close\r\ncontent-length: 0\r\nlocation:";
        let mut answered = 0;
        loop {
            let (mut socket, _) = listener.accept().unwrap();
            if answer(&mut socket, &format!("{head} http://{address}/elsewhere\r\n\r\n")).is_err() {
                return answered;
            }
            answered += 1;
        }
    });
    let error = run(ask(&direct(), &format!("http://{address}/v1"))).unwrap_err();
    assert_eq!(ProviderErrorKind::of(&error), Some(ProviderErrorKind::Protocol), "{error:?}");
    // A connection without a request ends the server.
    drop(TcpStream::connect(address).unwrap());
    assert_eq!(serving.join().unwrap(), 1);
}

#[test]
fn a_proxy_is_asked_for_what_it_alone_can_reach() {
    run(async {
        let proxy = Scripted::start().await.unwrap();
        let url = Secret::new(format!("http://nexus:swordfish@{}", proxy.address()));
        let options = HttpOptions { proxy: Proxy::At(url), ..HttpOptions::default() };
        ask(&options, "http://models.invalid/v1").await.unwrap();
        let [request] = proxy.requests().try_into().unwrap();
        assert_eq!(request.header("host"), Some("models.invalid"));
        // `nexus:swordfish` in base64.
        assert_eq!(request.header("proxy-authorization"), Some("Basic bmV4dXM6c3dvcmRmaXNo"));
    });
}

#[test]
fn addresses_that_hold_secrets_or_are_none_are_refused_and_not_repeated() {
    let client = HttpClient::new(&direct()).unwrap();
    for unfit in [
        "",
        "models.example",
        "ftp://models.example",
        "https://swordfish:swordfish@models.example",
        "https://models.example/?key=swordfish",
    ] {
        let error = Service::custom("house", unfit).chat(&client, "m").unwrap_err();
        assert_eq!(error.code(), "PROVIDER_URL", "{unfit}");
        assert!(!error.report().contains("swordfish"), "{}", error.report());
    }
}
