//! Who answers, who embeds and who speaks: from a [`Config`] to the ports that core calls.
//!
//! A key that lies in the environment is no decision to send documents to a vendor. So nobody is asked but whom the
//! configuration names, or a request that may; a vendor whose key is merely known can be named by a request.
//!
//! - `entry`: one provider by its name; `make`: its clients; `connect`: the HTTP below them.

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

/// The word for nobody who speaks.
const NONE: &str = "none";

/// The names of the providers that `config` names: in a section, a route, or a variable whose name is a path. The
/// extractive answerer is always among them.
pub fn configured(config: &Config) -> BTreeSet<String> {
    let tenants = config.tenants.values().filter_map(|tenant| tenant.route.clone());
    let routes = std::iter::once(config.llm.route()).chain(tenants);
    let led: Vec<String> = routes.flat_map(|route| leads_to(&route).cloned().collect::<Vec<_>>()).collect();
    let always = ProviderKind::Extractive.as_str().to_owned();
    config.named.iter().cloned().chain(led).chain([always]).collect()
}

/// The providers that `config` names, with the routes to them. `wanted` are some that somebody names besides, such as
/// an option of the command line.
///
/// Vendors whose key is known without being named are there too, for requests that name them, but in no route.
///
/// # Errors
/// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `PROVIDER_UNKNOWN`, `PROVIDER_KEY_MISSING`,
/// `PROVIDER_MODEL_MISSING` or `PROVIDER_ENDPOINT_MISSING` for one that is named and says too little, with `INVALID_ROUTE`
/// for a route that leads nowhere, and those of the providers' own constructors.
pub async fn routing(config: &Config, wanted: &[String]) -> Result<Routing> {
    let mut routing = Routing::new(config.llm.route());
    for (tenant, told) in &config.tenants {
        if let Some(route) = &told.route {
            routing = routing.tenant(tenant, route.clone());
        }
    }
    let clients = Clients::default();
    let named: BTreeSet<String> = configured(config).into_iter().chain(wanted.iter().cloned()).collect();
    for name in &named {
        routing = Entry::of(config, name)?.join(routing, &clients).await?;
    }
    for name in config.providers.keys().filter(|name| !named.contains(*name)) {
        let entry = Entry::of(config, name)?;
        if entry.is_ready() {
            // Nobody asked for it, so nobody is told why it is unfit; whoever names it is.
            routing = entry.join(routing.clone(), &clients).await.unwrap_or(routing);
        }
    }
    routing.check()?;
    Ok(routing)
}

/// The embedder of `llm.embedder`, if there is one.
///
/// # Errors
/// As [`routing`]; [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `EMBEDDER_UNSUPPORTED` for a provider that does
/// not embed or a model whose dimension is neither known nor told.
pub async fn embedder(config: &Config) -> Result<Option<Arc<dyn Embedder>>> {
    match &config.llm.embedder {
        Some(name) => Entry::of(config, name)?.embedder(&Clients::default()).await.map(Some),
        None => Ok(None),
    }
}

/// Who speaks, if anybody does: `speech.provider` or `TTS_PROVIDER`.
///
/// # Errors
/// As [`routing`]; [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `SPEECH_UNSUPPORTED` for a provider that does
/// not speak.
pub fn speech(config: &Config) -> Result<Option<Arc<dyn SpeechSynthesizer>>> {
    let told = &config.speech;
    let name = match told.provider.as_deref() {
        None | Some(NONE) => return Ok(None),
        Some("fake") => return Ok(Some(Arc::new(OfflineSpeech))),
        Some(name) => name,
    };
    let entry = Entry::of(config, name)?;
    if entry.kind != ProviderKind::OpenAi {
        return Err(unfit("SPEECH_UNSUPPORTED", format!("the provider `{name}` does not speak"))
            .hint("use one of the type `openai`, `fake` or `none`"));
    }
    let model = told.model.as_deref().unwrap_or(OpenAiSpeech::DEFAULT_MODEL);
    let voice = told.voice.as_deref().unwrap_or(OpenAiSpeech::DEFAULT_VOICE);
    let speech = entry.service()?.speech(&entry.client(&Clients::default())?, model, voice)?;
    Ok(Some(Arc::new(speech)))
}
