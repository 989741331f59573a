//! Buffer for a document's blocks until the whole document has been read: a store receives all of them or none.

use std::io::{self, BufReader, BufWriter, Read, Seek, Write};

use nexus_core::Result;
use nexus_core::document::parser::{Block, BlockKind, BlockSink};

use super::scratch::Scratch;
use super::{DocumentLimits, error};

/// Maximum size of blocks in memory. Larger spools use an unnamed temporary file.
const IN_MEMORY: usize = 2 * 1024 * 1024;

/// Header of each text: kind, page and length.
const HEADER: usize = 9;

/// Blocks of one document, in order.
pub(super) struct Spool {
    file: BufWriter<Scratch>,
    blocks: u64,
    left: u64,
}

impl Spool {
    /// Creates an empty spool. Its capacity covers any document within `limits`.
    pub(super) fn new(limits: &DocumentLimits) -> Self {
        // The shortest block is a single byte, so headers may outweigh the text.
        let left = limits.text_bytes.saturating_mul(1 + HEADER as u64);
        Self { file: BufWriter::new(Scratch::new(IN_MEMORY)), blocks: 0, left }
    }

    /// Passes all blocks to the sink.
    pub(super) fn replay(self, sink: &mut dyn BlockSink) -> Result<()> {
        let mut file = self.file.into_inner().map_err(|error| error::temporary_file(error.into_error()))?;
        file.rewind().map_err(error::temporary_file)?;
        let mut file = BufReader::new(file);
        for _ in 0..self.blocks {
            sink.block(read(&mut file).map_err(error::temporary_file)?)?;
        }
        Ok(())
    }

    fn write(&mut self, block: &Block) -> io::Result<()> {
        let length = u32::try_from(block.text.len()).map_err(io::Error::other)?;
        self.file.write_all(&[code(block.kind)])?;
        self.file.write_all(&block.page.unwrap_or(0).to_le_bytes())?;
        self.file.write_all(&length.to_le_bytes())?;
        self.file.write_all(block.text.as_bytes())
    }
}

impl BlockSink for Spool {
    fn block(&mut self, block: Block) -> Result<()> {
        let left = self.left.checked_sub((HEADER + block.text.len()) as u64);
        self.left = left.ok_or_else(|| error::too_large("its blocks exceed the size limit"))?;
        self.write(&block).map_err(error::temporary_file)?;
        self.blocks += 1;
        Ok(())
    }
}

/// Encodes a kind as one byte. A heading is its level.
fn code(kind: BlockKind) -> u8 {
    match kind {
        BlockKind::Heading { level } => level,
        BlockKind::Paragraph => b'p',
        BlockKind::ListItem => b'l',
        BlockKind::Table => b't',
        BlockKind::Code => b'c',
    }
}

fn read(file: &mut impl Read) -> io::Result<Block> {
    let mut header = [0; HEADER];
    file.read_exact(&mut header)?;
    let [code, p0, p1, p2, p3, l0, l1, l2, l3] = header;
    let kind = match code {
        b'p' => BlockKind::Paragraph,
        b'l' => BlockKind::ListItem,
        b't' => BlockKind::Table,
        b'c' => BlockKind::Code,
        level => BlockKind::Heading { level },
    };
    let page = Some(u32::from_le_bytes([p0, p1, p2, p3])).filter(|page| *page > 0);
    let length = u64::from(u32::from_le_bytes([l0, l1, l2, l3]));
    let mut text = String::new();
    if file.take(length).read_to_string(&mut text)? as u64 != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Block { kind, text, page })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_back_as_they_went_in() {
        let block = |kind, text: &str, page| Block { kind, text: text.into(), page };
        let blocks = vec![
            block(BlockKind::Heading { level: 2 }, "Title", None),
            block(BlockKind::Paragraph, "ümläut \u{FFFD}", Some(1)),
            block(BlockKind::Table, &"| a |\n".repeat(500_000), Some(7)),
            block(BlockKind::ListItem, "1. x", None),
            block(BlockKind::Code, "fn", Some(u32::MAX)),
        ];
        let mut spool = Spool::new(&DocumentLimits::default());
        blocks.iter().cloned().try_for_each(|block| spool.block(block)).unwrap();
        let mut replayed: Vec<Block> = Vec::new();
        spool.replay(&mut replayed).unwrap();
        assert_eq!(replayed, blocks);
    }

    #[test]
    fn a_spool_takes_no_more_than_a_document_may_hold() {
        let mut spool = Spool::new(&DocumentLimits { text_bytes: 10, ..DocumentLimits::default() });
        let long = Block { kind: BlockKind::Paragraph, text: "x".repeat(200), page: None };
        assert!(spool.block(long).is_err());
    }
}
