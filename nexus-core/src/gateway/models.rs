//! [`Models`]: everything about models that can be replaced while Nexus runs.

use std::sync::Arc;

use super::{GatewaySettings, Routing};
use crate::error::{Error, ErrorKind, Result};
use crate::retrieve::Embedder;
use crate::speech::SpeechSynthesizer;

/// Who answers, embeds and speaks, and within which limits. It is replaced as a whole: a call ends with what it began
/// with.
#[derive(Clone, Debug)]
pub struct Models {
    /// Who answers, in which order.
    pub routing: Arc<Routing>,
    /// Deadlines, retries, breakers, prices and limits.
    pub settings: Arc<GatewaySettings>,
    /// Who embeds; without one, search is lexical.
    pub embedder: Option<Arc<dyn Embedder>>,
    /// Who speaks, if anybody does.
    pub speech_synthesizer: Option<Arc<dyn SpeechSynthesizer>>,
}

impl Models {
    /// Checks that every route leads somewhere, and that every limit has what it needs to count.
    pub(super) fn check(&self) -> Result<()> {
        self.routing.check()?;
        self.settings.check_limits()
    }

    /// Checks that these may follow `before`: a document that is being embedded must not end with another model than
    /// it began with.
    pub(super) fn check_after(&self, before: &Self) -> Result<()> {
        self.check()?;
        let of = |models: &Self| models.embedder.as_ref().map(|embedder| embedder.model().clone());
        if of(self) == of(before) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Conflict, "another model embeds only after a restart")
            .code("EMBEDDER_CHANGED")
            .hint("restart, then embed the corpora anew with `nexus corpora reindex`"))
    }
}
