//! What is live in a corpus, kept in memory and brought up to date by watermark.

use nexus_core::document::PassageKey;
use nexus_core::retrieve::Language;
use nexus_core::{DocumentId, Result};
use rusqlite::{Connection, params};

use crate::bits::Bits;
use crate::error::{corrupt, sql};
use crate::passage;
use crate::row::from_json;

/// The live versions of a corpus as of a watermark.
#[derive(Clone, Debug, Default)]
pub(crate) struct Catalogue {
    pub(crate) watermark: i64,
    pub(crate) live: Bits,
    /// How many passages the live versions have.
    pub(crate) live_passages: u64,
    /// In order of ordinal.
    versions: Vec<Version>,
    languages: u32,
}

#[derive(Clone, Debug)]
struct Version {
    ordinal: i64,
    number: u32,
    passages: u32,
    languages: u32,
    document: DocumentId,
}

impl Catalogue {
    /// Takes up what changed since.
    pub(crate) fn catch_up(&mut self, connection: &Connection, corpus: i64, watermark: i64) -> Result<()> {
        let mut statement = connection
            .prepare_cached(
                "SELECT ordinal, state, number, passages, languages, document FROM version
                 WHERE corpus = ?1 AND changed > ?2 ORDER BY ordinal",
            )
            .map_err(sql)?;
        let mut rows = statement.query(params![corpus, self.watermark]).map_err(sql)?;
        while let Some(row) = rows.next().map_err(sql)? {
            let ordinal: i64 = row.get(0).map_err(sql)?;
            let place = self.versions.binary_search_by_key(&ordinal, |version| version.ordinal);
            if row.get_ref(1).and_then(|state| Ok(state.as_str()?)).map_err(sql)? != "live" {
                self.live.remove(ordinal);
                if let Ok(place) = place {
                    self.versions.remove(place);
                }
                continue;
            }
            self.live.insert(ordinal);
            if let Err(place) = place {
                let languages: Vec<Language> = from_json(&row.get::<_, String>(4).map_err(sql)?)?;
                let version = Version {
                    ordinal,
                    number: row.get(2).map_err(sql)?,
                    passages: row.get(3).map_err(sql)?,
                    languages: languages.into_iter().fold(0, |mask, language| mask | bit(language)),
                    document: DocumentId::parse(row.get::<_, String>(5).map_err(sql)?)?,
                };
                self.versions.insert(place, version);
            }
        }
        self.watermark = watermark;
        self.live_passages = self.passages(&self.live);
        self.languages = self.versions.iter().fold(0, |mask, version| mask | version.languages);
        Ok(())
    }

    /// The languages of the live passages, in a fixed order.
    pub(crate) fn languages(&self) -> Vec<Language> {
        Language::ALL.iter().copied().filter(|language| self.languages & bit(*language) != 0).collect()
    }

    /// How many passages the versions in `set` have.
    pub(crate) fn passages(&self, set: &Bits) -> u64 {
        self.versions
            .iter()
            .filter(|version| set.contains(version.ordinal))
            .map(|version| u64::from(version.passages))
            .sum()
    }

    /// The name of a passage.
    pub(crate) fn key(&self, passage: i64) -> Result<PassageKey> {
        let (ordinal, index) = passage::split(passage);
        let version =
            self.find(ordinal).ok_or_else(|| corrupt("a passage was found of a version that is not live"))?;
        Ok(PassageKey { document: version.document.clone(), version: version.number, index })
    }

    /// The order of two passages by name.
    pub(crate) fn compare(&self, left: i64, right: i64) -> std::cmp::Ordering {
        let name = |passage| {
            let (ordinal, index) = passage::split(passage);
            (self.find(ordinal).map(|version| (&version.document, version.number)), index)
        };
        name(left).cmp(&name(right))
    }

    fn find(&self, ordinal: i64) -> Option<&Version> {
        let place = self.versions.binary_search_by_key(&ordinal, |version| version.ordinal).ok()?;
        self.versions.get(place)
    }
}

fn bit(language: Language) -> u32 {
    let place = Language::ALL.iter().position(|known| *known == language).unwrap_or(0);
    1 << place
}
