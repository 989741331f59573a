//! Trust store of the client: the system's certificate authorities and those of the configuration.

use std::sync::Arc;

use nexus_core::{Error, ErrorKind, Result};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

/// Returns a configuration of TLS 1.2 and 1.3 with ring's algorithms, for HTTP/1.1. `extra` are PEM bundles trusted
/// beside the system's.
///
/// A system without authorities, such as an empty container, is no error, since a model on the same machine needs
/// none. Every HTTPS connection fails there with an unknown issuer.
pub(super) fn config(extra: &[Vec<u8>]) -> Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::unexpected("cannot configure TLS").because(error))?;
    let mut config = match verifier(extra, provider)? {
        Some(verifier) => builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)),
        None => builder.with_root_certificates(RootCertStore::empty()),
    }
    .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Returns the system's verifier, `None` where the system has no authorities.
fn verifier(extra: &[Vec<u8>], provider: Arc<CryptoProvider>) -> Result<Option<Verifier>> {
    let mut authorities = Vec::new();
    for bundle in extra {
        let before = authorities.len();
        for certificate in CertificateDer::pem_slice_iter(bundle) {
            authorities.push(certificate.map_err(|error| unfit().because(error))?);
        }
        if authorities.len() == before {
            return Err(unfit());
        }
    }
    match Verifier::new_with_extra_roots(authorities.clone(), provider) {
        Ok(verifier) => Ok(Some(verifier)),
        Err(_) if authorities.is_empty() => Ok(None),
        Err(error) => Err(unfit().because(error)),
    }
}

fn unfit() -> Error {
    Error::new(ErrorKind::InvalidInput, "a certificate authority's file holds no usable certificate")
        .with_code("CA_CERTIFICATE")
        .with_hint("it must be PEM, with `-----BEGIN CERTIFICATE-----`")
}
