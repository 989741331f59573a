//! Hostile files: each one ends in a clear error.

use nexus_core::document::parser::codes;
use nexus_providers::documents::DocumentLimits;

use super::build::{archive, compound, docx, paragraph, pdf, pptx, xlsx};
use super::{check, check_fault, check_fault_within, parse};

#[test]
fn nothing_is_empty() {
    check_fault("", "a.txt", codes::EMPTY);
    check_fault(" \n\t\r\n", "a.txt", codes::EMPTY);
    check_fault("\u{FEFF}", "a.txt", codes::EMPTY);
    check_fault("<html><body><script>x</script></body></html>", "a.html", codes::EMPTY);
    check_fault(docx("<w:p/>"), "a.docx", codes::EMPTY);
    check_fault(xlsx(&[("Sheet1", "")]), "a.xlsx", codes::EMPTY);
}

#[test]
fn the_hint_for_an_empty_document_fits_its_kind() {
    let hint = |bytes: &[u8], name: &str| parse(bytes, name).unwrap_err().hint().unwrap().to_owned();
    assert!(hint(b" \n", "a.txt").contains("empty or blank"));
    assert!(hint(b"", "a.pdf").contains("empty or blank"));
    assert!(hint(&xlsx(&[("Sheet1", "")]), "a.xlsx").contains("cells"));
    assert!(hint(&docx("<w:p/>"), "a.docx").contains("images of text"));
    assert!(hint(&pdf(&[&[]]), "a.pdf").contains("scanned"));
}

#[test]
fn binary_garbage_is_unsupported() {
    let mut state = 1_u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    let garbage: Vec<u8> = (0..10_000).map(|_| random()).collect();
    check_fault(&garbage, "a.bin", codes::UNSUPPORTED);
    check_fault(&garbage, "a.txt", codes::UNSUPPORTED);
    check_fault([0_u8; 1_000], "a.txt", codes::UNSUPPORTED);
    check_fault([0x89, b'P', b'N', b'G', 13, 10, 26, 10, 0, 0, 0, 13], "a.png", codes::UNSUPPORTED);
}

#[test]
fn old_office_files_are_named_and_protected_ones_told_apart() {
    check_fault(compound(&["Root Entry", "WordDocument"]), "a.doc", codes::UNSUPPORTED);
    check_fault(compound(&["Root Entry", "PowerPoint Document"]), "a.ppt", codes::UNSUPPORTED);
    check_fault(compound(&["Root Entry", "__substg1.0_001A001F"]), "a.msg", codes::UNSUPPORTED);
    check_fault(compound(&["Root Entry", "EncryptedPackage"]), "a.docx", codes::ENCRYPTED);
    check_fault(compound(&["Root Entry", "Workbook"]), "a.xls", codes::MALFORMED);
}

#[test]
fn a_file_over_the_limit_is_refused() {
    let limits = DocumentLimits { source_bytes: 9, ..DocumentLimits::default() };
    check_fault_within(limits, "ten bytes!", "a.txt", codes::TOO_LARGE);
    let limits = DocumentLimits { text_bytes: 9, ..DocumentLimits::default() };
    check_fault_within(limits, "ten bytes!", "a.txt", codes::TOO_LARGE);
    for name in ["a.md", "a.html", "a.json", "a.rtf"] {
        let limits = DocumentLimits { whole_bytes: 9, ..DocumentLimits::default() };
        let content = match name {
            "a.json" => r#"{"text": "long"}"#,
            "a.rtf" => r"{\rtf1 long}",
            _ => "<html>long</html>",
        };
        check_fault_within(limits, content, name, codes::TOO_LARGE);
    }
}

#[test]
fn a_pdf_of_ten_thousand_pages_is_refused() {
    let pages: Vec<&[&str]> = vec![&["Page"]; 10_000];
    check_fault(pdf(&pages), "a.pdf", codes::TOO_LARGE);
}

#[test]
fn entities_are_not_expanded() {
    let laughs = "<?xml version=\"1.0\"?><!DOCTYPE lolz [<!ENTITY lol \"lol\"><!ENTITY lol2 \"&lol;&lol;&lol;\">]><lolz>&lol2;</lolz>";
    check_fault(laughs, "a.xml", codes::MALFORMED);
    let document = laughs.replace("lolz>", "w:document>");
    check_fault(archive(&[("word/document.xml", &document)]), "a.docx", codes::MALFORMED);
}

#[test]
fn deep_nesting_is_refused() {
    let deep = |open: &str, close: &str| format!("{}x{}", open.repeat(100_000), close.repeat(100_000));
    check_fault(format!("<?xml version=\"1.0\"?>{}", deep("<a>", "</a>")), "a.xml", codes::MALFORMED);
    check_fault(docx(&deep("<w:p>", "</w:p>")), "a.docx", codes::MALFORMED);
    check_fault(format!("<html>{}", deep("<div>", "</div>")), "a.html", codes::MALFORMED);
    check_fault(deep("[", "]"), "a.json", codes::MALFORMED);
    check_fault(format!(r"{{\rtf1 {}", deep("{", "}")), "a.rtf", codes::MALFORMED);
}

#[test]
fn the_limit_of_nesting_is_named() {
    let json = format!("{}{}", "[".repeat(1_250_000), "]".repeat(1_250_000));
    let lists = format!("<html>{}", "<ul><li>x".repeat(5_000));
    for (bytes, name) in [(json, "a.json"), (lists, "a.html")] {
        let error = parse(bytes.as_bytes(), name).unwrap_err();
        assert_eq!(error.code(), codes::MALFORMED);
        assert!(error.message().ends_with("are nested more than 512 deep"), "{}", error.report());
    }
}

#[test]
fn indentation_of_nested_json_is_bounded() {
    let values = format!("{}{}1{}", "[".repeat(500), "1,".repeat(200_000), "]".repeat(500));
    let (blocks, _) = parse(values.as_bytes(), "a.json").unwrap();
    let length: usize = blocks.iter().map(String::len).sum();
    assert!(length < values.len() * 6, "{length} bytes from {}", values.len());
}

/// Asserts that the file fails with this code and this reason, without the hint for scans.
#[track_caller]
fn check_left_out(bytes: impl AsRef<[u8]>, name: &str, code: &str, why: &str) {
    let error = parse(bytes.as_ref(), name).unwrap_err();
    assert_eq!(error.code(), code, "{}", error.report());
    assert!(error.message().contains(why), "{}", error.report());
    assert_ne!(error.hint(), Some("a scanned document needs text recognition first"));
}

#[test]
fn a_document_whose_every_part_is_left_out_says_why() {
    let broken = "[[[[".repeat(10);
    check_left_out(format!("{broken}\n{broken}\n"), "a.jsonl", codes::MALFORMED, "no line of it");
    let slides = pptx(&["x"], &[]);
    let slides = renamed(&slides, "slide1.xml", "slide9.xml");
    check_left_out(slides, "a.pptx", codes::MALFORMED, "slide 1 is missing");
    let book = |chapter: &str| {
        let package = r#"<package><manifest><item id="a" href="a.xhtml"/></manifest><spine><itemref idref="a"/></spine></package>"#;
        archive(&[
            ("mimetype", "application/epub+zip"),
            ("META-INF/container.xml", r#"<container><rootfile full-path="b.opf"/></container>"#),
            ("b.opf", package),
            (chapter, &"<div>".repeat(2_000)),
        ])
    };
    check_left_out(book("a.xhtml"), "a.epub", codes::MALFORMED, "nested more than 512 deep");
    check_left_out(book("b.xhtml"), "a.epub", codes::MALFORMED, "the chapter `a.xhtml` is missing");
    let sheets = renamed(&xlsx(&[("Costs", "")]), "sheet0.xml", "sheet9.xml");
    check_left_out(sheets, "a.xlsx", codes::MALFORMED, "workbook");
}

/// Renames some parts of an archive to a name of the same length.
fn renamed(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for at in 0..bytes.len() - from.len() {
        if bytes[at..].starts_with(from.as_bytes()) {
            bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        }
    }
    bytes
}

#[test]
fn deep_markdown_ends_well() {
    let (blocks, _) = parse(format!("{}text", "> ".repeat(50_000)).as_bytes(), "a.md").unwrap();
    assert!(blocks.iter().any(|block| block.contains("text")));
    parse("[".repeat(50_000).as_bytes(), "a.md").unwrap();
}

#[test]
fn a_sheet_of_far_apart_cells_takes_no_room() {
    let far = r#"<row r="1"><c r="A1"><v>1</v></c><c r="XFD1"><v>2</v></c></row><row r="1048576"><c r="XFD1048576"><v>3</v></c></row>"#;
    let (blocks, _) = parse(&xlsx(&[("Sheet1", far)]), "a.xlsx").unwrap();
    assert!(blocks.iter().map(String::len).sum::<usize>() < 10_000, "{blocks:.500?}");
}

#[test]
fn broken_json_is_malformed() {
    check_fault(r#"{"text": "cut"#, "a.json", codes::MALFORMED);
    check_fault("{\"a\": \n{\"b\": \n", "a.jsonl", codes::MALFORMED);
    check_fault(r#"{"nbformat": 4}"#, "a.ipynb", codes::MALFORMED);
}

#[test]
fn control_and_direction_characters_do_no_harm() {
    check("a\u{202E}b\u{7}c\n\nd\0e", "a.txt", &["p a\u{202E}b\u{7}c", "p d\u{FFFD}e"]);
    let body = paragraph("", "a&#x202E;b");
    check(docx(&body), "a.docx", &["p a\u{202E}b"]);
}

#[test]
fn an_old_workbook_that_lies_about_its_sizes_is_malformed() {
    let file = super::build::xls(&[(0, 0, "a"), (0, 1, "b"), (1, 0, "1")]);
    // The directory chain that leads back to itself, and a table that is longer than the file.
    for (at, value) in [(512 + 4, 1_u32), (48, 0xFFFF), (68, 3), (44, u32::MAX)] {
        let mut ring = file.clone();
        ring[at..at + 4].copy_from_slice(&value.to_le_bytes());
        let parsed = parse(&ring, "a.xls");
        let code = |bytes: &[u8]| parse(bytes, "a.xls").map_or_else(|error| error.code(), |_| "");
        let expected = [codes::MALFORMED, codes::UNSUPPORTED];
        assert!(
            parsed.is_ok_and(|(blocks, _)| blocks.len() < 10) || expected.contains(&code(&ring)),
            "at {at}"
        );
    }
}

#[test]
fn formatting_that_is_never_closed_does_not_multiply() {
    let fonts = (0..500).fold(String::new(), |fonts, size| fonts + &format!("<font size={size}>"));
    check_fault(format!("<html>{fonts}{}", "<p>x".repeat(50_000)), "a.html", codes::MALFORMED);
    let (blocks, _) = parse(format!("<html>{}", "<b><p>text".repeat(100)).as_bytes(), "a.html").unwrap();
    assert_eq!(blocks.len(), 100);
}
