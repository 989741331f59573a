//! Settings of the server: arguments first, then variables, then the user's `nexus.toml`, then defaults.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use nexus_core::admin::SealKey;
use nexus_core::audit::KeyRing;
use nexus_core::policy::Channel;
use nexus_core::{Error, ErrorKind, Principal, Result, Settings};
use nexus_providers::bootstrap::{
    self, EnvFile, Environment, Field, Redactor, audit_keys, config_dir, seal_key, settings,
};

use crate::connect::ConnectionLimits;
use crate::reload::ConfigSource;
use crate::restart::read_at_start;

/// Default address to listen on.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

const OVERVIEW: &str = "\
Serves one data directory over HTTP: health probes, and questions answered as a stream of events.

There is no authentication yet. So the server listens on the loopback address only, refuses what a web page could have \
sent, and every request acts as the principal of its configuration: `NEXUS_TENANT`, `NEXUS_USER` and `NEXUS_ROLE`, by \
default an admin of the tenant `local`.

SIGHUP reloads `nexus.toml` and the file of variables: other keys, models and limits, without a restart. \
The log names a changed section that needs a restart.

RUN_MAX_CONCURRENCY and INGEST_MAX_CONCURRENCY bound concurrent work, DEBUG_EVENTS=true streams \
all results of a search, AUDIT_KEYS_JSON or AUDIT_SECRET sign the records, and RUST_LOG filters the log.";

/// The HTTP shell of Nexus.
#[derive(Debug, Parser)]
#[command(name = "nexus-server", version, about, long_about = OVERVIEW)]
#[command(max_term_width = 100, disable_help_subcommand = true, args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    /// Loopback address to listen on [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS", env = "NEXUS_LISTEN", hide_env_values = true)]
    pub(crate) listen: Option<SocketAddr>,
    /// The data directory [default: ./nexus-data]
    #[arg(long, value_name = "DIR", env = "NEXUS_DATA", hide_env_values = true)]
    pub(crate) data: Option<PathBuf>,
    /// The configuration file [default: nexus.toml in your configuration directory]
    #[arg(long, value_name = "FILE", env = "NEXUS_CONFIG", hide_env_values = true)]
    pub(crate) config: Option<PathBuf>,
    /// A file of variables that is as strong as the environment [env: `NEXUS_ENV_FILE`]
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,
    /// Read no file of variables, not even a `.env` in the working directory [env: `NEXUS_NO_ENV_FILE`]
    #[arg(long, conflicts_with = "env_file")]
    pub(crate) no_env_file: bool,
    /// Seconds of silence after which a stream sends a heartbeat
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) heartbeat: u16,
    /// Grace period of open streams at shutdown, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub(crate) grace: u16,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

impl Args {
    /// Returns the file of variables to read.
    pub(crate) fn env_file(&self) -> EnvFile {
        match &self.env_file {
            _ if self.no_env_file => EnvFile::Without,
            Some(file) => EnvFile::Named(file.clone()),
            None => EnvFile::Unsaid,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Reads documents for another process, on standard input and output
    #[command(hide = true)]
    ParseWorker,
}

/// Configuration with which a server starts.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    pub(crate) data: PathBuf,
    pub(crate) caller: Principal,
    pub(crate) keys: KeyRing,
    pub(crate) seal_key: Option<SealKey>,
    pub(crate) settings: Settings,
    pub(crate) file: bootstrap::Config,
    /// Effective fields that only a start reads.
    pub(crate) at_start: Vec<Field>,
    /// Source of the file, for a reload.
    pub(crate) source: ConfigSource,
    pub(crate) limits: ConnectionLimits,
    pub(crate) heartbeat: Duration,
    pub(crate) grace: Duration,
}

impl Config {
    /// Merges `args`, `env` and the user's configuration file. `redactor` learns their secrets.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) for a setting that does not parse.
    pub(crate) fn read(args: Args, env: &Environment, redactor: &Redactor) -> Result<Self> {
        let env_file = args.env_file();
        let source = ConfigSource { file: args.config, env_file, redactor: redactor.clone() };
        let file = source.read(env)?;
        let limits = ConnectionLimits::of(&file.server, descriptors()?)?;
        let caller = principal(env, &file)?;
        let data = args.data.or_else(|| file.data.clone()).unwrap_or_else(|| PathBuf::from("nexus-data"));
        let keys = audit_keys(env, &config_dir(env)?, &data)?;
        if let Some(made) = &keys.made {
            tracing::warn!(path = %made.display(), "created a key that signs audit records; keep a copy: without it they cannot be verified");
        }
        Ok(Self {
            listen: args.listen.map_or_else(|| listen(env), Ok)?,
            data,
            caller,
            keys: keys.ring,
            seal_key: seal_key(env)?,
            settings: Settings { channel: Channel::Http, ..settings(&file, env)? },
            at_start: read_at_start(&file, env),
            file,
            source,
            limits,
            heartbeat: Duration::from_secs(args.heartbeat.into()),
            grace: Duration::from_secs(args.grace.into()),
        })
    }
}

/// Returns the address to listen on in the absence of an argument.
fn listen(env: &Environment) -> Result<SocketAddr> {
    let Some(address) = env.text("NEXUS_LISTEN")? else { return Ok(LISTEN) };
    address.trim().parse().map_err(|_| {
        Error::invalid("cannot parse the variable `NEXUS_LISTEN` as an address")
            .with_code("INVALID_SETTING")
            .with_hint("it may be an address such as `127.0.0.1:8080`")
    })
}

/// Returns the limit of files that this process may open at once.
fn descriptors() -> Result<usize> {
    let (soft, _) = rlimit::getrlimit(rlimit::Resource::NOFILE).map_err(|error| {
        Error::new(ErrorKind::Unavailable, "cannot read this process's limit of open files").because(error)
    })?;
    Ok(usize::try_from(soft).unwrap_or(usize::MAX))
}

/// Returns the principal of all requests.
fn principal(env: &Environment, file: &bootstrap::Config) -> Result<Principal> {
    let or = |text: Option<String>, else_: &str| text.unwrap_or_else(|| else_.to_owned());
    let tenant = or(file.tenant.clone(), "local");
    let user = file.user.clone();
    let user = or(user.map_or_else(|| env.text("USER"), |user| Ok(Some(user)))?, "local");
    let roles = if file.roles.is_empty() { vec!["admin".to_owned()] } else { file.roles.clone() };
    Ok(Principal::user(tenant, user)?.roles(roles).groups(file.groups.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_act_as_an_admin_of_the_local_tenant_by_default() {
        let env = Environment::from([("HOME", "/h")]);
        let caller = principal(&env, &bootstrap::Config::default()).unwrap();
        assert_eq!((caller.tenant_id(), caller.subject().as_str()), ("local", "local"));
        assert!(caller.has_role("admin"));
    }

    #[test]
    fn a_variable_wins_over_the_file() {
        let env = Environment::from([("NEXUS_USER", "bob"), ("NEXUS_ROLE", "reader, auditor")]);
        let file =
            bootstrap::Config::parse("tenant = 'acme'\nuser = 'ada'\nroles = ['editor']", &env).unwrap();
        let caller = principal(&env, &file).unwrap();
        assert_eq!((caller.tenant_id(), caller.subject().as_str()), ("acme", "bob"));
        assert_eq!(caller.role_names().collect::<Vec<_>>(), ["auditor", "reader"]);
    }
}
