//! Commands on the whole store (`export`, `import`, `backup`), and shell completions.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

const ABOUT_EXPORT: &str = "\
Exports all data of the tenant to one file of JSON lines, with raw documents and signed records. Keys are never in it. Works while another process uses the data directory.";

const EXAMPLES_EXPORT: &str = "\
Examples:
  nexus export all.jsonl
  nexus export | gzip > all.jsonl.gz";

const ABOUT_IMPORT: &str = "\
Imports a file that `nexus export` wrote, whole or not at all. The tenant must be empty, so that nothing is mixed. Text \
indexes are built again.";

const EXAMPLES_IMPORT: &str = "\
Examples:
  nexus --data ./copy import all.jsonl
  gunzip -c all.jsonl.gz | nexus --data ./copy import -";

const ABOUT_BACKUP: &str = "\
Copies the data directory with all its tenants to a new directory, consistently and while another process uses it. The \
copy is a data directory like any other. Your audit key is not in it: keep a copy of that elsewhere.";

const EXAMPLES_BACKUP: &str = "\
Examples:
  nexus backup /backup/nexus-2026-03-01
  nexus --data /backup/nexus-2026-03-01 status";

const EXAMPLES_COMPLETIONS: &str = "\
Examples:
  nexus completions bash > ~/.local/share/bash-completion/completions/nexus
  nexus completions zsh > ~/.zfunc/_nexus
  nexus completions fish > ~/.config/fish/completions/nexus.fish";

/// Export all data of the tenant to a file
#[derive(Debug, Args)]
#[command(long_about = ABOUT_EXPORT, after_long_help = EXAMPLES_EXPORT)]
pub(crate) struct Export {
    /// The file, which must not exist; `-` is standard output
    #[arg(default_value = "-")]
    pub(crate) file: PathBuf,
}

/// Import a file that `nexus export` wrote
#[derive(Debug, Args)]
#[command(long_about = ABOUT_IMPORT, after_long_help = EXAMPLES_IMPORT)]
pub(crate) struct Import {
    /// The file; `-` is standard input
    pub(crate) file: PathBuf,
}

/// Copy the data directory while it is in use
#[derive(Debug, Args)]
#[command(long_about = ABOUT_BACKUP, after_long_help = EXAMPLES_BACKUP)]
pub(crate) struct Backup {
    /// The copy, a directory that must not exist or be empty
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
}

/// Print a completion script for your shell
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES_COMPLETIONS)]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: Shell,
}
