//! Models from the configuration: at the start, and anew whenever the operator says so.
//!
//! A hang-up (SIGHUP) has `.env` and `nexus.toml` read again, and everything about models replaced: keys, providers, routes, limits,
//! prices, deadlines, who embeds and who speaks. Calls in flight end with what they began with. What cannot be used is
//! logged, and nothing changes; so is a changed section that takes a restart.

use std::convert::Infallible;
use std::future::pending;
use std::path::{Path, PathBuf};

use nexus_core::gateway::Models;
use nexus_core::{Error, ErrorKind, Nexus, Result};
use nexus_providers::bootstrap::{
    self, EnvFile, Environment, Field, Redactor, config_dir, embedder, routing, speech,
};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::restart::{changed, read_at_start};

/// Where the configuration comes from.
#[derive(Clone, Debug)]
pub(crate) struct ConfigSource {
    /// The file that an argument names.
    pub(crate) file: Option<PathBuf>,
    /// The file of variables that an argument names.
    pub(crate) env_file: EnvFile,
    pub(crate) redactor: Redactor,
}

impl ConfigSource {
    /// The variables of this process, and those of a file.
    pub(crate) fn environment(env_file: &EnvFile) -> Result<Environment> {
        Environment::of_process().with_env_file(env_file, Path::new("."))
    }

    /// What the file says, with `env` laid over it. The redactor learns its secrets, and the log what is ignored.
    pub(crate) fn read(&self, env: &Environment) -> Result<bootstrap::Config> {
        let config = bootstrap::Config::read(self.file.as_deref(), &config_dir(env)?, env)?;
        self.redactor.learn(env);
        self.redactor.hide(config.secrets());
        for (warning, hint) in env.warnings().chain(config.warnings()) {
            tracing::warn!(hint, "{warning}");
        }
        Ok(config.announcing(|line| tracing::info!("{line}")))
    }

    /// Replaces the reload of `nexus` at each hang-up, for as long as it is polled. `at_start` are the fields that the server
    /// began with and cannot replace.
    pub(crate) async fn watch(&self, nexus: &Nexus, at_start: &[Field], mut hang_up: Signal) -> Infallible {
        while hang_up.recv().await.is_some() {
            match self.replace(nexus, at_start).await {
                Ok(()) => tracing::info!("the configuration of models was read anew"),
                Err(error) => {
                    tracing::error!(error = %error.report(), "the configuration was not read anew, and stays as it was");
                }
            }
        }
        pending().await
    }

    async fn replace(&self, nexus: &Nexus, at_start: &[Field]) -> Result<()> {
        let env = Self::environment(&self.env_file)?;
        let config = self.read(&env)?;
        for section in changed(at_start, &read_at_start(&config, &env)) {
            tracing::warn!(
                "`{section}` changed, which takes a restart: the server goes on with what it began with"
            );
        }
        nexus.reconfigure(models(&config).await?)
    }
}

/// The models that `config` names.
pub(crate) async fn models(config: &bootstrap::Config) -> Result<Models> {
    Ok(Models {
        routing: routing(config, &[]).await?.into(),
        settings: config.gateway_settings()?.into(),
        embedder: embedder(config).await?,
        speech_synthesizer: speech(config)?,
    })
}

/// Listens for hang-ups from now on.
pub(crate) fn sighup() -> Result<Signal> {
    signal(SignalKind::hangup())
        .map_err(|error| Error::new(ErrorKind::Unavailable, "signals cannot be heard").because(error))
}
