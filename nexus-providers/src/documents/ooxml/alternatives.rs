//! Alternatives of one content, for programs of different age: the first is read.

/// Open choices between alternatives.
#[derive(Debug, Default)]
pub(super) struct Alternatives {
    /// Whether each choice was made.
    made: Vec<bool>,
}

impl Alternatives {
    /// Takes the start of an element. Returns whether it is a further alternative, which is left out.
    pub(super) fn open(&mut self, name: &str) -> bool {
        match name {
            "AlternateContent" => {
                self.made.push(false);
                false
            }
            "Choice" | "Fallback" => self.made.last_mut().is_some_and(|made| std::mem::replace(made, true)),
            _ => false,
        }
    }

    /// Takes the end of an element.
    pub(super) fn close(&mut self, name: &str) {
        if name == "AlternateContent" {
            self.made.pop();
        }
    }
}
