//! Spreadsheets: cells as sheets show them, and everything beside the cells.

use std::collections::BTreeMap;
use std::slice;

use nexus_core::document::UnreadPart;
use nexus_core::document::parser::codes;
use nexus_providers::documents::DocumentLimits;

use super::build::{archive, cell, record, words, xls_cell, xls_of, xlsx, xlsx_with};
use super::{check, check_fault, parse, parse_within};

const STYLES: &str = r#"<styleSheet><numFmts><numFmt numFmtId="164" formatCode="0.0%"/>
    <numFmt numFmtId="165" formatCode="&quot;$&quot;#,##0.00"/><numFmt numFmtId="166" formatCode="[h]:mm"/>
    <numFmt numFmtId="167" formatCode="00000"/><numFmt numFmtId="168" formatCode=";;;"/></numFmts>
    <fonts><font/><font><strike/></font><font><vertAlign val="superscript"/></font></fonts>
    <cellStyleXfs><xf numFmtId="165"/></cellStyleXfs>
    <cellXfs><xf/><xf numFmtId="164"/><xf numFmtId="165"/><xf numFmtId="39"/><xf numFmtId="166"/><xf numFmtId="167"/>
    <xf numFmtId="14"/><xf numFmtId="168"/><xf fontId="1"/><xf fontId="2"/></cellXfs>
    <dxfs><dxf><font><strike/></font><numFmt numFmtId="164" formatCode="0"/></dxf></dxfs></styleSheet>"#;

/// Returns a row of cells with their styles.
fn row(number: u32, cells: &[(&str, &str, u32)]) -> String {
    let cells = cells.iter().map(|(column, value, style)| {
        cell(&format!("{column}{number}"), value).replacen("<c ", &format!("<c s=\"{style}\" "), 1)
    });
    format!(r#"<row r="{number}">{}</row>"#, cells.collect::<String>())
}

#[test]
fn numbers_are_read_as_the_sheet_shows_them() {
    let rows = [
        row(1, &[("A", "item", 0), ("B", "value", 0)]),
        row(2, &[("A", "rate", 0), ("B", "0.075", 1)]),
        row(3, &[("A", "price", 0), ("B", "1234.5", 2)]),
        row(4, &[("A", "loss", 0), ("B", "-250", 3)]),
        row(5, &[("A", "shift", 0), ("B", "1.5", 4)]),
        row(6, &[("A", "code", 0), ("B", "421", 5)]),
        row(7, &[("A", "day", 0), ("B", "45413", 6)]),
        row(8, &[("A", "plain", 0), ("B", "0.1", 0)]),
        r#"<row r="9"><c r="A9" t="inlineStr"><is><t>flag</t></is></c><c r="B9" t="b"><v>1</v></c></row>"#.into(),
        r#"<row r="10"><c r="A10" t="inlineStr"><is><t>error</t></is></c><c r="B10" t="e"><v>#N/A</v></c></row>"#
            .into(),
    ];
    let file = xlsx_with(&[("Sheet1", &rows.concat())], &[("xl/styles.xml", STYLES)]);
    let expected = "table@1 | item | value |\n| --- | --- |\n| rate | 7.5% |\n| price | $1,234.50 |\n| loss | (250.00) |\n\
        | shift | 36:00 |\n| code | 00421 |\n| day | 2024-05-01 |\n| plain | 0.1 |\n| flag | TRUE |\n| error | #N/A |";
    check(file, "a.xlsx", &[expected]);
}

#[test]
fn merged_cells_say_it_in_every_row_and_column() {
    let text = |place: &str, text: &str| cell(place, text);
    let rows = format!(
        r#"<row r="1">{}{}</row><row r="2">{}{}{}</row><row r="3">{}{}{}{}</row><row r="4">{}{}</row><row r="6">{}</row><row r="7">{}{}{}{}</row>"#,
        text("A1", "Region"),
        text("C1", "2024"),
        text("B2", "Depot"),
        text("C2", "Q1"),
        text("D2", "Q2"),
        text("A3", "North"),
        text("B3", "Alnwick"),
        text("C3", "1"),
        text("D3", "2"),
        text("C4", "3"),
        text("D4", "4"),
        text("A6", "All regions"),
        text("A7", "South"),
        text("B7", "Corbridge"),
        text("C7", "5"),
        text("D7", "6"),
    );
    let merges = "</sheetData><mergeCells><mergeCell ref=\"A3:A5\"/><mergeCell ref=\"B3:B5\"/><mergeCell ref=\"C1:D1\"/>\
        <mergeCell ref=\"A1:A2\"/><mergeCell ref=\"A6:D6\"/></mergeCells><sheetData>";
    let expected = "table@1 | Region | Depot | 2024 Q1 | 2024 Q2 |\n| --- | --- | --- | --- |\n| North | Alnwick | 1 | 2 |\n\
        | North | Alnwick | 3 | 4 |\n| All regions |  |  |  |\n| South | Corbridge | 5 | 6 |";
    check(xlsx(&[("Sheet1", &format!("{rows}{merges}"))]), "a.xlsx", &[expected]);
}

#[test]
fn formulas_without_a_value_are_shown_as_formulas() {
    let rows = r#"<row r="1"><c r="A1" t="str"><f>"a"</f><v>name</v></c><c r="B1" t="inlineStr"><is><t>sum</t></is></c></row>
        <row r="2"><c r="A2" t="inlineStr"><is><t>stored</t></is></c><c r="B2"><f>1+1</f><v>2</v></c></row>
        <row r="3"><c r="A3" t="inlineStr"><is><t>total</t></is></c><c r="B3"><f t="shared" si="0" ref="B3:B4">SUM(B1:B2)</f><v></v></c></row>
        <row r="4"><c r="A4" t="inlineStr"><is><t>next</t></is></c><c r="B4"><f t="shared" si="0"/></c></row>
        <row r="5"><c r="A5" t="inlineStr"><is><t>blank</t></is></c><c r="B5" t="str"><f>""</f><v></v></c></row>"#;
    let expected = "table@1 | name | sum |\n| --- | --- |\n| stored | 2 |\n| total | =SUM(B1:B2) |\n| next | =SUM(B2:B3) |\n| blank |  |";
    let report = check(xlsx(&[("Sheet1", rows)]), "a.xlsx", &[expected]);
    assert_eq!(report.unread, BTreeMap::from([(UnreadPart::Formula, 2)]));
    assert!(report.warnings[0].starts_with("2 formulas without a stored value"), "{:?}", report.warnings);
}

#[test]
fn dates_may_count_from_1904() {
    let files = xlsx_with(
        &[("Sheet1", &row(1, &[("A", "43951", 6), ("B", "43951", 0)]))],
        &[("xl/styles.xml", STYLES)],
    );
    check(&files, "a.xlsx", &["table@1 | 2020-04-30 | 43951 |\n| --- | --- |"]);
    let name = |bytes: &[u8]| parse(bytes, "a.xlsx").unwrap().0;
    assert_eq!(name(&workbook_of_1904()), ["table@1 | 2024-05-01 | x |\n| --- | --- |"]);
}

fn workbook_of_1904() -> Vec<u8> {
    let relation = |id: &str, kind: &str, target: &str| {
        format!(r#"<Relationship Id="{id}" Type="x/{kind}" Target="{target}"/>"#)
    };
    let sheet = row(1, &[("A", "43951", 6), ("B", "x", 0)]);
    archive(&[
        (
            "_rels/.rels",
            &format!("<Relationships>{}</Relationships>", relation("r", "officeDocument", "xl/workbook.xml")),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            &format!("<Relationships>{}</Relationships>", relation("s", "worksheet", "sheet.xml")),
        ),
        (
            "xl/workbook.xml",
            r#"<workbook><workbookPr date1904="1"/><sheets><sheet name="Sheet1" sheetId="1" r:id="s"/></sheets></workbook>"#,
        ),
        ("xl/styles.xml", STYLES),
        ("xl/sheet.xml", &format!("<worksheet><sheetData>{sheet}</sheetData></worksheet>")),
    ])
}

/// Returns a workbook with every kind of part beside visible cells.
pub(super) fn full_workbook() -> Vec<u8> {
    let relations = |entries: &[(&str, &str, &str)]| {
        let entry = |(id, kind, target): &(&str, &str, &str)| {
            format!(r#"<Relationship Id="{id}" Type="x/{kind}" Target="{target}"/>"#)
        };
        format!("<Relationships>{}</Relationships>", entries.iter().map(entry).collect::<String>())
    };
    let sheet = format!(
        r#"<worksheet><cols><col min="3" max="4" hidden="1"/></cols><sheetData>{}{}{}{}
        <row r="5"><c r="A5" t="s"><v>0</v></c><c r="B5" s="7"><v>9</v></c><c r="E5" t="s"><v>1</v></c></row></sheetData>
        <headerFooter><oddHeader>&amp;L&amp;BInternal plan&amp;RPage &amp;P</oddHeader><oddFooter>&amp;CFinance &amp;&amp; law</oddFooter>
        <evenHeader>&amp;LInternal plan</evenHeader></headerFooter><drawing r:id="d"/><legacyDrawing r:id="v"/>
        <oleObjects><mc:AlternateContent><mc:Choice><oleObject/></mc:Choice><mc:Fallback><oleObject/></mc:Fallback></mc:AlternateContent></oleObjects>
        <controls><control/></controls></worksheet>"#,
        row(1, &[("A", "name", 0), ("B", "fee", 0), ("C", "secret", 0), ("E", "note", 0)]),
        row(2, &[("A", "Ann", 0), ("B", "400", 0), ("C", "999", 0), ("E", "x", 0)]),
        row(3, &[("A", "Hidden Bob", 0), ("B", "500", 0)])
            .replace(r#"<row r="3""#, r#"<row r="3" hidden="1""#),
        row(4, &[("A", "Cid", 8), ("B", "600", 0), ("E", "2", 9)]),
    );
    let strings = r#"<sst><si><r><t>Fee </t></r><r><rPr><strike/></rPr><t>450</t></r><r><t xml:space="preserve"> 500</t></r></si>
        <si><r><t>x</t></r><r><rPr><vertAlign val="superscript"/></rPr><t>2</t></r><rPh><t>reading</t></rPh></si></sst>"#;
    let comments = r#"<comments><authors><author>Rita Rev</author></authors><commentList>
        <comment ref="A2" authorId="0"><text><r><rPr><b/></rPr><t>Rita Rev:</t></r><r><t> Approved in May</t></r></text></comment>
        <comment ref="A3" authorId="0"><text><t>On a hidden row</t></text></comment>
        <comment ref="B2" authorId="0"><text><t>[Threaded comment] copy</t></text></comment></commentList></comments>"#;
    let threads = r#"<ThreadedComments><threadedComment ref="B2" personId="{p}" id="1"><text>Is this right?</text></threadedComment>
        <threadedComment ref="B2" personId="{p}" id="2" parentId="1"><text>Yes, checked</text></threadedComment></ThreadedComments>"#;
    let drawing = r#"<xdr:wsDr><xdr:sp><xdr:nvSpPr><xdr:cNvPr id="1" name="Box"/></xdr:nvSpPr><xdr:txBody><a:p><a:r><a:rPr/><a:t>Box text</a:t></a:r>
        <a:r><a:rPr strike="sngStrike"/><a:t> old</a:t></a:r></a:p></xdr:txBody></xdr:sp>
        <xdr:pic><xdr:nvPicPr><xdr:cNvPr id="2" name="P" descr="A map of depots"/></xdr:nvPicPr></xdr:pic><xdr:pic><xdr:nvPicPr><xdr:cNvPr id="3" name="Q"/></xdr:nvPicPr></xdr:pic>
        <xdr:graphicFrame><xdr:cNvPr id="4" name="C"/><a:graphic><a:graphicData><c:chart r:id="c"/></a:graphicData></a:graphic></xdr:graphicFrame>
        <xdr:graphicFrame><xdr:cNvPr id="5" name="C"/><a:graphic><a:graphicData><cx:chart r:id="missing"/></a:graphicData></a:graphic></xdr:graphicFrame>
        <xdr:sp><xdr:cNvPr id="6" name="H" hidden="1"/><xdr:txBody><a:p><a:r><a:t>hidden box</a:t></a:r></a:p></xdr:txBody></xdr:sp>
        <xdr:cxnSp><xdr:cNvPr id="7" name="L"/></xdr:cxnSp></xdr:wsDr>"#;
    let chart = r#"<c:chartSpace><c:chart><c:title><c:tx><c:rich><a:p><a:r><a:t>Breakdowns</a:t></a:r></a:p></c:rich></c:tx></c:title><c:plotArea><c:barChart>
        <c:ser><c:tx><c:strRef><c:f>x</c:f><c:strCache><c:pt idx="0"><c:v>Count</c:v></c:pt></c:strCache></c:strRef></c:tx>
        <c:cat><c:strRef><c:strCache><c:pt idx="0"><c:v>2024</c:v></c:pt><c:pt idx="1"><c:v>2025</c:v></c:pt></c:strCache></c:strRef></c:cat>
        <c:val><c:numRef><c:numCache><c:formatCode>General</c:formatCode><c:pt idx="0"><c:v>60</c:v></c:pt><c:pt idx="1"><c:v>73</c:v></c:pt></c:numCache></c:numRef></c:val></c:ser>
        </c:barChart></c:plotArea></c:chart></c:chartSpace>"#;
    let hidden =
        format!("<worksheet><sheetData>{}</sheetData></worksheet>", row(1, &[("A", "Hidden sheet text", 0)]));
    archive(&[
        ("_rels/.rels", &relations(&[("r", "officeDocument", "xl/workbook.xml")])),
        (
            "xl/_rels/workbook.xml.rels",
            &relations(&[
                ("a", "worksheet", "s1.xml"),
                ("b", "worksheet", "s2.xml"),
                ("c", "worksheet", "s3.xml"),
            ]),
        ),
        (
            "xl/workbook.xml",
            r#"<workbook><sheets><sheet name="Plan" r:id="a"/><sheet name="H" state="hidden" r:id="b"/><sheet name="V" state="veryHidden" r:id="c"/></sheets></workbook>"#,
        ),
        ("xl/styles.xml", STYLES),
        ("xl/sharedStrings.xml", strings),
        ("xl/s1.xml", &sheet),
        ("xl/s2.xml", &hidden),
        ("xl/s3.xml", &hidden),
        (
            "xl/_rels/s1.xml.rels",
            &relations(&[
                ("d", "drawing", "drawing.xml"),
                ("n", "comments", "comments.xml"),
                ("t", "threadedComment", "threads.xml"),
            ]),
        ),
        ("xl/comments.xml", comments),
        ("xl/threads.xml", threads),
        ("xl/persons/person.xml", r#"<personList><person displayName="Paul Person" id="{p}"/></personList>"#),
        ("xl/drawing.xml", drawing),
        ("xl/_rels/drawing.xml.rels", &relations(&[("c", "chart", "chart.xml")])),
        ("xl/chart.xml", chart),
    ])
}

/// Parts of [`full_workbook`] that are not read.
pub(super) const UNREAD_OF_WORKBOOK: [(UnreadPart, u32); 11] = [
    (UnreadPart::Attachment, 1),
    (UnreadPart::Chart, 1),
    (UnreadPart::Comment, 1),
    (UnreadPart::Drawing, 1),
    (UnreadPart::FormField, 1),
    (UnreadPart::HiddenColumn, 1),
    (UnreadPart::HiddenRow, 1),
    (UnreadPart::HiddenSheet, 2),
    (UnreadPart::HiddenText, 2),
    (UnreadPart::Image, 1),
    (UnreadPart::StruckText, 3),
];

#[test]
fn everything_beside_the_cells_is_read_or_counted() {
    let expected = [
        "h1@1 Plan",
        "table@1 | name | fee | note |\n| --- | --- | --- |\n| Ann | 400 | x |\n|  | 600 | 2 |\n| Fee 500 |  | x² |",
        "p@1 Box text",
        "p@1 [Image: A map of depots]",
        "p@1 Chart: Breakdowns",
        "table@1 | Category | Count |\n| --- | --- |\n| 2024 | 60 |\n| 2025 | 73 |",
        "p@1 Comment on B2: Is this right?",
        "p@1 Comment on B2: Yes, checked",
        "p@1 Comment on A2: Approved in May",
        "p@1 Header: Internal plan",
        "p@1 Footer: Finance & law",
    ];
    let report = check(full_workbook(), "a.xlsx", &expected);
    assert_eq!(report.unread, BTreeMap::from(UNREAD_OF_WORKBOOK));
}

#[test]
fn hidden_parts_and_names_of_authors_are_read_where_that_is_asked() {
    let limits = DocumentLimits { read_hidden: true, comment_authors: true, ..DocumentLimits::default() };
    let (blocks, report) = parse_within(limits, &full_workbook(), "a.xlsx").unwrap();
    let text = blocks.join("\n");
    for hidden in
        ["secret", "999", "Hidden Bob", "hidden box", "Hidden sheet text", "| 9 |", "On a hidden row"]
    {
        assert!(text.contains(hidden), "{hidden}: {text}");
    }
    assert!(
        text.contains("Comment by Rita Rev on A2: Approved")
            && text.contains("Comment by Paul Person on B2: Is")
    );
    let kinds =
        [UnreadPart::HiddenSheet, UnreadPart::HiddenRow, UnreadPart::HiddenColumn, UnreadPart::HiddenText];
    assert!(kinds.iter().all(|kind| !report.unread.contains_key(kind)), "{:?}", report.unread);
}

#[test]
fn parts_may_have_backslashes_other_cases_and_no_folder() {
    let sheet = format!("<worksheet><sheetData>{}</sheetData></worksheet>", row(1, &[("A", "alone", 0)]));
    let workbook = r#"<workbook><sheets><sheet name="Sheet1" r:id="s"/></sheets></workbook>"#;
    let relation = |kind: &str, target: &str| {
        format!(r#"<Relationships><Relationship Id="s" Type="x/{kind}" Target="{target}"/></Relationships>"#)
    };
    let types = r#"<Types><Override PartName="/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>"#;
    let root = [
        ("[Content_Types].xml", types),
        ("_rels/.rels", &relation("officeDocument", "workbook.xml")),
        ("workbook.xml", workbook),
        ("_rels/workbook.xml.rels", &relation("worksheet", "sheet1.xml")),
        ("sheet1.xml", &sheet),
    ];
    check(archive(&root), "a.xlsx", &["p@1 alone"]);
    let backslashes = [
        ("_rels\\.rels", relation("officeDocument", "xl/workbook.xml")),
        ("xl\\Workbook.xml", workbook.to_owned()),
        ("xl\\_rels\\workbook.xml.rels", relation("worksheet", "worksheets/Sheet1.xml")),
        ("xl\\worksheets\\sheet1.xml", sheet.clone()),
    ];
    let backslashes = backslashes.each_ref().map(|(name, content)| (*name, content.as_str()));
    check(archive(&backslashes), "a.xlsx", &["p@1 alone"]);
}

#[test]
fn a_binary_workbook_is_named() {
    let error = parse(&archive(&[("xl/workbook.bin", "x")]), "a.xlsb").unwrap_err();
    assert_eq!((error.code(), error.hint()), (codes::UNSUPPORTED, Some("save it as XLSX")));
    check_fault(xlsx(&[("Sheet1", "")]), "a.xlsx", codes::EMPTY);
}

/// Returns an ODS with this content and these styles.
fn ods(styles: &str, sheets: &str, parts: &[(&str, &str)]) -> Vec<u8> {
    let content = format!(
        "<office:document-content><office:automatic-styles>{styles}</office:automatic-styles><office:body><office:spreadsheet>\
         <table:content-validations><table:content-validation><text:p>no text</text:p></table:content-validation></table:content-validations>\
         {sheets}</office:spreadsheet></office:body></office:document-content>"
    );
    let mut files = vec![
        ("mimetype", "application/vnd.oasis.opendocument.spreadsheet"),
        ("content.xml", content.as_str()),
    ];
    files.extend_from_slice(parts);
    archive(&files)
}

/// Returns an `OpenDocument` sheet with every kind of part beside visible cells.
pub(super) fn full_opendocument_sheet() -> Vec<u8> {
    let styles = r#"<style:style style:name="off" style:family="table"><style:table-properties table:display="false"/></style:style>
        <style:style style:name="gone" style:family="text"><style:text-properties style:text-line-through-style="solid"/></style:style>
        <style:style style:name="up" style:family="text"><style:text-properties style:text-position="super 58%"/></style:style>"#;
    let text = |text: &str| format!("<table:table-cell><text:p>{text}</text:p></table:table-cell>");
    let sheets = format!(
        r#"<table:table table:name="Plan"><table:table-column/><table:table-column table:visibility="collapse"/><table:table-column table:number-columns-repeated="3"/>
        <table:table-row>{}{}{}{}</table:table-row>
        <table:table-row><table:table-cell table:number-rows-spanned="2"><office:annotation><dc:creator>Rita</dc:creator><text:p>Approved</text:p></office:annotation><text:p>North</text:p></table:table-cell>{}
        <table:table-cell office:value-type="percentage" office:value="0.075"><text:p>7.5%</text:p></table:table-cell><table:table-cell><text:p>x<text:span text:style-name="up">2</text:span></text:p></table:table-cell></table:table-row>
        <table:table-row table:visibility="collapse">{}</table:table-row>
        <table:table-row table:number-rows-repeated="2"><table:covered-table-cell/>{}<table:table-cell office:value-type="percentage" office:value="0.5"/><table:table-cell><text:p>a <text:span text:style-name="gone">b</text:span></text:p></table:table-cell></table:table-row>
        <table:table-row>{}{}<table:table-cell table:formula="of:=SUM([.C2:.C3])"/></table:table-row>
        <table:table-row table:number-rows-repeated="1000000"><table:table-cell table:number-columns-repeated="16000"/></table:table-row>
        <table:shapes><draw:frame><draw:image/><svg:desc>A map</svg:desc></draw:frame><draw:frame><draw:image/></draw:frame><draw:custom-shape><text:p>Box</text:p></draw:custom-shape>
        <draw:frame><draw:object xlink:href="./Object 1"/></draw:frame><draw:frame><draw:object xlink:href="./Object 2"/></draw:frame></table:shapes></table:table>
        <table:table table:name="Off" table:style-name="off"><table:table-row>{}</table:table-row></table:table>"#,
        text("Region"),
        text("secret"),
        text("Share"),
        text("Note"),
        text("hid"),
        text("Hidden Bob"),
        text("hid"),
        text("Total"),
        text("hid"),
        text("Hidden sheet"),
    );
    let chart = r"<office:chart><chart:chart><chart:title><text:p>Shares</text:p></chart:title><table:table><table:table-row><table:table-cell/><table:table-cell><text:p>Q1</text:p></table:table-cell></table:table-row>
        <table:table-row><table:table-cell><text:p>North</text:p></table:table-cell><table:table-cell><text:p>7</text:p></table:table-cell></table:table-row></table:table></chart:chart></office:chart>";
    let print = r"<office:document-styles><style:master-page><style:header><text:p>Internal plan</text:p></style:header><style:footer><text:p>Page <text:page-number>1</text:page-number></text:p></style:footer></style:master-page></office:document-styles>";
    ods(styles, &sheets, &[("Object 1/content.xml", chart), ("styles.xml", print)])
}

/// Parts of [`full_opendocument_sheet`] that are not read.
pub(super) const UNREAD_OF_OPENDOCUMENT_SHEET: [(UnreadPart, u32); 7] = [
    (UnreadPart::Attachment, 1),
    (UnreadPart::Formula, 1),
    (UnreadPart::HiddenColumn, 1),
    (UnreadPart::HiddenRow, 1),
    (UnreadPart::HiddenSheet, 1),
    (UnreadPart::Image, 1),
    (UnreadPart::StruckText, 1),
];

#[test]
fn an_opendocument_sheet_is_read_like_others() {
    let expected = [
        "h1@1 Plan",
        "table@1 | Region | Share | Note |\n| --- | --- | --- |\n| North | 7.5% | x² |\n|  | 50% | a |\n|  | 50% | a |\n| Total | =SUM(C2:C3) |  |",
        "p@1 Comment on A2: Approved",
        "p@1 [Image: A map]",
        "p@1 Box",
        "p@1 Chart: Shares",
        "table@1 |  | Q1 |\n| --- | --- |\n| North | 7 |",
        "p Header: Internal plan",
    ];
    let report = check(full_opendocument_sheet(), "a.ods", &expected);
    assert_eq!(report.unread, BTreeMap::from(UNREAD_OF_OPENDOCUMENT_SHEET));
}

#[test]
fn an_opendocument_sheet_leaves_out_what_its_styles_inherit() {
    let styles = r#"<style:style style:name="gone"><style:text-properties style:text-line-through-style="solid"/></style:style>
        <style:style style:name="heir" style:parent-style-name="gone"/><style:style style:name="unseen"><style:text-properties text:display="none"/></style:style>"#;
    let cell = |style: &str, text: &str| {
        format!(
            r#"<table:table-cell><text:p>{text}<text:span text:style-name="{style}"> more</text:span></text:p></table:table-cell>"#
        )
    };
    let sheet = format!(
        r#"<table:table table:name="Sheet1"><table:table-row>{}{}{}</table:table-row></table:table>"#,
        cell("heir", "a"),
        cell("unseen", "b"),
        cell("none", "c")
    );
    let report =
        check(ods(styles, &sheet, &[]), "a.ods", &["table@1 | a | b | c more |\n| --- | --- | --- |"]);
    let unread = [(UnreadPart::HiddenText, 1), (UnreadPart::StruckText, 1)];
    assert_eq!(report.unread, BTreeMap::from(unread));
}

#[test]
fn an_old_workbook_without_stored_values_shows_its_formulas() {
    // The formula `1+2`, as tokens, and a blank in place of its value.
    let tokens = [0x1E, 1, 0, 0x1E, 2, 0, 0x03];
    let value = [3, 0, 0, 0, 0, 0, 0xFF, 0xFF];
    let formula = |row: u16, value: &[u8]| {
        let place = words(&[row, 1, 0]);
        record(0x0006, &[place.as_slice(), value, &[0; 6], &words(&[7]), &tokens].concat())
    };
    let names = [xls_cell(0, 0, 0, "name"), xls_cell(0, 1, 0, "sum"), xls_cell(1, 0, 0, "total")];
    let blank = [names.concat(), formula(1, &value)];
    let report = check(
        xls_of(&[], &blank),
        "a.xls",
        &["h1@1 Costs", "table@1 | name | sum |\n| --- | --- |\n| total | =1+2 |"],
    );
    assert_eq!(report.unread, BTreeMap::from([(UnreadPart::Formula, 1)]));
    assert_eq!(report.warnings.len(), 1);
    let computed = [names.concat(), formula(1, &value), formula(2, &3_f64.to_le_bytes())];
    let expected = "table@1 | name | sum |\n| --- | --- |\n| total |  |\n|  | 3 |";
    assert!(check(xls_of(&[], &computed), "a.xls", &["h1@1 Costs", expected]).unread.is_empty());
}

#[test]
fn rows_and_columns_without_a_size_are_hidden() {
    let rows = row(1, &[("A", "a", 0), ("B", "b", 0), ("C", "c", 0)])
        + &row(2, &[("A", "1", 0), ("B", "2", 0), ("C", "3", 0)])
            .replace("<row", r#"<row ht="0" customHeight="1""#)
        + &row(3, &[("A", "4", 0), ("B", "5", 0), ("C", "6", 0)]);
    let columns = "<cols><col min=\"2\" max=\"2\" width=\"0\"/></cols><dimension ref=\"A1\"/>\n";
    let report = check(
        xlsx(&[("Sheet1", &format!("{columns}{rows}"))]),
        "a.xlsx",
        &["table@1 | a | c |\n| --- | --- |\n| 4 | 6 |"],
    );
    let unread = [(UnreadPart::HiddenColumn, 1), (UnreadPart::HiddenRow, 1)];
    assert_eq!(report.unread, BTreeMap::from(unread));
}

/// Returns an old workbook with every kind of part beside visible cells.
pub(super) fn full_old_workbook() -> Vec<u8> {
    let text = |text: &str| {
        [words(&[u16::try_from(text.len()).unwrap()]), vec![0], text.as_bytes().to_vec()].concat()
    };
    let font = |struck: u16, level: u16| record(0x0031, &words(&[200, struck, 0, 400, level, 0, 0, 0]));
    let style = |font: u16, format: u16| record(0x00E0, &[words(&[font, format]), vec![0; 16]].concat());
    let format = |id: u16, code: &str| record(0x041E, &[words(&[id]), text(code)].concat());
    let globals = [
        record(0x0022, &words(&[1])),
        font(0, 0),
        font(8, 0),
        font(0, 1),
        format(164, "0.0%"),
        format(165, "[h]:mm"),
        style(0, 0),
        style(0, 164),
        style(0, 165),
        style(1, 0),
        style(2, 0),
        style(0, 14),
    ];
    let hidden_row = record(0x0208, &words(&[3, 0, 9, 255, 0, 0, 0x0120, 0]));
    let hidden_column = record(0x007D, &words(&[2, 2, 2000, 0, 1]));
    let merged = record(0x00E5, &words(&[1, 1, 2, 0, 0]));
    let object = |kind: u16, id: u16| record(0x005D, &words(&[0x15, 0x12, kind, id, 0, 0, 0, 0, 0, 0, 0]));
    let content = |length: u16| record(0x01B6, &words(&[0, 0, 0, 0, 0, length, 8, 0, 0]));
    let note = |row: u16, column: u16, id: u16| {
        record(0x001C, &[words(&[row, column, 0, id]), text("Rita"), vec![0]].concat())
    };
    let sheet = [
        hidden_column,
        hidden_row,
        xls_cell(0, 0, 0, "region"),
        xls_cell(0, 1, 0, "share"),
        xls_cell(0, 2, 0, "secret"),
        xls_cell(0, 3, 0, "note"),
        xls_cell(1, 0, 0, "North"),
        xls_cell(1, 1, 1, "0.075"),
        xls_cell(1, 2, 0, "999"),
        xls_cell(1, 3, 3, "struck"),
        xls_cell(2, 1, 2, "1.5"),
        xls_cell(2, 3, 4, "2"),
        xls_cell(3, 0, 0, "Hidden Bob"),
        xls_cell(4, 0, 0, "South"),
        xls_cell(4, 1, 5, "43951"),
        object(0x19, 1),
        content(14),
        record(0x003C, &[vec![0], b"Rita:\nApproved".to_vec()].concat()),
        object(0x06, 2),
        content(3),
        record(0x003C, &[vec![1], words(&[0x42, 0x6F, 0x78])].concat()),
        object(0x08, 3),
        object(0x05, 4),
        note(1, 0, 1),
        record(0x0014, &text("&LInternal plan")),
        merged,
    ];
    xls_of(&globals, &sheet)
}

/// Parts of [`full_old_workbook`] that are not read.
pub(super) const UNREAD_OF_OLD_WORKBOOK: [(UnreadPart, u32); 5] = [
    (UnreadPart::Chart, 1),
    (UnreadPart::HiddenColumn, 1),
    (UnreadPart::HiddenRow, 1),
    (UnreadPart::Image, 1),
    (UnreadPart::StruckText, 1),
];

#[test]
fn an_old_workbook_is_read_like_others() {
    let expected = [
        "h1@1 Costs",
        "table@1 | region | share | note |\n| --- | --- | --- |\n| North | 7.5% |  |\n| North | 36:00 | ² |\n| South | 2024-05-01 |  |",
        "p@1 Box",
        "p@1 Comment on A2: Approved",
        "p@1 Header: Internal plan",
    ];
    let report = check(full_old_workbook(), "a.xls", &expected);
    assert_eq!(report.unread, BTreeMap::from(UNREAD_OF_OLD_WORKBOOK));
}

#[test]
fn runs_of_an_old_cell_have_fonts_of_their_own() {
    let font = |struck: u16, level: u16| record(0x0031, &words(&[200, struck, 0, 400, level, 0, 0, 0]));
    let rich = |text: &str, runs: &[u16]| {
        let counts = words(&[u16::try_from(runs.len() / 2).unwrap()]);
        let length = words(&[u16::try_from(text.len()).unwrap()]);
        [length, vec![0x08], counts, text.as_bytes().to_vec(), words(runs)].concat()
    };
    let texts = [
        rich("Fee 120 140 EUR", &[4, 1, 8, 0]),
        rich("Area m2", &[6, 2]),
        [words(&[5]), vec![0], b"plain".to_vec()].concat(),
    ];
    let strings = record(0x00FC, &[words(&[3, 0, 3, 0]), texts.concat()].concat());
    let style = record(0x00E0, &[words(&[0, 0]), vec![0; 16]].concat());
    let cell = |column: u16, string: u16| record(0x00FD, &words(&[0, column, 0, string, 0]));
    let sheet = [cell(0, 0), cell(1, 1), cell(2, 2)];
    let file = xls_of(&[font(0, 0), font(8, 0), font(0, 1), style, strings], &sheet);
    let expected = ["h1@1 Costs", "table@1 | Fee 140 EUR | Area m² | plain |\n| --- | --- | --- |"];
    let report = check(file, "a.xls", &expected);
    assert_eq!(report.unread, BTreeMap::from([(UnreadPart::StruckText, 1)]));
}

#[test]
fn runs_of_a_cell_are_shown_in_its_format_and_charged_in_each_cell() {
    let font = |struck: u16| record(0x0031, &words(&[200, struck, 0, 400, 0, 0, 0, 0]));
    let formats = [(164_u16, ";;;"), (165, "@\" EUR\"")]
        .map(|(number, code)| {
            let length = words(&[number, u16::try_from(code.len()).unwrap()]);
            record(0x041E, &[length, vec![0], code.as_bytes().to_vec()].concat())
        })
        .concat();
    let style = |format: u16| record(0x00E0, &[words(&[0, format]), vec![0; 16]].concat());
    let rich = |text: &str, runs: &[u16]| {
        let [runs_of, length] =
            [runs.len() / 2, text.len()].map(|count| words(&[u16::try_from(count).unwrap()]));
        [length, vec![0x08], runs_of, text.as_bytes().to_vec(), words(runs)].concat()
    };
    let strings = |text: Vec<u8>| record(0x00FC, &[words(&[1, 0, 1, 0]), text].concat());
    let cell = |row: u16, column: u16, style: u16| record(0x00FD, &words(&[row, column, style, 0, 0]));

    let globals = [font(0), font(8), formats.clone(), style(0), style(164), style(165)];
    let sheet = [cell(0, 0, 0), cell(0, 1, 1), cell(0, 2, 2)];
    let file = xls_of(&[&globals[..], &[strings(rich("No 5", &[0, 1, 3, 0]))]].concat(), &sheet);
    let report = check(file, "a.xls", &["h1@1 Costs", "table@1 | 5 |  | 5 EUR |\n| --- | --- | --- |"]);
    let hidden = (UnreadPart::HiddenText, 1);
    assert_eq!(report.unread, BTreeMap::from([hidden, (UnreadPart::StruckText, 3)]));

    // One text of many struck runs, in many cells: nothing is written, and the work grows with their product.
    let limits = DocumentLimits { amplification: 1, amplification_from: 20_000, ..DocumentLimits::default() };
    let runs: Vec<u16> = (0..100).flat_map(|at| [at, 1]).collect();
    let shared = strings(rich(&format!("{}5", "x".repeat(99)), &[&runs[..], &[99, 0]].concat()));
    let read = |cells: u16| {
        let cells: Vec<Vec<u8>> = (0..cells).map(|row| cell(row, 0, 0)).collect();
        let file = xls_of(&[&globals[..], slice::from_ref(&shared)].concat(), &cells);
        parse_within(limits.clone(), &file, "a.xls").map(|(_, report)| report.unread)
    };
    assert_eq!(read(10).unwrap(), BTreeMap::from([(UnreadPart::StruckText, 990)]));
    assert_eq!(read(100).unwrap_err().code(), codes::AMPLIFIES);

    let read = |runs: usize| {
        let run = r#"<r><rPr><color rgb="FFFFFFFF"/></rPr><t>x</t></r>"#.repeat(runs);
        let strings = format!("<sst><si>{run}<r><t>5</t></r></si></sst>");
        let rows = r#"<row><c t="s"><v>0</v></c></row>"#.repeat(10_000);
        let file = xlsx_with(&[("Fees", &rows)], &[("xl/sharedStrings.xml", &strings)]);
        parse(&file, "a.xlsx").map(|(_, report)| report.unread)
    };
    assert_eq!(read(10).unwrap(), BTreeMap::from([(UnreadPart::HiddenText, 100_000)]));
    assert_eq!(read(1_000).unwrap_err().code(), codes::AMPLIFIES);
}
