//! Characters of symbol fonts, which have code points of their own in each font.

/// Returns the character that a symbol font shows for a code, if it is a known one.
pub(super) fn character(font: &str, code: u32) -> Option<char> {
    let code = if (0xF000..=0xF0FF).contains(&code) { code - 0xF000 } else { code };
    match font.to_ascii_lowercase().as_str() {
        "wingdings" => wingdings(code),
        "wingdings 2" => wingdings_2(code),
        "symbol" => symbol(code),
        _ => char::from_u32(code).filter(|_| code >= 0x20),
    }
}

fn wingdings(code: u32) -> Option<char> {
    Some(match code {
        0x6C | 0x9F | 0xA7 => '•',
        0x6F | 0xA8 | 0x71 => '☐',
        0xFB => '✗',
        0xFC => '✓',
        0xFD | 0x78 => '☒',
        0xFE => '☑',
        0xE0 | 0xE8 => '→',
        0xDF => '←',
        0xF3 => '⇔',
        _ => return None,
    })
}

fn wingdings_2(code: u32) -> Option<char> {
    Some(match code {
        0x4F => '✗',
        0x50 => '✓',
        0x51 | 0x53 | 0x54 => '☒',
        0x52 => '☑',
        0x30 | 0x35 | 0xA3 => '☐',
        _ => return None,
    })
}

fn symbol(code: u32) -> Option<char> {
    const CAPITALS: &str = "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ";
    const SMALL: &str = "αβχδεφγηιϕκλμνοπθρστυϖωξψζ";
    let letter = |letters: &str, first: u32| letters.chars().nth((code - first) as usize);
    match code {
        0x41..=0x5A => letter(CAPITALS, 0x41),
        0x61..=0x7A => letter(SMALL, 0x61),
        0xA3 => Some('≤'),
        0xA5 => Some('∞'),
        0xAE => Some('→'),
        0xB0 => Some('°'),
        0xB1 => Some('±'),
        0xB3 => Some('≥'),
        0xB4 => Some('×'),
        0xB7 => Some('•'),
        0xB8 => Some('÷'),
        0xB9 => Some('≠'),
        0xBB => Some('≈'),
        0xD6 => Some('√'),
        0xE5 => Some('∑'),
        0xF2 => Some('∫'),
        0x20..=0x3F => char::from_u32(code),
        _ => None,
    }
}
