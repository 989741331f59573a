//! Reload of the models from the configuration, on SIGHUP.
//!
//! A reload reads `.env` and `nexus.toml` again and replaces everything about models: keys, providers, routes, limits,
//! prices, deadlines, embedder and text-to-speech. Calls in flight keep the models with which they began. An invalid
//! configuration is logged and changes nothing. A changed section that needs a restart is logged too.

use std::convert::Infallible;
use std::future::pending;
use std::path::{Path, PathBuf};

use nexus_core::{Error, ErrorKind, Nexus, Result};
use nexus_providers::bootstrap::{self, EnvFile, Environment, Field, Redactor, config_dir, models};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::restart::{changed, read_at_start};

/// Source of the configuration.
#[derive(Clone, Debug)]
pub(crate) struct ConfigSource {
    /// Configuration file that an argument names.
    pub(crate) file: Option<PathBuf>,
    /// File of variables that an argument names.
    pub(crate) env_file: EnvFile,
    pub(crate) redactor: Redactor,
}

impl ConfigSource {
    /// Returns the variables of this process and those of a file.
    pub(crate) fn environment(env_file: &EnvFile) -> Result<Environment> {
        Environment::of_process().with_env_file(env_file, Path::new("."))
    }

    /// Reads the file and overrides it with `env`. The redactor learns its secrets; ignored variables are logged.
    pub(crate) fn read(&self, env: &Environment) -> Result<bootstrap::Config> {
        let config = bootstrap::Config::read(self.file.as_deref(), &config_dir(env)?, env)?;
        self.redactor.learn(env);
        self.redactor.hide(config.secrets());
        for (warning, hint) in env.warnings().chain(config.warnings()) {
            tracing::warn!(hint, "{warning}");
        }
        Ok(config.announcing(|line| tracing::info!("{line}")))
    }

    /// Replaces the models of `nexus` on each SIGHUP, for as long as it is polled. `at_start` are the fields that only
    /// a restart can replace.
    pub(crate) async fn watch(&self, nexus: &Nexus, at_start: &[Field], mut hang_up: Signal) -> Infallible {
        while hang_up.recv().await.is_some() {
            match self.replace(nexus, at_start).await {
                Ok(()) => tracing::info!("reloaded the configuration of models"),
                Err(error) => {
                    tracing::error!(error = %error.report(), "cannot reload the configuration; the previous one stays in force");
                }
            }
        }
        pending().await
    }

    async fn replace(&self, nexus: &Nexus, at_start: &[Field]) -> Result<()> {
        let env = Self::environment(&self.env_file)?;
        let config = self.read(&env)?;
        for section in changed(at_start, &read_at_start(&config, &env)) {
            tracing::warn!("the change of `{section}` needs a restart; the previous value stays in force");
        }
        nexus.reconfigure(models(&config, &[]).await?)
    }
}

/// Installs the handler of SIGHUP.
pub(crate) fn sighup() -> Result<Signal> {
    signal(SignalKind::hangup())
        .map_err(|error| Error::new(ErrorKind::Unavailable, "cannot install a signal handler").because(error))
}
