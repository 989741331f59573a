//! Measures the overhead of the gateway on a model call: `boundary`.
//!
//! The model answers at once, inside the process, so that only the gateway is measured: idempotency key, limits,
//! reservation, attempt and audit before the call, settlement, ledger and audit after it. The floor of each row is the
//! same model called directly in the same run; the durable rows stand beside the disk's own `fdatasync`.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use futures::{StreamExt as _, stream};
use nexus_benches::clock::process;
use nexus_benches::{Percentiles, Table, percentiles, short};
use nexus_core::audit::KeyRing;
use nexus_core::gateway::{Admission, GatewaySettings, ModelCall, Routing};
use nexus_core::llm::{CompletionEvent, CompletionStream, FinishReason, LlmProvider, ModelInfo, Request};
use nexus_core::price::{PriceRow, PriceTable, Rates};
use nexus_core::quota::{Cap, Limit, Limits, Meter, ScopeKind, Window};
use nexus_core::{NanoUsd, Nexus, Principal, Timestamp, Usage};
use nexus_store_memory::MemoryStore;
use tokio::task::JoinSet;

const ALONE: usize = 2_000;
const CALLERS: usize = 64;
const TOGETHER: usize = 20_000;
const FRAMES: usize = 20_000;

/// Model that answers at once, with a given number of frames.
#[derive(Clone, Copy, Debug)]
struct Instantly {
    frames: usize,
}

#[async_trait::async_trait]
impl LlmProvider for Instantly {
    fn name(&self) -> &'static str {
        "instantly"
    }

    fn model(&self) -> &'static str {
        "instantly-1"
    }

    fn info(&self, _model: &str) -> ModelInfo {
        ModelInfo::default()
    }

    async fn stream(&self, _request: Request) -> nexus_core::Result<CompletionStream> {
        let usage = Usage { input_uncached: 20, output_text: 10, ..Usage::default() };
        let text = stream::iter((0..self.frames).map(|_| Ok(CompletionEvent::Text("word ".to_owned()))));
        let end = stream::iter([
            Ok(CompletionEvent::Usage(usage)),
            Ok(CompletionEvent::Finish(FinishReason::Complete)),
        ]);
        Ok(text.chain(end).boxed())
    }
}

fn settings() -> Result<GatewaySettings> {
    let price = PriceRow {
        provider: "instantly".to_owned(),
        model: "*".to_owned(),
        valid_from: Timestamp::from_micros(0),
        version: "bench".to_owned(),
        rates: Rates { input: 3_000_000_000, output: 15_000_000_000, ..Rates::default() },
        tiers: Vec::new(),
    };
    // The default limits, and some on one hot budget.
    let million = Cap::money(NanoUsd::from_nanos(1_000_000_000_000_000));
    let limits = Limits::default().with([
        Limit::new(ScopeKind::User, Meter::Money, Window::Month, million),
        Limit::new(ScopeKind::Tenant, Meter::Calls, Window::MINUTE, Cap::Limited(1 << 40)),
        Limit::new(ScopeKind::Tenant, Meter::Tokens, Window::Day, Cap::Limited(1 << 40)),
    ]);
    let prices = PriceTable::empty().with([price]);
    Ok(GatewaySettings { prices, limits, ..GatewaySettings::with_builtin_prices()? })
}

fn engine(store: MemoryStore, frames: usize) -> Result<Nexus> {
    let keys = KeyRing::from_secret("k0", "a benchmark signs nothing that lasts")?;
    let routing = Routing::of(Instantly { frames });
    Ok(Nexus::builder().store(store).audit_keys(keys).routing(routing).gateway(settings()?).build()?)
}

fn call() -> ModelCall {
    ModelCall::new(Request { max_tokens: Some(100), ..Request::asking("How long is the Nile?") })
}

async fn complete(nexus: &Nexus, caller: &Principal) -> Result<Duration> {
    let began = Instant::now();
    match nexus.complete(caller, call()).await? {
        Admission::Granted(_) => Ok(began.elapsed()),
        Admission::Refused(refused) => bail!("refused: {}", refused.sentence()),
    }
}

/// Measures one caller, call after call, in a task of the runtime as a server's handlers are.
async fn alone(nexus: &Nexus, caller: &Principal) -> Result<Percentiles> {
    let (nexus, caller) = (nexus.clone(), caller.clone());
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut times = Vec::with_capacity(ALONE);
        for turn in 0..ALONE + ALONE / 10 {
            let took = complete(&nexus, &caller).await?;
            if turn >= ALONE / 10 {
                times.push(took);
            }
        }
        Ok(percentiles(&mut times))
    });
    tasks.join_next().await.context("the caller is gone")??
}

/// Totals of many callers on one budget.
struct Together {
    times: Percentiles,
    per_second: f64,
    processor: Duration,
}

async fn together(nexus: &Nexus, caller: &Principal) -> Result<Together> {
    let (began, processor) = (Instant::now(), process().unwrap_or_default());
    let made: Vec<Result<Duration>> = stream::iter(0..TOGETHER)
        .map(|_| {
            // The call's own task is on all the processors; its caller only waits.
            complete(nexus, caller)
        })
        .buffer_unordered(CALLERS)
        .collect()
        .await;
    let (took, calls) = (began.elapsed(), u32::try_from(TOGETHER)?);
    let mut times = made.into_iter().collect::<Result<Vec<_>>>()?;
    Ok(Together {
        times: percentiles(&mut times),
        per_second: f64::from(calls) / took.as_secs_f64(),
        processor: process().unwrap_or_default().saturating_sub(processor) / calls,
    })
}

/// Measures the relay of one frame, beside the model's own stream.
async fn frames(nexus: &Nexus, caller: &Principal) -> Result<Duration> {
    let Admission::Granted(mut stream) = nexus.stream(caller, call()).await? else { bail!("refused") };
    let began = Instant::now();
    while let Some(piece) = stream.next().await {
        piece?;
    }
    Ok(began.elapsed() / u32::try_from(FRAMES)?)
}

/// Measures the disk's own `fdatasync` of a small append.
fn fdatasync() -> Result<Percentiles> {
    let folder = tempfile::tempdir_in(".")?;
    let mut file = OpenOptions::new().create(true).append(true).open(folder.path().join("log"))?;
    let mut times = Vec::new();
    for _ in 0..200 {
        let began = Instant::now();
        file.write_all(&[0; 512])?;
        file.sync_data()?;
        times.push(began.elapsed());
    }
    Ok(percentiles(&mut times))
}

#[tokio::main]
async fn main() -> Result<()> {
    let caller = Principal::user("bench", "caller")?.roles(["admin"]);
    let model: Arc<dyn LlmProvider> = Arc::new(Instantly { frames: 3 });
    let mut direct = Vec::with_capacity(ALONE);
    for _ in 0..ALONE {
        let began = Instant::now();
        model.complete(call().request).await?;
        direct.push(began.elapsed());
    }
    let (direct, disk) = (percentiles(&mut direct), fdatasync()?);
    let mut table =
        Table::new("The gateway around a model that answers at once", ["what", "p50", "p99", "more"])
            .row(["the model alone".to_owned(), short(direct.p50), short(direct.p99), String::new()])
            .row(["fdatasync of this disk".to_owned(), short(disk.p50), short(disk.p99), String::new()]);
    let folder = tempfile::tempdir_in(".")?;
    for (name, store) in [("RAM", MemoryStore::default()), ("disk", MemoryStore::open(folder.path())?)] {
        let nexus = engine(store, 3)?;
        let one = alone(&nexus, &caller).await?;
        let many = together(&nexus, &caller).await?;
        let more = format!("{:.0} calls/s, {} CPU a call", many.per_second, short(many.processor));
        table = table
            .row([format!("{name}, one caller"), short(one.p50), short(one.p99), String::new()])
            .row([format!("{name}, {CALLERS} callers"), short(many.times.p50), short(many.times.p99), more]);
        nexus.shutdown(Duration::from_secs(5)).await?;
    }
    let nexus = engine(MemoryStore::default(), FRAMES)?;
    let frame = frames(&nexus, &caller).await?;
    table.row(["RAM, a relayed frame".to_owned(), short(frame), String::new(), String::new()]).print();
    Ok(())
}
