//! State of a document's version, [`VersionState`], and its steps: staged, then published, then retired, or discarded before that.

use super::model::Document;
use crate::error::{Error, ErrorKind, Result};

/// State of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionState {
    /// A job adds passages, which no search finds. Every version begins so.
    Staged,
    /// Searches find it. A document has at most one.
    Live,
    /// Another version replaced it, or its document is gone. Its contents are removed.
    Retired,
}

impl VersionState {
    /// Returns the state's name, as stores write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Staged => "staged",
            Self::Live => "live",
            Self::Retired => "retired",
        }
    }

    /// Returns the state of a name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Staged, Self::Live, Self::Retired].into_iter().find(|state| state.as_str() == name)
    }
}

/// Version as a store holds it. A step returns the row that the store writes or removes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredVersion {
    /// Number of the version in the store.
    pub ordinal: i64,
    /// State.
    pub state: VersionState,
}

/// Versions that a publication changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishedVersions {
    /// Version that becomes searchable.
    pub live: StoredVersion,
    /// Version that it replaces.
    pub retired: Option<StoredVersion>,
}

impl StoredVersion {
    /// Checks that passages may be added.
    ///
    /// # Errors
    /// [`Corrupt`](ErrorKind::Corrupt) with `VERSION_STATE` unless the version is staged.
    pub fn check_staged(self) -> Result<()> {
        self.check("stage", VersionState::Staged)
    }

    /// Makes a staged version searchable.
    ///
    /// # Errors
    /// [`Corrupt`](ErrorKind::Corrupt) with `VERSION_STATE` unless the version is staged.
    pub fn publish(self) -> Result<Self> {
        self.check("publish", VersionState::Staged)?;
        Ok(Self { state: VersionState::Live, ..self })
    }

    /// Ends a searchable version.
    ///
    /// # Errors
    /// [`Corrupt`](ErrorKind::Corrupt) with `VERSION_STATE` unless the version is live.
    pub fn retire(self) -> Result<Self> {
        self.check("retire", VersionState::Live)?;
        Ok(Self { state: VersionState::Retired, ..self })
    }

    /// Returns the ordinal of a version that was never published: its row is removed with its passages.
    ///
    /// # Errors
    /// [`Corrupt`](ErrorKind::Corrupt) with `VERSION_STATE` unless the version is staged.
    pub fn discard(self) -> Result<i64> {
        self.check("discard", VersionState::Staged)?;
        Ok(self.ordinal)
    }

    fn check(self, step: &'static str, state: VersionState) -> Result<()> {
        if self.state == state {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Corrupt, "the step does not follow the state of the version")
            .with_code("VERSION_STATE")
            .with("step", step)
            .with("state", self.state.as_str())
            .with("version", self.ordinal))
    }
}

impl Document {
    /// Removes the document with its `live` version, which is returned as retired.
    ///
    /// # Errors
    /// Those of [`Document::check_idle`] and [`StoredVersion::retire`].
    pub fn remove(&self, live: Option<StoredVersion>) -> Result<Option<StoredVersion>> {
        self.check_idle()?;
        live.map(StoredVersion::retire).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::VersionState::{Live, Retired, Staged};
    use super::*;
    use crate::document::DocumentStatus;
    use crate::document::submission::tests::{queued, submission};

    fn version(state: VersionState) -> StoredVersion {
        StoredVersion { ordinal: 7, state }
    }

    #[test]
    fn each_step_follows_one_state_and_is_an_error_after_the_others() {
        type Step = fn(StoredVersion) -> Result<Option<VersionState>>;
        let stage: Step = |version| version.check_staged().map(|()| Some(version.state));
        let publish: Step = |version| version.publish().map(|version| Some(version.state));
        let retire: Step = |version| version.retire().map(|version| Some(version.state));
        let discard: Step = |version| version.discard().map(|_| None);
        let refused = || Err((ErrorKind::Corrupt, "VERSION_STATE"));
        for (name, step, [staged, live, retired]) in [
            ("stage", stage, [Ok(Some(Staged)), refused(), refused()]),
            ("publish", publish, [Ok(Some(Live)), refused(), refused()]),
            ("retire", retire, [refused(), Ok(Some(Retired)), refused()]),
            ("discard", discard, [Ok(None), refused(), refused()]),
        ] {
            for (state, expected) in [(Staged, staged), (Live, live), (Retired, retired)] {
                let after = step(version(state)).map_err(|error| (error.kind(), error.code()));
                assert_eq!(after, expected, "{name} after {}", state.as_str());
            }
        }
    }

    #[test]
    fn a_step_concerns_the_version_itself() {
        assert_eq!(version(Staged).publish().unwrap(), version(Live));
        assert_eq!(version(Live).retire().unwrap(), version(Retired));
        assert_eq!(version(Staged).discard().unwrap(), 7);
    }

    #[test]
    fn states_have_the_names_of_existing_stores() {
        for (state, name) in [(Staged, "staged"), (Live, "live"), (Retired, "retired")] {
            assert_eq!((state.as_str(), VersionState::parse(name)), (name, Some(state)));
        }
        assert_eq!(VersionState::parse("Live"), None);
    }

    #[test]
    fn a_document_is_removed_with_its_live_version_and_never_during_a_job() {
        let mut document = queued(&submission(), None).document;
        for status in [DocumentStatus::Queued, DocumentStatus::Processing] {
            document.status = status;
            let error = document.remove(Some(version(Live))).unwrap_err();
            assert_eq!(error.code(), "DOCUMENT_IN_FLIGHT");
        }
        document.status = DocumentStatus::Succeeded;
        assert_eq!(document.remove(Some(version(Live))).unwrap(), Some(version(Retired)));
        assert_eq!(document.remove(Some(version(Retired))).unwrap_err().code(), "VERSION_STATE");
        document.status = DocumentStatus::Failed;
        assert_eq!(document.remove(None).unwrap(), None);
    }
}
