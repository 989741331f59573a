//! Code pages that the standards of the web lack, and their detection.

use encoding_rs::{Encoding, MACINTOSH};

use super::Charset;

/// Code page of DOS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum CodePage {
    Cp437,
    Cp850,
}

/// Characters from 0x80 on.
const CP437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐\
    └┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{A0}";
const CP850: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐\
    └┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{AD}±‗¾¶§÷¸°¨·¹³²■\u{A0}";

/// Small letters of the languages of Western Europe beside ASCII.
const LETTERS: &str = "àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿßœ";

impl CodePage {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Cp437 => "IBM437",
            Self::Cp850 => "IBM850",
        }
    }

    /// Decodes a text.
    pub(in super::super) fn decode(self, bytes: &[u8]) -> String {
        let table = self.table();
        let above = |byte: u8| table.get(usize::from(byte & 0x7F)).copied().unwrap_or_default();
        bytes.iter().map(|byte| if byte.is_ascii() { char::from(*byte) } else { above(*byte) }).collect()
    }

    /// Returns the characters of the bytes from 0x80 on.
    fn table(self) -> Vec<char> {
        match self {
            Self::Cp437 => CP437.chars().collect(),
            Self::Cp850 => CP850.chars().collect(),
        }
    }
}

/// Returns the code page that a text is surely in: each byte that stands alone within a word is a small letter of Western
/// Europe there, and none is a small letter of any language in the guessed encoding.
pub(super) fn detect(sample: &[u8], guessed: &'static Encoding) -> Option<Charset> {
    const FEW: usize = 2;
    let within: Vec<u8> = sample
        .array_windows()
        .filter(|[before, byte, after]| {
            before.is_ascii_alphabetic() && !byte.is_ascii() && after.is_ascii_lowercase()
        })
        .map(|[_, byte, _]| *byte)
        .collect();
    if within.len() < FEW || !guessed.is_single_byte() {
        return None;
    }
    let letters =
        |decode: &dyn Fn(u8) -> char| within.iter().filter(|byte| LETTERS.contains(decode(**byte))).count();
    let in_web = |encoding: &'static Encoding, byte: u8| {
        encoding.decode_without_bom_handling(&[byte]).0.chars().next().unwrap_or_default()
    };
    let in_page = |page: CodePage| {
        let table = page.table();
        letters(&|byte| table.get(usize::from(byte & 0x7F)).copied().unwrap_or_default())
    };
    let all = within.len();
    // The sign of the florin is a small letter that no language writes.
    if within.iter().map(|byte| in_web(guessed, *byte)).any(|char| char.is_lowercase() && char != 'ƒ') {
        return None;
    }
    let [of_437, of_850, of_mac] =
        [in_page(CodePage::Cp437), in_page(CodePage::Cp850), letters(&|byte| in_web(MACINTOSH, byte))];
    match (of_437 == all, of_850 == all, of_mac == all) {
        (_, true, false) if of_437 < all || !has_frames(sample) => Some(Charset::Dos(CodePage::Cp850)),
        (true, _, false) => Some(Charset::Dos(CodePage::Cp437)),
        (false, false, true) => Some(Charset::Web(MACINTOSH)),
        _ => None,
    }
}

/// Returns whether lines of frames stand beside each other that only the older code page has.
fn has_frames(sample: &[u8]) -> bool {
    let is_frame = |byte: &u8| matches!(byte, 0xB3..=0xDA);
    let is_older = |byte: &u8| matches!(byte, 0xB5..=0xB8 | 0xBD | 0xBE | 0xC6 | 0xC7 | 0xCF..=0xD8);
    sample
        .array_windows()
        .any(|[one, two]| is_frame(one) && is_frame(two) && (is_older(one) || is_older(two)))
}

#[cfg(test)]
mod tests {
    use encoding_rs::{WINDOWS_1250, WINDOWS_1251, WINDOWS_1252};

    use super::*;

    #[test]
    fn code_pages_are_told_by_letters_within_words() {
        let dos = detect(b"Geb\x81hr f\x81r Gr\x94\xE1e", WINDOWS_1252);
        assert_eq!(dos, Some(Charset::Dos(CodePage::Cp850)));
        let framed = detect(b"\xD5\xCD\xB8 Geb\x81hr f\x81r", WINDOWS_1252);
        assert_eq!(framed, Some(Charset::Dos(CodePage::Cp437)));
        assert_eq!(detect(b"Geb\x9Fhr f\x9Fr", WINDOWS_1252), Some(Charset::Web(MACINTOSH)));
        assert_eq!(detect(b"Geb\xFChr f\xFCr", WINDOWS_1252), None);
        assert_eq!(detect(b"Geb\x81hr", WINDOWS_1252), None);
        // Letters of Central Europe, which are others in the code page of the Macintosh.
        assert_eq!(detect(b"ko\x9Aara, du\x9Aa, ko\x9Ea", WINDOWS_1250), None);
        assert_eq!(detect(b"\xD1\xFA\xE5\xF8\xFC a\x81b", WINDOWS_1251), None);
    }
}
