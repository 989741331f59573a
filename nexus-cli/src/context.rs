//! Context of a command: the caller, the data directory, the output, and access to the store.

use std::path::{Path, PathBuf};
use std::time::Duration;

use nexus_core::policy::Channel;
use nexus_core::{Builder, Error, Nexus, Principal, Result, Settings};
use nexus_providers::bootstrap::{
    Config, Environment, Field, Origin, Redactor, Source, audit_keys, builder, config_dir, seal_key,
    settings, variables,
};
use nexus_server::store::{self, Access};
use nexus_store_memory::{MemoryStore, Swept};

use crate::cli::Global;
use crate::interrupt::Interrupts;
use crate::left_jobs;
use crate::output::{Output, announce};
use crate::principal::{principal, user_source};

const DATA: &str = "./nexus-data";
/// Duration of a wait for another process without a note.
const SILENT: Duration = Duration::from_secs(1);
/// Timeout of background work at the end.
const GRACE: Duration = Duration::from_secs(10);

/// Context of a command.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) caller: Principal,
    pub(crate) data: PathBuf,
    pub(crate) config_dir: PathBuf,
    pub(crate) settings: Settings,
    pub(crate) config: Config,
    pub(crate) output: &'a Output,
    pub(crate) interrupts: &'a Interrupts,
    /// Whether `--verbose` is set.
    pub(crate) verbose: bool,
    /// Time to wait for the process that owns the store.
    wait: Duration,
    /// Fields of the configuration that the command line sets.
    pub(crate) said: Vec<&'static str>,
    /// Providers that the command names.
    wanted: Vec<String>,
    env: Environment,
}

/// Open store, and the engine over it.
#[derive(Debug)]
pub(crate) struct OpenStore {
    pub(crate) nexus: Nexus,
    pub(crate) store: MemoryStore,
}

impl<'a> Context<'a> {
    /// Builds the context of `global` and the variables `env`. `redactor` learns their secrets.
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
        let settings = Settings { channel: Channel::Cli, ..settings(&config, &env)? };
        let (verbose, said) = (global.verbose > 0, global.said().collect());
        Ok(Self {
            caller,
            data,
            config_dir,
            settings,
            config,
            output,
            interrupts,
            verbose,
            wait: Duration::from_secs(global.wait),
            said,
            wanted,
            env,
        })
    }

    /// Returns the set variables without a field of the configuration.
    pub(crate) fn variables(&self) -> Vec<Field> {
        variables(&self.env)
    }

    /// Returns the source of the user's name, where the configuration has none.
    pub(crate) fn user_source(&self) -> Source {
        user_source(&self.env).unwrap_or_else(|| Source::of(Origin::Default))
    }

    /// Runs `work` on the store as its only writer. Runs of an earlier process are resumed first, and its ingestion jobs
    /// are finished beside the work.
    pub(crate) async fn with_writer<T>(&self, work: impl AsyncFnOnce(&OpenStore) -> Result<T>) -> Result<T> {
        self.must_hold_a_store()?;
        self.with_writer_or_create(work).await
    }

    /// Like [`Context::with_writer`], for the first commands of a user: creates the store if there is none.
    pub(crate) async fn with_writer_or_create<T>(
        &self,
        work: impl AsyncFnOnce(&OpenStore) -> Result<T>,
    ) -> Result<T> {
        let beside_jobs =
            async |opened: &OpenStore| left_jobs::beside(self, &opened.nexus, work(opened)).await;
        self.with_writer_no_jobs_or_create(beside_jobs).await
    }

    /// Like [`Context::with_writer`], without ingestion jobs of an earlier process.
    pub(crate) async fn with_writer_no_jobs<T>(
        &self,
        work: impl AsyncFnOnce(&OpenStore) -> Result<T>,
    ) -> Result<T> {
        self.must_hold_a_store()?;
        self.with_writer_no_jobs_or_create(work).await
    }

    /// Like [`Context::with_writer_or_create`], without ingestion jobs of an earlier process.
    pub(crate) async fn with_writer_no_jobs_or_create<T>(
        &self,
        work: impl AsyncFnOnce(&OpenStore) -> Result<T>,
    ) -> Result<T> {
        let resumed = async |opened: &OpenStore| {
            opened.nexus.resume().await?;
            work(opened).await
        };
        self.with_store(Access::Owner, resumed).await
    }

    /// Like [`Context::with_writer_no_jobs`], without resuming runs of an earlier process.
    pub(crate) async fn with_writer_no_resume<T>(
        &self,
        work: impl AsyncFnOnce(&OpenStore) -> Result<T>,
    ) -> Result<T> {
        self.must_hold_a_store()?;
        self.with_store(Access::Owner, work).await
    }

    /// Runs `work` on the store read-only, beside a process that owns it.
    pub(crate) async fn with_reader<T>(&self, work: impl AsyncFnOnce(&OpenStore) -> Result<T>) -> Result<T> {
        self.must_exist()?;
        self.with_store(Access::Reader, work).await
    }

    /// Opens the store and runs `work`. Configuration errors come before the creation of a store.
    async fn with_store<T>(
        &self,
        access: Access,
        work: impl AsyncFnOnce(&OpenStore) -> Result<T>,
    ) -> Result<T> {
        let builder = Box::pin(builder(&self.config, &self.wanted, self.settings.clone())).await?;
        let opening = Box::pin(store::open(builder, &self.config.cache, &self.data, access, self.wait));
        let (builder, store) = self.noting_a_wait(opening).await?;
        let opened = self.build(builder, store)?;
        self.tell_of_sweep(opened.store.swept());
        let done = Box::pin(work(&opened)).await;
        let closed = opened.nexus.shutdown(GRACE).await;
        // An error of the work takes precedence over one of closing the store.
        done.and_then(|value| closed.map(|_| value))
    }

    /// Notes that the command waits for another process, if `opening` takes long.
    async fn noting_a_wait<T>(&self, mut opening: impl Future<Output = T> + Unpin) -> T {
        tokio::select! {
            opened = &mut opening => opened,
            () = tokio::time::sleep(SILENT) => {
                self.output.note("waiting for the process that uses the data directory");
                opening.await
            }
        }
    }

    /// Fails if there is no store, for commands that do not create one.
    fn must_hold_a_store(&self) -> Result<()> {
        if self.has_store()? { Ok(()) } else { Err(no_data(&self.data)) }
    }

    /// Returns whether there is a store to read.
    pub(crate) fn has_store(&self) -> Result<bool> {
        store::exists(&self.data)
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

    fn build(&self, builder: Builder, store: MemoryStore) -> Result<OpenStore> {
        let keys = audit_keys(&self.env, &self.config_dir, &self.data)?;
        if let Some(path) = &keys.made {
            self.output.warning(
                format_args!("created the key that signs your records: `{}`", path.display()),
                "keep a copy of it in a safe place; without it, earlier records can no longer be verified",
            );
        }
        let nexus = builder.seal_key(seal_key(&self.env)?).audit_keys(keys.ring).build()?;
        Ok(OpenStore { nexus, store })
    }
}

fn no_data(path: &Path) -> Error {
    Error::not_found(format!("there is no data directory `{}`", path.display()))
        .with_code("NO_DATA")
        .with_hint(
            "begin with `nexus ingest PATH --corpus NAME`, or set its path with `--data` or `NEXUS_DATA`",
        )
}
