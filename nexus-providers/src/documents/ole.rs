//! Compound files, the container of Office before 2007. Only workbooks are read; other formats are named in the
//! error.

use std::io::{Read, SeekFrom};

use nexus_core::Result;
use nexus_core::document::parser::Source;

use super::error;
use super::format::Format;

/// Signature of a compound file.
pub(super) const MAGIC: [u8; 8] = [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];

/// Detects the format from the stream names in the first sectors of the directory.
pub(super) fn format(source: &mut dyn Source) -> Result<Format> {
    let names = directory(source)?;
    let has = |name: &str| names.windows(name.len()).any(|bytes| bytes == name.as_bytes());
    if has("EncryptedPackage") {
        return Err(error::encrypted());
    }
    if has("Workbook") || has("Book") {
        return Ok(Format::Xls);
    }
    Err(match () {
        () if has("WordDocument") => {
            error::unsupported("a Word file from before 2007").with_hint("save it as DOCX")
        }
        () if has("PowerPoint Document") => {
            error::unsupported("a PowerPoint file from before 2007").with_hint("save it as PPTX")
        }
        () if has("__substg1.0_") => error::unsupported("an Outlook message").with_hint("save it as EML"),
        () => error::unsupported("an Office file of an old or unknown kind"),
    })
}

/// Returns the names in the first 64 KiB of the directory as narrow text.
fn directory(source: &mut dyn Source) -> Result<Vec<u8>> {
    let mut header = [0; 52];
    source.rewind().and_then(|()| source.read_exact(&mut header)).map_err(error::from_io)?;
    let shift = u32::from(u16::from_le_bytes([header[30], header[31]])).min(16);
    let sector = u64::from(u32::from_le_bytes([header[48], header[49], header[50], header[51]]));
    let mut entries = Vec::new();
    source.seek(SeekFrom::Start((sector + 1) << shift)).map_err(error::unreadable)?;
    Read::take(&mut *source, 64 * 1024).read_to_end(&mut entries).map_err(error::unreadable)?;
    let names =
        entries.as_chunks::<128>().0.iter().flat_map(|entry| entry.as_chunks::<2>().0.iter().take(32));
    Ok(names.filter(|unit| unit[0] != 0).map(|unit| unit[0]).collect())
}
