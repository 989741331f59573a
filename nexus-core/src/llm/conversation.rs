//! Who said what: [`Turn`]s of a conversation, and the tools that a model may call in it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Who said something in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageRole {
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
        speaker: MessageRole,
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
    pub fn said(speaker: MessageRole, text: impl Into<String>) -> Self {
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
    /// What the vendor wants back with the call. Whoever puts the call into a history hands it on as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<CallSignature>,
}

/// What a vendor wants back with a call of a tool, such as the thoughts that led to it, sealed. Only the adapter that
/// wrote it reads it, and no other vendor is ever sent it.
///
/// It may hold words of the model's thinking, which are no part of an answer: so it stays with the call, is told in no
/// event of a run, and prints nothing.
///
/// ```
/// use nexus_core::llm::CallSignature;
///
/// let signature = CallSignature::new("vendor:what it thought");
/// assert_eq!(format!("{signature:?}"), "CallSignature(..)");
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallSignature(String);

impl CallSignature {
    /// A signature in the words of the adapter that reads it again.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// The words.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CallSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallSignature(..)")
    }
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
