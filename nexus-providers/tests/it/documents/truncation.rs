//! Truncated files: every cut yields the first blocks or a clear error, never a panic.

use nexus_core::document::parser::codes;

use super::build::{archive, cell, docx, paragraph, pdf, pptx, xls, xlsx};
use super::parse;

const CLEAR: [&str; 5] =
    [codes::UNSUPPORTED, codes::EMPTY, codes::ENCRYPTED, codes::MALFORMED, codes::TOO_LARGE];

#[track_caller]
fn check_cuts(bytes: &[u8], name: &str) {
    for end in 0..bytes.len() {
        check_survives(&bytes[..end], name, end);
    }
    let mut damaged = bytes.to_vec();
    for at in 0..bytes.len() {
        damaged[at] = !damaged[at];
        check_survives(&damaged, name, at);
        damaged[at] = bytes[at];
    }
}

#[track_caller]
fn check_survives(bytes: &[u8], name: &str, at: usize) {
    if let Err(error) = parse(bytes, name) {
        assert!(CLEAR.contains(&error.code()), "{name} at {at}: {}", error.report());
    }
}

#[test]
fn archives() {
    check_cuts(&docx(&paragraph("", "some text")), "a.docx");
    check_cuts(&pptx(&["<p:sp><a:p><a:r><a:t>x</a:t></a:r></a:p></p:sp>"], &[]), "a.pptx");
    check_cuts(&xlsx(&[("S", &format!(r#"<row r="1">{}</row>"#, cell("A1", "x")))]), "a.xlsx");
    let text = "<office:text><text:p>x</text:p></office:text>";
    check_cuts(
        &archive(&[("mimetype", "application/vnd.oasis.opendocument.text"), ("content.xml", text)]),
        "a.odt",
    );
}

#[test]
fn compound_files() {
    check_cuts(&xls(&[(0, 0, "a"), (0, 1, "b"), (1, 0, "1")]), "a.xls");
}

#[test]
fn pages() {
    check_cuts(&pdf(&[&["One", "Two"], &["Three"]]), "a.pdf");
}

#[test]
fn texts() {
    check_cuts(b"# T\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```\ncode\n```\n<b>x</b>", "a.md");
    check_cuts(
        b"<html><head><title>t</title></head><body><table><tr><td>1<td>2<tr><td>3</table></body></html>",
        "a.html",
    );
    check_cuts(br#"[{"text": "a\u00e9"}, {"title": "b", "text": "c"}]"#, "a.json");
    check_cuts(br"{\rtf1\ansi{\fonttbl x;}\'e9\u8364?\trowd\intbl a\cell\row\pard b\par}", "a.rtf");
    check_cuts(
        b"<?xml version=\"1.0\"?><rss><channel><item><title>x</title></item></channel></rss>",
        "a.xml",
    );
    check_cuts(
        b"From: a@x.org\nSubject: S\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b\n\
          Content-Disposition: attachment; filename=\"f.csv\"\n\na,b\n--b--\n",
        "a.eml",
    );
    check_cuts("ä,ö\n1,2\n".repeat(3).as_bytes(), "a.csv");
    let wide: Vec<u8> = "Wide text.\n\nMore.".encode_utf16().flat_map(u16::to_le_bytes).collect();
    check_cuts(&wide, "a.txt");
}
