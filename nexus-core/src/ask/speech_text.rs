//! Text of an answer for speech synthesis: [`strip_citation_markers`], which is pure.

/// Returns `text` without citation markers such as `[1]`, which speech must not read out.
pub(super) fn strip_citation_markers(text: &str) -> String {
    let mut spoken = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        spoken.push_str(before);
        rest = match after.split_once(']') {
            Some((number, behind)) if is_number(number) => {
                // The space before a marker is removed with it.
                spoken.truncate(spoken.trim_end_matches(' ').len());
                behind
            }
            _ => {
                spoken.push('[');
                after
            }
        };
    }
    spoken.push_str(rest);
    spoken.trim().to_owned()
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_not_read_out_and_all_else_is() {
        for (written, spoken) in [
            ("Leave is 25 days. [1]", "Leave is 25 days."),
            ("Leave [1][2] is [12] paid.", "Leave is paid."),
            ("An array a[i], a set [] and [x] stay [", "An array a[i], a set [] and [x] stay ["),
            (" [3] ", ""),
        ] {
            assert_eq!(strip_citation_markers(written), spoken);
        }
    }
}
