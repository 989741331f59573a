//! Books, and archives that lie.

use nexus_core::document::parser::codes;
use nexus_providers::documents::DocumentLimits;

use super::build::{archive, archive_with_link, docx, paragraph, xlsx};
use super::{check, check_fault, check_fault_within};

const CONTAINER: (&str, &str) = (
    "META-INF/container.xml",
    r#"<container><rootfiles><rootfile full-path="O/book.opf"/></rootfiles></container>"#,
);

#[test]
fn a_book_is_its_chapters_in_order() {
    let package = r#"<package><metadata><dc:title>The Book</dc:title></metadata><manifest><item id="b" href="b%20c.xhtml"/>
        <item id="a" href="a.xhtml"/><item id="x" href="x.xhtml"/></manifest>
        <spine><itemref idref="a"/><itemref idref="b"/><itemref idref="x"/></spine></package>"#;
    let files = [
        ("mimetype", "application/epub+zip"),
        CONTAINER,
        ("O/book.opf", package),
        ("O/b c.xhtml", "<html><body><p>Two</p></body></html>"),
        ("O/a.xhtml", "<html><body><h1>One</h1></body></html>"),
    ];
    let report = check(archive(&files), "a.epub", &["h1 One", "p Two"]);
    assert_eq!(report.title.as_deref(), Some("The Book"));
    assert_eq!(report.warnings, ["the chapter `x.xhtml` is missing"]);
}

#[test]
fn a_protected_book_needs_a_password() {
    let files = [("mimetype", "application/epub+zip"), CONTAINER, ("META-INF/rights.xml", "<rights/>")];
    check_fault(archive(&files), "a.epub", codes::ENCRYPTED);
    let manifest = "<manifest:encryption-data/>";
    let files =
        [("mimetype", "application/vnd.oasis.opendocument.text"), ("META-INF/manifest.xml", manifest)];
    check_fault(archive(&files), "a.odt", codes::ENCRYPTED);
}

#[test]
fn an_archive_of_other_files_is_unsupported() {
    check_fault(archive(&[("a.txt", "text")]), "a.zip", codes::UNSUPPORTED);
}

#[test]
fn a_symbolic_link_is_not_followed() {
    check_fault(archive_with_link("word/document.xml", "/etc/passwd"), "a.docx", codes::MALFORMED);
}

#[test]
fn a_zip_bomb_is_defused() {
    let bomb = paragraph("", &"0".repeat(64 * 1024 * 1024));
    check_fault(docx(&bomb), "a.docx", codes::TOO_LARGE);
    check_fault(xlsx(&[("Bomb", &bomb)]), "a.xlsx", codes::TOO_LARGE);
}

#[test]
fn an_archive_may_not_unpack_beyond_its_budget() {
    let limits = DocumentLimits { unpacked_bytes: 1_000, ..DocumentLimits::default() };
    let body = paragraph("", &"word ".repeat(1_000));
    check_fault_within(limits, docx(&body), "a.docx", codes::TOO_LARGE);
}

#[test]
fn an_archive_of_too_many_files_is_refused() {
    let limits = DocumentLimits { archive_entries: 2, ..DocumentLimits::default() };
    check_fault_within(limits, docx("<w:p/>"), "a.docx", codes::TOO_LARGE);
}
