//! Models: calling one within the limits, and replacing providers, routes and settings while Nexus runs.

use std::sync::Arc;

use super::Nexus;
use crate::error::Result;
use crate::gateway::{CallStream, Completed, GatewaySettings, Granted, ModelCall, Origin, Routing};
use crate::policy::{Action, Resource};
use crate::principal::Principal;
use crate::speech::Speech;

impl Nexus {
    /// Calls a model, and returns its answer in one piece. The call is claimed, priced, reserved, settled and recorded
    /// like that of any run. When the future is dropped, it is made and settled all the same.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied); those of [`Fault::error`](crate::llm::Fault::error); `IDEMPOTENCY_MISMATCH`
    /// for a key that was used for another request; `PROVIDERS_RESTING` with the time to wait.
    pub async fn complete(&self, who: &Principal, call: ModelCall) -> Result<Granted<Completed>> {
        self.allow(who, Action::ModelCall, Resource::default()).await?;
        self.engine.gateway.complete(who, call).await
    }

    /// Calls a model, and returns its answer as it is made. The stream exists once the call is admitted.
    ///
    /// # Errors
    /// As [`Nexus::complete`]; what goes wrong later ends the stream.
    pub async fn stream(&self, who: &Principal, call: ModelCall) -> Result<Granted<CallStream>> {
        self.allow(who, Action::ModelCall, Resource::default()).await?;
        self.engine.gateway.stream(who, call).await
    }

    /// Speaks a text of 1 to [`MAX_SPOKEN_CHARS`](crate::speech::MAX_SPOKEN_CHARS) characters. The call is priced by the
    /// character, reserved, settled and recorded like any other.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied); [`InvalidInput`](crate::ErrorKind::InvalidInput) with `SPEECH_UNAVAILABLE`
    /// where nobody speaks, or `INVALID_SPEECH`; those of [`Fault::error`](crate::llm::Fault::error).
    pub async fn speak(&self, who: &Principal, text: impl Into<String>) -> Result<Granted<Speech>> {
        self.allow(who, Action::ModelCall, Resource::default()).await?;
        self.engine.gateway.speak(who, &Origin::default(), text.into()).await
    }

    /// Replaces providers, routes and settings. Calls in flight end on those they began with. For whoever holds the
    /// program: it acts for nobody.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with `INVALID_ROUTE` for a route that leads nowhere.
    pub fn reconfigure(&self, routing: Routing, settings: GatewaySettings) -> Result<()> {
        self.engine.gateway.reconfigure(routing, settings)
    }

    /// The providers and routes in force.
    pub fn routing(&self) -> Arc<Routing> {
        self.engine.gateway.routing()
    }

    /// The settings in force.
    pub fn gateway_settings(&self) -> Arc<GatewaySettings> {
        self.engine.gateway.settings()
    }
}
