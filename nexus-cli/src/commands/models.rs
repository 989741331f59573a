//! `nexus models`.

use nexus_core::gateway::Route;
use nexus_core::llm::ModelInfo;
use nexus_core::price::{PriceRow, PriceTable};
use nexus_core::usage::Usage;
use nexus_core::{Clock as _, NanoUsd, Result, SystemClock};
use nexus_providers::bootstrap::{embedder, routing};
use serde_json::{Value, json};

use super::pricing;
use super::table::Table;
use crate::context::Context;
use crate::exit::Exit;
use crate::terminal::usd;

/// Characters of the page whose price the list estimates.
const PAGE_CHARS: u32 = 3_000;

/// Row of the list: an available model.
struct Row {
    provider: String,
    kind: String,
    role: String,
    model: String,
    info: ModelInfo,
    price: Option<PriceRow>,
}

pub(super) async fn run(context: &Context<'_>) -> Result<Exit> {
    let routing = routing(&context.config, &[]).await?;
    let route = routing.route(context.caller.tenant_id());
    let prices = PriceTable::empty().with(pricing::all(context).await?);
    let now = SystemClock.now();
    let mut models: Vec<Row> = routing
        .providers()
        .map(|(name, provider)| {
            let (kind, model) = (provider.name(), provider.model());
            let info = provider.info(model);
            Row {
                provider: name.to_owned(),
                kind: kind.to_owned(),
                role: role(route, name),
                model: model.to_owned(),
                info,
                price: prices.of_call(kind, model, info.is_local, now),
            }
        })
        .collect();
    models.sort_by_key(|model| place(route, &model.provider));
    let embeds = embedder(&context.config).await?;
    let embeds = embeds.as_deref().map(|embedder| embedder.model().to_string());
    if context.output.is_json() {
        let models: Vec<Value> = models.iter().map(Row::json).collect();
        context.output.json(&json!({ "models": models, "embedding_model": embeds }))?;
        return Ok(Exit::Done);
    }
    let page = context.config.estimates.token_chars_ratio.tokens(PAGE_CHARS);
    let mut table = Table::new(["PROVIDER", "ASKED", "MODEL", "CONTEXT", "INPUT", "OUTPUT", "A PAGE READ"]);
    for model in &models {
        table.row(model.row(page)?);
    }
    table.lines().try_for_each(|line| context.output.line(line))?;
    if let Some(model) = embeds {
        let provider = context.config.llm.embedder.as_deref().unwrap_or_default();
        context.output.line("")?;
        context.output.line(format_args!("embeds: {provider}, {model}"))?;
    }
    context.output.note("prices are for a million tokens; a page is an estimate and is never charged");
    Ok(Exit::Done)
}

/// Returns the role of a provider in the route.
fn role(route: &Route, name: &str) -> String {
    if route.primary == name {
        return "first".to_owned();
    }
    match route.fallbacks.iter().position(|fallback| fallback == name) {
        Some(place) => format!("fallback {}", place + 1),
        None if route.degrade_to.as_ref().is_some_and(|cheaper| cheaper.provider == name) => {
            "cheaper".to_owned()
        }
        None if route.allowed_providers.as_ref().is_some_and(|allowed| !allowed.contains(name)) => {
            "never".to_owned()
        }
        None => "by name".to_owned(),
    }
}

fn place(route: &Route, name: &str) -> usize {
    let order = std::iter::once(&route.primary).chain(&route.fallbacks);
    order.into_iter().position(|asked| asked == name).unwrap_or(usize::MAX)
}

impl Row {
    fn json(&self) -> Value {
        json!({
            "provider": self.provider, "type": self.kind, "asked": self.role, "model": self.model,
            "context_tokens": self.info.context_tokens, "output_tokens": self.info.output_tokens,
            "is_local": self.info.is_local, "price": self.price,
        })
    }

    fn row(&self, page_tokens: u64) -> Result<[String; 7]> {
        let context = self.info.context_tokens.map_or_else(|| "-".to_owned(), |tokens| tokens.to_string());
        let [input, output, page] = match &self.price {
            None => ["no price: calls are refused".to_owned(), String::new(), String::new()],
            Some(price) if price.is_free() => ["free".to_owned(), "free".to_owned(), "free".to_owned()],
            Some(price) => {
                let page = price.cost(&Usage { input_uncached: page_tokens, ..Usage::default() })?;
                [rate(price.rates.input), rate(price.rates.output), format!("about {}", usd(page))]
            }
        };
        Ok([self.provider.clone(), self.role.clone(), self.model.clone(), context, input, output, page])
    }
}

/// Formats a rate for a million tokens.
pub(super) fn rate(nanos: u64) -> String {
    usd(NanoUsd::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX)))
}
