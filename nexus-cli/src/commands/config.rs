//! `nexus config`.

use clap::{Args, Subcommand};
use nexus_core::Result;
use nexus_providers::bootstrap::{Field, Origin, Source};
use serde_json::{Value, json};

use super::table::Table;
use crate::context::Context;
use crate::exit::Exit;
use crate::terminal::one_line;

const ABOUT_SHOW: &str = "\
Shows each effective field of the configuration, by its path, and the variables without a field that are set. \
Of a secret only a fingerprint is shown: the first six characters of its SHA-256, enough to compare two secrets.

With `--sources`, shows the source of each value: the command line, the environment, a file of variables, \
`nexus.toml`, a `.env` that was found in the working directory, or the default.";

const EXAMPLES_SHOW: &str = "\
Examples:
  nexus config show --sources
  nexus --env-file ./staging.env config show --sources --json";

/// `nexus config`.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show the effective configuration
    #[command(long_about = ABOUT_SHOW, after_long_help = EXAMPLES_SHOW)]
    Show(ShowArgs),
}

/// Arguments of `nexus config show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Show the source of each value
    #[arg(long)]
    sources: bool,
}

/// Longest value in a list, in characters; `--json` prints values whole.
const SHOWN_CHARS: usize = 60;

pub(super) fn run(context: &Context<'_>, command: &ConfigCommand) -> Result<Exit> {
    match command {
        ConfigCommand::Show(args) => show(context, args),
    }
}

fn show(context: &Context<'_>, show: &ShowArgs) -> Result<Exit> {
    let fields = fields(context);
    let variables = context.variables();
    if context.output.is_json() {
        let json = |fields: &[Field]| fields.iter().map(|field| as_json(field, show)).collect::<Vec<Value>>();
        let file = context.config.file().map(|file| file.display().to_string());
        let shown = json!({ "file": file, "fields": json(&fields), "variables": json(&variables) });
        return context.output.json(&shown).map(|()| Exit::Done);
    }
    let mut table = Table::new(["FIELD", "VALUE", if show.sources { "SOURCE" } else { "" }]);
    for field in fields.iter().chain(&variables) {
        let source = if show.sources { field.source.to_string() } else { String::new() };
        table.row([field.path.clone(), one_line(&text(&field.value), SHOWN_CHARS), source]);
    }
    table.lines().try_for_each(|line| context.output.line(line))?;
    context.output.note(match context.config.file() {
        Some(file) => format!("the configuration file is `{}`", file.display()),
        None => "there is no configuration file".to_owned(),
    });
    Ok(Exit::Done)
}

/// Returns the effective fields, with those that the command line or the system sets.
fn fields(context: &Context<'_>) -> Vec<Field> {
    let mut fields = context.config.fields();
    let caller = &context.caller;
    for field in &mut fields {
        let value = match field.path.as_str() {
            "data" => json!(context.data.display().to_string()),
            "tenant" => json!(caller.tenant_id()),
            "user" => json!(caller.subject().as_str()),
            "roles" => json!(caller.role_names().collect::<Vec<_>>()),
            "groups" => json!(caller.group_names().collect::<Vec<_>>()),
            _ => continue,
        };
        if context.said.contains(&field.path.as_str()) {
            field.source = Source::of(Origin::CommandLine);
        } else if field.path == "user" && field.source.origin == Origin::Default {
            field.source = context.user_source();
        }
        field.value = value;
    }
    fields
}

fn as_json(field: &Field, show: &ShowArgs) -> Value {
    let mut json = json!({ "field": field.path, "value": field.value });
    if let (true, Some(members)) = (show.sources, json.as_object_mut()) {
        members.insert("source".to_owned(), field.source.origin.to_string().into());
        members.insert("variable".to_owned(), json!(field.source.variable));
    }
    json
}

fn text(value: &Value) -> String {
    if value.is_null() {
        return "none".to_owned();
    }
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
