use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::document::{Block, BlockKind};

fn cut(config: ChunkConfig, blocks: &[Block]) -> Vec<Chunk> {
    let mut chunker = Chunker::new(config, Arc::new(EstimatedTokens));
    let mut chunks: Vec<Chunk> = blocks.iter().flat_map(|block| chunker.push(block.clone())).collect();
    chunks.extend(chunker.finish());
    chunks
}

fn block(kind: BlockKind, text: &str) -> Block {
    Block { kind, text: text.to_owned(), page: None }
}

fn joined(blocks: &[Block]) -> String {
    blocks.iter().map(|block| block.text.as_str()).collect::<Vec<_>>().join(BLOCK_SEPARATOR)
}

fn kinds() -> impl Strategy<Value = BlockKind> {
    prop_oneof![
        (1u8..=6).prop_map(|level| BlockKind::Heading { level }),
        Just(BlockKind::Paragraph),
        Just(BlockKind::ListItem),
        Just(BlockKind::Table),
        Just(BlockKind::Code),
    ]
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        vec("[A-Z]?[a-zé]{1,9}[.?!,]?[ \n]", 1..60).prop_map(|words| words.concat()),
        "\\PC{1,200}",
        "[a-z]{1,400}",
        "[ \n]{1,20}",
        "(\\| [a-z0-9]{1,8} \\| [0-9]{1,4} \\|\n){1,20}",
        "[東京都。私は本を読む、]{1,120}",
    ]
}

fn documents() -> impl Strategy<Value = Vec<Block>> {
    vec((kinds(), texts(), proptest::option::of(1u32..9)), 0..12)
        .prop_map(|blocks| blocks.into_iter().map(|(kind, text, page)| Block { kind, text, page }).collect())
}

fn configs() -> impl Strategy<Value = ChunkConfig> {
    (MIN_CHUNK_SIZE..200, any::<bool>(), 0u32..100).prop_map(|(size, tokens, share)| {
        let overlap = size * share / 100;
        if tokens { ChunkConfig::tokens(size, overlap) } else { ChunkConfig::chars(size, overlap) }.unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn chunks_rebuild_the_text(config in configs(), blocks in documents()) {
        prop_assert_eq!(rebuild(&cut(config, &blocks)).unwrap(), joined(&blocks));
    }

    #[test]
    fn chunks_are_exact_slices_within_the_budget(config in configs(), blocks in documents()) {
        let text = joined(&blocks);
        for (place, chunk) in cut(config, &blocks).iter().enumerate() {
            let span = usize::try_from(chunk.span.start).unwrap()..usize::try_from(chunk.span.end).unwrap();
            prop_assert_eq!(text.get(span), Some(chunk.text.as_str()));
            prop_assert_eq!(chunk.index as usize, place);
            prop_assert_eq!(chunk.tokens as usize, EstimatedTokens.count(&chunk.text));
            match config.size() {
                ChunkSize::Tokens(limit) => prop_assert!(chunk.tokens <= limit, "{} > {limit}", chunk.tokens),
                ChunkSize::Chars(limit) => prop_assert!(chunk.text.chars().count() <= limit as usize),
            }
        }
    }

    #[test]
    fn every_chunk_says_something_new_and_repeats_no_more_than_the_overlap(
        config in configs(), blocks in documents()
    ) {
        for pair in cut(config, &blocks).windows(2) {
            prop_assert!(pair[0].span.start < pair[1].span.start && pair[0].span.end < pair[1].span.end);
            let repeated = pair[0].span.end.saturating_sub(pair[1].span.start);
            let repeated = pair[1].text.get(..usize::try_from(repeated).unwrap()).unwrap();
            let size = match config.size() {
                ChunkSize::Tokens(_) => EstimatedTokens.count(repeated),
                ChunkSize::Chars(_) => repeated.chars().count(),
            };
            prop_assert!(size <= config.overlap() as usize);
        }
    }

    #[test]
    fn a_heading_stays_with_what_follows(size in 60u32..200, level in 1u8..=6, body in "([A-Z][a-z]{0,6}[.] ){1,40}", before in texts()) {
        let blocks = [block(BlockKind::Paragraph, &before), block(BlockKind::Heading { level }, "Title"), block(BlockKind::Paragraph, &body)];
        for chunk in cut(ChunkConfig::chars(size, 10).unwrap(), &blocks) {
            prop_assert!(!chunk.text.ends_with("Title"), "{:?}", chunk.text);
        }
    }

    #[test]
    fn config_survives_json(config in configs()) {
        let json = serde_json::to_string(&config).unwrap();
        prop_assert_eq!(serde_json::from_str::<ChunkConfig>(&json).unwrap(), config);
    }
}

fn texts_of(config: ChunkConfig, blocks: &[Block]) -> Vec<String> {
    cut(config, blocks).into_iter().map(|chunk| chunk.text).collect()
}

#[test]
fn a_paragraph_is_parted_between_sentences_and_overlaps_by_sentences() {
    let text = "Keep all invoices. Burn the old drafts. Sign each contract. Ask before you copy.";
    let found = texts_of(ChunkConfig::chars(45, 22).unwrap(), &[block(BlockKind::Paragraph, text)]);
    let expected = [
        "Keep all invoices. Burn the old drafts. ",
        "Burn the old drafts. Sign each contract. ",
        "Sign each contract. Ask before you copy.",
    ];
    assert_eq!(found, expected);
}

#[test]
fn tables_and_code_are_parted_between_lines() {
    let rows = "| a. B | 1 |\n| c. D | 2 |\n| e. F | 3 |";
    for kind in [BlockKind::Table, BlockKind::Code] {
        let found = texts_of(ChunkConfig::chars(30, 0).unwrap(), &[block(kind, rows)]);
        assert_eq!(found, ["| a. B | 1 |\n| c. D | 2 |\n", "| e. F | 3 |"]);
    }
}

#[test]
fn a_run_of_rows_that_fits_a_chunk_stays_whole_and_no_row_is_repeated_without_its_header() {
    let run = |first: u32| {
        let rows: Vec<String> = (first..first + 3).map(|row| format!("| row {row} | {row} |")).collect();
        block(BlockKind::Table, &format!("| name | value |\n| --- | --- |\n{}", rows.join("\n")))
    };
    let intro = block(BlockKind::Paragraph, "Short.");
    let heading = block(BlockKind::Heading { level: 1 }, "Table");
    let found = texts_of(ChunkConfig::chars(100, 40).unwrap(), &[intro, heading, run(1), run(4), run(7)]);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].starts_with("Short.\n\nTable\n\n| name |"), "{found:?}");
    assert!(found[1..].iter().all(|chunk| chunk.starts_with("| name |")), "{found:?}");
    assert!(found.iter().all(|chunk| chunk.matches("| row").count() == 3), "{found:?}");
}

#[test]
fn text_without_capitals_is_parted_at_its_stops() {
    let text = "the fee is ten dollars. the term is two years; it may be renewed. notice is due in may.";
    let found = texts_of(ChunkConfig::chars(50, 0).unwrap(), &[block(BlockKind::Paragraph, text)]);
    assert_eq!(
        found,
        ["the fee is ten dollars. the term is two years; ", "it may be renewed. notice is due in may."]
    );
}

#[test]
fn a_section_begins_a_chunk_and_knows_its_headings() {
    let body = "Invoices are kept for ten years after the year they belong to.";
    let blocks = [
        block(BlockKind::Heading { level: 1 }, "Records"),
        block(BlockKind::Heading { level: 2 }, "Keeping\n them"),
        block(BlockKind::Paragraph, body),
        block(BlockKind::Heading { level: 2 }, "Burning"),
        block(BlockKind::Paragraph, body),
    ];
    let chunks = cut(ChunkConfig::chars(400, 40).unwrap(), &blocks);
    let [whole] = chunks.as_slice() else { panic!("{chunks:?}") };
    assert_eq!(whole.heading_path, ["Records"]);
    let chunks = cut(ChunkConfig::chars(200, 40).unwrap(), &blocks);
    let paths: Vec<_> = chunks.iter().map(|chunk| chunk.heading_path.join(" > ")).collect();
    assert_eq!(paths, ["Records", "Records > Burning"]);
    assert!(chunks[1].text.starts_with("Burning"), "nothing is repeated across a heading");
}

#[test]
fn a_chunk_keeps_to_one_page_and_names_it() {
    let page =
        |page, text: &str| Block { kind: BlockKind::Paragraph, text: text.to_owned(), page: Some(page) };
    let blocks = [page(3, "One paragraph here."), page(4, "Another one there."), page(5, "A third.")];
    let chunks = cut(ChunkConfig::chars(200, 20).unwrap(), &blocks);
    assert_eq!(chunks.iter().map(|chunk| chunk.page).collect::<Vec<_>>(), [Some(3), Some(4), Some(5)]);
}

#[test]
fn what_is_held_does_not_follow_the_document() {
    let mut chunker = Chunker::new(ChunkConfig::chars(200, 20).unwrap(), Arc::new(EstimatedTokens));
    let text = "A sentence of some length, one of many. ".repeat(3);
    let mut given = 0;
    for pushed in 1..2_000 {
        given += chunker
            .push(block(BlockKind::Paragraph, &text))
            .iter()
            .map(|chunk| chunk.text.len())
            .sum::<usize>();
        assert!(pushed * text.len() < given + 600, "more than a few chunks are held back");
    }
}

#[test]
fn a_megabyte_without_a_boundary_is_cut() {
    let text = "x".repeat(1 << 20);
    let chunks = cut(ChunkConfig::tokens(512, 64).unwrap(), &[block(BlockKind::Code, &text)]);
    assert!(chunks.len() > 100);
    assert_eq!(rebuild(&chunks).unwrap(), text);
}

#[test]
fn chunks_with_one_missing_do_not_join() {
    let blocks = vec![block(BlockKind::Paragraph, "A paragraph of some length."); 5];
    let mut chunks = cut(ChunkConfig::chars(30, 0).unwrap(), &blocks);
    chunks.remove(2);
    assert_eq!(rebuild(&chunks).unwrap_err().kind(), ErrorKind::Corrupt);
}

/// Counter that counts more for a whole than for its parts, as no vocabulary should.
#[derive(Debug)]
struct Contrary;

impl TokenCounter for Contrary {
    fn count(&self, text: &str) -> usize {
        text.split_whitespace().count() + usize::from(text.len() > 60) * 5
    }

    fn name(&self) -> &'static str {
        "contrary"
    }
}

#[test]
fn the_budget_holds_with_a_counter_that_breaks_its_contract() {
    let mut chunker = Chunker::new(ChunkConfig::tokens(16, 4).unwrap(), Arc::new(Contrary));
    let text = "One two three four. Five six. Seven eight nine. ".repeat(20);
    let mut chunks = chunker.push(block(BlockKind::Paragraph, &text));
    chunks.extend(chunker.finish());
    assert_eq!(rebuild(&chunks).unwrap(), text);
    assert!(chunks.iter().all(|chunk| chunk.tokens <= 16), "{chunks:?}");
}
