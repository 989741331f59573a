//! Models: calling one within the limits, and replacing everything about them while Nexus runs.

use std::sync::Arc;

use super::Nexus;
use crate::error::Result;
use crate::gateway::{Admission, CallStream, Completed, GatewaySettings, ModelCall, Models, Origin, Routing};
use crate::policy::{Action, Resource};
use crate::principal::Principal;
use crate::speech::Speech;

impl Nexus {
    /// Calls a model, and returns its answer in one piece. The call is claimed, priced, reserved, settled and recorded
    /// like that of any run. When the future is dropped, it is made and settled all the same.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied); those of [`Fault::error`](crate::llm::Fault::error); `IDEMPOTENCY_MISMATCH`
    /// for a key that was used for another request; `PROVIDERS_UNAVAILABLE` with the time to wait.
    pub async fn complete(&self, caller: &Principal, call: ModelCall) -> Result<Admission<Completed>> {
        self.authorise(caller, Action::ModelCall, Resource::default()).await?;
        self.engine.gateway.complete(caller, call).await
    }

    /// Calls a model, and returns its answer as it is made. The stream exists once the call is admitted.
    ///
    /// # Errors
    /// As [`Nexus::complete`]; what goes wrong later ends the stream.
    pub async fn stream(&self, caller: &Principal, call: ModelCall) -> Result<Admission<CallStream>> {
        self.authorise(caller, Action::ModelCall, Resource::default()).await?;
        self.engine.gateway.stream(caller, call).await
    }

    /// Speaks a text of 1 to [`MAX_SPOKEN_CHARS`](crate::speech::MAX_SPOKEN_CHARS) characters. The call is priced by the
    /// character, reserved, settled and recorded like any other.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied); [`InvalidInput`](crate::ErrorKind::InvalidInput) with `SPEECH_UNAVAILABLE`
    /// where nobody speaks, or `INVALID_SPEECH`; those of [`Fault::error`](crate::llm::Fault::error).
    pub async fn speak(&self, caller: &Principal, text: impl Into<String>) -> Result<Admission<Speech>> {
        self.authorise(caller, Action::ModelCall, Resource::default()).await?;
        self.engine.gateway.speak(caller, &Origin::default(), text.into()).await
    }

    /// Replaces everything about models: providers with their keys, routes, limits, prices, deadlines, who embeds and who
    /// speaks. Calls in flight end with what they began with. For whoever holds the program: it acts for nobody.
    ///
    /// ```
    /// # use nexus_core::{Nexus, audit::KeyRing, gateway::{Models, Routing}, llm::Extractive};
    /// # fn replace(nexus: &Nexus) -> nexus_core::Result<()> {
    /// let routing = Routing::of(Extractive::default()).into();
    /// nexus.reconfigure(Models { routing, ..nexus.models() })
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with `INVALID_ROUTE` for a route that leads nowhere;
    /// [`Conflict`](crate::ErrorKind::Conflict) with `EMBEDDER_CHANGED` for an embedder of another model. Then nothing is
    /// replaced.
    pub fn reconfigure(&self, models: Models) -> Result<()> {
        self.engine.gateway.reconfigure(models)
    }

    /// Everything about models that is in force.
    pub fn models(&self) -> Models {
        self.engine.gateway.models()
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
