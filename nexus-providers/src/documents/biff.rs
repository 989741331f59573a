//! Validation of workbooks from before 2007, and what their records say beside the values of cells. The reader of XLS
//! trusts every length, follows every chain and lays each sheet out as a rectangle in memory, so the compound file and its
//! records are checked first.

mod facts;
mod shared_strings;

use std::collections::BTreeSet;

use nexus_core::Result;
use nexus_core::document::parser::Source;

use super::budget::Budget;
use super::error;

pub(super) use facts::{Facts, Font, SheetFacts};
pub(super) use shared_strings::Run;

/// Cells of the largest sheet that the format allows.
const LARGEST_SHEET: u64 = 65_536 * 256;

/// Maximum number of cells that the used ranges of all sheets may cover together.
const COVERED: u64 = 3 * LARGEST_SHEET;

/// First sector number that is a marker rather than a sector.
const LAST_SECTOR: u32 = 0xFFFF_FFF9;

/// Refuses a workbook whose structure is inconsistent. Returns what its records say beside the values of cells.
pub(super) fn check(source: &mut dyn Source, budget: &Budget) -> Result<Facts> {
    let mut bytes = Vec::new();
    source.rewind().and_then(|()| source.read_to_end(&mut bytes)).map_err(error::unreadable)?;
    budget.work(bytes.len());
    let stream = Compound::open(&bytes).and_then(|file| file.stream(&["Workbook", "Book"]));
    let stream = stream.ok_or_else(|| error::malformed("its sector chains are broken"))?;
    budget.work(stream.len());
    let sheets = sheets(&stream).ok_or_else(|| error::malformed("a record is truncated"))?;
    let starts: BTreeSet<usize> = sheets.iter().copied().collect();
    if starts.len() < sheets.len() {
        return Err(error::malformed("two of its sheets begin at the same offset"));
    }
    let mut facts = Facts::of(&stream);
    let (mut walked, mut covered) = (0_usize, 0_u64);
    for start in sheets {
        let Some(sheet) = Extent::of(stream.get(start..).unwrap_or_default()) else {
            return Err(error::malformed("a record is truncated"));
        };
        walked = walked.saturating_add(sheet.bytes);
        covered = covered.saturating_add(sheet.covered());
        budget.work(sheet.bytes);
        if sheet.declared > LARGEST_SHEET {
            return Err(error::malformed("a sheet declares more cells than the format allows"));
        }
        if walked > stream.len() {
            return Err(error::malformed("its sheets overlap"));
        }
        if covered > COVERED {
            return Err(error::too_large("the used ranges of its sheets exceed the limit"));
        }
        facts.sheets.push(SheetFacts::of(stream.get(start..).unwrap_or_default()));
    }
    Ok(facts)
}

/// Compound file: sectors, and the allocation table that chains them to streams.
struct Compound<'a> {
    bytes: &'a [u8],
    sector: usize,
    table: Vec<u32>,
    directory: Vec<u8>,
    small_table: Vec<u32>,
    small: Vec<u8>,
}

/// Directory entry.
struct Entry {
    start: u32,
    length: usize,
}

impl<'a> Compound<'a> {
    fn open(bytes: &'a [u8]) -> Option<Self> {
        let sector = match u16_at(bytes, 30)? {
            9 => 512,
            12 => 4096,
            _ => return None,
        };
        let mut file = Self {
            bytes,
            sector,
            table: Vec::new(),
            directory: Vec::new(),
            small_table: Vec::new(),
            small: Vec::new(),
        };
        for id in file.table_sectors()? {
            file.table.extend(longs(file.at(id)?));
        }
        file.directory = file.chain(u32_at(bytes, 48)?, usize::MAX)?;
        if u32_at(bytes, 64)? > 0 {
            let root = entry(file.directory.get(..128)?)?;
            file.small = file.chain(root.start, root.length)?;
            file.small_table = longs(&file.chain(u32_at(bytes, 60)?, usize::MAX)?).collect();
        }
        Some(file)
    }

    /// Returns the sectors of the allocation table: the header lists the first 109, a chain of sectors lists the
    /// rest.
    fn table_sectors(&self) -> Option<Vec<u32>> {
        let mut ids: Vec<u32> = longs(self.bytes.get(76..512)?).filter(|id| *id <= LAST_SECTOR).collect();
        let mut next = u32_at(self.bytes, 68)?;
        let mut left = self.bytes.len() / self.sector + 1;
        while next <= LAST_SECTOR {
            left = left.checked_sub(1)?;
            let sector = self.at(next)?;
            let (list, link) = sector.split_at_checked(sector.len().checked_sub(4)?)?;
            ids.extend(longs(list).filter(|id| *id <= LAST_SECTOR));
            next = u32_at(link, 0)?;
        }
        (ids.len() <= self.bytes.len() / self.sector + 1).then_some(ids)
    }

    /// Returns a sector. The last sector of a file may be cut short.
    fn at(&self, id: u32) -> Option<&'a [u8]> {
        let start = (id as usize).checked_add(1)?.checked_mul(self.sector)?;
        let end = start.saturating_add(self.sector).min(self.bytes.len());
        self.bytes.get(start..end)
    }

    fn chain(&self, start: u32, length: usize) -> Option<Vec<u8>> {
        follow(start, length, &self.table, self.sector, |id| self.at(id))
    }

    /// Returns the stream with one of these names.
    fn stream(&self, names: &[&str]) -> Option<Vec<u8>> {
        let entries = || self.directory.chunks_exact(128);
        let found = names.iter().find_map(|name| entries().find(|bytes| is_named(bytes, name)))?;
        let Entry { start, length } = entry(found)?;
        if length >= 4096 {
            return self.chain(start, length);
        }
        let at = |id: u32| {
            let start = (id as usize).checked_mul(64)?;
            self.small.get(start..start.saturating_add(64).min(self.small.len()))
        };
        follow(start, length, &self.small_table, 64, at)
    }
}

/// Returns the bytes of a sector chain, up to `length`. A chain longer than the number of sectors is a cycle.
fn follow<'a>(
    mut id: u32,
    length: usize,
    table: &[u32],
    sector: usize,
    at: impl Fn(u32) -> Option<&'a [u8]>,
) -> Option<Vec<u8>> {
    let (mut bytes, mut left) = (Vec::new(), table.len());
    while id <= LAST_SECTOR && bytes.len() < length {
        left = left.checked_sub(1)?;
        let take = sector.min(length - bytes.len());
        let found = at(id)?;
        bytes.extend_from_slice(found.get(..take).unwrap_or(found));
        id = *table.get(id as usize)?;
    }
    Some(bytes)
}

fn entry(bytes: &[u8]) -> Option<Entry> {
    Some(Entry { start: u32_at(bytes, 116)?, length: u32_at(bytes, 120)? as usize })
}

fn is_named(entry: &[u8], name: &str) -> bool {
    let lower = |unit: u16| u8::try_from(unit).map_or(unit, |byte| byte.to_ascii_lowercase().into());
    let units = entry.as_chunks::<2>().0.iter().take(32).map(|unit| lower(u16::from_le_bytes(*unit)));
    units.take_while(|unit| *unit != 0).eq(name.encode_utf16().map(lower))
}

/// Splits off the first record and returns the bytes that follow it.
fn record(stream: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let (kind, length) = (u16_at(stream, 0)?, u16_at(stream, 2)? as usize);
    let (data, rest) = stream.get(4..)?.split_at_checked(length)?;
    Some((kind, data, rest))
}

const END: u16 = 0x000A;
const BEGIN: u16 = 0x0809;

/// Returns the offsets of the sheets, as the workbook's global records list them.
fn sheets(mut stream: &[u8]) -> Option<Vec<usize>> {
    const SHEET: u16 = 0x0085;
    let mut starts = Vec::new();
    while stream.len() >= 4 {
        let (kind, data, rest) = record(stream)?;
        match kind {
            SHEET => starts.push(u32_at(data, 0)? as usize),
            END => return Some(starts),
            _ => {}
        }
        stream = rest;
    }
    Some(starts)
}

/// Size of a sheet.
#[derive(Default)]
struct Extent {
    /// Total size of its records, in bytes.
    bytes: usize,
    /// Number of cells that its dimensions declare.
    declared: u64,
    rows: Option<(u16, u16)>,
    columns: Option<(u16, u16)>,
}

impl Extent {
    /// Measures the sheet whose records begin at the start of `stream`.
    fn of(mut stream: &[u8]) -> Option<Self> {
        const DIMENSIONS: u16 = 0x0200;
        let (mut sheet, mut depth) = (Self::default(), 0_u32);
        while stream.len() >= 4 {
            let (kind, data, rest) = record(stream)?;
            sheet.bytes += stream.len() - rest.len();
            match kind {
                BEGIN => depth += 1,
                END if depth <= 1 => break,
                END => depth -= 1,
                DIMENSIONS => sheet.declared = declared(data),
                // Cell records of all kinds, those of embedded charts included, begin with row and column.
                0x0006 | 0x00BD | 0x00D6 | 0x00FD | 0x0203..=0x0205 | 0x027E => {
                    sheet.rows = Some(widened(sheet.rows, u16_at(data, 0)?));
                    sheet.columns = Some(widened(sheet.columns, u16_at(data, 2)?));
                    if kind == 0x00BD {
                        let last = u16_at(data, data.len().checked_sub(2)?)?;
                        sheet.columns = Some(widened(sheet.columns, last));
                    }
                }
                _ => {}
            }
            stream = rest;
        }
        Some(sheet)
    }

    /// Returns the number of cells between the first and the last cell in use.
    fn covered(&self) -> u64 {
        let span = |range: Option<(u16, u16)>| range.map_or(0, |(low, high)| u64::from(high - low) + 1);
        span(self.rows) * span(self.columns)
    }
}

fn declared(data: &[u8]) -> u64 {
    let long = |at: usize| u32_at(data, at).map_or(0, u64::from);
    let short = |at: usize| u16_at(data, at).map_or(0, u64::from);
    let (rows, columns) = match data.len() {
        10 => ((short(0), short(2)), (short(4), short(6))),
        _ => ((long(0), long(4)), (short(8), short(10))),
    };
    rows.1.saturating_sub(rows.0).saturating_mul(columns.1.saturating_sub(columns.0))
}

fn widened(range: Option<(u16, u16)>, at: u16) -> (u16, u16) {
    range.map_or((at, at), |(low, high)| (low.min(at), high.max(at)))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn longs(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.as_chunks::<4>().0.iter().map(|long| u32::from_le_bytes(*long))
}
