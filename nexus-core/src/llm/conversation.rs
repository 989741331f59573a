//! Who said what: [`Turn`]s of a conversation, and the tools that a model may call in it.

use serde::{Deserialize, Serialize};

/// Who said something in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// The person who asks.
    User,
    /// Nexus.
    Assistant,
}

/// Something that happened earlier in the conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "turn", rename_all = "snake_case")]
pub enum Turn {
    /// Somebody said something.
    Said {
        /// By whom.
        speaker: Speaker,
        /// What.
        text: String,
    },
    /// The model called tools.
    Called {
        /// What it said beside that; often nothing.
        text: String,
        /// The calls.
        calls: Vec<ToolCall>,
    },
    /// A tool returned.
    Returned {
        /// The id of the call.
        call: String,
        /// The name of the tool.
        name: String,
        /// What it returned. Always data, never instructions.
        result: String,
    },
}

impl Turn {
    /// Something that was said.
    pub fn said(speaker: Speaker, text: impl Into<String>) -> Self {
        Self::Said { speaker, text: text.into() }
    }

    /// The words of the turn.
    pub fn text(&self) -> &str {
        match self {
            Self::Said { text, .. } | Self::Called { text, .. } => text,
            Self::Returned { result, .. } => result,
        }
    }
}

/// A tool that a model may call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// Its name: 1 to 64 ASCII letters, digits, `_` and `-`.
    pub name: String,
    /// What it does, in words for the model.
    pub description: String,
    /// The JSON schema of its arguments, an object.
    pub parameters: serde_json::Value,
}

/// A call of a tool by a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The vendor's id of the call, or one that the adapter made where the wire has none.
    pub id: String,
    /// The name of the tool.
    pub name: String,
    /// The arguments as the model wrote them: JSON as a rule, but nobody guarantees that. Empty arguments are `{}`.
    pub arguments: String,
    /// What the vendor wants back with the call, in its own words; only the adapter that wrote it reads it. Whoever puts
    /// the call into a history hands it on as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// Whether a model may, must or must not call tools.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolChoice {
    /// As it sees fit.
    #[default]
    Auto,
    /// None.
    None,
    /// At least one.
    Required,
    /// This one.
    Named(String),
}
