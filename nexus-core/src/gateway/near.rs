//! An answer to a question that is near, rather than equal: whether it may be given, and how it reads then. Pure.

use std::collections::BTreeMap;

use crate::grounding::markers::renumbered;
use crate::grounding::{Citation, Evidence};
use crate::llm::Completion;

/// `reply`, which was given for other passages perhaps, as an answer from those that are shown now.
///
/// Nothing where it cites a passage that is not shown now, word for word; nor where passages are shown and it cites none:
/// then nobody can tell what it rests on. "The passages do not say" is such an answer, and these passages may.
pub(super) fn renumber_citations(reply: Completion, shown: &[Evidence]) -> Option<Completion> {
    if shown.is_empty() {
        return reply.citations.is_empty().then_some(reply);
    }
    if reply.citations.is_empty() {
        return None;
    }
    let mut numbers: BTreeMap<u32, u32> = BTreeMap::new();
    let mut citations = Vec::with_capacity(reply.citations.len());
    for citation in &reply.citations {
        let now = shown.iter().find(|evidence| evidence.passage == citation.passage)?;
        if *numbers.entry(citation.number).or_insert(now.number) != now.number {
            return None;
        }
        let citation = Citation { number: now.number, ..citation.clone() };
        citation.check(shown).ok()?;
        citations.push(citation);
    }
    let text = renumbered(&reply.text, |number| numbers.get(&number).copied())?;
    Some(Completion { text, citations, ..reply })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grounding::markers::citations_in;
    use crate::grounding::tests::evidence;
    use crate::id::DocumentId;

    fn passage(number: u32, document: &str, text: &str) -> Evidence {
        let mut shown = evidence(text);
        (shown.number, shown.passage.document) = (number, DocumentId::parse(document).unwrap());
        shown
    }

    fn leave(number: u32) -> Evidence {
        passage(number, "leave", "There are thirty days of leave.")
    }

    fn travel(number: u32) -> Evidence {
        passage(number, "travel", "Trains are booked in second class.")
    }

    fn answered(text: &str, shown: &[Evidence]) -> Completion {
        Completion {
            citations: citations_in(text, shown).citations,
            text: text.to_owned(),
            ..Completion::empty()
        }
    }

    #[test]
    fn an_answer_is_given_under_the_numbers_that_its_passages_have_now() {
        let text = "Thirty days of leave [1]. Trains are second class [2]; see there.";
        let reply = answered(text, &[leave(1), travel(2)]);
        assert_eq!(renumber_citations(reply.clone(), &[leave(1), travel(2)]).unwrap(), reply);
        let now = [passage(1, "news", "The canteen is new."), travel(2), leave(3)];
        let given = renumber_citations(reply, &now).unwrap();
        assert!(
            given.text.starts_with("Thirty days of leave [3]. Trains are second class [2]"),
            "{}",
            given.text
        );
        assert_eq!(given.citations.iter().map(|citation| citation.number).collect::<Vec<_>>(), [3, 2]);
        assert!(given.citations.iter().all(|citation| citation.check(&now).is_ok()));
    }

    #[test]
    fn what_it_cites_must_be_shown_now_to_the_letter() {
        let reply = answered("Thirty days of leave [1].", &[leave(1)]);
        assert_eq!(renumber_citations(reply.clone(), &[travel(1)]), None);
        assert_eq!(renumber_citations(reply.clone(), &[]), None);
        let mut newer = leave(1);
        newer.passage.version += 1;
        assert_eq!(renumber_citations(reply.clone(), &[newer]), None);
        assert_eq!(renumber_citations(reply, &[passage(1, "leave", "There are forty days of leave.")]), None);
    }

    #[test]
    fn an_answer_that_rests_on_nothing_is_given_only_where_nothing_is_shown() {
        let reply = answered("The passages do not say.", &[leave(1)]);
        assert_eq!(renumber_citations(reply.clone(), &[leave(1)]), None);
        assert_eq!(renumber_citations(reply.clone(), &[]), Some(reply));
    }

    #[test]
    fn a_marker_that_points_at_nothing_cited_is_no_answer_for_others() {
        let mut reply = answered("Thirty days of leave [1]. Trains [2].", &[leave(1)]);
        assert_eq!(renumber_citations(reply.clone(), &[leave(1), travel(2)]), None);
        reply.text = "Thirty days of leave [1].".to_owned();
        assert!(renumber_citations(reply, &[leave(1), travel(2)]).is_some());
    }
}
