//! Character encodings: characters survive each of them.

use encoding_rs::{Encoding, ISO_2022_JP, SHIFT_JIS, WINDOWS_1251, WINDOWS_1252};

use super::build::archive_of_bytes;
use super::{check, parse};

const TEXT: &str = "Wide and narrow.\n\nZwölf Boxkämpfer jagen Viktor quer über den Sylter Deich.";
const BLOCKS: &[&str] =
    &["p Wide and narrow.", "p Zwölf Boxkämpfer jagen Viktor quer über den Sylter Deich."];

#[track_caller]
fn check_encoding(bytes: &[u8], encoding: &str, expected: &[&str]) {
    assert_eq!(check(bytes, "a.txt", expected).encoding.as_deref(), Some(encoding));
}

fn utf16(text: &str, big_endian: bool) -> Vec<u8> {
    text.encode_utf16()
        .flat_map(|unit| if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() })
        .collect()
}

fn utf32(text: &str, big_endian: bool) -> Vec<u8> {
    let units = text.chars().map(u32::from);
    units.flat_map(|unit| if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}

#[test]
fn wide_units_are_recognised_with_and_without_a_mark() {
    for mark in ["", "\u{FEFF}"] {
        let text = format!("{mark}{TEXT}");
        check_encoding(&utf16(&text, false), "UTF-16LE", BLOCKS);
        check_encoding(&utf16(&text, true), "UTF-16BE", BLOCKS);
        check_encoding(&utf32(&text, false), "UTF-32LE", BLOCKS);
        check_encoding(&utf32(&text, true), "UTF-32BE", BLOCKS);
        check_encoding(text.as_bytes(), "UTF-8", BLOCKS);
    }
}

#[track_caller]
fn check_legacy(encoding: &'static Encoding, text: &str) {
    let (bytes, _, lossy) = encoding.encode(text);
    assert!(!lossy);
    check_encoding(&bytes, encoding.name(), &[&format!("p {text}")]);
}

#[test]
fn legacy_encodings_are_guessed() {
    check_legacy(WINDOWS_1252, "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich – für 10 €.");
    check_legacy(WINDOWS_1251, "Съешь же ещё этих мягких французских булок да выпей чаю.");
    check_legacy(SHIFT_JIS, "いろはにほへと ちりぬるを わかよたれそ つねならむ");
    check_legacy(ISO_2022_JP, "請求書は十年間保存する");
    check_encoding(b"a \x1B[31mred\x1B[0m line", "UTF-8", &["p a \u{1B}[31mred\u{1B}[0m line"]);
}

#[test]
fn a_page_is_read_in_the_encoding_it_declares() {
    let html = "<html><head><meta charset=iso-8859-2></head><body><p>Zażółć gęślą jaźń</p></body></html>";
    let (bytes, encoding, _) = Encoding::for_label(b"iso-8859-2").unwrap().encode(html);
    assert_eq!(check(&bytes, "a.html", &["p Zażółć gęślą jaźń"]).encoding.as_deref(), Some(encoding.name()));
}

#[test]
fn one_broken_character_among_thousands_is_damage() {
    let mut bytes = "ä".repeat(2_000).into_bytes();
    bytes.insert(1_000, 0xFF);
    let expected = format!("p {}\u{FFFD}{}", "ä".repeat(500), "ä".repeat(1_500));
    check_encoding(&bytes, "UTF-8", &[&expected]);
}

#[test]
fn a_character_on_the_edge_of_a_buffer_stays_whole() {
    for padding in 65_530..65_540 {
        let text = format!("{} ä漢😀", "x".repeat(padding));
        let blocks = super::parse(text.as_bytes(), "a.txt").unwrap().0;
        assert!(blocks.last().unwrap().ends_with("ä漢😀"), "{padding}");
    }
}

#[test]
fn a_few_broken_characters_do_not_change_the_encoding() {
    let text = "Die Gebühr für Öffnungen beträgt fünf Euro.";
    let mut bytes = text.as_bytes().to_vec();
    bytes.extend_from_slice(b" Ende \xFF.");
    let report = check(&bytes, "a.txt", &[&format!("p {text} Ende \u{FFFD}.")]);
    assert_eq!(report.encoding.as_deref(), Some("UTF-8"));
    assert_eq!(report.warnings, ["U+FFFD stands for characters that cannot be decoded: 1"]);
}

#[test]
fn a_text_that_is_mostly_undecodable_is_refused() {
    let text = format!("{} end", "\u{FFFD}".repeat(40));
    for name in ["a.txt", "a.md", "a.csv", "a.html"] {
        super::check_fault(&text, name, nexus_core::document::parser::codes::MALFORMED);
    }
}

#[test]
fn tables_are_read_in_legacy_encodings() {
    let expected = ["table | Straße | Größe |\n| --- | --- |\n| Am Bühl | 5 € |"];
    let text = "Straße;Größe\nAm Bühl;5 €\n";
    check(&*WINDOWS_1252.encode(text).0, "a.csv", &expected);
    check(utf16(text, false), "a.csv", &expected);
    check(utf16(&format!("\u{FEFF}{text}"), true), "a.csv", &expected);
    let text = "名前,住所\n佐藤,東京都\n鈴木,大阪府\n";
    let expected = ["table | 名前 | 住所 |\n| --- | --- |\n| 佐藤 | 東京都 |\n| 鈴木 | 大阪府 |"];
    check(&*SHIFT_JIS.encode(text).0, "a.csv", &expected);
}

#[test]
fn xml_is_read_in_the_encoding_it_declares() {
    for (label, text) in
        [("windows-1251", "Цена замка 35 р"), ("ISO-8859-15", "Preis 35 €"), ("koi8-r", "Да")]
    {
        let xml = format!("<?xml version='1.0' encoding='{label}'?><a>{text}</a>");
        let encoding = Encoding::for_label(label.as_bytes()).unwrap();
        let report = check(encoding.encode(&xml).0, "a.xml", &[&format!("p {text}")]);
        assert_eq!(report.encoding.as_deref(), Some(encoding.name()));
        let feed = xml.replace("<a>", "<rss><channel><title>").replace("</a>", "</title></channel></rss>");
        check(encoding.encode(&feed).0, "a.xml", &[&format!("h1 {text}")]);
    }
    check(
        "<?xml version='1.0' encoding='iso-8859-1'?><a>Schlüssel für Öfen</a>",
        "a.xml",
        &["p Schlüssel für Öfen"],
    );
}

#[test]
fn parts_of_an_archive_are_read_in_their_encoding() {
    let relations = r#"<Relationships><Relationship Id="r1" Type="x/officeDocument" Target="word/document.xml"/></Relationships>"#;
    let file =
        |part: &[u8]| archive_of_bytes(&[("_rels/.rels", relations.as_bytes()), ("word/document.xml", part)]);
    let body = |label: &str| {
        format!(
            "<?xml version=\"1.0\" encoding=\"{label}\"?><w:document><w:body><w:p><w:r><w:t>Gebühr – 35 €</w:t></w:r></w:p></w:body></w:document>"
        )
    };
    check(file(&utf16(&format!("\u{FEFF}{}", body("UTF-16")), false)), "a.docx", &["p Gebühr – 35 €"]);
    check(file(&utf16(&body("UTF-16"), true)), "a.docx", &["p Gebühr – 35 €"]);
    check(file(&WINDOWS_1252.encode(&body("windows-1252")).0), "a.docx", &["p Gebühr – 35 €"]);
    check(file(body("utf-8").as_bytes()), "a.docx", &["p Gebühr – 35 €"]);
}

#[test]
fn latin_9_is_told_by_its_euro_sign_and_its_letters() {
    let latin_9 = Encoding::for_label(b"iso-8859-15").unwrap();
    check_legacy(latin_9, "Das Schloss kostet 35 € und der Schlüssel 7 €.");
    check_legacy(latin_9, "L'œuvre complète, le cœur et la sœur.");
    check_legacy(WINDOWS_1252, "Nehmen Sie ½ Pfund Möhren und 2¼ Liter Brühe.");
    check_legacy(
        WINDOWS_1252,
        "Für die Söhne geht´s nicht größer, und der Müller weiß´s schon über die Brücke.",
    );
}

#[test]
fn an_encoding_that_is_a_wrong_guess_is_reported() {
    let report = parse(b"Artikel;M\x81hle\nTee;7\n", "a.csv").unwrap().1;
    assert!(report.warnings[0].contains("is a guess that may be wrong"), "{:?}", report.warnings);
    let report = parse(&WINDOWS_1252.encode("Müller sagt: „Für 7 €…“ – größer").0, "a.txt").unwrap().1;
    assert_eq!(report.warnings, [""; 0]);
}

#[test]
fn code_pages_of_dos_and_the_macintosh_are_told_by_letters_within_words() {
    let expected = ["table | Artikel | Größe |\n| --- | --- |\n| Müller | für 7 |"];
    let report = check(b"Artikel;Gr\x94\xE1e\nM\x81ller;f\x81r 7\n", "a.csv", &expected);
    assert_eq!((report.encoding.as_deref(), report.warnings.len()), (Some("IBM850"), 0));
    let report = check(b"Artikel;Gr\x9A\xA7e\nM\x9Fller;f\x9Fr 7\n", "a.csv", &expected);
    assert_eq!((report.encoding.as_deref(), report.warnings.len()), (Some("macintosh"), 0));
}
