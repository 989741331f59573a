//! Directives that a wire can express. The rest are refused, so that no test relies on a fault that never happened.

use super::{Script, ToolFaults, ToolIndex, UsageTold};
use crate::dialect::Dialect;
use crate::refusal::Kind;

impl Script {
    /// Checks that `dialect` can express the script.
    ///
    /// # Errors
    /// A sentence with the directive that the dialect lacks.
    pub fn fits(&self, dialect: Dialect) -> Result<(), String> {
        let (openai, anthropic) = (dialect == Dialect::OpenAi, dialect == Dialect::Anthropic);
        let (gemini, ollama) = (dialect == Dialect::Gemini, dialect == Dialect::Ollama);
        let (faults, shape) = (&self.faults, &self.shape);
        let ToolFaults { index, split, empty_name, invalid, no_id: _ } = faults.tools;
        let missing = [
            ("tool-index", index != ToolIndex::Usual && !openai),
            ("tool-split", split && !openai),
            ("tool-empty-name", empty_name && !openai),
            ("tool-invalid", invalid && !openai && !anthropic),
            ("filter", faults.filter.is_some() && ollama),
            ("blocked", faults.refusal == Some(Kind::Blocked) && ollama),
            ("retry-info", faults.hints.info.is_some() && !gemini),
            ("usage-each", faults.usage == UsageTold::Each && ollama),
            ("cache-write", shape.cache_write > 0 && !openai && !anthropic),
            ("cache-write-1h", shape.cache_write_1h > 0 && !anthropic),
            ("audio-in", shape.audio_in > 0 && !openai),
            ("audio-out", shape.audio_out > 0 && !openai),
            ("tool-prompt", shape.tool_prompt > 0 && !gemini),
            ("searches", shape.searches > 0 && !anthropic),
        ];
        match missing.iter().find(|(_, missing)| *missing) {
            Some((directive, _)) => Err(format!("this vendor's wire cannot express `{directive}`")),
            None => Ok(()),
        }
    }
}
