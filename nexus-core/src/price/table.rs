//! Built-in price table, and the lookup of a price: [`PriceTable`].

use std::collections::BTreeMap;

use serde::Deserialize;

use super::PriceRow;
use crate::clock::Timestamp;
use crate::error::{Error, Result};

const SHIPPED: &str = include_str!("prices.json");

/// Append-only table of price rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceTable(Vec<PriceRow>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shipped {
    #[serde(rename = "unit")]
    _unit: String,
    /// Sources of rows of 2026 and later, by `provider/model`, for reviewers.
    #[serde(rename = "sources")]
    _sources: BTreeMap<String, Vec<String>>,
    prices: Vec<PriceRow>,
}

impl PriceTable {
    /// Returns a table without rows, with which every call is refused.
    pub fn empty() -> Self {
        Self(Vec::new())
    }

    /// Returns the built-in list prices of this version, each dated.
    ///
    /// # Errors
    /// [`Unexpected`](crate::ErrorKind::Unexpected) for a defect of this library, which its own tests exclude.
    pub fn shipped() -> Result<Self> {
        let shipped: Shipped = serde_json::from_str(SHIPPED)
            .map_err(|error| Error::unexpected("cannot parse the built-in price table").because(error))?;
        shipped.prices.iter().try_for_each(PriceRow::check)?;
        Ok(Self(shipped.prices))
    }

    /// Adds rows, which take precedence over the built-in ones of the same day or before.
    #[must_use]
    pub fn with(mut self, rows: impl IntoIterator<Item = PriceRow>) -> Self {
        self.0.extend(rows);
        self
    }

    /// Returns the rows.
    pub fn rows(&self) -> &[PriceRow] {
        &self.0
    }

    /// Returns the price of `model` of a provider of type `provider` at `now`; `None` when it is unknown.
    ///
    /// The model's own row takes precedence over one for the model without its date, and that over one for every
    /// model. Among equals, the latest valid row applies, and of equally late ones the last added.
    pub fn find(&self, provider: &str, model: &str, now: Timestamp) -> Option<&PriceRow> {
        let fitting = self.0.iter().filter_map(|row| Some((fit(row, provider, model, now)?, row)));
        fitting.max_by_key(|(fit, row)| (*fit, row.valid_from)).map(|(_, row)| row)
    }

    /// Returns the price of a finished call that ended at `then` and names `version`; `None` when no row, or more than
    /// one price, fits.
    pub fn billed_by(&self, version: &str, provider: &str, model: &str, then: Timestamp) -> Option<PriceRow> {
        let of_version = self.0.iter().filter(|row| row.version == version);
        let fitting: Vec<_> =
            of_version.filter_map(|row| Some((fit(row, provider, model, then)?, row))).collect();
        let Some(best) = fitting.iter().map(|(fit, _)| *fit).max() else {
            let free = PriceRow::free(provider, model);
            return (version == free.version).then_some(free);
        };
        let mut rows = fitting.into_iter().filter(|(fit, _)| *fit == best).map(|(_, row)| row);
        let first = rows.next()?;
        rows.all(|row| (row.rates, &row.tiers) == (first.rates, &first.tiers)).then(|| first.clone())
    }

    /// Returns the price of a call: as [`PriceTable::find`], but a model on the operator's own hardware (`is_local`)
    /// is free unless a row names its provider. A fallback price for every provider (`*`) does not apply to it.
    pub fn of_call(&self, provider: &str, model: &str, is_local: bool, now: Timestamp) -> Option<PriceRow> {
        let found = self.find(provider, model, now).filter(|row| !is_local || row.provider != "*");
        found.cloned().or_else(|| is_local.then(|| PriceRow::free(provider, model)))
    }
}

/// Returns how closely a row that is valid at `now` matches a model; `None` when it does not.
fn fit(row: &PriceRow, provider: &str, model: &str, now: Timestamp) -> Option<u8> {
    if row.valid_from > now || !(row.provider == provider || row.provider == "*") {
        None
    } else if row.model == model {
        Some(3)
    } else if same_model(&row.model, model) {
        Some(2)
    } else {
        (row.model == "*").then_some(1)
    }
}

/// Returns whether `dated` is `model` with a release suffix, as in `gpt-4o-2024-08-06`, `claude-x-20250929`,
/// `gemini-x-001` or `-latest`.
pub fn same_model(model: &str, dated: &str) -> bool {
    let Some(suffix) = dated.strip_prefix(model).and_then(|rest| rest.strip_prefix(['-', '@'])) else {
        return false;
    };
    let digits = suffix.bytes().filter(u8::is_ascii_digit).count();
    let is_number = digits == suffix.len() && matches!(digits, 3 | 4 | 8);
    let is_date = suffix.len() == 10
        && digits == 8
        && suffix.bytes().enumerate().all(|(place, byte)| (byte == b'-') == matches!(place, 4 | 7));
    suffix == "latest" || is_number || is_date
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-06-01T00:00:00Z".parse().unwrap()
    }

    fn price(provider: &str, model: &str) -> Option<String> {
        let table = PriceTable::shipped().unwrap();
        table.find(provider, model, now()).map(|row| format!("{} {}", row.model, row.rates.input))
    }

    #[test]
    fn a_release_has_the_price_of_its_model_and_no_other() {
        assert_eq!(price("openai", "gpt-4o-2024-08-06").unwrap(), "gpt-4o 2500000000");
        assert_eq!(price("openai", "gpt-4o-mini").unwrap(), "gpt-4o-mini 150000000");
        assert_eq!(price("openai", "gpt-4o-unheard-of"), None);
        assert_eq!(price("unknown", "gpt-4o"), None);
    }

    #[test]
    fn rows_that_came_later_say_where_they_were_read() {
        let shipped: serde_json::Value = serde_json::from_str(SHIPPED).unwrap();
        for row in PriceTable::shipped().unwrap().rows().iter().filter(|row| row.version != "shipped/2025-11")
        {
            let sources = shipped["sources"][format!("{}/{}", row.provider, row.model)].as_array();
            assert!(sources.is_some_and(|sources| !sources.is_empty()), "{}", row.model);
        }
    }

    #[test]
    fn a_price_that_changes_on_a_day_holds_from_that_day() {
        let table = PriceTable::shipped().unwrap();
        let read = |day: &str| {
            let now = format!("{day}T12:00:00Z").parse().unwrap();
            table.find("anthropic", "claude-sonnet-5-5", now).unwrap().rates.cache_read
        };
        assert_eq!((read("2026-10-06"), read("2026-10-08")), (Some(200_000_000), Some(100_000_000)));
    }

    #[test]
    fn a_ceiling_falls_on_vendors_and_not_on_hardware_of_ones_own() {
        let ceiling = PriceRow {
            rates: crate::price::Rates { input: 7, ..crate::price::Rates::default() },
            ..PriceRow::free("*", "*")
        };
        let own = PriceRow { rates: ceiling.rates, ..PriceRow::free("vllm", "m") };
        let table = PriceTable::empty().with([ceiling, own]);
        let input = |provider, model, is_local| {
            table.of_call(provider, model, is_local, now()).map(|row| row.rates.input)
        };
        assert_eq!(input("openai", "gpt-next", false), Some(7));
        assert_eq!(input("ollama", "m", true), Some(0));
        assert_eq!(input("vllm", "m", true), Some(7));
        assert_eq!(PriceTable::empty().of_call("openai", "gpt-next", false, now()), None);
    }

    #[test]
    fn the_latest_row_that_holds_already_wins() {
        let mut row = PriceTable::shipped().unwrap().find("openai", "gpt-4o", now()).unwrap().clone();
        (row.version, row.valid_from) = ("later".to_owned(), now());
        let table = PriceTable::shipped().unwrap().with([row]);
        let version = |at: &str| table.find("openai", "gpt-4o", at.parse().unwrap()).unwrap().version.clone();
        assert_ne!(version("2026-05-31T23:59:59Z"), "later");
        assert_eq!(version("2026-06-01T00:00:00Z"), "later");
    }
    #[test]
    fn a_call_is_priced_again_by_the_row_that_it_names_or_by_none() {
        let mut old = PriceTable::shipped().unwrap().find("openai", "gpt-4o", now()).unwrap().clone();
        old.version = "contract".to_owned();
        let mut new = old.clone();
        (new.version, new.valid_from, new.rates.input) = ("dearer".to_owned(), now(), 9);
        let table = PriceTable::shipped().unwrap().with([old.clone(), new]);
        let billed_by =
            |table: &PriceTable, version| table.billed_by(version, "openai", "gpt-4o-2024-08-06", now());
        assert_eq!(billed_by(&table, "contract"), Some(old.clone()));
        assert_eq!(billed_by(&table, "dearer").unwrap().rates.input, 9);
        assert_eq!(billed_by(&table, "forgotten"), None);
        assert!(billed_by(&table, "local").unwrap().is_free());
        // A name that was given twice names one price, or it names none.
        assert_eq!(billed_by(&table.clone().with([old.clone()]), "contract"), Some(old.clone()));
        old.rates.output += 1;
        assert_eq!(billed_by(&table.with([old]), "contract"), None);
    }
}
