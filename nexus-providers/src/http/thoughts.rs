//! Thoughts within the content: [`ThoughtSplitter`] sets apart the `<think>…</think>` that some servers of open models
//! leave at the beginning of an answer.

use nexus_core::llm::CompletionEvent;

/// Marks around thoughts.
const MARKS: [(&str, &str); 2] = [("<think>", "</think>"), ("<thinking>", "</thinking>")];

/// Incremental splitter of an answer's content. Its output does not depend on the splitting of the content, except for
/// the boundaries of its pieces.
#[derive(Debug, Default)]
pub(crate) struct ThoughtSplitter {
    place: Place,
    /// Content that may be a part of a mark.
    held: String,
    /// Whether thoughts came before.
    has_thought: bool,
}

#[derive(Clone, Copy, Debug, Default)]
enum Place {
    /// Before the first word of the answer.
    #[default]
    Begin,
    /// Within thoughts that this mark ends.
    Thought(&'static str),
    /// Within the answer, which holds no thoughts.
    Answer,
}

impl ThoughtSplitter {
    /// Returns the events of the next part of the content.
    pub(crate) fn push(&mut self, text: &str) -> Vec<CompletionEvent> {
        let mut events = Vec::new();
        self.held.push_str(text);
        loop {
            match self.place {
                Place::Begin => {
                    let begun = self.held.trim_start();
                    if let Some((open, close)) = MARKS.into_iter().find(|(open, _)| begun.starts_with(open)) {
                        self.held = begun.get(open.len()..).unwrap_or_default().to_owned();
                        (self.place, self.has_thought) = (Place::Thought(close), true);
                        continue;
                    }
                    if MARKS.into_iter().any(|(open, _)| open.starts_with(begun)) {
                        return events;
                    }
                    self.place = Place::Answer;
                }
                Place::Thought(close) => {
                    if let Some((thought, rest)) = self.held.split_once(close) {
                        event(thought, CompletionEvent::Reasoning, &mut events);
                        (self.held, self.place) = (rest.to_owned(), Place::Begin);
                        continue;
                    }
                    let rest = self.held.split_off(self.held.len() - beginning_of(&self.held, close));
                    event(&std::mem::replace(&mut self.held, rest), CompletionEvent::Reasoning, &mut events);
                    return events;
                }
                Place::Answer => {
                    self.answer(&mut events);
                    return events;
                }
            }
        }
    }

    /// Returns the events of what was held until the end.
    pub(crate) fn finish(&mut self) -> Vec<CompletionEvent> {
        let mut events = Vec::new();
        match self.place {
            Place::Thought(_) => {
                event(&std::mem::take(&mut self.held), CompletionEvent::Reasoning, &mut events);
            }
            Place::Begin | Place::Answer => self.answer(&mut events),
        }
        events
    }

    /// Emits the held part of the answer, without the white space between it and thoughts before it.
    fn answer(&mut self, events: &mut Vec<CompletionEvent>) {
        let held = std::mem::take(&mut self.held);
        let text = if self.has_thought { held.trim_start() } else { &held };
        self.has_thought &= text.is_empty();
        event(text, CompletionEvent::Text, events);
    }
}

fn event(text: &str, of: fn(String) -> CompletionEvent, events: &mut Vec<CompletionEvent>) {
    if !text.is_empty() {
        events.push(of(text.to_owned()));
    }
}

/// Returns the length of the longest end of `text` with which `mark` begins.
fn beginning_of(text: &str, mark: &str) -> usize {
    let longest = mark.len().min(text.len());
    (1..=longest)
        .rev()
        .find(|length| mark.get(..*length).is_some_and(|begin| text.ends_with(begin)))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the reasoning and the text of content that comes in `pieces`.
    fn split(pieces: &[&str]) -> (String, String) {
        let mut splitter = ThoughtSplitter::default();
        let mut events: Vec<_> = pieces.iter().flat_map(|piece| splitter.push(piece)).collect();
        events.extend(splitter.finish());
        let (mut reasoning, mut text) = (String::new(), String::new());
        for event in events {
            match &event {
                CompletionEvent::Reasoning(thought) => reasoning.push_str(thought),
                CompletionEvent::Text(words) => text.push_str(words),
                CompletionEvent::Citation(_)
                | CompletionEvent::ToolCall(_)
                | CompletionEvent::Usage(_)
                | CompletionEvent::Finish(_) => panic!("{event:?}"),
            }
        }
        (reasoning, text)
    }

    #[test]
    fn thoughts_are_set_apart_however_the_content_is_cut() {
        for (content, reasoning, text) in [
            ("<think>\nHm é?</think>\n\nTen years [1].", "\nHm é?", "Ten years [1]."),
            ("\n <thinking>a</thinking><think>b</think> c", "ab", "c"),
            ("<think></think>Ten", "", "Ten"),
            ("<think>never ended </thin", "never ended </thin", ""),
            ("Ten <think>not at the beginning</think>", "", "Ten <think>not at the beginning</think>"),
            (" <thin", "", " <thin"),
            ("<thinner>Ten", "", "<thinner>Ten"),
            ("  Ten", "", "  Ten"),
            ("", "", ""),
        ] {
            let expected = (reasoning.to_owned(), text.to_owned());
            assert_eq!(split(&[content]), expected, "{content:?}");
            let characters: Vec<String> = content.chars().map(String::from).collect();
            let characters: Vec<&str> = characters.iter().map(String::as_str).collect();
            assert_eq!(split(&characters), expected, "{content:?}");
            for cut in (1..content.len()).filter(|cut| content.is_char_boundary(*cut)) {
                let (first, second) = content.split_at(cut);
                assert_eq!(split(&[first, second]), expected, "{content:?} at {cut}");
            }
        }
    }
}
