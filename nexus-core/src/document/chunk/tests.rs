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
    fn a_heading_stays_with_what_follows(config in configs(), level in 1u8..=6, body in "([A-Z][a-z]{0,6}[.] ){1,40}", before in texts()) {
        let blocks = [block(BlockKind::Paragraph, &before), block(BlockKind::Heading { level }, "Title"), block(BlockKind::Paragraph, &body)];
        for chunk in cut(config, &blocks) {
            prop_assert!(!chunk.text.ends_with("Title"), "{:?}", chunk.text);
        }
    }

    #[test]
    fn config_survives_json(config in configs()) {
        let json = serde_json::to_string(&config).unwrap();
        prop_assert_eq!(serde_json::from_str::<ChunkConfig>(&json).unwrap(), config);
    }
}
