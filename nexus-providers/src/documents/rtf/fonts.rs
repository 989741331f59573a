//! Encodings of an RTF document: its code page, and those of its fonts.

use std::collections::BTreeMap;

use encoding_rs::Encoding;

/// Maximum number of fonts with an encoding of their own.
const MOST: usize = 4_096;

/// Encodings by font.
#[derive(Default)]
pub(super) struct Fonts {
    current: i64,
    encodings: BTreeMap<i64, &'static Encoding>,
}

impl Fonts {
    /// Takes a control word of the font table.
    pub(super) fn word(&mut self, word: &str, number: Option<i64>) {
        match (word, number) {
            ("f", Some(font)) => self.current = font,
            ("fcharset", Some(charset)) if self.encodings.len() < MOST => {
                self.encodings.extend(of_charset(charset).map(|encoding| (self.current, encoding)));
            }
            ("cpg", Some(page)) if self.encodings.len() < MOST => {
                self.encodings.extend(code_page(page).map(|encoding| (self.current, encoding)));
            }
            _ => {}
        }
    }

    /// Returns the encoding of text in a font, if it has one of its own.
    pub(super) fn encoding(&self, font: i64) -> Option<&'static Encoding> {
        self.encodings.get(&font).copied()
    }
}

fn of_charset(charset: i64) -> Option<&'static Encoding> {
    match charset {
        77 => Some(encoding_rs::MACINTOSH),
        128 => code_page(932),
        129 => code_page(949),
        134 => code_page(936),
        136 => code_page(950),
        161 => code_page(1253),
        162 => code_page(1254),
        163 => code_page(1258),
        177 => code_page(1255),
        178 => code_page(1256),
        186 => code_page(1257),
        204 => code_page(1251),
        222 => code_page(874),
        238 => code_page(1250),
        _ => None,
    }
}

/// Returns the encoding of a Windows code page.
pub(super) fn code_page(number: i64) -> Option<&'static Encoding> {
    match number {
        932 => Some(encoding_rs::SHIFT_JIS),
        936 => Some(encoding_rs::GBK),
        949 => Some(encoding_rs::EUC_KR),
        950 => Some(encoding_rs::BIG5),
        65001 => Some(encoding_rs::UTF_8),
        other => Encoding::for_label(format!("windows-{other}").as_bytes()),
    }
}
