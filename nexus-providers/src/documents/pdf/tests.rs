//! Counted work of reading documents of growing size.

use std::fmt::Write as _;
use std::io::Write as _;
use std::rc::Rc;

use nexus_core::document::parser::{Block, ParseReport};

use super::budget::WorkBudget;
use super::{document, open, read};
use crate::documents::DocumentLimits;
use crate::documents::block_writer::Output;
use crate::documents::budget::Budget;

/// Returns a file of these objects, the first of which is the catalog.
fn file(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut file = b"%PDF-1.5\n".to_vec();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (index, object) in objects.iter().enumerate() {
        writeln!(table, "{:010} 00000 n ", file.len()).unwrap();
        writeln!(file, "{} 0 obj", index + 1).unwrap();
        file.extend_from_slice(object);
        file.extend_from_slice(b"\nendobj\n");
    }
    let start = file.len();
    let size = objects.len() + 1;
    write!(file, "{table}trailer<</Size {size}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF").unwrap();
    file
}

fn stream(dict: &str, content: &str) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content.as_bytes()).unwrap();
    let content = encoder.finish().unwrap();
    let mut object = format!("<<{dict}/Filter/FlateDecode/Length {}>>stream\n", content.len()).into_bytes();
    object.extend_from_slice(&content);
    object.extend_from_slice(b"\nendstream");
    object
}

/// Returns pages that share one content: objects 1 to 4 are the catalog, the page tree, a font and the content.
fn pages(count: usize, content: &str, resources: &str, more: &[Vec<u8>]) -> Vec<u8> {
    let first = 5 + more.len();
    let mut kids = String::new();
    for page in 0..count {
        write!(kids, "{} 0 R ", first + page).unwrap();
    }
    let mut objects = vec![
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        format!("<</Type/Pages/Count {count}/Kids[{kids}]/Resources<</Font<</F 3 0 R>>{resources}>>>>")
            .into_bytes(),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_vec(),
        stream("", content),
    ];
    objects.extend_from_slice(more);
    let page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R>>".to_vec();
    objects.extend(std::iter::repeat_n(page, count));
    file(&objects)
}

fn line(up: usize) -> String {
    format!("BT /F 10 Tf 30 {up} Td (The quick brown fox jumps over the lazy dog.) Tj ET\n")
}

fn output<'a>(blocks: &'a mut Vec<Block>, limits: &'a DocumentLimits, bytes: &[u8]) -> Output<'a> {
    Output::new(blocks, limits, Rc::new(Budget::new(limits, bytes.len() as u64)))
}

/// Returns the work of reading a file: operators, characters, bytes and look-ups, without its object streams.
fn work(bytes: &[u8]) -> [u64; 4] {
    let (mut blocks, limits) = (Vec::<Block>::new(), DocumentLimits::default());
    let mut budget = WorkBudget::new(bytes.len());
    let opened = open::open(bytes, false).unwrap();
    document(&opened, &mut budget, &mut output(&mut blocks, &limits, bytes)).unwrap();
    budget.spent()
}

fn parse(bytes: &[u8]) -> nexus_core::Result<(Vec<Block>, ParseReport)> {
    let (mut blocks, limits) = (Vec::<Block>::new(), DocumentLimits::default());
    let mut out = output(&mut blocks, &limits, bytes);
    read(&mut std::io::Cursor::new(bytes), &mut out)?;
    let report = out.report;
    Ok((blocks, report))
}

/// Asserts that from n to 2n to 4n each kind of work grows no faster than n.
fn check_linear(what: &str, n: usize, make: impl Fn(usize) -> Vec<u8>) {
    let [one, two, four] = [n, 2 * n, 4 * n].map(|n| work(&make(n)));
    for kind in 0..4 {
        let (first, second) = (two[kind] - one[kind], four[kind] - two[kind]);
        assert!(second <= 2 * first + first / 20 + 200, "{what}: {one:?} {two:?} {four:?}");
    }
}

#[test]
fn work_grows_as_the_pages_do() {
    let content: String = (0..60).map(|index| line(780 - 12 * index)).collect();
    check_linear("pages", 25, |n| pages(n, &content, "", &[]));
}

#[test]
fn work_grows_as_the_drawing_does() {
    let shapes = |n: usize| {
        (0..n).fold(String::new(), |all, at| all + &format!("{} {} 5 5 re S\n", at % 550, at % 780))
    };
    check_linear("shapes", 500, |n| pages(1, &(shapes(n) + &line(700)), "", &[]));
    check_linear("saved states", 2000, |n| pages(1, &("q ".repeat(n) + &line(700)), "", &[]));
    check_linear("operands", 2000, |n| pages(1, &("0 ".repeat(n) + "x\n" + &line(700)), "", &[]));
    check_linear("inline images", 200, |n| pages(1, &"BI /W 1 ID EI EI \u{1} ".repeat(n), "", &[]));
}

#[test]
fn work_grows_as_what_is_named_does() {
    let fonts = |n: usize| {
        let names = (0..n).fold(String::new(), |all, at| all + &format!("/F{at} 3 0 R"));
        let used = (0..n).fold(String::new(), |all, at| all + &format!("BT /F{at} 9 Tf (a) Tj ET\n"));
        pages(1, &used, &format!("/Font<<{names}>>"), &[])
    };
    check_linear("fonts", 100, fonts);
    let forms = |n: usize| {
        let form = stream("/Type/XObject/Subtype/Form/BBox[0 0 9 9]", "q Q");
        pages(1, &"/X Do ".repeat(n), "/XObject<</X 5 0 R>>", &[form])
    };
    check_linear("forms", 100, forms);
}

#[test]
fn work_grows_as_the_annotations_and_the_painted_areas_do() {
    let marks = |n: usize| {
        let comment = "<</Subtype/Text/Contents(Check this)/Rect[0 0 9 9]>>";
        let field = "<</Subtype/Widget/T(a)/V(b)/Rect[90 690 99 710]>>";
        let annotations = format!("/Annots[{}]", (comment.to_owned() + field).repeat(n));
        let objects = [
            "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
            "<</Type/Pages/Count 1/Kids[5 0 R]>>".to_owned(),
            "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_owned(),
            "null".to_owned(),
            format!("<</Type/Page/Resources<</Font<</F 3 0 R>>>>/Contents 6 0 R{annotations}>>"),
        ];
        let mut objects: Vec<Vec<u8>> = objects.map(String::into_bytes).into();
        objects.push(stream("", &line(700)));
        file(&objects)
    };
    check_linear("annotations", 200, marks);
    let painted = |n: usize| "0 0 1 rg 10 690 500 20 re f 10 705 500 1 re f\n".repeat(n) + &line(700);
    check_linear("painted areas", 200, |n| pages(1, &painted(n), "", &[]));
}

#[test]
fn work_grows_as_the_structure_tree_does() {
    let tree = |n: usize| {
        let figures = "<</S/Figure/Alt(A map)/Pg 5 0 R>>".repeat(n);
        let objects = [
            format!("<</Type/Catalog/Pages 2 0 R/StructTreeRoot<</K[{figures}]>>>>"),
            "<</Type/Pages/Count 1/Kids[5 0 R]>>".to_owned(),
            "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_owned(),
            "null".to_owned(),
            "<</Type/Page/Resources<</Font<</F 3 0 R>>>>/Contents 6 0 R>>".to_owned(),
        ];
        let mut objects: Vec<Vec<u8>> = objects.map(String::into_bytes).into();
        objects.push(stream("", &line(700)));
        file(&objects)
    };
    check_linear("structure tree", 200, tree);
}

#[test]
fn work_grows_as_the_depth_of_the_page_tree_does() {
    let tree = |n: usize| {
        let mut objects = vec![b"<</Type/Catalog/Pages 2 0 R>>".to_vec()];
        for at in 0..n {
            objects.push(format!("<</Type/Pages/Count 1/Kids[{} 0 R 2 0 R]>>", at + 3).into_bytes());
        }
        objects.push(format!("<</Type/Page/Contents {} 0 R/Resources<<>>>>", n + 3).into_bytes());
        objects.push(stream("", "q Q"));
        file(&objects)
    };
    check_linear("depth", 100, tree);
}

#[test]
fn large_shared_resources_are_read_once() {
    let names = (0..500).fold(String::new(), |all, at| all + &format!("/F{at} 3 0 R"));
    let file = |n| pages(n, &line(700), &format!("/ExtGState<<{names}>>"), &[]);
    check_linear("inherited resources", 20, file);
    let [_, _, bytes, _] = work(&file(80));
    assert!(bytes < 200_000, "{bytes}");
}

#[test]
fn a_page_over_its_budget_is_left_out_and_named() {
    let form = stream(
        "/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</Font<</F 3 0 R>>>>",
        &line(1).repeat(30),
    );
    let content = "/X Do ".repeat(600);
    let mut bytes = pages(2, &line(700), "/XObject<</X 5 0 R>>", &[form, stream("", &content)]);
    let at = bytes.windows(16).rposition(|window| window == b"/Contents 4 0 R>").unwrap();
    bytes[at + 10] = b'6';
    let (blocks, report) = parse(&bytes).unwrap();
    assert_eq!(blocks.len(), 1);
    assert_eq!(report.pages, Some(2));
    assert_eq!(report.warnings, ["cannot read page 2: it takes more than 500000 characters"]);
}

/// Asserts that a document whose pages share this content fails for this exceeded limit, and not as a scan.
#[track_caller]
fn check_exhausted(bytes: &[u8], why: &str) {
    use nexus_core::document::parser::{BlockSink, DocumentParser, FileHints};
    let mut blocks = Vec::<Block>::new();
    let hints = FileHints { name: "a.pdf".into(), content_type: None };
    let sink: &mut dyn BlockSink = &mut blocks;
    let parsed =
        crate::documents::Documents::default().parse(&mut std::io::Cursor::new(bytes.to_vec()), &hints, sink);
    let error = parsed.unwrap_err();
    assert_eq!(error.code(), "DOCUMENT_TOO_LARGE", "{}", error.report());
    assert_eq!(error.message(), format!("the document is too large: {why}"));
    assert_eq!(error.hint(), None);
}

#[test]
fn a_document_without_a_page_within_its_budget_fails_with_what_ran_out() {
    let lines = line(700).repeat(12_000);
    check_exhausted(&pages(1, &lines, "", &[]), "page 1 takes more than 500000 characters");
    check_exhausted(&pages(3, &lines, "", &[]), "page 1 takes more than 500000 characters");
    let blanks = " ".repeat(140 << 20);
    check_exhausted(&pages(1, &blanks, "", &[]), "page 1 takes more than 134217728 bytes of decoded content");
    let form = |inner: usize| {
        let resources = format!("/Resources<</XObject<</X {inner} 0 R>>>>");
        stream(&format!("/Type/XObject/Subtype/Form/BBox[0 0 9 9]{resources}"), &"/X Do ".repeat(50))
    };
    let nested: Vec<Vec<u8>> = (6..13).map(form).chain([form(2)]).collect();
    let bytes = pages(1, &"/X Do ".repeat(50), "/XObject<</X 5 0 R>>", &nested);
    check_exhausted(&bytes, "page 1 takes more than 5000000 drawing operators");
}

#[test]
fn a_limit_that_was_passed_comes_before_other_reasons_to_leave_a_page_out() {
    let whole = pages(2, &line(700).repeat(12_000), "", &[]);
    let bytes = whole.windows(5).rposition(|window| window == b"5 0 o").map(|at| {
        let mut bytes = whole.clone();
        bytes[at] = b'9';
        bytes
    });
    check_exhausted(&bytes.unwrap(), "page 2 takes more than 500000 characters");
}

#[test]
fn forms_that_draw_themselves_end() {
    let form =
        stream("/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 5 0 R>>>>", "/X Do /X Do");
    let bytes = pages(1, &(line(700) + "/X Do"), "/XObject<</X 5 0 R>>", &[form]);
    let (blocks, _) = parse(&bytes).unwrap();
    assert_eq!(blocks.len(), 1);
}

#[test]
fn object_streams_that_decode_to_too_much_are_refused() {
    let bomb = stream("/Type/ObjStm/N 1/First 4", &" ".repeat(20 << 20));
    let error = parse(&pages(1, &line(700), "", &[bomb])).unwrap_err();
    assert_eq!(error.code(), "DOCUMENT_TOO_LARGE");
}

#[test]
fn fonts_with_endless_ranges_do_not_fill_memory() {
    let wide = |widths: &str| {
        let font = "<</Type/Font/Subtype/Type0/BaseFont/A/Encoding/Identity-H/DescendantFonts[6 0 R]>>";
        let below = format!("<</Type/Font/Subtype/CIDFontType2/BaseFont/A{widths}>>");
        let content = line(700) + "BT /G 9 Tf <0041> Tj ET";
        let more = [font.as_bytes().to_vec(), below.into_bytes()];
        parse(&pages(1, &content, "/Font<</F 3 0 R/G 5 0 R>>", &more)).unwrap().0.len()
    };
    assert_eq!(wide("/W[0 4294967295 500]"), 1);
    assert_eq!(wide("/W2[0 4294967295 500 1 1]"), 1);
    let simple = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/FirstChar 4000000000/LastChar 4000000001/Widths[1 2]>>";
    let content = line(700) + "BT /G 9 Tf (x) Tj ET";
    let font = [simple.as_bytes().to_vec()];
    assert!(parse(&pages(1, &content, "/Font<</F 3 0 R/G 5 0 R>>", &font)).is_ok());
}

#[test]
fn what_is_before_the_signature_and_a_lost_table_do_not_matter() {
    let whole = pages(3, &line(700), "", &[]);
    let expected = parse(&whole).unwrap().0;
    let mut junk = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    junk.extend_from_slice(&whole);
    assert_eq!(parse(&junk).unwrap().0, expected);
    let table = whole.windows(4).position(|window| window == b"xref").unwrap();
    assert_eq!(parse(&whole[..table]).unwrap().0, expected);
    let mut moved = whole;
    let length = moved.len();
    moved[length - 8] = b'7';
    assert_eq!(parse(&moved).unwrap().0, expected);
}

#[test]
fn pages_that_the_file_lacks_are_named() {
    let whole = pages(3, &line(700), "", &[]);
    let last = whole.windows(6).rposition(|window| window == b"7 0 ob").unwrap();
    let (blocks, report) = parse(&whole[..last]).unwrap();
    assert_eq!((blocks.len(), report.pages), (2, Some(3)));
    assert_eq!(report.warnings, ["page 3 could not be read: the file is cut off"]);
}
