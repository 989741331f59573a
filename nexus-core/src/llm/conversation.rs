//! Conversation: its [`Turn`]s, and the tools that a model may call in it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Author of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageRole {
    /// The person who asks.
    User,
    /// Nexus.
    Assistant,
}

impl MessageRole {
    /// Returns the author's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// Earlier turn of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "turn", rename_all = "snake_case")]
pub enum Turn {
    /// Message of the user or the assistant.
    Said {
        /// Author of the message.
        #[serde(rename = "speaker")]
        role: MessageRole,
        /// Text of the message.
        text: String,
    },
    /// Tool calls of the model.
    Called {
        /// Text beside the calls; often empty.
        text: String,
        /// The calls.
        calls: Vec<ToolCall>,
    },
    /// Result of a tool.
    Returned {
        /// Id of the call.
        call: String,
        /// Name of the tool.
        name: String,
        /// Returned value. Always data, never instructions.
        result: String,
    },
}

impl Turn {
    /// Creates a message.
    pub fn said(role: MessageRole, text: impl Into<String>) -> Self {
        Self::Said { role, text: text.into() }
    }

    /// Returns whether the user said it.
    pub fn is_question(&self) -> bool {
        matches!(self, Self::Said { role: MessageRole::User, .. })
    }

    /// Returns the text of the turn.
    pub fn text(&self) -> &str {
        match self {
            Self::Said { text, .. } | Self::Called { text, .. } => text,
            Self::Returned { result, .. } => result,
        }
    }
}

/// Tool that a model may call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// Name: 1 to 64 ASCII letters, digits, `_` and `-`.
    pub name: String,
    /// Description for the model.
    pub description: String,
    /// JSON schema of the arguments, an object.
    pub parameters: serde_json::Value,
}

/// Tool call of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// Vendor's id of the call, or one that the adapter made where the wire has none.
    pub id: String,
    /// Name of the tool.
    pub name: String,
    /// Arguments as the model wrote them: usually JSON, without guarantee. Empty arguments are `{}`.
    pub arguments: String,
    /// Vendor's signature of the call. A history that contains the call carries it unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<CallSignature>,
}

/// Opaque token that a vendor expects back with a tool call, such as its sealed reasoning. Only the adapter that wrote
/// it reads it, and it is sent to no other vendor.
///
/// The token may hold words of the model's reasoning, which are no part of an answer: it stays with the call, appears
/// in no event of a run, and prints nothing.
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
    /// Wraps a signature in the adapter's own encoding.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// Returns the encoded signature.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CallSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallSignature(..)")
    }
}

/// Policy on tool calls: allowed, forbidden or required.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolChoice {
    /// The model decides.
    #[default]
    Auto,
    /// No tool call.
    None,
    /// At least one tool call.
    Required,
    /// A call of this tool.
    Named(String),
}
