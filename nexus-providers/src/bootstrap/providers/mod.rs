//! Providers of answers, embeddings and text-to-speech: from a [`Config`] to the ports of core.
//!
//! A key in the environment is no decision to send documents to a vendor. So only providers that the configuration,
//! or an authorised request, names are called; a vendor with a key alone is available to requests that name it.
//!
//! - `entry`: one provider by its name; `build`: its clients; `http`: their HTTP clients.

mod build;
mod entry;
mod http;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use nexus_core::Result;
use nexus_core::gateway::Routing;
use nexus_core::retrieve::Embedder;
use nexus_core::speech::SpeechSynthesizer;

use super::config::{Config, ProviderKind, leads_to};
use crate::openai::OpenAiSpeech;
use crate::speech::OfflineSpeech;
use entry::{Entry, unfit};
use http::Clients;

/// Value that disables text-to-speech.
const NONE: &str = "none";

/// Returns the names of the providers that `config` names: in a section, a route, or a variable whose name is a path.
/// The extractive answerer is always included.
pub fn configured(config: &Config) -> BTreeSet<String> {
    let tenants = config.tenants.values().filter_map(|tenant| tenant.route.clone());
    let routes = std::iter::once(config.llm.route()).chain(tenants);
    let led: Vec<String> = routes.flat_map(|route| leads_to(&route).cloned().collect::<Vec<_>>()).collect();
    let always = ProviderKind::Extractive.as_str().to_owned();
    config.named.iter().cloned().chain(led).chain([always]).collect()
}

/// Builds the providers that `config` names, and the routes to them. `wanted` are further names, such as an option of
/// the command line.
///
/// Vendors with a key alone are included for requests that name them, but in no route.
///
/// # Errors
/// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `PROVIDER_UNKNOWN`, `PROVIDER_KEY_MISSING`,
/// `PROVIDER_MODEL_MISSING` or `PROVIDER_ENDPOINT_MISSING` for an incomplete provider that is named, with
/// `INVALID_ROUTE` for a route to an unknown provider, and the errors of the providers' constructors.
pub async fn routing(config: &Config, wanted: &[String]) -> Result<Routing> {
    let mut routing = Routing::new(config.llm.route());
    for (tenant, settings) in &config.tenants {
        if let Some(route) = &settings.route {
            routing = routing.tenant(tenant, route.clone());
        }
    }
    let clients = Clients::default();
    let named: BTreeSet<String> = configured(config).into_iter().chain(wanted.iter().cloned()).collect();
    for name in &named {
        routing = Entry::of(config, name)?.add_to(routing, &clients).await?;
    }
    for name in config.providers.keys().filter(|name| !named.contains(*name)) {
        let entry = Entry::of(config, name)?;
        if entry.is_ready() {
            // An invalid provider that is not named is skipped; naming it reports the error.
            routing = entry.add_to(routing.clone(), &clients).await.unwrap_or(routing);
        }
    }
    routing.check()?;
    Ok(routing)
}

/// Builds the embedder of `llm.embedder`, if it is set.
///
/// # Errors
/// As [`routing`]; [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `EMBEDDER_UNSUPPORTED` for a provider
/// without embeddings or a model of unknown dimension.
pub async fn embedder(config: &Config) -> Result<Option<Arc<dyn Embedder>>> {
    match &config.llm.embedder {
        Some(name) => Entry::of(config, name)?.embedder(&Clients::default()).await.map(Some),
        None => Ok(None),
    }
}

/// Builds the speech synthesizer of `speech.provider` or `TTS_PROVIDER`, if one is configured.
///
/// # Errors
/// As [`routing`]; [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `SPEECH_UNSUPPORTED` for a provider
/// without text-to-speech.
pub fn speech(config: &Config) -> Result<Option<Arc<dyn SpeechSynthesizer>>> {
    let settings = &config.speech;
    let name = match settings.provider.as_deref() {
        None | Some(NONE) => return Ok(None),
        Some("fake") => return Ok(Some(Arc::new(OfflineSpeech))),
        Some(name) => name,
    };
    let entry = Entry::of(config, name)?;
    if entry.kind != ProviderKind::OpenAi {
        return Err(unfit(
            "SPEECH_UNSUPPORTED",
            format!("the provider `{name}` does not support text-to-speech"),
        )
        .with_hint("use one of the type `openai`, `fake` or `none`"));
    }
    let model = settings.model.as_deref().unwrap_or(OpenAiSpeech::DEFAULT_MODEL);
    let voice = settings.voice.as_deref().unwrap_or(OpenAiSpeech::DEFAULT_VOICE);
    let speech = entry.service()?.speech(&entry.client(&Clients::default())?, model, voice)?;
    Ok(Some(Arc::new(speech)))
}
