//! Command line as plain data: the options of every command, and the [`Command`] to run.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{
    Arg, ArgAction, ArgMatches, Args, CommandFactory as _, FromArgMatches as _, Parser, value_parser,
};
use nexus_providers::bootstrap::EnvFile;

use crate::commands::Command;

const OVERVIEW: &str = "\
Nexus answers questions over your documents with proof: it finds the passages that you may see, quotes them word for \
word, says so when they do not hold the answer, and leaves a signed record of every question.

Everything is kept in one data directory and works offline. Without a configured embedder, search is lexical: it \
compares words and their stems, not meaning.

Start here:
  nexus ingest ./docs --corpus handbook
  nexus ask --corpus handbook \"May I work from another country?\"
  nexus runs verify --all";

/// Ask your documents, with proof.
#[derive(Debug, Parser)]
#[command(name = "nexus", version, about, long_about = OVERVIEW, after_long_help = crate::exit::Exit::table())]
#[command(max_term_width = 100, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The data directory [default: ./nexus-data] [env: `NEXUS_DATA`]
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) data: Option<PathBuf>,
    /// The configuration file [default: nexus.toml in your configuration directory] [env: `NEXUS_CONFIG`]
    // Not global: `corpora set --config` means the settings of a corpus. See `with_config`.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// A file of variables that is as strong as the environment [env: `NEXUS_ENV_FILE`]
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) env_file: Option<PathBuf>,
    /// Read no file of variables, not even a `.env` in the working directory [env: `NEXUS_NO_ENV_FILE`]
    #[arg(long, global = true, conflicts_with = "env_file")]
    pub(crate) no_env_file: bool,
    /// The tenant to act in [default: local] [env: `NEXUS_TENANT`]
    #[arg(long, value_name = "ID", global = true)]
    pub(crate) tenant: Option<String>,
    /// User id of the caller [default: your user name] [env: `NEXUS_USER`]
    #[arg(long, value_name = "ID", global = true)]
    pub(crate) user: Option<String>,
    /// A role of the user: reader, editor or admin; may be repeated [default: admin] [env: `NEXUS_ROLE`]
    #[arg(long = "role", value_name = "ROLE", global = true, value_delimiter = ',')]
    pub(crate) roles: Vec<String>,
    /// A group of the user; may be repeated
    #[arg(long = "group", value_name = "GROUP", global = true)]
    pub(crate) groups: Vec<String>,
    /// Seconds to wait for another command that uses the data directory
    #[arg(long, value_name = "SECONDS", global = true, default_value_t = 10)]
    pub(crate) wait: u64,
    /// Print results, errors and warnings as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Log to standard error; twice for more. `RUST_LOG` sets levels per module. `ingest -v` also prints each file
    #[arg(long, short, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

impl Cli {
    /// Parses `arguments`. The configuration reads the variables of options, and knows the source of each value.
    pub(crate) fn read(arguments: Vec<OsString>) -> Result<Self, clap::Error> {
        let matches = Self::whole().try_get_matches_from(arguments)?;
        let mut cli = Self::from_arg_matches(&matches)?;
        cli.global.config = config_after(&matches).or(cli.global.config);
        Ok(cli)
    }

    /// Returns the grammar of the command line, with `--config` before and after the command.
    pub(crate) fn whole() -> clap::Command {
        Self::command().mut_subcommands(with_config)
    }
}

/// Name of `--config` after the command.
const CONFIG_AFTER: &str = "config_after";

/// Adds `--config FILE` to a command and to those below it, except where `--config` has another meaning.
fn with_config(command: clap::Command) -> clap::Command {
    let command = command.mut_subcommands(with_config);
    if command.get_arguments().any(|argument| argument.get_long() == Some("config")) {
        return command;
    }
    // The help of the program explains it.
    let argument = Arg::new(CONFIG_AFTER).long("config").value_name("FILE").hide(true);
    command.arg(argument.value_parser(value_parser!(PathBuf)))
}

/// Returns the value of `--config` that is closest to the end of the command.
fn config_after(matches: &ArgMatches) -> Option<PathBuf> {
    let (_, matches) = matches.subcommand()?;
    let own = || matches.try_get_one::<PathBuf>(CONFIG_AFTER).ok().flatten().cloned();
    config_after(matches).or_else(own)
}

impl Global {
    /// Returns the file of variables to read.
    pub(crate) fn env_file(&self) -> EnvFile {
        match &self.env_file {
            _ if self.no_env_file => EnvFile::Without,
            Some(file) => EnvFile::Named(file.clone()),
            None => EnvFile::Unsaid,
        }
    }

    /// Returns the fields of the configuration that the command line sets.
    pub(crate) fn said(&self) -> impl Iterator<Item = &'static str> + use<> {
        let fields = [
            ("data", self.data.is_some()),
            ("tenant", self.tenant.is_some()),
            ("user", self.user.is_some()),
            ("roles", !self.roles.is_empty()),
            ("groups", !self.groups.is_empty()),
        ];
        fields.into_iter().filter(|(_, said)| *said).map(|(field, _)| field)
    }
}
