//! `nexus <kinds> list|show|set|rm|history`, for every kind of administrative resource.

use std::path::PathBuf;

use clap::{ArgMatches, Args, Command, FromArgMatches, Subcommand};
use nexus_core::admin::{RegisteredKind, Registry, ResourceVersion};
use nexus_core::{Error, ResourceList, Result, Versioned};
use serde_json::{Map, Value, json};

use super::pages::{Listed, PageArgs};
use super::removal::{Removal, Target, may_go_on};
use super::standard_input::{STANDARD_INPUT, off_thread, read_text};
use super::table::Table;
use crate::context::{Context, OpenStore};
use crate::exit::Exit;

/// Command on resources of one kind.
#[derive(Debug)]
pub(crate) struct ResourceCommand {
    kind: &'static str,
    verb: ResourceVerb,
}

/// Verbs of every kind.
#[derive(Debug, Subcommand)]
enum ResourceVerb {
    /// List them in order of id
    List(ListArgs),
    /// Show one with its version
    Show {
        /// Id
        id: String,
    },
    /// Create one, or change the given fields
    Set(SetArgs),
    /// Remove one; its history stays
    Rm {
        /// Id
        id: String,
        #[command(flatten)]
        removal: Removal,
    },
    /// Show every change of one, with its actor and fields
    History {
        /// Id
        id: String,
        #[command(flatten)]
        page: PageArgs<100>,
    },
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Only those with this value, such as plan=starter
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    filter: Option<(String, String)>,
    #[command(flatten)]
    page: PageArgs<100>,
}

#[derive(Debug, Args)]
struct SetArgs {
    /// Id
    id: String,
    /// Fields with their values: a text, or JSON; a null removes the field. A point leads into a field
    #[arg(value_name = "FIELD=VALUE", value_parser = pair, required_unless_present = "file")]
    fields: Vec<(String, String)>,
    /// File with the fields as one JSON object; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "fields")]
    file: Option<PathBuf>,
    /// Fail if it has another version than this
    #[arg(long = "if-version", value_name = "N")]
    expected: Option<u64>,
}

impl FromArgMatches for ResourceCommand {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let missing = || clap::Error::new(clap::error::ErrorKind::MissingSubcommand);
        let (noun, matches) = matches.subcommand().ok_or_else(missing)?;
        let registry = Registry::default();
        let kind = registry.kinds().find(|kind| kind.kind.noun() == noun).ok_or_else(missing)?;
        Ok(Self { kind: kind.kind.name, verb: ResourceVerb::from_arg_matches(matches)? })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Subcommand for ResourceCommand {
    fn augment_subcommands(command: Command) -> Command {
        Registry::default().kinds().fold(command, |command, kind| command.subcommand(noun(kind)))
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        Registry::default().kinds().any(|kind| kind.kind.noun() == name)
    }
}

/// Returns the command of a kind, whose help is made of the documentation of its type.
fn noun(kind: &RegisteredKind) -> Command {
    let schema = kind.schema();
    let about = first_sentence(&text(&schema, "description"));
    let help = format!("{}\n\n{}", fields(&schema, &schema, 2), examples(kind));
    ResourceVerb::augment_subcommands(Command::new(kind.kind.noun()))
        .about(about)
        .long_about(text(&schema, "description"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .mut_subcommand("set", |set| set.after_long_help(help))
}

fn examples(kind: &RegisteredKind) -> String {
    let noun = kind.kind.noun();
    format!(
        "Examples:\n  nexus {noun} set ID FIELD=VALUE\n  nexus {noun} set ID --file settings.json\n  \
         nexus {noun} show ID --json"
    )
}

/// Returns the fields of an object's schema, a line each.
fn fields(schema: &Value, root: &Value, indent: usize) -> String {
    let Some(properties) = schema["properties"].as_object() else { return String::new() };
    let heading = if indent == 2 { "Fields:" } else { "" };
    let lines = properties.iter().map(|(name, field)| {
        let inner = referenced(field, root).map(|inner| fields(inner, root, indent + 2)).unwrap_or_default();
        let about = first_sentence(&text(field, "description"));
        format!("\n{:indent$}{name}  {about}{inner}", "")
    });
    lines.fold(heading.to_owned(), |all, line| all + &line)
}

/// Returns the schema of an object within another.
fn referenced<'s>(field: &'s Value, root: &'s Value) -> Option<&'s Value> {
    let choices = field["anyOf"].as_array().into_iter().flatten();
    let name = std::iter::once(field).chain(choices).find_map(|choice| choice["$ref"].as_str())?;
    root.pointer(name.strip_prefix('#')?)
}

/// Returns the first paragraph of a text of a schema.
fn text(schema: &Value, name: &str) -> String {
    let text = schema[name].as_str().unwrap_or_default();
    text.split("\n\n").next().unwrap_or_default().replace('\n', " ")
}

fn first_sentence(text: &str) -> String {
    text.split_once(". ").map_or(text.trim_end_matches('.'), |(first, _)| first).to_owned()
}

fn pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').ok_or_else(|| "this is no `name=value`".to_owned())?;
    Ok((pair.0.to_owned(), pair.1.to_owned()))
}

pub(super) async fn run(context: &Context<'_>, command: ResourceCommand) -> Result<Exit> {
    let ResourceCommand { kind, verb } = command;
    let caller = &context.caller;
    match verb {
        ResourceVerb::List(ListArgs { filter, page }) => {
            let list = ResourceList { index: filter, ..ResourceList::default() };
            let read = async |OpenStore { nexus, .. }: &OpenStore| {
                let read = |page| nexus.resources_json(caller, kind, ResourceList { page, ..list.clone() });
                page.read(read, |_, resource| resource.id.clone()).await
            };
            print_list(context, &context.with_reader(read).await?)
        }
        ResourceVerb::Show { id } => {
            let read = async |OpenStore { nexus, .. }: &OpenStore| {
                nexus.resource_json(caller, kind, id.as_str()).await
            };
            print(context, &context.with_reader(read).await?)
        }
        ResourceVerb::Set(SetArgs { id, fields, file, expected }) => {
            let patch = patch(fields, file).await?;
            let set = async |OpenStore { nexus, .. }: &OpenStore| {
                nexus.set_resource_json(caller, kind, id.as_str(), patch.clone(), expected).await
            };
            print(context, &context.with_writer_or_create(set).await?)
        }
        ResourceVerb::Rm { id, removal } => remove(context, kind, &id, removal).await,
        ResourceVerb::History { id, page } => {
            let read = async |OpenStore { nexus, .. }: &OpenStore| {
                let read = |page| nexus.resource_history(caller, kind, id.as_str(), page);
                page.read(read, |_, entry| entry.version.to_string()).await
            };
            print_history(context, &context.with_reader(read).await?)
        }
    }
}

async fn remove(context: &Context<'_>, kind: &str, id: &str, removal: Removal) -> Result<Exit> {
    let target = async |OpenStore { nexus, .. }: &OpenStore| {
        let found = nexus.removable_resource(&context.caller, kind, id).await?;
        let words = format!("the {} {id} (version {})", kind.replace('_', " "), found.version);
        Ok(vec![Target { words, json: json!({ "kind": kind, "id": id, "version": found.version }) }])
    };
    if !may_go_on(context, removal, target).await? {
        return Ok(Exit::Done);
    }
    let remove = async |OpenStore { nexus, .. }: &OpenStore| {
        nexus.remove_resource(&context.caller, kind, id, None).await
    };
    context.with_writer(remove).await?;
    context.output.json_or_line(&json!({ "removed": id }), format_args!("removed {id}"))?;
    Ok(Exit::Done)
}

/// Returns the fields to change as one JSON object.
async fn patch(fields: Vec<(String, String)>, file: Option<PathBuf>) -> Result<Value> {
    let Some(file) = file else {
        let mut patch = Value::Object(Map::new());
        for (path, value) in fields {
            put(&mut patch, &path, &value);
        }
        return Ok(patch);
    };
    let text = off_thread(move || read_text((file.as_os_str() != STANDARD_INPUT).then_some(&file))).await?;
    let patch: Value = serde_json::from_str(&text).map_err(|error| {
        Error::invalid(format!("the fields are no JSON: {error}")).with_code("INVALID_RESOURCE")
    })?;
    if patch.is_object() {
        return Ok(patch);
    }
    Err(Error::invalid("the fields are no JSON object").with_code("INVALID_RESOURCE"))
}

/// Puts a value into an object, at a path with points.
fn put(object: &mut Value, path: &str, value: &str) {
    let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
    let mut place = object;
    for part in path.split('.') {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        let Value::Object(fields) = place else { return };
        place = fields.entry(part).or_insert(Value::Null);
    }
    *place = value;
}

fn print(context: &Context<'_>, resource: &Versioned<Value>) -> Result<Exit> {
    let output = context.output;
    if output.is_json() {
        output.json(resource)?;
        return Ok(Exit::Done);
    }
    output.line(format_args!("id         {}", resource.id))?;
    output.line(format_args!("version    {}", resource.version))?;
    output.line(format_args!("changed    {} by {}", resource.updated_at, resource.updated_by))?;
    for (field, value) in resource.value.as_object().into_iter().flatten() {
        output.line(format_args!("{field}: {}", shown(value)))?;
    }
    Ok(Exit::Done)
}

/// Returns a value as text: a string without its quotation marks.
fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn print_list(context: &Context<'_>, resources: &Listed<Versioned<Value>>) -> Result<Exit> {
    let output = context.output;
    if output.is_json() {
        output.json(&resources.entries)?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(["ID", "VERSION", "CHANGED", "BY"]);
    for resource in &resources.entries {
        let (version, at) = (resource.version.to_string(), resource.updated_at.to_string());
        table.row([resource.id.clone(), version, at, resource.updated_by.clone()]);
    }
    table.lines().try_for_each(|line| output.line(line))?;
    resources.tell(output);
    Ok(Exit::Done)
}

fn print_history(context: &Context<'_>, history: &Listed<ResourceVersion>) -> Result<Exit> {
    let output = context.output;
    if output.is_json() {
        output.json(&history.entries)?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(["VERSION", "TIME", "BY", "CHANGE", "FIELDS"]);
    for entry in &history.entries {
        let change = serde_json::to_value(entry.change).as_ref().map(shown).unwrap_or_default();
        let fields = entry.changed.join(" ");
        table.row([entry.version.to_string(), entry.at.to_string(), entry.by.clone(), change, fields]);
    }
    table.lines().try_for_each(|line| output.line(line))?;
    history.tell(output);
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_points_leads_into_a_field_and_a_value_is_json_or_text() {
        let mut patch = Value::Object(Map::new());
        for (path, value) in [
            ("name", "Acme Corporation"),
            ("quotas.max_documents", "100"),
            ("quotas.max_storage_gb", "-1"),
            ("allowed_providers", r#"["openai"]"#),
            ("plan", "null"),
            ("branding", r#""10""#),
        ] {
            put(&mut patch, path, value);
        }
        let expected = json!({
            "name": "Acme Corporation",
            "quotas": {"max_documents": 100, "max_storage_gb": -1},
            "allowed_providers": ["openai"],
            "plan": null,
            "branding": "10"
        });
        assert_eq!(patch, expected);
    }
}
