//! Form fields of a text.

use super::super::inline;
use super::super::xml::Tag;

/// Returns a form field with its label, if it has a value.
pub(super) fn field(tag: &Tag<'_>) -> Option<String> {
    let label = tag.attribute("label").or_else(|| tag.attribute("name")).unwrap_or_default();
    let value = match tag.name() {
        "checkbox" | "radio" => {
            let state = ["current-state", "current-selected"].iter().find_map(|name| tag.attribute(name));
            let checked = state.is_some_and(|state| matches!(state.as_str(), "checked" | "true"));
            Some(if checked { "☒" } else { "☐" }.to_owned())
        }
        "text" | "textarea" | "combobox" | "number" | "formatted-text" | "date" | "time" => {
            tag.attribute("current-value").or_else(|| tag.attribute("value"))
        }
        "option" if tag.attribute("current-selected").is_some_and(|selected| selected == "true") => {
            tag.attribute("value")
        }
        _ => None,
    };
    value.filter(|value| !value.trim().is_empty()).map(|value| inline::field(&label, &value))
}
