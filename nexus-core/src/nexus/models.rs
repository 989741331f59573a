//! Models of the facade: calls within the limits, and reconfiguration while Nexus runs.

use std::sync::Arc;

use super::Nexus;
use crate::audit::{Kind, Payload};
use crate::cache::CacheUse;
use crate::error::Result;
use crate::gateway::{
    Admission, CallReceipt, CallStream, Completed, GatewaySettings, ModelCall, Models, Origin, Routing,
};
use crate::llm::Request;
use crate::policy::{ADMINS, EDITORS, Operation, RequestContext, Resource, Route};
use crate::principal::Principal;
use crate::speech::Speech;

/// Operation of calling a model without a run.
pub const MODEL_CALL: Operation = Operation::new("model.call", EDITORS, Route::post("/v1/chat/completions"));
/// Operation of synthesising speech without a run.
pub const SPEECH_CREATE: Operation = MODEL_CALL.at(Route::post("/v1/audio/speech"));
/// Operation of checking a provider.
pub const PROVIDER_CHECK: Operation =
    Operation::new("provider.check", ADMINS, Route::post("/v1/admin/providers/{provider}/check"));

const PROVIDER_CHECKED: Kind = Kind::new("provider.checked");

/// Purpose of the principal that calls a provider to check it.
const CHECK: &str = "provider-check";

/// Output limit of the call that checks a provider, in tokens: enough for a word, and the minimum that vendors accept.
const CHECK_TOKENS: u32 = 16;

impl Nexus {
    /// Calls a model, and returns its answer in one piece. The call is deduplicated by its idempotency key, priced,
    /// reserved, settled and recorded like that of any run. When the future is dropped, the call is made and settled
    /// all the same.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied); those of
    /// [`ProviderErrorKind::error`](crate::llm::ProviderErrorKind::error); `IDEMPOTENCY_MISMATCH` for a key that was
    /// used for another request; `PROVIDERS_UNAVAILABLE` with the time to wait.
    pub async fn complete(&self, caller: &Principal, call: ModelCall) -> Result<Admission<Completed>> {
        self.authorise_call(caller, &call).await?;
        self.engine.gateway.complete(caller, call).await
    }

    /// Calls a model, and returns its answer as it is made. The stream exists once the call is admitted.
    ///
    /// # Errors
    /// As [`Nexus::complete`]; a later error ends the stream.
    pub async fn stream(&self, caller: &Principal, call: ModelCall) -> Result<Admission<CallStream>> {
        self.authorise_call(caller, &call).await?;
        self.engine.gateway.stream(caller, call).await
    }

    /// Synthesises speech of a text of 1 to [`MAX_SPOKEN_CHARS`](crate::speech::MAX_SPOKEN_CHARS) characters. The
    /// call is priced by the character, reserved, settled and recorded like any other.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied); [`InvalidInput`](crate::ErrorKind::InvalidInput) with
    /// `SPEECH_UNAVAILABLE` without a text-to-speech provider, or `INVALID_SPEECH`; those of
    /// [`ProviderErrorKind::error`](crate::llm::ProviderErrorKind::error).
    pub async fn speak(&self, caller: &Principal, text: impl Into<String>) -> Result<Admission<Speech>> {
        self.authorise_all(caller, &SPEECH_CREATE).await?;
        self.engine.gateway.speak(caller, &Origin::default(), text.into()).await
    }

    /// Checks the provider of this name with one small call to its default model, past the cache. The call is Nexus's
    /// own: it is priced, recorded and booked to the system, within the limits of the tenant and outside those of users.
    ///
    /// # Errors
    /// As [`Nexus::complete`], for a refusal too.
    pub async fn check_provider(&self, caller: &Principal, name: &str) -> Result<CallReceipt> {
        self.authorise(caller, &PROVIDER_CHECK, Resource::one(PROVIDER_CHECK.action.kind(), name)).await?;
        let request =
            Request { max_tokens: Some(CHECK_TOKENS), ..Request::asking("Reply with the word OK.") };
        let provider = Some(name.to_owned());
        let call = ModelCall { provider, cache: CacheUse::Bypassed, ..ModelCall::new(request) };
        let system = Principal::system(caller.tenant_id(), CHECK)?;
        self.record(caller, PROVIDER_CHECKED, Payload::new().token("provider", name)).await?;
        let admission = self.engine.gateway.complete(&system, call).await?;
        admission.or_error(self.engine.clock.now()).map(|completed| completed.receipt)
    }

    /// Authorises a call, with the model that it names or the provider's.
    async fn authorise_call(&self, caller: &Principal, call: &ModelCall) -> Result<()> {
        let (provider, model) = (call.provider.as_deref(), call.request.model.as_deref());
        // A route that leads nowhere is an error of the call, for callers that the policy allows.
        let model = self.engine.gateway.model_asked_first(caller.tenant(), provider, model).await?;
        let context = RequestContext { model, ..self.engine.context(&MODEL_CALL) };
        let resource = Resource::all(MODEL_CALL.action.kind());
        self.engine.permit(caller, &MODEL_CALL, resource, context).await.map(drop)
    }

    /// Replaces all settings of models: providers with their keys, routes, limits, prices, deadlines, the embedder
    /// and the text-to-speech provider. Calls in flight finish with the old ones. For the operator: it needs no
    /// principal.
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
    /// [`Conflict`](crate::ErrorKind::Conflict) with `EMBEDDER_CHANGED` for an embedder of another model. Either
    /// error replaces nothing.
    pub fn reconfigure(&self, models: Models) -> Result<()> {
        self.engine.gateway.reconfigure(models)
    }

    /// Returns all settings of models in force.
    pub fn models(&self) -> Models {
        self.engine.gateway.models()
    }

    /// Returns the providers and routes in force.
    pub fn routing(&self) -> Arc<Routing> {
        self.engine.gateway.routing()
    }

    /// Returns the settings in force.
    pub fn gateway_settings(&self) -> Arc<GatewaySettings> {
        self.engine.gateway.settings()
    }
}
