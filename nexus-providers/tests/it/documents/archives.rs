//! Books, and archives with false declarations.

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
    check_fault(docx(&bomb), "a.docx", codes::AMPLIFIES);
    check_fault(xlsx(&[("Bomb", &bomb)]), "a.xlsx", codes::AMPLIFIES);
    let slide = format!("<p:sp><a:p><a:r><a:t>{}</a:t></a:r></a:p></p:sp>", "0".repeat(64 * 1024 * 1024));
    check_fault(super::build::pptx(&[&slide], &[]), "a.pptx", codes::AMPLIFIES);
    for kind in ["text", "presentation", "spreadsheet"] {
        let content =
            format!("<office:{kind}><text:p>{}</text:p></office:{kind}>", "0".repeat(64 * 1024 * 1024));
        let mimetype = format!("application/vnd.oasis.opendocument.{kind}");
        check_fault(
            archive(&[("mimetype", &mimetype), ("content.xml", &content)]),
            "a.odt",
            codes::AMPLIFIES,
        );
    }
    let book = [("mimetype", "application/epub+zip"), CONTAINER, ("O/book.opf", bomb.as_str())];
    check_fault(archive(&book), "a.epub", codes::AMPLIFIES);
}

#[test]
fn an_archive_that_declares_more_than_is_allowed_is_refused_before_it_is_unpacked() {
    let bomb = docx(&paragraph("", &"0".repeat(64 * 1024 * 1024)));
    let hints = nexus_core::document::parser::FileHints { name: "a.docx".into(), content_type: None };
    let mut blocks: Vec<nexus_core::document::Block> = Vec::new();
    let parser = nexus_providers::documents::Documents::default();
    let (read, taken) = parser.parse_streaming(&mut std::io::Cursor::new(bomb), &hints, &mut blocks);
    assert_eq!(read.unwrap_err().code(), codes::AMPLIFIES);
    assert!(taken.steps < 10_000, "{} steps", taken.steps);
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

#[test]
fn a_second_main_part_is_refused() {
    let relations = |targets: [&str; 2]| {
        let [a, b] = targets.map(|target| {
            format!(r#"<Relationship Id="{target}" Type="x/officeDocument" Target="{target}"/>"#)
        });
        format!("<Relationships>{a}{b}</Relationships>")
    };
    let body = |text: &str| format!("<w:document><w:body>{}</w:body></w:document>", paragraph("", text));
    let (one, other) = (body("100 euros"), body("900 euros"));
    let file = |relations: &str| {
        archive(&[("_rels/.rels", relations), ("word/a.xml", &one), ("word/b.xml", &other)])
    };
    check_fault(file(&relations(["word/a.xml", "word/b.xml"])), "a.docx", codes::MALFORMED);
    check(file(&relations(["word/b.xml", "/word/b.xml"])), "a.docx", &["p 900 euros"]);
    let slides = ["<p:sp/>"];
    let twice = [("_rels/.rels", relations(["ppt/presentation.xml", "ppt/other.xml"]))];
    let twice = twice.each_ref().map(|(name, content)| (*name, content.as_str()));
    check_fault(super::build::pptx(&slides, &twice), "a.pptx", codes::MALFORMED);
}

#[test]
fn the_first_of_two_parts_of_a_kind_is_read() {
    let relations = r#"<Relationships><Relationship Id="z" Type="x/footnotes" Target="b.xml"/><Relationship Id="a" Type="x/footnotes" Target="a.xml"/></Relationships>"#;
    let document = format!("<w:document><w:body>{}</w:body></w:document>", paragraph("", "body"));
    let file = archive(&[
        ("word/document.xml", &document),
        ("word/_rels/document.xml.rels", relations),
        ("word/a.xml", &paragraph("", "second")),
        ("word/b.xml", &paragraph("", "first")),
    ]);
    check(file, "a.docx", &["p body", "p first"]);
}

#[test]
fn two_files_of_one_name_are_refused() {
    let mut file = archive(&[("word/document.xml", "<a/>"), ("word/documenu.xml", "<b/>")]);
    for at in 0..file.len() - 17 {
        if &file[at..at + 17] == b"word/documenu.xml" {
            file[at + 12] = b't';
        }
    }
    check_fault(file, "a.docx", codes::MALFORMED);
}

#[test]
fn a_chapter_that_cannot_be_read_is_named_and_costs_no_other() {
    let deep = format!("<html>{}x", "<div>".repeat(2_000));
    let package = r#"<package><manifest><item id="a" href="deep.xhtml"/><item id="b" href="b.xhtml"/></manifest><spine><itemref idref="a"/><itemref idref="b"/></spine></package>"#;
    let files = [
        ("mimetype", "application/epub+zip"),
        CONTAINER,
        ("O/book.opf", package),
        ("O/deep.xhtml", &deep),
        ("O/b.xhtml", "<html><p>Two</p></html>"),
    ];
    let report = check(archive(&files), "a.epub", &["p Two"]);
    assert!(report.warnings.first().unwrap().starts_with("the chapter `deep.xhtml` was left out"));
}
