//! What every command works with: who asks, where the data is, where words go, and how to open the store.

use std::path::{Path, PathBuf};
use std::time::Duration;

use nexus_core::{Builder, Error, ErrorKind, Nexus, Principal, Result, Settings};
use nexus_providers::bootstrap::{
    Config, Environment, Field, Origin, Redactor, Source, audit_keys, config_dir, embedder, routing,
    settings_from_env, speech, variables,
};
use nexus_providers::documents::{WorkerCommand, WorkerLimits, WorkerParser};
use nexus_store_memory::{MemoryStore, Swept};

use crate::args::Global;
use crate::interrupt::Interrupts;
use crate::output::{Output, announce};
use crate::principal::{principal, user_source};

const DATA: &str = "./nexus-data";
/// How long background work may take to end.
const GRACE: Duration = Duration::from_secs(10);

/// The surroundings of a command.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) caller: Principal,
    pub(crate) data: PathBuf,
    pub(crate) config_dir: PathBuf,
    pub(crate) settings: Settings,
    pub(crate) config: Config,
    pub(crate) output: &'a Output,
    pub(crate) interrupts: &'a Interrupts,
    /// The fields of the configuration that the command line sets.
    pub(crate) said: Vec<&'static str>,
    /// The providers that the command names.
    wanted: Vec<String>,
    env: Environment,
}

/// A store that is open, and the engine over it.
#[derive(Debug)]
pub(crate) struct OpenStore {
    pub(crate) nexus: Nexus,
    pub(crate) store: MemoryStore,
}

impl<'a> Context<'a> {
    /// What `global` and the variables `env` say. `redactor` learns their secrets.
    pub(crate) fn new(
        global: &Global,
        env: Environment,
        wanted: Vec<String>,
        output: &'a Output,
        interrupts: &'a Interrupts,
        redactor: &Redactor,
    ) -> Result<Self> {
        let config_dir = config_dir(&env)?;
        let config = Config::read(global.config.as_deref(), &config_dir, &env)?;
        redactor.hide(config.secrets());
        for (warning, hint) in env.warnings().chain(config.warnings()) {
            output.warning(warning, hint);
        }
        let json = output.is_json();
        let config = config.announcing(move |line| announce(json, line));
        let caller = principal(global, &config, &env)?;
        let data = global.data.clone().or_else(|| config.data.clone()).unwrap_or_else(|| PathBuf::from(DATA));
        let settings = Settings { retention: config.retention.retention(), ..settings_from_env(&env)? };
        let said = global.said().collect();
        Ok(Self { caller, data, config_dir, settings, config, output, interrupts, said, wanted, env })
    }

    /// The variables without a field of the configuration that are set.
    pub(crate) fn variables(&self) -> Vec<Field> {
        variables(&self.env)
    }

    /// Where the name of the user was read from, where the configuration has none.
    pub(crate) fn user_source(&self) -> Source {
        user_source(&self.env).unwrap_or_else(|| Source::of(Origin::Default))
    }

    /// Works on the store as its only owner. Runs that an earlier process left are taken up first.
    pub(crate) async fn with_writer<T>(&self, work: impl AsyncFnOnce(&OpenStore) -> Result<T>) -> Result<T> {
        self.must_hold_a_store()?;
        self.with_writer_or_create(work).await
    }

    /// Like [`Context::with_writer`], for the commands with which people begin: the store is made if there is none.
    pub(crate) async fn with_writer_or_create<T>(
        &self,
        work: impl AsyncFnOnce(&OpenStore) -> Result<T>,
    ) -> Result<T> {
        let resumed = async |opened: &OpenStore| {
            opened.nexus.resume().await?;
            work(opened).await
        };
        self.with_store(|| MemoryStore::open(&self.data), resumed).await
    }

    /// Like [`Context::with_writer`], without taking up what an earlier process left.
    pub(crate) async fn with_writer_no_resume<T>(
        &self,
        work: impl AsyncFnOnce(&OpenStore) -> Result<T>,
    ) -> Result<T> {
        self.must_hold_a_store()?;
        self.with_store(|| MemoryStore::open(&self.data), work).await
    }

    /// Works on the store beside whoever owns it, reading only.
    pub(crate) async fn with_reader<T>(&self, work: impl AsyncFnOnce(&OpenStore) -> Result<T>) -> Result<T> {
        self.must_exist()?;
        self.with_store(|| MemoryStore::open_read_only(&self.data), work).await
    }

    /// What is wrong with the configuration is said before a store is made.
    async fn with_store<T>(
        &self,
        open: impl FnOnce() -> Result<MemoryStore>,
        work: impl AsyncFnOnce(&OpenStore) -> Result<T>,
    ) -> Result<T> {
        let builder = self.builder().await?;
        let opened = self.build(builder, open()?)?;
        self.tell_of_sweep(opened.store.swept());
        let done = work(&opened).await;
        let closed = opened.nexus.shutdown(GRACE).await;
        // What went wrong with the work comes before what went wrong after it.
        done.and_then(|value| closed.map(|_| value))
    }

    /// A command that only works on what is there makes no store.
    fn must_hold_a_store(&self) -> Result<()> {
        if self.has_store()? { Ok(()) } else { Err(no_data(&self.data)) }
    }

    /// Whether there is a store to read.
    pub(crate) fn has_store(&self) -> Result<bool> {
        MemoryStore::exists(&self.data)
    }

    fn must_exist(&self) -> Result<()> {
        if self.data.exists() { Ok(()) } else { Err(no_data(&self.data)) }
    }

    fn tell_of_sweep(&self, swept: Swept) {
        let Swept { drafts, blobs, indexes } = swept;
        if !swept.is_nothing() {
            self.output.note(format_args!(
                "removed {} files and {indexes} text indexes that stopped processes had left in `{}`",
                drafts + blobs,
                self.data.display()
            ));
        }
    }

    /// Who answers, who embeds and who speaks, and within which limits.
    async fn builder(&self) -> Result<Builder> {
        let builder = Nexus::builder()
            .routing(routing(&self.config, &self.wanted).await?)
            .gateway(self.config.gateway_settings()?);
        let builder = match embedder(&self.config).await? {
            Some(embedder) => builder.embedder(embedder),
            None => builder,
        };
        Ok(match speech(&self.config)? {
            Some(speaker) => builder.speech_synthesizer(speaker),
            None => builder,
        })
    }

    fn build(&self, builder: Builder, store: MemoryStore) -> Result<OpenStore> {
        let keys = audit_keys(&self.env, &self.config_dir, &self.data)?;
        if let Some(path) = &keys.made {
            self.output.warning(
                format_args!("made the key that signs your records: `{}`", path.display()),
                "keep a copy of it in a safe place; without it, earlier records can no longer be verified",
            );
        }
        let builder = match self.config.cache.room().map(|room| store.cache(room)).transpose()?.flatten() {
            Some(cache) => builder.cache(cache),
            None => builder,
        };
        let nexus = builder
            .store(store.clone())
            .audit_keys(keys.ring)
            .parser(parser()?)
            .settings(self.settings.clone())
            .build()?;
        Ok(OpenStore { nexus, store })
    }
}

/// Documents are read by this program, executed again under limits.
fn parser() -> Result<WorkerParser> {
    let program = std::env::current_exe().map_err(|error| {
        Error::new(ErrorKind::Unavailable, "the program does not find itself to read documents")
            .because(error)
    })?;
    Ok(WorkerParser::new(WorkerCommand::new(program).argument("parse-worker"), WorkerLimits::default()))
}

fn no_data(path: &Path) -> Error {
    Error::not_found(format!("there is no data directory `{}`", path.display())).code("NO_DATA").hint(
        "begin with `nexus ingest PATH --corpus NAME`, or say where it is with `--data` or `NEXUS_DATA`",
    )
}
