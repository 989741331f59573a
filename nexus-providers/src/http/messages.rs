//! Turns of a conversation, for wires with alternating turns and separate instructions.

use nexus_core::llm::prompt::{RenderedMessage, Role};
use serde_json::Value;

/// Side of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The user, and the results of tools.
    User,
    /// The model.
    Model,
}

/// Returns the system text and the turns, with content from `parts`: adjacent messages of one side form one turn, and
/// no turn is empty.
pub(crate) fn turns(
    rendered: Vec<RenderedMessage>,
    parts: impl Fn(RenderedMessage) -> Vec<Value>,
) -> (String, Vec<(Side, Vec<Value>)>) {
    let mut system = String::new();
    let mut turns: Vec<(Side, Vec<Value>)> = Vec::new();
    for message in rendered {
        let side = match message.role {
            Role::System => {
                system.push_str(&message.content);
                continue;
            }
            Role::User | Role::Tool => Side::User,
            Role::Assistant => Side::Model,
        };
        let parts = parts(message);
        match turns.last_mut() {
            Some((last, content)) if *last == side => content.extend(parts),
            _ if parts.is_empty() => {}
            _ => turns.push((side, parts)),
        }
    }
    (system, turns)
}
