//! Inventory of each format: a file with every kind of part, each of which is read or counted.

use std::collections::{BTreeMap, BTreeSet};

use nexus_core::document::UnreadPart;
use nexus_providers::documents::Documents;

use super::build::{archive, docx_related, paragraph};
use super::markup::multipart;
use super::meaning::{CHART, odf, run, slide_text};
use super::pdf::{IMAGE, Page, show, stream};
use super::{parse, sheets};

/// Word in each piece that must not become text.
const UNSEEN: &str = "unseen";

/// File with the pieces that its reader must turn into text, and those that it must count.
struct Fixture {
    name: &'static str,
    media_type: &'static str,
    bytes: Vec<u8>,
    read: Vec<&'static str>,
    unread: BTreeMap<UnreadPart, u32>,
}

/// Source of a file while it grows.
#[derive(Default)]
struct Pieces {
    source: String,
    read: Vec<&'static str>,
    unread: BTreeMap<UnreadPart, u32>,
}

impl Pieces {
    /// Adds a piece that must become this text.
    fn read(mut self, source: &str, text: &'static str) -> Self {
        self.source.push_str(source);
        self.read.push(text);
        self
    }

    /// Expects a text that a part beside the source holds.
    fn beside(self, text: &'static str) -> Self {
        self.read("", text)
    }

    /// Adds a piece that must be counted.
    fn unread(mut self, part: UnreadPart, source: &str) -> Self {
        self.source.push_str(source);
        *self.unread.entry(part).or_default() += 1;
        self
    }

    /// Expects a part beside the source to be counted.
    fn counted(self, part: UnreadPart) -> Self {
        self.unread(part, "")
    }

    /// Makes the file of the source.
    fn file(
        self,
        name: &'static str,
        media_type: &'static str,
        bytes: impl FnOnce(&str) -> Vec<u8>,
    ) -> Fixture {
        Fixture { name, media_type, bytes: bytes(&self.source), read: self.read, unread: self.unread }
    }
}

/// Returns a file whose parts another test describes.
fn known(
    name: &'static str,
    media_type: &'static str,
    bytes: Vec<u8>,
    read: &[&'static str],
    unread: impl IntoIterator<Item = (UnreadPart, u32)>,
) -> Fixture {
    Fixture { name, media_type, bytes, read: read.to_vec(), unread: unread.into_iter().collect() }
}

/// Asserts that each part is read or counted, and that nothing else is counted.
#[track_caller]
fn check(fixture: Fixture) {
    let Fixture { name, media_type, bytes, read, unread } = fixture;
    let (blocks, report) = parse(&bytes, name).unwrap_or_else(|error| panic!("{name}: {}", error.report()));
    let text = blocks.join("\n");
    for part in read {
        assert!(text.contains(part), "{name} lacks `{part}`: {text}");
    }
    assert!(!text.contains(UNSEEN), "{name}: {text}");
    assert_eq!(report.unread, unread, "{name}: {text}");
    assert_eq!(report.content_type, media_type, "{name}");
}

const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const PPTX: &str = "application/vnd.openxmlformats-officedocument.presentationml.presentation";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const OPENDOCUMENT: &str = "application/vnd.oasis.opendocument";

fn docx() -> Fixture {
    let drawing = |inner: &str| format!("<w:p><w:r><w:drawing>{inner}</w:drawing></w:r></w:p>");
    let in_paragraph = |inner: &str| format!("<w:p>{inner}</w:p>");
    let field = r#"<w:r><w:fldChar w:fldCharType="begin"><w:ffData><w:checkBox><w:checked/></w:checkBox></w:ffData></w:fldChar></w:r>
        <w:r><w:fldChar w:fldCharType="end"/></w:r>"#;
    let row = |properties: &str, text: &str| {
        format!("<w:tr><w:trPr>{properties}</w:trPr><w:tc>{}</w:tc></w:tr>", paragraph("", text))
    };
    let footnote = r#"<w:r><w:footnoteReference w:id="1"/></w:r>"#;
    let part = |root: &str, inner: &str| format!("<w:{root}>{inner}</w:{root}>");
    let notes =
        part("footnotes", r#"<w:footnote w:id="1"><w:p><w:r><w:t>Estimated.</w:t></w:r></w:p></w:footnote>"#);
    let comments = part(
        "comments",
        r#"<w:comment w:id="1" w:author="unseen"><w:p><w:r><w:t>Check this.</w:t></w:r></w:p></w:comment>"#,
    );
    let (header, footer) =
        (part("hdr", &paragraph("", "Policy 12")), part("ftr", &paragraph("", "Internal")));
    Pieces::default()
        .read(&in_paragraph(&(run("", "Costs 1,200") + footnote)), "Costs 1,200[1]")
        .beside("[1]: Estimated.")
        .beside("Comment: Check this.")
        .beside("Header: Policy 12")
        .beside("Footer: Internal")
        .read(&in_paragraph(field), "☒")
        .read(&drawing(r#"<c:chart r:id="r4"/>"#), "Chart: Breakdowns")
        .read(&drawing(r#"<wp:docPr descr="A red bus"/><pic:pic/>"#), "[Image: A red bus]")
        .read(&drawing(&format!("<w:txbxContent>{}</w:txbxContent>", paragraph("", "Boxed"))), "Boxed")
        .unread(UnreadPart::Chart, &drawing(r#"<c:chart r:id="missing"/>"#))
        .unread(UnreadPart::Image, &drawing("<pic:pic/>"))
        .unread(UnreadPart::Drawing, &drawing("<wps:wsp/>"))
        .unread(UnreadPart::Attachment, "<w:p><w:r><w:object><o:OLEObject/></w:object></w:r></w:p>")
        .unread(UnreadPart::StruckText, &in_paragraph(&run("<w:strike/>", UNSEEN)))
        .unread(UnreadPart::StruckText, "<w:p><w:del><w:r><w:delText>unseen</w:delText></w:r></w:del></w:p>")
        .unread(UnreadPart::HiddenText, &in_paragraph(&run("<w:vanish/>", UNSEEN)))
        .read(&format!("<w:tbl>{}", row("", "Cell")), "Cell")
        .unread(UnreadPart::HiddenRow, &(row("<w:hidden/>", UNSEEN) + "</w:tbl>"))
        .file("a.docx", DOCX, |body| {
            let parts = [
                ("footnotes", "n.xml", notes.as_str()),
                ("comments", "c.xml", &comments),
                ("header", "h.xml", &header),
                ("footer", "f.xml", &footer),
                ("chart", "chart.xml", CHART),
            ];
            docx_related(body, &parts)
        })
}

fn presentation() -> Fixture {
    let shape = |properties: &str, text: &str| {
        let text = slide_text("", text);
        format!(
            "<p:sp><p:nvSpPr><p:cNvPr {properties}/></p:nvSpPr><p:txBody><a:p>{text}</a:p></p:txBody></p:sp>"
        )
    };
    let frame = |inner: &str| format!("<p:graphicFrame>{inner}</p:graphicFrame>");
    let picture = |inner: &str| format!("<p:pic><p:nvPicPr>{inner}</p:nvPicPr></p:pic>");
    let relations = r#"<Relationships><Relationship Id="c" Type="x/chart" Target="../c.xml"/><Relationship Id="d" Type="x/diagramData" Target="../d.xml"/>
        <Relationship Id="m" Type="x/comments" Target="../m.xml"/><Relationship Id="n" Type="x/notesSlide" Target="../n.xml"/></Relationships>"#;
    let diagram =
        "<dgm:ptLst><dgm:pt><dgm:t><a:p><a:r><a:t>Plan</a:t></a:r></a:p></dgm:t></dgm:pt></dgm:ptLst>";
    let comments = r#"<p:cmLst><p:cm authorId="0"><p:text>Check this.</p:text></p:cm></p:cmLst>"#;
    let struck = format!(
        "<p:sp><p:txBody><a:p>{}</a:p></p:txBody></p:sp>",
        slide_text(r#"strike="sngStrike""#, UNSEEN)
    );
    Pieces::default()
        .read(&shape("", "Shown"), "Shown")
        .read(&frame(r#"<c:chart r:id="c"/>"#), "Chart: Breakdowns")
        .read(&frame(r#"<dgm:relIds r:dm="d"/>"#), "li@2 Plan")
        .read(&picture(r#"<p:cNvPr descr="A red bus"/>"#), "[Image: A red bus]")
        .beside("Comment: Check this.")
        .beside("Say this.")
        .unread(UnreadPart::Chart, &frame(r#"<c:chart r:id="missing"/>"#))
        .unread(UnreadPart::Drawing, &frame(r#"<dgm:relIds r:dm="missing"/>"#))
        .unread(UnreadPart::Drawing, "<p:sp/>")
        .unread(UnreadPart::Image, &picture(""))
        .unread(UnreadPart::Media, &picture("<p:nvPr><a:videoFile/></p:nvPr>"))
        .unread(UnreadPart::Attachment, &frame("<p:oleObj><p:pic/></p:oleObj>"))
        .unread(UnreadPart::StruckText, &struck)
        .unread(UnreadPart::HiddenText, &shape(r#"hidden="1""#, UNSEEN))
        .counted(UnreadPart::HiddenSlide)
        .file("a.pptx", PPTX, |slide| {
            let notes = shape("", "Say this.");
            let hidden = format!(r#"<p:sld show="0">{}</p:sld>"#, shape("", UNSEEN));
            let parts = [
                ("ppt/presentation.xml", r#"<p:presentation><p:sldIdLst><p:sldId r:id="h"/><p:sldId r:id="s"/></p:sldIdLst></p:presentation>"#),
                ("ppt/_rels/presentation.xml.rels", r#"<Relationships><Relationship Id="h" Type="x/slide" Target="slides/h.xml"/><Relationship Id="s" Type="x/slide" Target="slides/s.xml"/></Relationships>"#),
                ("ppt/slides/h.xml", hidden.as_str()),
                ("ppt/slides/s.xml", &format!("<p:sld>{slide}</p:sld>")),
                ("ppt/slides/_rels/s.xml.rels", relations),
                ("ppt/c.xml", CHART),
                ("ppt/d.xml", diagram),
                ("ppt/m.xml", comments),
                ("ppt/n.xml", &format!("<p:notes>{notes}</p:notes>")),
            ];
            archive(&parts)
        })
}

fn workbook() -> Fixture {
    let read = [
        "Box text",
        "[Image: A map of depots]",
        "Chart: Breakdowns",
        "Comment on A2: Approved",
        "Header: Internal plan",
    ];
    known("a.xlsx", XLSX, sheets::full_workbook(), &read, sheets::UNREAD_OF_WORKBOOK)
}

fn old_workbook() -> Fixture {
    let read = ["p@1 Box", "Comment on A2: Approved", "Header: Internal plan"];
    known(
        "a.xls",
        "application/vnd.ms-excel",
        sheets::full_old_workbook(),
        &read,
        sheets::UNREAD_OF_OLD_WORKBOOK,
    )
}

fn opendocument_sheet() -> Fixture {
    let read =
        ["p@1 Box", "[Image: A map]", "Chart: Shares", "Comment on A2: Approved", "Header: Internal plan"];
    let unread = sheets::UNREAD_OF_OPENDOCUMENT_SHEET;
    known("a.ods", OPENDOCUMENT, sheets::full_opendocument_sheet(), &read, unread)
}

fn opendocument_text() -> Fixture {
    let frame = |inner: &str| format!("<text:p><draw:frame>{inner}</draw:frame></text:p>");
    let styles = r#"<office:automatic-styles><style:style style:name="S"><style:text-properties style:text-line-through-style="solid"/></style:style>
        <style:style style:name="H"><style:text-properties text:display="none"/></style:style></office:automatic-styles>"#;
    let span =
        |style: &str| format!(r#"<text:p><text:span text:style-name="{style}">unseen</text:span></text:p>"#);
    let cells = |texts: [&str; 2]| -> String {
        texts.map(|text| format!("<table:table-cell><text:p>{text}</text:p></table:table-cell>")).concat()
    };
    let row = |properties: &str, texts: [&str; 2]| {
        format!("<table:table-row {properties}>{}</table:table-row>", cells(texts))
    };
    let chart = |rows: &str| {
        format!(
            "<office:chart><chart:chart><chart:title><text:p>Visits</text:p></chart:title><chart:axis chart:dimension=\"y\"><chart:title><text:p>thousands</text:p></chart:title></chart:axis><table:table>{rows}</table:table></chart:chart></office:chart>"
        )
    };
    let full = chart(&(row("", ["", "Number"]) + &row("", ["2025", "73"])));
    let print = "<style:master-page><style:header><text:p>Policy 12</text:p></style:header><style:footer><text:p>Internal</text:p></style:footer></style:master-page>";
    let parts = [
        ("Object 1/content.xml", full.as_str()),
        ("Object 2/content.xml", &chart("")),
        (
            "Object 3/content.xml",
            "<math:math><math:semantics><math:mi>x</math:mi><math:annotation>a over b</math:annotation></math:semantics></math:math>",
        ),
        ("styles.xml", print),
    ];
    Pieces::default()
        .read("<text:p>Costs 1,200<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>Estimated.</text:p></text:note-body></text:note></text:p>", "Costs 1,200[1]")
        .beside("[1]: Estimated.")
        .read("<text:p><office:annotation><dc:creator>unseen</dc:creator><text:p>Check this.</text:p></office:annotation></text:p>", "Comment: Check this.")
        .read(&frame("<draw:image/><svg:title>A red</svg:title><svg:desc>bus</svg:desc>"), "[Image: A red bus]")
        .read(&frame(r#"<draw:object xlink:href="./Object 1"/>"#), "Chart: Visits (thousands)")
        .read(&frame(r#"<draw:object xlink:href="./Object 3"/>"#), "a over b")
        .read(&frame("<draw:text-box><text:p>Boxed</text:p></draw:text-box>"), "Boxed")
        .read(r#"<office:forms><form:text form:label="City" form:current-value="Bergen"/></office:forms>"#, "City: Bergen")
        .beside("Header: Policy 12")
        .beside("Footer: Internal")
        .unread(UnreadPart::Chart, &frame(r#"<draw:object xlink:href="./Object 2"/>"#))
        .unread(UnreadPart::Attachment, &frame(r#"<draw:object xlink:href="./Object 9"/>"#))
        .unread(UnreadPart::Image, &frame("<draw:image/>"))
        .unread(UnreadPart::Media, &frame("<draw:plugin/>"))
        .unread(UnreadPart::Drawing, "<text:p><draw:custom-shape/></text:p>")
        .unread(UnreadPart::StruckText, &span("S"))
        .unread(UnreadPart::StruckText, "<text:tracked-changes><text:changed-region><text:deletion><text:p>unseen</text:p></text:deletion></text:changed-region></text:tracked-changes>")
        .unread(UnreadPart::HiddenText, &span("H"))
        .unread(UnreadPart::HiddenText, r#"<text:section text:display="none"><text:p>unseen</text:p></text:section>"#)
        .read(&format!("<table:table>{}", row("", ["Cell", "Other"])), "| Cell | Other |")
        .unread(UnreadPart::HiddenRow, &(row(r#"table:visibility="collapse""#, [UNSEEN, UNSEEN]) + "</table:table>"))
        .file("a.odt", OPENDOCUMENT, |body| {
            let content = format!("<office:document-content>{styles}<office:text>{body}</office:text></office:document-content>");
            odf("text", &content, &parts)
        })
}

fn opendocument_presentation() -> Fixture {
    let page = |style: &str, text: &str| {
        format!(
            r#"<draw:page draw:style-name="{style}"><draw:frame><draw:text-box><text:p>{text}</text:p></draw:text-box></draw:frame>"#
        )
    };
    let notes = "<presentation:notes><draw:frame><draw:text-box><text:p>Say this.</text:p></draw:text-box></draw:frame></presentation:notes>";
    Pieces::default()
        .read(&page("shown", "Shown"), "Shown")
        .read(notes, "Say this.")
        .unread(UnreadPart::Image, "<draw:frame><draw:image/></draw:frame>")
        .unread(UnreadPart::Media, "<draw:frame><draw:plugin/></draw:frame></draw:page>")
        .unread(UnreadPart::HiddenSlide, &(page("off", UNSEEN) + "</draw:page>"))
        .file("a.odp", OPENDOCUMENT, |pages| {
            let styles = r#"<office:automatic-styles><style:style style:name="off"><style:drawing-page-properties presentation:visibility="hidden"/></style:style></office:automatic-styles>"#;
            let content = format!("<office:document-content>{styles}<office:presentation>{pages}</office:presentation></office:document-content>");
            odf("presentation", &content, &[])
        })
}

/// Returns the parts of HTML, which mail, books and feeds hold too.
fn markup() -> Pieces {
    Pieces::default()
        .read("<p>Costs 1,200<sup><a href='#n'>1</a></sup> a m<sup>2</sup></p>", "Costs 1,200[1] a m²")
        .read("<p><img alt='A red bus' src='a'/></p>", "[Image: A red bus]")
        .read(
            "<table><tr><th>Role</th><th>Who</th></tr><tr><td>Cook</td><td>Ann</td></tr></table>",
            "| Cook | Ann |",
        )
        .unread(UnreadPart::Image, "<p><img src='b'/></p>")
        .unread(UnreadPart::StruckText, "<p>not <s>unseen</s></p>")
        .unread(UnreadPart::HiddenText, "<p hidden='hidden'>unseen</p>")
}

fn html() -> Fixture {
    markup()
        .read("<p><input value='Bergen'/> <input type='checkbox' checked> insured</p>", "Bergen ☒ insured")
        .read("<p><svg><title>A chart of depots</title><path/></svg></p>", "[Image: A chart of depots]")
        .read("<p><math><msup><mi>x</mi><mn>2</mn></msup></math></p>", "x²")
        .unread(UnreadPart::Drawing, "<p><svg><path/></svg></p>")
        .unread(UnreadPart::Drawing, "<p><canvas></canvas></p>")
        .unread(UnreadPart::Attachment, "<p><iframe src='c'></iframe></p>")
        .unread(UnreadPart::Media, "<p><video></video></p>")
        .file("a.html", "text/html", |body| format!("<html>{body}</html>").into_bytes())
}

fn markdown() -> Fixture {
    Pieces::default()
        .read("---\nowner: team-blue\n---\n", "owner: team-blue")
        .read("# Fees\n\n", "h1 Fees")
        .read("Costs 1,200[^1].\n\n[^1]: Estimated.\n\n", "Costs 1,200[1].")
        .beside("[1]: Estimated.")
        .read("![A red bus](a.png)\n\n", "[Image: A red bus]")
        .read("| a | b |\n|---|---|\n| 1 | 2 |\n\n", "| 1 | 2 |")
        .unread(UnreadPart::Image, "![](b.png)\n\n")
        .unread(UnreadPart::StruckText, "not ~~unseen~~\n\n")
        .unread(UnreadPart::HiddenText, "<div hidden>\n\nunseen\n\n</div>\n\n")
        .file("a.md", "text/markdown", |text| text.as_bytes().to_vec())
}

fn mail() -> Fixture {
    let file = "Content-Type: application/zip; name=a.zip\nContent-Disposition: attachment; filename=a.zip\n\n\u{1}\u{2}\u{3}\u{4}PK";
    let image = "Content-Type: image/png\nContent-Disposition: inline\nContent-ID: <a@x>\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=";
    let event = "Content-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:Review\nEND:VEVENT\nEND:VCALENDAR";
    let text =
        "Content-Type: text/csv; name=a.csv\nContent-Disposition: attachment; filename=a.csv\n\nx,y\n1,2";
    markup()
        .beside("Subject: S")
        .beside("Event: Review")
        .beside("| 1 | 2 |")
        .counted(UnreadPart::Attachment)
        .counted(UnreadPart::Image)
        .file("a.eml", "message/rfc822", |html| {
            let html = format!("Content-Type: text/html\n\n<html>{html}</html>");
            multipart("mixed", &[&html, image, event, text, file]).into_bytes()
        })
}

fn notebook() -> Fixture {
    let output = |data: &str| format!(r#"{{"output_type": "display_data", "data": {data}}},"#);
    Pieces::default()
        .read(r#"{"output_type": "stream", "text": "accuracy 0.873"},"#, "code accuracy 0.873")
        .read(&output(r#"{"text/html": "<table><tr><th>a<th>b<tr><td>1<td>2</table>"}"#), "| 1 | 2 |")
        .read(r#"{"output_type": "error", "ename": "ValueError", "evalue": "bad"},"#, "code ValueError: bad")
        .unread(UnreadPart::Output, &output(r#"{"text/plain": "<Figure unseen>", "image/png": "iVBO"}"#))
        .unread(UnreadPart::Output, r#"{"output_type": "display_data", "data": {"application/x-widget": {}}}"#)
        .file("a.ipynb", "application/x-ipynb+json", |outputs| {
            format!(r#"{{"nbformat": 4, "cells": [{{"cell_type": "code", "source": "run()", "outputs": [{outputs}]}}]}}"#).into_bytes()
        })
}

fn book() -> Fixture {
    markup().file("a.epub", "application/epub+zip", |chapter| {
        let package = r#"<package><manifest><item id="c" href="c.xhtml"/></manifest><spine><itemref idref="c"/></spine></package>"#;
        archive(&[
            ("mimetype", "application/epub+zip"),
            ("META-INF/container.xml", r#"<container><rootfile full-path="b.opf"/></container>"#),
            ("b.opf", package),
            ("c.xhtml", &format!("<html>{chapter}</html>")),
        ])
    })
}

fn feed() -> Fixture {
    let escaped = |html: &str| html.replace('&', "&amp;").replace('<', "&lt;");
    markup()
        .beside("h1 News")
        .beside("h2 Depots")
        .beside("Published: 2025-01-02")
        .counted(UnreadPart::Media)
        .counted(UnreadPart::Attachment)
        .file("a.xml", "application/rss+xml", |html| {
            format!(
                "<rss><channel><title>News</title><item><title>Depots</title><pubDate>2025-01-02</pubDate><enclosure type='audio/mpeg'/>\
                 <enclosure type='application/zip'/><description>{}</description></item></channel></rss>",
                escaped(html)
            )
            .into_bytes()
        })
}

fn rtf() -> Fixture {
    Pieces::default()
        .read(r"{\header\pard Policy 12\par}", "Header: Policy 12")
        .read(r"{\footer\pard Internal\par}", "Footer: Internal")
        .read(
            r"\pard Costs 1,200{\super\chftn{\footnote\pard\plain{\super\chftn} Estimated.}}\par",
            "Costs 1,200[1]",
        )
        .beside("[1]: Estimated.")
        .read(r"Here{\*\atnauthor unseen}{\*\annotation\pard Check this.}\par", "Comment: Check this.")
        .read(r"{\shp{\*\shpinst{\shptxt\pard Boxed\par}}}", "Boxed")
        .read(r"{\field{\*\fldinst FORMCHECKBOX{\*\formfield{\fftype1\ffres1}}}{\fldrslt}}\par", "☒")
        .read(
            r"{\*\shppict{\pict{\*\picprop{\sp{\sn wzDescription}{\sv A red bus}}}00}}\par",
            "[Image: A red bus]",
        )
        .unread(UnreadPart::Image, r"{\pict 89504e47}\par")
        .unread(UnreadPart::Attachment, r"{\object{\*\objdata 00}{\result{\pict 00}}}\par")
        .unread(UnreadPart::StruckText, r"not {\strike unseen}\par")
        .unread(UnreadPart::HiddenText, r"seen{\v unseen}\par")
        .file("a.rtf", "application/rtf", |text| format!(r"{{\rtf1 {text}}}").into_bytes())
}

fn pdf() -> Fixture {
    let paint = |name: &str, x: u32| format!("q 50 0 0 50 {x} 100 cm /{name} Do Q\n");
    let annotation = |entries: &str| format!("<</Type/Annot{entries}>>");
    let described = format!("/Figure <</Alt(A lighthouse)>> BDC {} EMC\n", paint("J", 200));
    let objects = vec![
        stream(IMAGE, "x"),
        stream(IMAGE, "y"),
        annotation("/Subtype/Widget/FT/Tx/T(f)/TU(City)/V(Bergen)/Rect[220 696 400 712]"),
        annotation("/Subtype/Widget/FT/Tx/Ff 8192/T(p)/V(unseen)/Rect[0 0 1 1]"),
        annotation("/Subtype/Text/T(unseen)/Contents(Check this.)/Rect[0 0 9 9]"),
        annotation("/Subtype/FreeText/Contents(Boxed)/Rect[0 0 9 9]"),
        annotation("/Subtype/FileAttachment/FS 14 0 R/Rect[0 0 9 9]"),
        annotation("/Subtype/Sound/Rect[0 0 9 9]"),
        "<</Type/Filespec/F(a)>>".to_owned(),
        annotation("/Subtype/StrikeOut/QuadPoints[70 612 200 612 70 596 200 596]/Rect[70 596 200 612]"),
    ];
    Pieces::default()
        .read(&show("Body.", 72, 740), "Body.")
        .read(&described, "[Image: A lighthouse]")
        .beside("City: Bergen")
        .beside("Comment: Check this.")
        .beside("Boxed")
        .unread(UnreadPart::Image, &paint("I", 72))
        .unread(UnreadPart::HiddenText, &show(UNSEEN, 72, -900))
        .unread(UnreadPart::StruckText, &show(UNSEEN, 72, 600))
        .counted(UnreadPart::FormField)
        .counted(UnreadPart::Attachment)
        .counted(UnreadPart::Media)
        .file("a.pdf", "application/pdf", |content| {
            let page = Page {
                content: content.to_owned(),
                resources: "/XObject<</I 6 0 R/J 7 0 R>>",
                entries: "/Annots[8 0 R 9 0 R 10 0 R 11 0 R 12 0 R 13 0 R 15 0 R]",
                catalog: "/AcroForm<</Fields[8 0 R 9 0 R]>>",
                objects,
            };
            page.bytes()
        })
}

/// Returns a file of a format in which everything is text.
fn plain(name: &'static str, media_type: &'static str, text: &str, read: &[&'static str]) -> Fixture {
    known(name, media_type, text.as_bytes().to_vec(), read, [])
}

fn text() -> Fixture {
    plain("a.txt", "text/plain", "One.\n\nTwo.\n", &["p One.", "p Two."])
}

fn code() -> Fixture {
    plain("a.rs", "text/x-source", "// note\nfn main() {}\n", &["code // note\nfn main() {}"])
}

fn json() -> Fixture {
    plain(
        "a.json",
        "application/json",
        r#"{"city": "Z\u00fcrich", "open": true}"#,
        &["\"city\": \"Zürich\"", "\"open\": true"],
    )
}

fn json_lines() -> Fixture {
    let lines = "{\"city\": \"Oslo\"}\n{\"city\": \"Bergen\"}\n";
    plain("a.jsonl", "application/jsonl", lines, &["Oslo", "Bergen"])
}

fn csv() -> Fixture {
    plain("a.csv", "text/csv", "Prices\n\na,b\n1,2\n3,4\n", &["p Prices", "| 1 | 2 |"])
}

fn xml() -> Fixture {
    plain(
        "a.xml",
        "application/xml",
        "<list><city>Oslo</city><city>Bergen</city></list>",
        &["p Oslo", "p Bergen"],
    )
}

const FIXTURES: [fn() -> Fixture; 21] = [
    docx,
    presentation,
    workbook,
    old_workbook,
    opendocument_sheet,
    opendocument_text,
    opendocument_presentation,
    html,
    markdown,
    mail,
    notebook,
    book,
    feed,
    rtf,
    pdf,
    text,
    code,
    json,
    json_lines,
    csv,
    xml,
];

#[test]
fn every_format_has_a_fixture() {
    let covered: BTreeSet<_> = FIXTURES.iter().map(|fixture| fixture().media_type).collect();
    assert_eq!(covered, Documents::media_types().collect());
}

#[test]
fn each_part_of_a_docx_is_read_or_counted() {
    check(docx());
}

#[test]
fn each_part_of_a_pptx_is_read_or_counted() {
    check(presentation());
}

#[test]
fn each_part_of_an_xlsx_is_read_or_counted() {
    check(workbook());
}

#[test]
fn each_part_of_an_xls_is_read_or_counted() {
    check(old_workbook());
}

#[test]
fn each_part_of_an_ods_is_read_or_counted() {
    check(opendocument_sheet());
}

#[test]
fn each_part_of_an_odt_is_read_or_counted() {
    check(opendocument_text());
}

#[test]
fn each_part_of_an_odp_is_read_or_counted() {
    check(opendocument_presentation());
}

#[test]
fn each_part_of_a_page_is_read_or_counted() {
    check(html());
}

#[test]
fn each_part_of_a_markdown_text_is_read_or_counted() {
    check(markdown());
}

#[test]
fn each_part_of_a_mail_is_read_or_counted() {
    check(mail());
}

#[test]
fn each_part_of_a_notebook_is_read_or_counted() {
    check(notebook());
}

#[test]
fn each_part_of_a_book_is_read_or_counted() {
    check(book());
}

#[test]
fn each_part_of_a_feed_is_read_or_counted() {
    check(feed());
}

#[test]
fn each_part_of_an_rtf_is_read_or_counted() {
    check(rtf());
}

#[test]
fn each_part_of_a_pdf_is_read_or_counted() {
    check(pdf());
}

#[test]
fn formats_of_text_alone_have_nothing_to_count() {
    for fixture in [text, code, json, json_lines, csv, xml] {
        check(fixture());
    }
}
