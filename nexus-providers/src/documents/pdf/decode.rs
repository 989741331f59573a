//! Stream decoding up to a size limit, because a small stream may decode to a thousand times its size.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::{DeflateDecoder, ZlibDecoder};
use hayro_syntax::Filter;
use hayro_syntax::object::dict::keys;
use hayro_syntax::object::{Dict, Object, Stream};

use super::budget::{Exhausted, Work, WorkBudget};

/// Maximum number of chained filters. Real files need fewer, and each filter may multiply the size.
const FILTERS: usize = 8;

/// Decoded content of a stream.
#[derive(Debug, Default)]
pub(super) struct Data {
    /// Decodable bytes.
    pub(super) bytes: Vec<u8>,
    /// Whether a part or all of the content cannot be decoded.
    pub(super) damaged: bool,
}

/// Decodes a stream whose bytes count against the page.
pub(super) fn decode(stream: &Stream<'_>, budget: &mut WorkBudget) -> Result<Data, Exhausted> {
    let raw = stream.raw_data();
    budget.bytes(raw.len())?;
    let limit = budget.bytes_left();
    match filter(raw, stream, limit) {
        Decoded::Whole(bytes) => {
            budget.bytes(bytes.len())?;
            Ok(Data { bytes: bytes.into_owned(), damaged: false })
        }
        Decoded::Damaged(bytes) => {
            budget.bytes(bytes.len())?;
            Ok(Data { bytes, damaged: true })
        }
        Decoded::TooLarge => {
            budget.bytes(limit)?;
            budget.spend(Work::Bytes, 1)?;
            Ok(Data::default())
        }
    }
}

/// Result of decoding.
pub(super) enum Decoded<'a> {
    /// Complete content.
    Whole(Cow<'a, [u8]>),
    /// Decodable part of damaged content.
    Damaged(Vec<u8>),
    /// Content larger than the limit.
    TooLarge,
}

/// Applies the filters of a stream to its bytes, each up to `limit` bytes.
pub(super) fn filter<'a>(raw: Cow<'a, [u8]>, stream: &Stream<'_>, limit: usize) -> Decoded<'a> {
    let filters = stream.filters();
    if filters.len() > FILTERS {
        return Decoded::Damaged(Vec::new());
    }
    let mut bytes = raw;
    let mut damaged = false;
    for (index, filter) in filters.iter().enumerate() {
        let decoded = match filter {
            Filter::FlateDecode => {
                let (decoded, whole) = flate(&bytes, limit);
                damaged |= !whole;
                Some(decoded)
            }
            Filter::LzwDecode => lzw(&bytes, early_change(stream, index), limit),
            Filter::AsciiHexDecode => Some(hex(&bytes)),
            Filter::Ascii85Decode => Some(ascii85(&bytes)),
            Filter::RunLengthDecode => Some(run_length(&bytes, limit)),
            Filter::Crypt => continue,
            Filter::CcittFaxDecode | Filter::Jbig2Decode | Filter::DctDecode | Filter::JpxDecode => None,
        };
        let Some(decoded) = decoded else { return Decoded::Damaged(Vec::new()) };
        if decoded.len() > limit {
            return Decoded::TooLarge;
        }
        bytes = Cow::Owned(decoded);
    }
    if bytes.len() > limit {
        Decoded::TooLarge
    } else if damaged {
        Decoded::Damaged(bytes.into_owned())
    } else {
        Decoded::Whole(bytes)
    }
}

/// Inflates up to one byte more than `limit`, and returns whether the data is complete. As in other viewers, a wrong
/// or missing checksum is ignored, and the header may be missing too.
fn flate(bytes: &[u8], limit: usize) -> (Vec<u8>, bool) {
    let limit = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut decoded = Vec::new();
    if ZlibDecoder::new(bytes).take(limit).read_to_end(&mut decoded).is_ok() {
        return (decoded, true);
    }
    let mut longest = decoded;
    for skipped in [2, 0] {
        let mut decoded = Vec::new();
        let rest = bytes.get(skipped..).unwrap_or_default();
        if DeflateDecoder::new(rest).take(limit).read_to_end(&mut decoded).is_ok() {
            return (decoded, true);
        }
        if decoded.len() > longest.len() {
            longest = decoded;
        }
        if !longest.is_empty() {
            break;
        }
    }
    (longest, false)
}

fn early_change(stream: &Stream<'_>, index: usize) -> bool {
    let parameters = stream.dict().get::<Object<'_>>(keys::DECODE_PARMS);
    let of = |dict: Dict<'_>| dict.get::<i32>(keys::EARLY_CHANGE);
    let found = match parameters {
        Some(Object::Dict(dict)) => of(dict),
        Some(Object::Array(array)) => {
            array.iter::<Object<'_>>().nth(index).and_then(Object::into_dict).and_then(of)
        }
        _ => None,
    };
    found != Some(0)
}

/// Decodes LZW with codes of 9 to 12 bits, most significant bit first.
fn lzw(bytes: &[u8], early: bool, limit: usize) -> Option<Vec<u8>> {
    const CLEAR: usize = 256;
    const END: usize = 257;
    let mut decoded: Vec<u8> = Vec::new();
    // Each entry is a range of the output so far: its start and its length.
    let mut entries: Vec<(usize, usize)> = Vec::new();
    let (mut width, mut buffer, mut held) = (9_u32, 0_u32, 0_u32);
    let mut last: Option<(usize, usize)> = None;
    for byte in bytes {
        buffer = (buffer << 8) | u32::from(*byte);
        held += 8;
        if held < width {
            continue;
        }
        held -= width;
        let code = usize::try_from((buffer >> held) & ((1 << width) - 1)).ok()?;
        buffer &= (1 << held) - 1;
        match code {
            CLEAR => {
                entries.clear();
                width = 9;
                last = None;
                continue;
            }
            END => break,
            _ => {}
        }
        let start = decoded.len();
        if let Ok(literal) = u8::try_from(code) {
            decoded.push(literal);
        } else if let Some((from, length)) = entries.get(code - END - 1).copied() {
            decoded.extend_from_within(from..from + length);
        } else if let Some((from, length)) = last {
            decoded.extend_from_within(from..from + length);
            let first = *decoded.get(from)?;
            decoded.push(first);
        } else {
            break;
        }
        if let Some((from, length)) = last
            && entries.len() < 4096 - END - 1
        {
            entries.push((from, length + 1));
        }
        last = Some((start, decoded.len() - start));
        if decoded.len() > limit {
            break;
        }
        let next = entries.len() + END + 1 + 1 + usize::from(early);
        width = match next {
            ..=511 => 9,
            512..=1023 => 10,
            1024..=2047 => 11,
            _ => 12,
        };
    }
    Some(decoded)
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    let digits =
        bytes.iter().take_while(|byte| **byte != b'>').filter_map(|byte| char::from(*byte).to_digit(16));
    let mut decoded = Vec::new();
    let mut high = None;
    for digit in digits {
        let digit = u8::try_from(digit).unwrap_or_default();
        match high.take() {
            Some(high) => decoded.push(high << 4 | digit),
            None => high = Some(digit),
        }
    }
    decoded.extend(high.map(|high| high << 4));
    decoded
}

fn ascii85(bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut group = Vec::with_capacity(5);
    for byte in bytes.iter().take_while(|byte| **byte != b'~') {
        match byte {
            b'z' if group.is_empty() => decoded.extend([0; 4]),
            b'!'..=b'u' => group.push(byte - b'!'),
            _ => {}
        }
        if group.len() == 5 {
            decoded.extend(base85(&group));
            group.clear();
        }
    }
    let length = group.len();
    if length > 1 {
        group.resize(5, 84);
        decoded.extend(base85(&group).into_iter().take(length - 1));
    }
    decoded
}

fn base85(group: &[u8]) -> [u8; 4] {
    group
        .iter()
        .fold(0_u32, |value, digit| value.wrapping_mul(85).wrapping_add(u32::from(*digit)))
        .to_be_bytes()
}

fn run_length(bytes: &[u8], limit: usize) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut rest = bytes;
    while let Some((length, tail)) = rest.split_first() {
        let count = usize::from(*length);
        match count {
            128 => break,
            ..128 => {
                let (run, tail) = tail.split_at_checked(count + 1).unwrap_or((tail, &[]));
                decoded.extend_from_slice(run);
                rest = tail;
            }
            _ => {
                let Some((byte, tail)) = tail.split_first() else { break };
                decoded.resize(decoded.len() + 257 - count, *byte);
                rest = tail;
            }
        }
        if decoded.len() > limit {
            break;
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lzw_reads_the_example_of_the_standard() {
        let bytes = [0x80, 0x0B, 0x60, 0x50, 0x22, 0x0C, 0x0C, 0x85, 0x01];
        let decoded = lzw(&bytes, true, 100).unwrap();
        assert_eq!(decoded, [45, 45, 45, 45, 45, 65, 45, 45, 45, 66]);
    }

    #[test]
    fn text_filters_are_undone() {
        assert_eq!(hex(b"48 65 6C6c 6F>zz"), b"Hello");
        assert_eq!(ascii85(b"87cURD]i,\"Ebo80~>"), b"Hello World!");
        assert_eq!(run_length(&[2, b'a', b'b', b'c', 254, b'x', 128], 100), b"abcxxx");
    }

    #[test]
    fn decoding_stops_at_the_limit() {
        use std::io::Write;
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&vec![b' '; 1_000_000]).unwrap();
        assert_eq!(flate(&encoder.finish().unwrap(), 1000).0.len(), 1001);
        assert!(run_length(&vec![129; 100_000], 1000).len() < 2000);
    }
}
