//! Text that a reader does not see: in the colour of its ground, too small, or beside a slide.

use std::collections::BTreeMap;

use nexus_core::document::UnreadPart;
use nexus_providers::documents::DocumentLimits;

use super::build::{archive, cell, docx, xlsx_with};
use super::{parse, parse_within};

/// Asserts that these words are read and the words `secret` are left out, counted, and read on request.
#[track_caller]
fn check(bytes: &[u8], name: &str, words: &[&str], secrets: u32) {
    let (blocks, report) = parse(bytes, name).unwrap();
    let text = blocks.join("\n");
    for word in words {
        assert!(text.contains(word), "{word} is missing: {text}");
    }
    assert!(!text.contains("secret"), "{text}");
    assert_eq!(report.unread, BTreeMap::from([(UnreadPart::HiddenText, secrets)]));
    let limits = DocumentLimits { read_hidden: true, ..DocumentLimits::default() };
    let (blocks, report) = parse_within(limits, bytes, name).unwrap();
    assert!(blocks.join("\n").contains("secret") && report.unread.is_empty(), "{blocks:?}");
}

#[test]
fn white_and_tiny_text_of_a_word_document_is_left_out_and_counted() {
    let run = |properties: &str, text: &str| {
        format!("<w:r><w:rPr>{properties}</w:rPr><w:t xml:space=\"preserve\">{text} </w:t></w:r>")
    };
    let white = r#"<w:color w:val="FFFFFF"/>"#;
    let dark = r#"<w:shd w:val="clear" w:fill="1F3864"/>"#;
    let cell = |properties: &str, text: &str| {
        let runs = run(white, text);
        format!("<w:tc><w:tcPr>{properties}</w:tcPr><w:p>{runs}</w:p></w:tc>")
    };
    let body = [
        format!("<w:p>{}{}</w:p>", run("", "plain"), run(white, "secret-1")),
        format!(
            "<w:p>{}{}</w:p>",
            run(r#"<w:sz w:val="2"/>"#, "secret-2"),
            run(r#"<w:sz w:val="14"/>"#, "small")
        ),
        format!("<w:p>{}</w:p>", run(&format!("{white}{dark}"), "marked")),
        format!("<w:p><w:pPr>{dark}</w:pPr>{}</w:p>", run(white, "shaded")),
        format!(
            "<w:p>{}</w:p>",
            run(r#"<w:color w:val="1F3864"/><w:shd w:val="clear" w:fill="1F3864"/>"#, "secret-3")
        ),
        format!("<w:tbl><w:tr>{}{}</w:tr></w:tbl>", cell(dark, "cell"), cell("", "secret-4")),
        format!(
            "<w:tbl><w:tblPr><w:tblStyle w:val=\"Grid\"/></w:tblPr><w:tr>{}{}</w:tr></w:tbl>",
            cell("", "styled"),
            cell("", "too")
        ),
    ];
    check(&docx(&body.concat()), "a.docx", &["plain", "small", "marked", "shaded", "cell", "styled"], 4);
}

#[test]
fn white_and_tiny_cells_of_a_sheet_are_left_out_and_counted() {
    let styles = r#"<styleSheet><fonts><font/><font><color rgb="FFFFFFFF"/></font><font><color theme="0"/></font><font><sz val="1"/></font></fonts>
        <fills><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>
        <fill><patternFill patternType="solid"><fgColor rgb="FF1F3864"/><bgColor indexed="64"/></patternFill></fill></fills>
        <cellXfs><xf/><xf fontId="1"/><xf fontId="2"/><xf fontId="3"/><xf fontId="1" fillId="2"/></cellXfs></styleSheet>"#;
    let styled = |place: &str, style: u32, text: &str| {
        cell(place, text).replacen("<c ", &format!(r#"<c s="{style}" "#), 1)
    };
    let rows = [
        format!("<row>{}{}</row>", styled("A1", 0, "Name"), styled("B1", 4, "Fee")),
        format!("<row>{}{}</row>", styled("A2", 1, "secret-1"), styled("B2", 2, "77")),
        format!("<row>{}{}</row>", styled("A3", 3, "secret-2"), styled("B3", 0, "5")),
    ];
    let bytes = xlsx_with(&[("Fees", &rows.concat())], &[("xl/styles.xml", styles)]);
    check(&bytes, "a.xlsx", &["Name", "Fee", "5"], 3);
}

#[test]
fn white_runs_within_a_cell_are_left_out_and_counted() {
    let styles = r#"<styleSheet><fonts><font/></fonts><fills><fill/><fill/><fill><patternFill patternType="solid"><fgColor rgb="FF1F3864"/></patternFill></fill></fills>
        <cellXfs><xf/><xf fillId="2"/></cellXfs></styleSheet>"#;
    let runs = |text: &str| {
        format!(
            r#"<r><t xml:space="preserve">Fee </t></r><r><rPr><color rgb="FFFFFFFF"/></rPr><t xml:space="preserve">{text} </t></r><r><t>5</t></r>"#
        )
    };
    let inline = |place: &str, style: u32, text: &str| {
        format!(r#"<c r="{place}" s="{style}" t="inlineStr"><is>{}</is></c>"#, runs(text))
    };
    let shared = |place: &str, style: u32| format!(r#"<c r="{place}" s="{style}" t="s"><v>0</v></c>"#);
    let rows = [
        format!("<row>{}{}</row>", inline("A1", 0, "secret-1"), inline("B1", 1, "shown")),
        format!("<row>{}{}</row>", shared("A2", 0), cell("B2", "7")),
    ];
    let strings = format!("<sst><si>{}</si></sst>", runs("secret-2"));
    let parts = [("xl/styles.xml", styles), ("xl/sharedStrings.xml", strings.as_str())];
    let bytes = xlsx_with(&[("Fees", &rows.concat())], &parts);
    check(&bytes, "a.xlsx", &["Fee 5", "Fee shown 5", "7"], 2);
}

#[test]
fn text_beside_a_slide_or_in_its_colour_is_left_out_and_counted() {
    let shape = |x: i64, properties: &str, run: &str, text: &str| {
        format!(
            r#"<p:sp><p:nvSpPr><p:cNvPr id="2" name="n"/></p:nvSpPr><p:spPr><a:xfrm><a:off x="{x}" y="0"/><a:ext cx="900" cy="900"/></a:xfrm>{properties}</p:spPr>
            <p:txBody><a:p><a:r><a:rPr{run}</a:rPr><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>"#
        )
    };
    let white = "><a:solidFill><a:srgbClr val=\"FFFFFF\"/></a:solidFill>";
    let line = "><a:ln><a:solidFill><a:srgbClr val=\"FFFFFF\"/></a:solidFill></a:ln>";
    let dark = "<a:solidFill><a:srgbClr val=\"203864\"/></a:solidFill>";
    let slides = [
        [
            shape(0, "", ">", "plain"),
            shape(0, "", white, "secret-1"),
            shape(0, "", " sz=\"100\">", "secret-2"),
            shape(-9000, "", ">", "secret-3"),
            shape(9000, dark, white, "secret-4"),
            shape(0, "", line, "outlined"),
            shape(0, dark, white, "filled"),
            shape(0, "", white, "above"),
        ]
        .concat(),
        format!("<p:bg><p:bgPr>{dark}</p:bgPr></p:bg>{}", shape(0, "", white, "night")),
    ];
    let slides: Vec<&str> = slides.iter().map(String::as_str).collect();
    check(&presentation(&slides), "a.pptx", &["plain", "outlined", "filled", "above", "night"], 4);
}

#[test]
fn white_text_in_a_table_of_a_slide_is_left_out_and_counted() {
    let white = "<a:rPr><a:solidFill><a:srgbClr val=\"FFFFFF\"/></a:solidFill></a:rPr>";
    let cell = |properties: &str, text: &str| {
        format!(
            "<a:tc><a:txBody><a:p><a:r><a:t>Fee </a:t></a:r><a:r>{white}<a:t>{text}</a:t></a:r></a:p></a:txBody>\
             <a:tcPr>{properties}</a:tcPr></a:tc>"
        )
    };
    let fill = |colour: &str| format!("<a:solidFill><a:srgbClr val=\"{colour}\"/></a:solidFill>");
    let border = format!("<a:lnL>{}</a:lnL>", fill("203864"));
    let table = |style: &str, cells: &[String]| {
        format!(
            "<p:graphicFrame><a:tbl><a:tblPr>{style}</a:tblPr><a:tr>{}</a:tr></a:tbl></p:graphicFrame>",
            cells.concat()
        )
    };
    let styled = "<a:tableStyleId>{5C22544A-7EE6-4342-B048-85BDC9FD1C3A}</a:tableStyleId>";
    let plain = "<a:tableStyleId>{5940675A-B579-460E-94D1-54222C63F5DA}</a:tableStyleId>";
    let slides = [
        table("", &[cell("", "secret-1"), cell(&fill("203864"), "filled"), cell(&border, "secret-2")]),
        table(styled, &[cell("", "styled"), cell(&fill("FFFFFF"), "secret-3")]),
        table(plain, &[cell("", "secret-4"), cell("<a:noFill/>", "secret-5")]),
    ];
    let slides: Vec<&str> = slides.iter().map(String::as_str).collect();
    check(&presentation(&slides), "a.pptx", &["filled", "styled", "Fee"], 5);
}

/// Returns a PPTX with these slides, which are 9000 wide.
fn presentation(slides: &[&str]) -> Vec<u8> {
    let ids: Vec<String> = (0..slides.len()).map(|at| format!(r#"<p:sldId r:id="r{at}"/>"#)).collect();
    let ids = ids.concat();
    let relation = |at| format!(r#"<Relationship Id="r{at}" Type="x/slide" Target="slides/s{at}.xml"/>"#);
    let relations = (0..slides.len()).map(relation).collect::<Vec<_>>().concat();
    let mut files = vec![
        (
            "ppt/presentation.xml".to_owned(),
            format!(
                r#"<p:presentation><p:sldIdLst>{ids}</p:sldIdLst><p:sldSz cx="9000" cy="6000"/></p:presentation>"#
            ),
        ),
        ("ppt/_rels/presentation.xml.rels".to_owned(), format!("<Relationships>{relations}</Relationships>")),
    ];
    files.extend(slides.iter().enumerate().map(|(at, slide)| {
        (format!("ppt/slides/s{at}.xml"), format!("<p:sld><p:cSld>{slide}</p:cSld></p:sld>"))
    }));
    archive(&files.iter().map(|(name, content)| (name.as_str(), content.as_str())).collect::<Vec<_>>())
}

const ODF_STYLES: &str = r##"<office:automatic-styles>
    <style:style style:name="white" style:family="text"><style:text-properties fo:color="#ffffff"/></style:style>
    <style:style style:name="tiny" style:family="text"><style:text-properties fo:font-size="1pt"/></style:style>
    <style:style style:name="marked" style:family="text"><style:text-properties fo:color="#ffffff" fo:background-color="#203864"/></style:style>
    <style:style style:name="dark" style:family="table-cell"><style:table-cell-properties fo:background-color="#203864"/></style:style>
    <style:style style:name="pale" style:family="table-cell"><style:text-properties fo:color="#ffffff"/></style:style>
    <style:style style:name="shown" style:family="table-cell"><style:table-cell-properties fo:background-color="#203864"/><style:text-properties fo:color="#ffffff"/></style:style>
    </office:automatic-styles>"##;

#[test]
fn white_and_tiny_text_of_an_opendocument_text_is_left_out_and_counted() {
    let span =
        |style: &str, text: &str| format!(r#"<text:span text:style-name="{style}">{text}</text:span>"#);
    let body = [
        format!("<text:p>plain {} and {}</text:p>", span("white", "secret-1"), span("tiny", "secret-2")),
        format!("<text:p>{}</text:p>", span("marked", "marked")),
        format!(
            r#"<table:table><table:table-row><table:table-cell table:style-name="dark"><text:p>{}</text:p></table:table-cell>
            <table:table-cell><text:p>{}</text:p></table:table-cell></table:table-row></table:table>"#,
            span("white", "cell"),
            span("white", "secret-3")
        ),
    ];
    let content = format!(
        "<office:document-content>{ODF_STYLES}<office:body><office:text>{}</office:text></office:body></office:document-content>",
        body.concat()
    );
    let file = archive(&[("mimetype", "application/vnd.oasis.opendocument.text"), ("content.xml", &content)]);
    check(&file, "a.odt", &["plain", "marked", "cell"], 3);
}

#[test]
fn white_text_of_an_opendocument_slide_is_left_out_and_counted() {
    let box_of = |style: &str, text: &str| {
        format!(
            r#"<draw:frame draw:style-name="{style}"><draw:text-box><text:p><text:span text:style-name="white">{text}</text:span></text:p></draw:text-box></draw:frame>"#
        )
    };
    let styles = ODF_STYLES.replace(
        "</office:automatic-styles>",
        r##"<style:style style:name="none" style:family="graphic" style:parent-style-name="filled"><style:graphic-properties draw:fill="none"/></style:style>
        <style:style style:name="filled" style:family="graphic"><style:graphic-properties draw:fill="solid" draw:fill-color="#203864"/></style:style>
        <style:style style:name="night" style:family="drawing-page"><style:drawing-page-properties draw:fill="solid" draw:fill-color="#203864"/></style:style>
        <style:style style:name="photo" style:family="drawing-page"><style:drawing-page-properties draw:fill="bitmap"/></style:style>
        </office:automatic-styles>"##,
    );
    let pages = [
        ("", box_of("none", "secret-1") + &box_of("filled", "filled") + &box_of("none", "above")),
        ("night", box_of("none", "night")),
        ("photo", box_of("none", "photo")),
    ];
    let pages =
        pages.map(|(style, boxes)| format!(r#"<draw:page draw:style-name="{style}">{boxes}</draw:page>"#));
    let content = format!(
        "<office:document-content>{styles}<office:body><office:presentation>{}</office:presentation></office:body></office:document-content>",
        pages.concat()
    );
    let kind = "application/vnd.oasis.opendocument.presentation";
    let file = archive(&[("mimetype", kind), ("content.xml", &content)]);
    check(&file, "a.odp", &["filled", "above", "night", "photo"], 1);
}

#[test]
fn white_cells_of_an_opendocument_sheet_are_left_out_and_counted() {
    let cell = |style: &str, text: &str| {
        format!(r#"<table:table-cell table:style-name="{style}"><text:p>{text}</text:p></table:table-cell>"#)
    };
    let rows = [[cell("none", "Name"), cell("shown", "Fee")], [cell("pale", "secret"), cell("none", "5")]];
    let rows = rows
        .iter()
        .map(|row| format!("<table:table-row>{}</table:table-row>", row.concat()))
        .collect::<Vec<_>>()
        .concat();
    let content = format!(
        "<office:document-content>{ODF_STYLES}<office:body><office:spreadsheet><table:table table:name=\"A\">{rows}</table:table></office:spreadsheet></office:body></office:document-content>"
    );
    let kind = "application/vnd.oasis.opendocument.spreadsheet";
    check(&archive(&[("mimetype", kind), ("content.xml", &content)]), "a.ods", &["Name", "Fee", "5"], 1);
}

#[test]
fn white_and_tiny_text_of_rich_text_is_left_out_and_counted() {
    let text = r"{\rtf1{\colortbl;\red255\green255\blue255;\red31\green56\blue100;}plain {\cf1 secret-1} mid {\fs2 secret-2} {\cf1\chcbpat2 marked}\par
        {\cf2\chcbpat2 secret-3} end\par \trowd\clcbpat2\cellx100\cellx200\pard\intbl{\cf1 dark}\cell x\cell\row\pard {\fs14\cf0 small}\par}";
    check(text.as_bytes(), "a.rtf", &["plain", "mid", "marked", "end", "dark", "small"], 3);
}
