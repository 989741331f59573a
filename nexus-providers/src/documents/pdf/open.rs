//! Opening of a PDF without the library's walk of the page tree.
//!
//! [`Pdf`] reads every page with its resources when it opens a file, which costs pages times resources and cannot be
//! interrupted. So an update with an empty page tree is appended to the file, as the format allows, and the library
//! opens that; the original catalog is looked up by its number. The library handles everything else, damage included.

use hayro_syntax::object::dict::keys;
use hayro_syntax::object::{Dict, FromBytes, MaybeRef, Object, ObjectIdentifier, Stream};
use hayro_syntax::{LoadPdfError, Pdf};
use nexus_core::Result;

use super::SIGNATURE_WITHIN;
use super::decode::{Decoded, filter};
use crate::documents::error;

/// Numbers of the two objects of the update, above those of any file.
const CATALOG: u32 = 4_000_000_000;
const PAGES: u32 = CATALOG + 1;

/// Number of last bytes that hold the end of the format.
const END_WITHIN: usize = 1024;

/// Open file, with the number of its catalog if it names one.
pub(super) struct Opened {
    pub(super) pdf: Pdf,
    pub(super) root: Option<ObjectIdentifier>,
    /// Whether the end of the file is missing.
    pub(super) cut_off: bool,
}

/// Opens the file. With `repair`, its tables are ignored and its objects are searched for.
pub(super) fn open(bytes: &[u8], repair: bool) -> Result<Opened> {
    let within = usize::try_from(SIGNATURE_WITHIN).unwrap_or(usize::MAX).min(bytes.len());
    let signature = find(bytes.get(..within).unwrap_or_default(), b"%PDF-");
    let bytes = bytes.get(signature.unwrap_or(0)..).unwrap_or_default();
    let table = startxref(bytes).filter(|_| !repair).and_then(|at| Some((at, trailer_at(bytes, at)?)));
    let (at, trailer) = match table {
        Some((at, trailer)) => (Some(at), Some(trailer)),
        None => (None, last_trailer(bytes)),
    };
    let root = trailer.as_ref().and_then(|trailer| trailer.get_ref(keys::ROOT)).map(Into::into);
    let tail = bytes.get(bytes.len().saturating_sub(END_WITHIN)..).unwrap_or_default();
    let cut_off = find(tail, b"startxref").is_none() && find(tail, b"%%EOF").is_none();
    match Pdf::new(update(bytes, at, trailer.as_ref())) {
        Ok(pdf) => Ok(Opened { pdf, root, cut_off }),
        Err(LoadPdfError::Decryption(_)) => Err(error::encrypted()),
        Err(LoadPdfError::Invalid) => Err(error::malformed("its PDF structure is incomplete or corrupt")),
    }
}

/// Returns the file with an appended update whose catalog has no pages. If the file has no table, the update has none
/// either, so that the library searches for the objects.
fn update(bytes: &[u8], table: Option<usize>, trailer: Option<&Dict<'_>>) -> Vec<u8> {
    let mut updated = Vec::with_capacity(bytes.len() + 1024);
    updated.extend_from_slice(bytes);
    let mut entries = Vec::new();
    for object in [
        format!("\n{CATALOG} 0 obj<</Type/Catalog/Pages {PAGES} 0 R>>endobj"),
        format!("\n{PAGES} 0 obj<</Type/Pages/Count 0/Kids[]>>endobj"),
    ] {
        entries.push(format!("{:010} 00000 n \n", updated.len() + 1));
        updated.extend_from_slice(object.as_bytes());
    }
    let start = updated.len() + 1;
    if table.is_some() {
        updated.extend_from_slice(format!("\nxref\n{CATALOG} 2\n{}", entries.concat()).as_bytes());
    }
    updated.extend_from_slice(format!("\ntrailer\n<</Root {CATALOG} 0 R").as_bytes());
    for key in [keys::ENCRYPT, keys::ID, keys::INFO] {
        if let Some(value) = trailer.and_then(|trailer| trailer.get_raw::<Object<'_>>(key)) {
            copy(key, &value, &mut updated);
        }
    }
    if let Some(table) = table {
        updated.extend_from_slice(format!("/Prev {table}").as_bytes());
    }
    updated.extend_from_slice(b">>\n");
    let start = if table.is_some() { start } else { 0 };
    updated.extend_from_slice(format!("startxref\n{start}\n%%EOF\n").as_bytes());
    updated
}

fn copy(key: &[u8], value: &MaybeRef<Object<'_>>, into: &mut Vec<u8>) {
    let (open, data, close): (&[u8], &[u8], &[u8]) = match value {
        MaybeRef::Ref(to) => (b" ", &to.to_string().into_bytes(), b""),
        MaybeRef::NotRef(Object::Dict(dict)) => (b"", dict.data(), b""),
        MaybeRef::NotRef(Object::Array(array)) => (b"[", array.data(), b"]"),
        MaybeRef::NotRef(_) => return,
    };
    into.push(b'/');
    for part in [key, open, data, close] {
        into.extend_from_slice(part);
    }
}

/// Returns the declared offset of the object table.
fn startxref(bytes: &[u8]) -> Option<usize> {
    const KEYWORD: &[u8] = b"startxref";
    let at = rfind(bytes, KEYWORD)? + KEYWORD.len();
    let digits = bytes.get(at..)?.iter().skip_while(|byte| byte.is_ascii_whitespace());
    let digits: Vec<u8> = digits.take_while(|byte| byte.is_ascii_digit()).take(10).copied().collect();
    std::str::from_utf8(&digits).ok()?.parse().ok()
}

/// Returns the trailer that belongs to the table or stream at `at`.
fn trailer_at(bytes: &[u8], at: usize) -> Option<Dict<'_>> {
    let table = bytes.get(at..)?.trim_ascii_start();
    let behind: &[u8] = if table.starts_with(b"xref") { b"trailer" } else { b"obj" };
    if behind == b"obj" && !table.first()?.is_ascii_digit() {
        return None;
    }
    let dict = find(table, behind)? + behind.len();
    let dict = Dict::from_bytes(table.get(dict..)?.trim_ascii_start())?;
    dict.get_ref(keys::ROOT).is_some().then_some(dict)
}

/// Returns the last dictionary of the file that names a catalog. It replaces the trailer where the tables are lost.
fn last_trailer(bytes: &[u8]) -> Option<Dict<'_>> {
    let mut before = bytes;
    for _ in 0..64 {
        let root = rfind(before, b"/Root")?;
        before = before.get(..root)?;
        let named = [b"trailer".as_slice(), b"obj"]
            .into_iter()
            .filter_map(|word| Some(rfind(before, word)? + word.len()));
        let dict = named.max().and_then(|at| Dict::from_bytes(bytes.get(at..)?.trim_ascii_start()));
        if let Some(dict) = dict.filter(|dict| dict.get_ref(keys::ROOT).is_some()) {
            return Some(dict);
        }
    }
    None
}

/// Refuses a file whose object streams decode to more than the limit, because the library holds them in memory.
pub(super) fn check_object_streams(bytes: &[u8]) -> Result<()> {
    const LEAST: usize = 16 << 20;
    const MOST: usize = 256 << 20;
    let limit = bytes.len().saturating_mul(200).clamp(LEAST, MOST);
    let mut left = limit;
    let mut looked_at = bytes.len().saturating_mul(4).saturating_add(LEAST);
    let (mut at, mut ended, mut end) = (0, 0, 0);
    while let Some(found) = find(bytes.get(at..).unwrap_or_default(), b"stream").map(|found| at + found) {
        let head = bytes.get(ended..found).unwrap_or_default();
        at = found + b"stream".len();
        if head.ends_with(b"end") {
            ended = at;
            continue;
        }
        let object = rfind(head, b"obj").map_or(0, |object| object + b"obj".len());
        let head = head.get(object..).unwrap_or_default();
        if !may_hold_objects(head) {
            ended = at;
            continue;
        }
        if end < at {
            end = find(bytes.get(at..).unwrap_or_default(), b"endstream")
                .map_or(bytes.len(), |end| at + end + b"endstream".len());
        }
        let dict = bytes.get(ended + object..).unwrap_or_default().trim_ascii_start();
        let length = Dict::from_bytes(head.trim_ascii_start())
            .and_then(|dict| dict.get::<usize>(keys::LENGTH))
            .unwrap_or(0);
        let until = end.max(at.saturating_add(length).saturating_add(16)).min(bytes.len());
        let slice = dict.get(..dict.len() - (bytes.len() - until).min(dict.len())).unwrap_or_default();
        let Some(rest) = looked_at.checked_sub(slice.len()) else {
            return Err(error::malformed("its object streams are nested"));
        };
        looked_at = rest;
        ended = at;
        let Some(stream) = Stream::from_bytes(slice) else { continue };
        match filter(stream.raw_data(), &stream, left) {
            Decoded::Whole(decoded) => left -= decoded.len().min(left),
            Decoded::Damaged(decoded) => left -= decoded.len().min(left),
            Decoded::TooLarge => {
                return Err(error::too_large(format_args!(
                    "its object streams decode to more than {limit} bytes"
                )));
            }
        }
    }
    Ok(())
}

/// Returns whether a stream's dictionary may be that of an object stream or of a table of objects.
fn may_hold_objects(dict: &[u8]) -> bool {
    let has = |word: &[u8]| find(dict, word).is_some();
    has(b"First") || has(b"#") || has(b"XRef") || has(b"/W[") || has(b"/W ")
}

pub(super) fn find(bytes: &[u8], word: &[u8]) -> Option<usize> {
    let first = word.first()?;
    let mut at = 0;
    loop {
        at += bytes.get(at..)?.iter().position(|byte| byte == first)?;
        if bytes.get(at..)?.starts_with(word) {
            return Some(at);
        }
        at += 1;
    }
}

fn rfind(bytes: &[u8], word: &[u8]) -> Option<usize> {
    let first = word.first()?;
    let mut end = bytes.len();
    loop {
        end = bytes.get(..end)?.iter().rposition(|byte| byte == first)?;
        if bytes.get(end..)?.starts_with(word) {
            return Some(end);
        }
    }
}
