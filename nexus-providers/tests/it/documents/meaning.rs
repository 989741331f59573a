//! Meaning of formatting in Office documents: text that is struck out or hidden, marks, comments, and what is counted.

use std::collections::BTreeMap;

use nexus_core::document::UnreadPart;
use nexus_core::document::parser::ParseReport;
use nexus_providers::documents::DocumentLimits;

use super::build::{archive, docx, docx_related, paragraph, pptx};
use super::{check, parse_within};

/// Asserts that a report counts exactly these parts.
#[track_caller]
pub(super) fn check_unread(report: &ParseReport, expected: &[(UnreadPart, u32)]) {
    assert_eq!(report.unread, expected.iter().copied().collect::<BTreeMap<_, _>>());
}

pub(super) fn run(properties: &str, text: &str) -> String {
    format!(r#"<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>"#)
}

#[test]
fn docx_leaves_struck_text_out_and_counts_it() {
    let body = [
        "<w:p>",
        &run("", "The annual fee is "),
        &run("<w:strike/>", "40"),
        &run("<w:strike/><w:b/>", "0"),
        &run("", " 450 crowns, not "),
        &run("<w:dstrike/>", "600 "),
        &run(r#"<w:strike w:val="0"/>"#, "500, a year."),
        "</w:p><w:p><w:del>",
        "<w:r><w:delText>deleted</w:delText></w:r></w:del>",
        &run(r#"<w:rStyle w:val="Gone"/>"#, "gone"),
        &run("", "kept"),
        "</w:p>",
    ];
    let styles = r#"<w:styles><w:style w:styleId="Gone"><w:rPr><w:strike/></w:rPr></w:style></w:styles>"#;
    let bytes = docx_related(&body.concat(), &[("styles", "styles.xml", styles)]);
    let report = check(bytes, "a.docx", &["p The annual fee is 450 crowns, not 500, a year.", "p kept"]);
    check_unread(&report, &[(UnreadPart::StruckText, 3)]);
}

#[test]
fn docx_leaves_hidden_text_out_unless_it_is_wanted() {
    let body = format!("<w:p>{}{}</w:p>", run("", "Seen. "), run("<w:vanish/>", "Unseen."));
    check_unread(&check(docx(&body), "a.docx", &["p Seen."]), &[(UnreadPart::HiddenText, 1)]);
    let limits = DocumentLimits { read_hidden: true, ..DocumentLimits::default() };
    let (blocks, report) = parse_within(limits, &docx(&body), "a.docx").unwrap();
    assert_eq!(blocks, ["p Seen. Unseen."]);
    check_unread(&report, &[]);
}

#[test]
fn docx_marks_superscripts_and_tells_notes_from_digits() {
    let raised = |text: &str| run(r#"<w:vertAlign w:val="superscript"/>"#, text);
    let body = [
        "<w:p>",
        &run("", "10"),
        &raised("-"),
        &raised("6"),
        &run("", " m"),
        &raised("2"),
        &run("", " of CO"),
        &run(r#"<w:vertAlign w:val="subscript"/>"#, "2"),
        &run("", ", 1,200"),
        r#"<w:r><w:footnoteReference w:id="7"/></w:r>"#,
        &run("", " and 3"),
        r#"<w:r><w:endnoteReference w:id="2"/></w:r></w:p>"#,
    ];
    let note = |id: u32, kind: &str, text: &str| {
        format!(r#"<w:{kind} w:id="{id}">{}</w:{kind}>"#, paragraph("", text))
    };
    let separator =
        r#"<w:footnote w:type="separator" w:id="0"><w:p><w:r><w:t>-</w:t></w:r></w:p></w:footnote>"#;
    let footnotes = format!("<w:footnotes>{separator}{}</w:footnotes>", note(7, "footnote", "Estimated."));
    let endnotes = format!("<w:endnotes>{}</w:endnotes>", note(2, "endnote", "See annex."));
    let parts = [("footnotes", "footnotes.xml", footnotes.as_str()), ("endnotes", "endnotes.xml", &endnotes)];
    let expected = ["p 10⁻⁶ m² of CO₂, 1,200[1] and 3[i]", "p [1]: Estimated.", "p [i]: See annex."];
    check(docx_related(&body.concat(), &parts), "a.docx", &expected);
}

#[test]
fn docx_comments_are_read_without_names_unless_they_are_wanted() {
    let body = format!(
        r#"<w:p>{}<w:commentRangeStart w:id="4"/>{}<w:commentRangeEnd w:id="4"/><w:r><w:commentReference w:id="4"/></w:r></w:p>"#,
        run("", "Kept for "),
        run("", "five years")
    );
    let comments = format!(
        r#"<w:comments><w:comment w:id="4" w:author="Ann" w:initials="A">{}</w:comment></w:comments>"#,
        paragraph("", "Seven, says the law.")
    );
    let bytes = docx_related(&body, &[("comments", "comments.xml", &comments)]);
    check(&bytes, "a.docx", &["p Kept for five years", "p Comment on “five years”: Seven, says the law."]);
    let limits = DocumentLimits { comment_authors: true, ..DocumentLimits::default() };
    let (blocks, _) = parse_within(limits, &bytes, "a.docx").unwrap();
    assert_eq!(blocks[1], "p Comment by Ann on “five years”: Seven, says the law.");
}

#[test]
fn docx_headers_and_footers_are_read_once_without_page_numbers() {
    let page = r#"<w:p><w:r><w:t>Page </w:t></w:r><w:fldSimple w:instr=" PAGE "><w:r><w:t>3</w:t></w:r></w:fldSimple></w:p>"#;
    let header = |text: &str| format!("<w:hdr>{}</w:hdr>", paragraph("", text));
    let footer = format!("<w:ftr>{page}{}</w:ftr>", paragraph("", "Confidential"));
    let (one, two) = (header("Policy 12"), header("Policy 12"));
    let parts =
        [("header", "h1.xml", one.as_str()), ("header", "h2.xml", &two), ("footer", "f.xml", &footer)];
    let expected = ["p Body", "p Header: Policy 12", "p Footer: Confidential"];
    check(docx_related(&paragraph("", "Body"), &parts), "a.docx", &expected);
}

pub(super) const CHART: &str = r#"<c:chartSpace><c:chart><c:title><c:tx><c:rich><a:p><a:r><a:t>Breakdowns</a:t></a:r></a:p></c:rich></c:tx></c:title>
    <c:plotArea><c:barChart><c:ser><c:tx><c:strRef><c:f>Sheet1!B1</c:f><c:strCache><c:pt idx="0"><c:v>Number</c:v></c:pt></c:strCache></c:strRef></c:tx>
    <c:cat><c:strRef><c:strCache><c:pt idx="0"><c:v>2024</c:v></c:pt><c:pt idx="1"><c:v>2025</c:v></c:pt></c:strCache></c:strRef></c:cat>
    <c:val><c:numRef><c:numCache><c:formatCode>General</c:formatCode><c:pt idx="0"><c:v>61</c:v></c:pt><c:pt idx="1"><c:v>73</c:v></c:pt></c:numCache></c:numRef></c:val>
    </c:ser></c:barChart></c:plotArea></c:chart></c:chartSpace>"#;

#[test]
fn docx_reads_charts_and_descriptions_and_counts_the_rest() {
    let drawing = |properties: &str, inner: &str| {
        format!(
            "<w:p><w:r><w:drawing><wp:inline><wp:docPr {properties}/>{inner}</wp:inline></w:drawing></w:r></w:p>"
        )
    };
    let body = [
        drawing("", r#"<c:chart r:id="r0"/>"#),
        drawing("", r#"<c:chart r:id="none"/>"#),
        drawing(r#"descr="Map of the well""#, "<pic:pic/>"),
        drawing("", "<pic:pic/>"),
        drawing("", "<wps:wsp/>"),
        "<w:p><w:r><w:object><v:shape><v:imagedata/></v:shape><o:OLEObject/></w:object></w:r></w:p>".into(),
    ];
    let bytes = docx_related(&body.concat(), &[("chart", "charts/c.xml", CHART)]);
    let expected = [
        "p Chart: Breakdowns",
        "table | Category | Number |\n| --- | --- |\n| 2024 | 61 |\n| 2025 | 73 |",
        "p [Image: Map of the well]",
    ];
    let report = check(bytes, "a.docx", &expected);
    let counted = [
        (UnreadPart::Attachment, 1),
        (UnreadPart::Chart, 1),
        (UnreadPart::Drawing, 1),
        (UnreadPart::Image, 1),
    ];
    check_unread(&report, &counted);
}

#[test]
fn docx_keeps_apart_what_stands_in_a_cell() {
    let item = |text: &str| paragraph(r#"<w:numPr><w:numId w:val="3"/></w:numPr>"#, text);
    let cell = |content: &str| format!("<w:tc>{content}</w:tc>");
    let inner = "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>in</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>ner</w:t></w:r></w:p></w:tc></w:tr></w:tbl>";
    let row = |cells: &[String]| format!("<w:tr>{}</w:tr>", cells.concat());
    let body = [
        "<w:tbl>",
        &row(&[cell(&paragraph("", "Role")), cell(&paragraph("", "Who"))]),
        &row(&[
            cell(&(item("Bill Gates") + &item("Paul Allen"))),
            cell(&(paragraph("", "a") + &paragraph("", "b"))),
        ]),
        &row(&[
            cell("<w:p><w:r><w:t>c</w:t><w:br/><w:t>d</w:t><w:tab/><w:t>e</w:t></w:r></w:p>"),
            cell(inner),
        ]),
        "<w:tr><w:trPr><w:del/></w:trPr><w:tc><w:p><w:r><w:t>no</w:t></w:r></w:p></w:tc></w:tr>",
        "<w:tr><w:trPr><w:hidden/></w:trPr><w:tc><w:p><w:r><w:t>no</w:t></w:r></w:p></w:tc></w:tr></w:tbl>",
    ];
    let expected =
        "table | Role | Who |\n| --- | --- |\n| Bill Gates, Paul Allen | a b |\n| c d e | in ner |";
    let report = check(docx(&body.concat()), "a.docx", &[expected]);
    check_unread(&report, &[(UnreadPart::HiddenRow, 1), (UnreadPart::StruckText, 1)]);
}

#[test]
fn docx_shows_the_values_of_forms() {
    let field = |data: &str| {
        format!(
            r#"<w:r><w:fldChar w:fldCharType="begin"><w:ffData>{data}</w:ffData></w:fldChar></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r>"#
        )
    };
    let body = [
        "<w:p>",
        &field(r#"<w:checkBox><w:default w:val="0"/><w:checked/></w:checkBox>"#),
        &run("", " insured "),
        &field(r#"<w:checkBox><w:default w:val="0"/></w:checkBox>"#),
        &run("", " audited "),
        &field(
            r#"<w:ddList><w:result w:val="1"/><w:listEntry w:val="red"/><w:listEntry w:val="blue"/></w:ddList>"#,
        ),
        r#"</w:p><w:p><w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>DATE \@ "y"</w:instrText></w:r>"#,
        r#"<w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>2025</w:t></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r>"#,
        r#"<w:r><w:sym w:font="Wingdings" w:char="F0FE"/></w:r></w:p>"#,
    ];
    check(docx(&body.concat()), "a.docx", &["p ☒ insured ☐ audited blue", "p 2025☑"]);
}

#[test]
fn docx_lists_keep_the_numbers_that_their_order_does_not_say() {
    let level = |level: u32, format: &str, text: &str| {
        format!(
            r#"<w:lvl w:ilvl="{level}"><w:start w:val="1"/><w:numFmt w:val="{format}"/><w:lvlText w:val="{text}"/></w:lvl>"#
        )
    };
    let numbering = format!(
        r#"<w:numbering><w:abstractNum w:abstractNumId="9">{}{}</w:abstractNum><w:abstractNum w:abstractNumId="8">{}</w:abstractNum>
        <w:num w:numId="1"><w:abstractNumId w:val="9"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="8"/></w:num></w:numbering>"#,
        level(0, "decimal", "%1."),
        level(1, "lowerLetter", "%1.%2)"),
        level(0, "bullet", "•")
    );
    let item = |list: u32, level: u32, text: &str| {
        paragraph(&format!(r#"<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{list}"/></w:numPr>"#), text)
    };
    let body = [
        item(1, 0, "one"),
        item(1, 1, "inner"),
        item(1, 1, "more"),
        item(1, 0, "two"),
        item(1, 1, "again"),
        item(2, 0, "dot"),
    ];
    let bytes = docx_related(&body.concat(), &[("numbering", "numbering.xml", &numbering)]);
    let expected = ["li one", "li 1.a) inner", "li 1.b) more", "li two", "li 2.a) again", "li dot"];
    check(bytes, "a.docx", &expected);
}

#[test]
fn docx_headings_have_no_numbers_but_count() {
    let level = |level: u32, text: &str| {
        format!(
            r#"<w:lvl w:ilvl="{level}"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="{text}"/></w:lvl>"#
        )
    };
    let numbering = format!(
        r#"<w:numbering><w:abstractNum w:abstractNumId="0">{}{}</w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num></w:numbering>"#,
        level(0, "%1."),
        level(1, "%1.%2.")
    );
    let numbered = |more: &str, level: u32, text: &str| {
        paragraph(&format!(r#"{more}<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="1"/></w:numPr>"#), text)
    };
    let heading = r#"<w:outlineLvl w:val="0"/>"#;
    let body = [numbered(heading, 0, "Scope"), numbered(heading, 0, "Fees"), numbered("", 1, "Due in May")];
    let bytes = docx_related(&body.concat(), &[("numbering", "numbering.xml", &numbering)]);
    check(bytes, "a.docx", &["h1 Scope", "h1 Fees", "li 2.1. Due in May"]);
}

#[test]
fn values_of_charts_are_written_as_the_chart_shows_them() {
    let points = |values: &[&str]| -> String {
        let point =
            |(index, value): (usize, &&str)| format!(r#"<c:pt idx="{index}"><c:v>{value}</c:v></c:pt>"#);
        values.iter().enumerate().map(point).collect()
    };
    let numbers = |format: &str, values: &[&str]| {
        format!("<c:numCache><c:formatCode>{format}</c:formatCode>{}</c:numCache>", points(values))
    };
    let series = |name: &str, values: String| {
        format!(
            "<c:ser><c:tx><c:strRef><c:strCache>{}</c:strCache></c:strRef></c:tx><c:cat><c:strCache>{}</c:strCache></c:cat><c:val>{values}</c:val></c:ser>",
            points(&[name]),
            points(&["007", "Oslo"])
        )
    };
    let chart = [
        "<c:chartSpace><c:barChart>",
        &series("Share", numbers("0.0%", &["0.075", "0.5"])),
        &series("Day", numbers("yyyy\\-mm\\-dd", &["45292", "45351"])),
        &series("Fee", numbers("&quot;$&quot;#,##0.00", &["1234.5", "2"])),
        &series("Plain", numbers("General", &["0.30000000000000004", "1"])),
        &series(
            "Own",
            r#"<c:numCache><c:formatCode>General</c:formatCode><c:pt idx="0" formatCode="0%"><c:v>0.5</c:v></c:pt><c:pt idx="1"><c:v>0.5</c:v></c:pt></c:numCache>"#.into(),
        ),
        "</c:barChart></c:chartSpace>",
    ];
    let body = r#"<w:p><w:r><w:drawing><c:chart r:id="r0"/></w:drawing></w:r></w:p>"#;
    let bytes = docx_related(body, &[("chart", "c.xml", &chart.concat())]);
    let expected = "table | Category | Share | Day | Fee | Plain | Own |\n| --- | --- | --- | --- | --- | --- |\n\
        | 007 | 7.5% | 2024-01-01 | $1,234.50 | 0.3 | 50% |\n| Oslo | 50.0% | 2024-02-29 | $2.00 | 1 | 0.5 |";
    check(bytes, "a.docx", &[expected]);
}

#[test]
fn docx_equations_keep_sums_and_brackets() {
    let part = |name: &str, text: &str| format!("<m:{name}><m:r><m:t>{text}</m:t></m:r></m:{name}>");
    let sum = format!(
        r#"<w:p><m:oMath><m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr>{}{}{}</m:nary><m:d><m:dPr><m:begChr m:val="|"/><m:endChr m:val="|"/></m:dPr>{}</m:d></m:oMath></w:p>"#,
        part("sub", "i=1"),
        part("sup", "n"),
        part("e", "i"),
        part("e", "x")
    );
    check(docx(&sum), "a.docx", &["p ∑_(i=1)^n i|x|"]);
}

pub(super) fn slide_text(properties: &str, text: &str) -> String {
    format!("<a:r><a:rPr {properties}/><a:t>{text}</a:t></a:r>")
}

#[test]
fn pptx_hidden_slides_and_shapes_are_left_out_and_counted() {
    let shape = |properties: &str, text: &str| {
        format!(
            r#"<p:sp><p:nvSpPr><p:cNvPr id="1" name="x" {properties}/></p:nvSpPr><p:txBody><a:p>{}</a:p></p:txBody></p:sp>"#,
            slide_text("", text)
        )
    };
    let first = shape("", "Seen") + &shape(r#"hidden="1""#, "Unseen");
    let bytes = archive(&[
        (
            "ppt/presentation.xml",
            r#"<p:presentation><p:sldIdLst><p:sldId r:id="r1"/><p:sldId r:id="r2"/></p:sldIdLst></p:presentation>"#,
        ),
        (
            "ppt/_rels/presentation.xml.rels",
            r#"<Relationships><Relationship Id="r1" Type="x/slide" Target="a.xml"/><Relationship Id="r2" Type="x/slide" Target="b.xml"/></Relationships>"#,
        ),
        ("ppt/a.xml", &format!("<p:sld>{first}</p:sld>")),
        ("ppt/b.xml", &format!(r#"<p:sld show="0">{}</p:sld>"#, shape("", "Secret"))),
    ]);
    let report = check(&bytes, "a.pptx", &["p@1 Seen"]);
    check_unread(&report, &[(UnreadPart::HiddenSlide, 1), (UnreadPart::HiddenText, 1)]);
    let limits = DocumentLimits { read_hidden: true, ..DocumentLimits::default() };
    assert_eq!(parse_within(limits, &bytes, "a.pptx").unwrap().0, ["p@1 Seen", "p@1 Unseen", "p@2 Secret"]);
}

#[test]
fn pptx_reads_charts_diagrams_comments_and_descriptions() {
    let slide = [
        "<p:sp><p:txBody><a:p>",
        &slide_text("", "Costs "),
        &slide_text(r#"strike="sngStrike""#, "12"),
        &slide_text("", " 15 per m"),
        &slide_text(r#"baseline="30000""#, "2"),
        "</a:p></p:txBody></p:sp>",
        r#"<p:graphicFrame><c:chart r:id="c"/></p:graphicFrame><p:graphicFrame><dgm:relIds r:dm="d"/></p:graphicFrame>"#,
        r#"<p:graphicFrame><c:chart r:id="lost"/></p:graphicFrame>"#,
        r#"<p:grpSp><p:pic><p:nvPicPr><p:cNvPr id="3" name="p" descr="A red bus"/></p:nvPicPr></p:pic><p:pic/></p:grpSp>"#,
        "<p:pic><p:nvPicPr><p:nvPr><a:videoFile/></p:nvPr></p:nvPicPr></p:pic>",
        "<p:graphicFrame><mc:AlternateContent><mc:Choice><p:oleObj/></mc:Choice><mc:Fallback><p:oleObj><p:pic/></p:oleObj></mc:Fallback></mc:AlternateContent></p:graphicFrame>",
    ];
    let relations = r#"<Relationships><Relationship Id="c" Type="x/chart" Target="../charts/c.xml"/>
        <Relationship Id="d" Type="x/diagramData" Target="../d.xml"/><Relationship Id="m" Type="x/comments" Target="../m.xml"/></Relationships>"#;
    let diagram = "<dgm:dataModel><dgm:ptLst><dgm:pt><dgm:t><a:p><a:r><a:t>Plan</a:t></a:r></a:p></dgm:t></dgm:pt>
        <dgm:pt type=\"pres\"/><dgm:pt><dgm:t><a:p><a:r><a:t>Build</a:t></a:r></a:p></dgm:t></dgm:pt></dgm:ptLst></dgm:dataModel>";
    let comments =
        r#"<p:cmLst><p:cm authorId="0"><p:pos x="1"/><p:text>Check this.</p:text></p:cm></p:cmLst>"#;
    let parts = [
        ("ppt/slides/_rels/slide1.xml.rels", relations),
        ("ppt/charts/c.xml", CHART),
        ("ppt/d.xml", diagram),
        ("ppt/m.xml", comments),
    ];
    let expected = [
        "p@1 Costs 15 per m²",
        "p@1 Chart: Breakdowns",
        "table@1 | Category | Number |\n| --- | --- |\n| 2024 | 61 |\n| 2025 | 73 |",
        "li@1 Plan",
        "li@1 Build",
        "p@1 [Image: A red bus]",
        "p@1 Comment: Check this.",
    ];
    let report = check(pptx(&[&slide.concat()], &parts), "a.pptx", &expected);
    let counted = [
        (UnreadPart::Attachment, 1),
        (UnreadPart::Chart, 1),
        (UnreadPart::Image, 1),
        (UnreadPart::Media, 1),
        (UnreadPart::StruckText, 1),
    ];
    check_unread(&report, &counted);
}

#[test]
fn rtf_leaves_struck_and_hidden_text_out_and_counts_it() {
    let rtf = r"{\rtf1 The fee is {\strike 12 }{\b 15} euros{\v  secret}.\par Deleted: {\deleted gone}\striked1 too\striked0  kept.\par 10{\super -6} m{\up6 2} CO{\sub 2}}";
    let report = check(rtf, "a.rtf", &["p The fee is 15 euros.", "p Deleted: kept.", "p 10⁻⁶ m² CO₂"]);
    check_unread(&report, &[(UnreadPart::HiddenText, 1), (UnreadPart::StruckText, 2)]);
}

#[test]
fn rtf_reads_notes_comments_headers_boxes_and_forms() {
    let rtf = r"{\rtf1{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset204 Arial;}}{\header\pard Policy 12\par}{\headerf Policy 12}{\footer Page {\field{\*\fldinst PAGE}{\fldrslt 3}}\par}
\pard Costs 1,200{\super\chftn{\footnote\pard\plain{\super\chftn} Estimated.}} in {\f1\'cf\'f0\'e8\'e2\'e5\'f2}{\*\atnid A}{\*\atnauthor Ann}{\*\annotation\pard Check this.}.\par
{\shp{\*\shpinst{\sp{\sn x}{\sv 1}}{\shptxt\pard Boxed\par}}{\shprslt{\pict 00}}}
{\field{\*\fldinst FORMCHECKBOX{\*\formfield{\fftype1\ffres1}}}{\fldrslt}} insured {\field{\*\fldinst{\*\formfield{\fftype2\ffres25\ffdefres1{\*\ffl red}{\*\ffl blue}}}}{\fldrslt}}\par
{\*\shppict{\pict{\*\picprop{\sp{\sn wzDescription}{\sv A red bus}}}\bin4 }}{}\par{\pict 89504e47}{\nonshppict{\pict 00}}{\object{\*\objdata 00}{\result{\pict 00}}}
{\listtext\pard 1.\tab}First\par{\listtext\'b7\tab}Dot\par\pard\outlinelevel0 Scope\par}";
    let expected = [
        "p Boxed",
        "p Costs 1,200[1] in Привет.",
        "p ☒ insured blue",
        "p [Image: A red bus]",
        "li 1. First",
        "li Dot",
        "h1 Scope",
        "p [1]: Estimated.",
        "p Comment: Check this.",
        "p Header: Policy 12",
    ];
    let (mut blocks, report) =
        super::parse(rtf.replace(r"\bin4 ", "\\bin4 }}{}").as_bytes(), "a.rtf").unwrap();
    blocks.sort();
    let mut sorted = expected;
    sorted.sort_unstable();
    assert_eq!(blocks, sorted);
    check_unread(&report, &[(UnreadPart::Attachment, 1), (UnreadPart::Image, 1)]);
}

#[test]
fn rtf_cells_that_are_merged_say_it_in_every_row() {
    let rtf = r"{\rtf1\trowd\clvmgf\cellx1\cellx2\intbl a\cell b\cell\row\trowd\clvmrg\cellx1\cellx2\intbl\cell c\cell\row
\trowd\clmgf\cellx1\clmrg\cellx2\intbl d\cell\cell\row\pard End}";
    check(rtf, "a.rtf", &["table | a | b |\n| --- | --- |\n| a | c |\n| d | d |", "p End"]);
}

pub(super) fn odf(kind: &str, content: &str, parts: &[(&str, &str)]) -> Vec<u8> {
    let mimetype = format!("application/vnd.oasis.opendocument.{kind}");
    let mut files = vec![("mimetype", mimetype.as_str()), ("content.xml", content)];
    files.extend_from_slice(parts);
    archive(&files)
}

#[test]
fn odt_leaves_struck_hidden_and_deleted_text_out_and_counts_it() {
    let content = r#"<office:document-content><office:automatic-styles>
        <style:style style:name="T1" style:family="text"><style:text-properties style:text-line-through-style="solid"/></style:style>
        <style:style style:name="T2" style:family="text"><style:text-properties text:display="none"/></style:style>
        <style:style style:name="T3" style:family="text"><style:text-properties style:text-position="super 58%"/></style:style>
        <style:style style:name="T4" style:family="text" style:parent-style-name="T1"/></office:automatic-styles>
        <office:body><office:text><text:tracked-changes><text:changed-region><text:deletion>
        <office:change-info><dc:creator>Ann</dc:creator><dc:date>2025</dc:date></office:change-info><text:p>deleted</text:p></text:deletion></text:changed-region></text:tracked-changes>
        <text:p>The fee is <text:span text:style-name="T1">12</text:span> 15 euros, <text:span text:style-name="T4">not 20</text:span> a m<text:span text:style-name="T3">2</text:span>.<text:span text:style-name="T2">secret</text:span></text:p>
        <text:section text:display="none"><text:p>unseen</text:p></text:section></office:text></office:body></office:document-content>"#;
    let bytes = odf("text", content, &[]);
    let report = check(&bytes, "a.odt", &["p The fee is 15 euros, a m²."]);
    check_unread(&report, &[(UnreadPart::HiddenText, 2), (UnreadPart::StruckText, 3)]);
    let limits = DocumentLimits { read_hidden: true, ..DocumentLimits::default() };
    let (blocks, _) = parse_within(limits, &bytes, "a.odt").unwrap();
    assert_eq!(blocks, ["p The fee is 15 euros, a m².secret", "p unseen"]);
}

#[test]
fn odt_reads_notes_comments_descriptions_charts_and_furniture() {
    let content = r#"<office:text><text:p>Costs 1,200<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>Estimated.</text:p></text:note-body></text:note>
        a<text:s text:c="2"/>b<text:tab/>c<office:annotation><dc:creator>Ann</dc:creator><dc:date>2025</dc:date><text:p>Check this.</text:p></office:annotation></text:p>
        <text:p><draw:frame><draw:image/><svg:title>A red bus</svg:title></draw:frame><draw:frame><draw:image><text:p/></draw:image></draw:frame><draw:custom-shape/></text:p>
        <text:p><draw:frame><draw:object xlink:href="./Object 1"/><draw:image/></draw:frame><draw:frame><draw:object xlink:href="./Object 2"/></draw:frame></text:p>
        <table:table><table:table-row><table:table-cell table:number-rows-spanned="2"><text:p>x</text:p></table:table-cell><table:table-cell><text:list><text:list-item><text:p>one</text:p></text:list-item><text:list-item><text:p>two</text:p></text:list-item></text:list></table:table-cell></table:table-row>
        <table:table-row><table:covered-table-cell/><table:table-cell><text:p>y</text:p></table:table-cell></table:table-row></table:table></office:text>"#;
    let cell = |text: &str| format!("<table:table-cell><text:p>{text}</text:p></table:table-cell>");
    let row =
        |one: &str, other: &str| format!("<table:table-row>{}{}</table:table-row>", cell(one), cell(other));
    let chart = format!(
        "<office:chart><chart:chart><chart:title><text:p>Visits</text:p></chart:title><table:table>{}{}</table:table></chart:chart></office:chart>",
        row("", "Number"),
        row("2025", "73")
    );
    let header = "<style:master-page><style:header><text:p>Policy 12</text:p></style:header><style:footer><text:p>Page <text:page-number>1</text:page-number></text:p></style:footer></style:master-page>";
    let bytes = odf("text", content, &[("Object 1/content.xml", &chart), ("styles.xml", header)]);
    let (blocks, report) = super::parse(&bytes, "a.odt").unwrap();
    assert!(blocks[0].starts_with("p Costs 1,200[1]") && blocks[0].ends_with("a  b\tc"), "{blocks:?}");
    let expected = [
        "p [1]: Estimated.",
        "p Comment: Check this.",
        "p [Image: A red bus]",
        "p Chart: Visits",
        "table |  | Number |\n| --- | --- |\n| 2025 | 73 |",
        "table | x | one, two |\n| --- | --- |\n| x | y |",
        "p Header: Policy 12",
    ];
    assert_eq!(blocks[1..], expected);
    check_unread(&report, &[(UnreadPart::Attachment, 1), (UnreadPart::Drawing, 1), (UnreadPart::Image, 1)]);
}

#[test]
fn odp_hidden_slides_are_left_out_and_counted() {
    let content = r#"<office:document-content><office:automatic-styles><style:style style:name="d1"><style:drawing-page-properties presentation:visibility="hidden"/></style:style></office:automatic-styles>
        <office:presentation><draw:page><draw:frame presentation:class="title"><draw:text-box><text:p>Seen</text:p></draw:text-box></draw:frame>
        <presentation:notes><draw:frame><draw:text-box><text:p>Say this.</text:p></draw:text-box></draw:frame><draw:frame presentation:class="page-number"><draw:text-box><text:p>1</text:p></draw:text-box></draw:frame></presentation:notes></draw:page>
        <draw:page draw:style-name="d1"><draw:frame><draw:text-box><text:p>Secret</text:p></draw:text-box></draw:frame></draw:page></office:presentation></office:document-content>"#;
    let report = check(odf("presentation", content, &[]), "a.odp", &["h1@1 Seen", "p@1 Say this."]);
    check_unread(&report, &[(UnreadPart::HiddenSlide, 1)]);
    assert_eq!((report.pages, report.pages_without_text), (Some(2), vec![]));
}
