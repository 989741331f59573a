//! Small files that would become large texts: each one ends in `DOCUMENT_AMPLIFIES`, or yields its text once.

use std::fmt::Write as _;

use nexus_core::document::parser::codes;
use nexus_providers::documents::DocumentLimits;

use super::build::{archive, cell, docx, pptx, xlsx, xlsx_with};
use super::{check_fault, check_fault_within, parse, parse_within};

/// Returns limits under which a small file behaves as a large one does.
fn limits() -> DocumentLimits {
    DocumentLimits { amplification: 20, amplification_from: 64 * 1024, ..DocumentLimits::default() }
}

/// Asserts that the file fails because its text would be far longer than the file.
#[track_caller]
fn check(bytes: impl AsRef<[u8]>, name: &str) {
    check_fault_within(limits(), bytes, name, codes::AMPLIFIES);
}

/// Asserts that the file is read and that its size bounds its text.
#[track_caller]
fn check_bounded(bytes: impl AsRef<[u8]>, name: &str, most: usize) {
    let bytes = bytes.as_ref();
    let (blocks, _) =
        parse_within(limits(), bytes, name).unwrap_or_else(|error| panic!("{}", error.report()));
    let text: usize = blocks.iter().map(String::len).sum();
    assert!(text <= most, "{} bytes became {text}", bytes.len());
}

/// Returns a DOCX table: rows of one cell that spans a hundred columns and continues in each row below.
fn merged(text: &str, rows: usize) -> String {
    let row = |merge: &str, text: &str| {
        format!(
            r#"<w:tr><w:tc><w:tcPr><w:gridSpan w:val="100"/><w:vMerge{merge}/></w:tcPr><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:tc></w:tr>"#
        )
    };
    format!("<w:tbl>{}{}</w:tbl>", row(r#" w:val="restart""#, text), row("", "").repeat(rows))
}

#[test]
fn spans_of_a_word_document_are_bounded() {
    check(docx(&merged(&"wide ".repeat(20), 200)), "a.docx");
    check_bounded(docx(&merged(&"long ".repeat(1_000), 20)), "a.docx", 20_000);
}

#[test]
fn spans_of_a_page_are_bounded() {
    let table = |text: &str| {
        let first = format!("<tr><td rowspan=256 colspan=256>{text}</td></tr>");
        format!("<html><table>{first}{}</table>", "<tr><td>x<td>y</tr>".repeat(255))
    };
    check(table(&"wide ".repeat(20)), "a.html");
    let (blocks, _) = parse(table(&"long ".repeat(1_000)).as_bytes(), "a.html").unwrap();
    let text: usize = blocks.iter().map(String::len).sum();
    assert!(text < 500_000, "the long text stands once: {text} bytes");
}

#[test]
fn empty_spans_take_no_memory_either() {
    let one = "<tr><td rowspan=256 colspan=256></td></tr>".to_owned() + &"<tr>".repeat(255);
    check(format!("<html><table>{}<tr><td>a<td>b</table>", one.repeat(40)), "a.html");
}

#[test]
fn spans_of_a_slide_are_bounded() {
    let first = format!(
        r#"<a:tr><a:tc gridSpan="200" rowSpan="200"><a:p><a:r><a:t>{}</a:t></a:r></a:p></a:tc></a:tr>"#,
        "wide ".repeat(20)
    );
    check(pptx(&[&format!("<a:tbl>{first}{}</a:tbl>", "<a:tr></a:tr>".repeat(199))], &[]), "a.pptx");
}

fn open_document(kind: &str, body: &str) -> Vec<u8> {
    let content = format!("<office:body><office:{kind}>{body}</office:{kind}></office:body>");
    archive(&[("mimetype", "application/vnd.oasis.opendocument.spreadsheet"), ("content.xml", &content)])
}

#[test]
fn repeated_cells_of_an_open_document_are_bounded() {
    let row = |text: &str| {
        format!(
            r#"<table:table-row><table:table-cell table:number-columns-repeated="256"><text:p>{text}</text:p></table:table-cell></table:table-row>"#
        )
    };
    let sheet = |rows: &str| open_document("spreadsheet", &format!("<table:table>{rows}</table:table>"));
    check(sheet(&row(&"wide ".repeat(20)).repeat(50)), "a.ods");
    check_bounded(sheet(&row(&"long ".repeat(1_000)).repeat(3)), "a.ods", 30_000);
}

#[test]
fn tables_in_repeated_cells_do_not_multiply() {
    let mut body = "word ".to_owned();
    for _ in 0..6 {
        body = format!(
            r#"<table:table><table:table-row><table:table-cell table:number-columns-repeated="256"><text:p>{body}</text:p></table:table-cell></table:table-row></table:table>"#
        );
    }
    let parsed = parse_within(limits(), &open_document("text", &body), "a.odt");
    let length = parsed.map_or(0, |(blocks, _)| blocks.iter().map(String::len).sum());
    assert!(length < 2_000_000, "{length} bytes");
}

#[test]
fn a_shared_string_is_charged_each_time_it_is_used() {
    let long = "shared ".repeat(1_000);
    let cells: String = (1..200).fold(String::new(), |mut cells, row| {
        write!(
            cells,
            r#"<row r="{row}"><c r="A{row}" t="s"><v>0</v></c><c r="B{row}" t="s"><v>0</v></c></row>"#
        )
        .unwrap();
        cells
    });
    let strings = format!("<sst><si><t>{long}</t></si></sst>");
    check(xlsx_with(&[("Sheet1", &cells)], &[("xl/sharedStrings.xml", &strings)]), "a.xlsx");
    // All of them in one row, which is written only once it is complete.
    let row: String = (0..200).map(|_| r#"<c t="s"><v>0</v></c>"#).collect();
    let row = format!(r#"<row r="1">{row}</row>"#);
    check(xlsx_with(&[("Sheet1", &row)], &[("xl/sharedStrings.xml", &strings)]), "a.xlsx");
}

#[test]
fn merged_cells_of_a_sheet_are_bounded() {
    let rows = (1..=400).fold(String::new(), |mut rows, row| {
        write!(rows, r#"<row r="{row}">{}</row>"#, cell(&format!("ZZ{row}"), "x")).unwrap();
        rows
    });
    let wide = format!(r#"<row r="1">{}{}</row>"#, cell("A1", &"wide ".repeat(20)), cell("ZZ1", "x"));
    let merges = r#"</sheetData><mergeCells><mergeCell ref="A1:XFC1048576"/></mergeCells><sheetData>"#;
    check(xlsx(&[("Sheet1", &format!("{wide}{rows}{merges}"))]), "a.xlsx");
    let repeated = r#"<table:table-row table:number-rows-repeated="1000000"><table:table-cell><text:p>x</text:p></table:table-cell></table:table-row>"#;
    check(open_document("spreadsheet", &format!("<table:table>{repeated}</table:table>")), "a.ods");
}

/// Returns a workbook whose sheets share one part.
fn one_part(sheets: usize, rows: &str) -> Vec<u8> {
    let (mut entries, mut relations) = (String::new(), String::new());
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    for index in 0..sheets {
        write!(entries, r#"<sheet name="S{index}" sheetId="{index}" r:id="r{index}"/>"#).unwrap();
        write!(
            relations,
            r#"<Relationship Id="r{index}" Type="{office}/worksheet" Target="worksheets/sheet.xml"/>"#
        )
        .unwrap();
    }
    let root = format!(
        r#"<Relationships><Relationship Id="r" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>"#
    );
    archive(&[
        ("_rels/.rels", &root),
        ("xl/workbook.xml", &format!("<workbook><sheets>{entries}</sheets></workbook>")),
        ("xl/_rels/workbook.xml.rels", &format!("<Relationships>{relations}</Relationships>")),
        ("xl/worksheets/sheet.xml", &format!("<worksheet><sheetData>{rows}</sheetData></worksheet>")),
    ])
}

#[test]
fn a_part_under_many_sheet_names_is_charged_each_time_it_is_read() {
    let text: String = (0..2_000).fold(String::new(), |mut rows, row| {
        write!(rows, r#"<row r="{}">{}</row>"#, row + 1, cell(&format!("A{}", row + 1), "x")).unwrap();
        rows
    });
    check(one_part(200, &text), "a.xlsx");
    let silent = "<row></row>".repeat(10_000);
    check(one_part(200, &silent), "a.xlsx");
}

#[test]
fn a_chapter_that_is_listed_many_times_is_charged_each_time() {
    let package = format!(
        r#"<package><manifest><item id="a" href="a.xhtml"/></manifest><spine>{}</spine></package>"#,
        r#"<itemref idref="a"/>"#.repeat(1_000)
    );
    let files = [
        ("mimetype", "application/epub+zip"),
        ("META-INF/container.xml", r#"<container><rootfile full-path="b.opf"/></container>"#),
        ("b.opf", &package),
        ("a.xhtml", "<html><p>short</p></html>"),
    ];
    check(archive(&files), "a.epub");
}

#[test]
fn a_slide_that_is_listed_many_times_is_charged_each_time() {
    let ids = r#"<p:sldId r:id="r"/>"#.repeat(1_000);
    let files = [
        ("ppt/presentation.xml", format!("<p:presentation><p:sldIdLst>{ids}</p:sldIdLst></p:presentation>")),
        (
            "ppt/_rels/presentation.xml.rels",
            r#"<Relationships><Relationship Id="r" Type="x/slide" Target="slide.xml"/></Relationships>"#
                .into(),
        ),
        ("ppt/slide.xml", "<p:sld><p:sp><a:p><a:r><a:t>x</a:t></a:r></a:p></p:sp></p:sld>".into()),
    ];
    check(archive(&files.each_ref().map(|(name, content)| (*name, content.as_str()))), "a.pptx");
}

#[test]
fn rows_are_not_filled_up_to_a_header_that_is_far_wider() {
    let header: String = (0..30_000).map(|_| "a,").collect();
    check_bounded(format!("{header}\n{}", "b\n".repeat(2_000)), "a.csv", 600_000);
    let rtf = format!(r"{{\rtf1 \intbl {}\row {}}}", r"x\cell ".repeat(3_000), r"\cell x\row ".repeat(3_000));
    check_bounded(rtf, "a.rtf", 200_000);
}

#[test]
fn deep_json_is_bounded_by_its_size() {
    let deep = "[".repeat(500) + &"1,".repeat(20_000) + "1" + &"]".repeat(500);
    check_bounded(&deep, "a.json", deep.len() * 20);
    let lists = format!("[{}]", vec!["[1]"; 50_000].join(","));
    check_bounded(&lists, "a.json", lists.len() * 20);
}

#[test]
fn a_zip_bomb_is_refused_by_what_it_declares_and_by_what_it_does() {
    let body = format!("<w:p><w:r><w:t>{}</w:t></w:r></w:p>", "0".repeat(1024 * 1024));
    check(docx(&body), "a.docx");
    // The directory declares each part as small.
    let mut lying = docx(&body);
    let declared = u32::try_from(body.len() + 65).unwrap();
    let places: Vec<usize> = (0..lying.len() - 4)
        .filter(|at| u32::from_le_bytes(lying[*at..at + 4].try_into().unwrap()).abs_diff(declared) < 200)
        .collect();
    assert!(!places.is_empty(), "the directory declares the size of the part");
    for at in places {
        lying[at..at + 4].copy_from_slice(&1000_u32.to_le_bytes());
    }
    check_fault_within(limits(), lying, "a.docx", codes::MALFORMED);
}

#[test]
fn a_part_that_grows_out_of_proportion_is_refused_beside_others_that_do_not() {
    let body = format!("<w:p><w:r><w:t>{}</w:t></w:r></w:p>", "0".repeat(1024 * 1024));
    let mut state = 1_u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b' ' + u8::try_from(state >> 24).unwrap() % 90)
    };
    let picture: String = (0..200_000).map(|_| random()).collect();
    // By its size the archive may unpack to four megabytes, of which one is declared.
    check(super::build::docx_with(&body, &[("word/media/a.png", &picture)]), "a.docx");
}

#[test]
fn titles_and_names_are_cut() {
    let long = "t".repeat(2_000_000);
    let core = format!("<cp:coreProperties><dc:title>{long}</dc:title></cp:coreProperties>");
    let word =
        super::build::docx_with("<w:p><w:r><w:t>text</w:t></w:r></w:p>", &[("docProps/core.xml", &core)]);
    let mail = format!("From: a@b.c\nTo: d@e.f\nSubject: {long}\n\nbody");
    let files = [
        (word, "a.docx"),
        (format!("<html><head><title>{long}</title></head><p>text").into(), "a.html"),
        (format!("# {long}\n\ntext").into(), "a.md"),
        (format!(r#"{{"title": "{long}", "text": "text"}}"#).into(), "a.json"),
        (mail.into(), "a.eml"),
        (format!("<rss><channel><title>{long}</title><item/></channel></rss>").into(), "a.rss"),
    ];
    for (bytes, name) in files {
        let (_, report) = parse(&bytes, name).unwrap_or_else(|error| panic!("{name}: {}", error.report()));
        let title = report.title.unwrap();
        assert_eq!(title.chars().count(), 1_001, "{name}");
        assert!(title.ends_with('…'), "{name}");
    }
}

#[test]
fn names_within_warnings_are_cut() {
    let name = "n".repeat(100_000);
    let mail = format!(
        "From: a@b.c\nTo: d@e.f\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nbody\n--x\nContent-Type: image/png\nContent-Disposition: attachment; filename=\"{name}\"\n\n\u{1}\u{2}\u{3}\u{4}\u{5}\n--x--\n"
    );
    let (_, report) = parse(mail.as_bytes(), "a.eml").unwrap();
    let warning = report.warnings.first().unwrap();
    assert!(warning.len() < 500 && warning.contains("was left out"), "{warning:.600}");
    let sheets = xlsx(&[(&name, &format!(r#"<row r="1">{}</row>"#, cell("A1", "x")))]);
    let (blocks, _) = parse(&sheets, "a.xlsx").unwrap();
    assert_eq!(blocks.first().unwrap().chars().count(), "h1@1 ".len() + 1_001);
}

#[test]
fn a_document_within_its_means_is_read_however_often_it_repeats_itself() {
    let text = "word ".repeat(100_000);
    check_bounded(docx(&format!("<w:p><w:r><w:t>{}</w:t></w:r></w:p>", &text[..20_000])), "a.docx", 20_100);
    assert!(parse(text.as_bytes(), "a.txt").is_ok());
    check_fault(docx(""), "a.docx", codes::EMPTY);
}
