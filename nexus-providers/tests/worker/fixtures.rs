//! Small documents of every format, built from their parts.

use super::build::{archive, cell, docx_with, paragraph, pdf, pptx, xls, xlsx_with};

/// Document: its file name and its bytes.
pub(crate) type Fixture = (&'static str, Vec<u8>);

/// Returns one or more documents of each format.
pub(crate) fn all() -> Vec<Fixture> {
    [texts(), records(), pages(), office(), open_documents(), binaries()].concat()
}

fn texts() -> Vec<Fixture> {
    let wide = |text: &str| {
        [&[0xFF, 0xFE][..], &text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()].concat()
    };
    vec![
        ("a.txt", "First paragraph.\nIts second line.\n\nSecond paragraph, with ümläuts.\n".into()),
        ("wide.txt", wide("Wide text.\n\nSecond paragraph.\n")),
        ("latin.txt", b"Caf\xE9 cr\xE8me, na\xEFve d\xE9j\xE0 vu.\n\nUn autre paragraphe tr\xE8s court.".to_vec()),
        ("a.md", "# Title\n\nText with [a link](x).\n\n1. one\n2. two\n   - deep\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```\ncode\n```\n\n[^1]: note\n".into()),
        ("a.rs", "fn main() {\n    print();\n}\n\nstruct Second;\n".into()),
        ("a.csv", "name,amount\nrent,1200\n\"a, b\",3\n".into()),
        ("a.rtf", r"{\rtf1\ansi{\fonttbl{\f0 Arial;}}\pard Hello {\b bold} \'e9\u8364?\par\trowd\intbl a\cell b\cell\row\pard}".into()),
    ]
}

fn records() -> Vec<Fixture> {
    vec![
        ("a.json", r#"{"b": [1, 2.50, {"c": null}], "a": "x\n\u00e9", "d": {"e": {"f": []}}}"#.into()),
        ("b.json", r#"[{"title": "t", "text": "one"}, {"text": "two"}]"#.into()),
        ("a.jsonl", "{\"text\": \"one\"}\n{\"other\": 1}\n{\"title\": \"t\", \"text\": \"two\"}\n".into()),
        ("a.ipynb", r##"{"nbformat": 4, "cells": [{"cell_type": "markdown", "source": ["# T\n", "x"]}, {"cell_type": "code", "source": "x = 1"}]}"##.into()),
    ]
}

fn pages() -> Vec<Fixture> {
    let nested = "--y\nContent-Type: text/plain\n\ninner text\n--y\nContent-Type: application/json; name=a.json\nContent-Transfer-Encoding: base64\n\neyJ0ZXh0IjogImF0dGFjaGVkIn0=\n--y--\n";
    let mail = "Subject: =?utf-8?q?R=C3=A9sum=C3=A9?=\nFrom: A <a@b.c>\nTo: d@e.f\nDate: Mon, 1 Jan 2024 10:00:00 +0000\n";
    vec![
        ("a.html", "<!DOCTYPE html><html><head><title>T</title></head><body><h1>Head</h1><p>Text <b>bold</b></p><ol start=3><li>a<li>b<ul><li>c</ul></ol><table><tr><th colspan=2>h<tr><td rowspan=2>1<td>2<tr><td>3</table><pre>code</pre></body></html>".into()),
        ("menu.html", format!("<html><body><nav><a href=x>menu</a></nav><article>{}</article><footer>f</footer></body></html>", "<p>A long sentence of prose, which says something about the matter at hand, and more.</p>".repeat(6)).into()),
        ("a.xml", "<?xml version=\"1.0\"?><r><a b=\"c\">one</a>two<!-- x --><![CDATA[three]]></r>".into()),
        ("a.rss", "<rss><channel><title>F</title><item><title>I</title><description>&lt;p&gt;text</description></item></channel></rss>".into()),
        ("a.eml", format!("{mail}MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=y\n\n{nested}").into()),
        ("a.mbox", format!("From a@b.c Mon Jan 1 10:00:00 2024\n{mail}\nfirst\n\nFrom a@b.c Mon Jan 1 10:00:00 2024\n{mail}\nsecond\n").into()),
    ]
}

fn office() -> Vec<Fixture> {
    let table = r#"<w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val="2"/></w:tcPr><w:p><w:r><w:t>wide</w:t></w:r></w:p></w:tc></w:tr><w:tr><w:tc><w:tcPr><w:vMerge w:val="restart"/></w:tcPr><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc></w:tr><w:tr><w:tc><w:tcPr><w:vMerge/></w:tcPr><w:p/></w:tc><w:tc><w:p><w:r><w:t>c</w:t></w:r></w:p></w:tc></w:tr></w:tbl>"#;
    let body = [paragraph(r#"<w:pStyle w:val="H"/>"#, "Head"), paragraph("", "text"), table.into()].concat();
    let parts = [
        (
            "word/styles.xml",
            r#"<w:styles><w:style w:styleId="H"><w:name w:val="heading 1"/></w:style></w:styles>"#,
        ),
        ("word/footnotes.xml", "<w:footnotes><w:p><w:r><w:t>note</w:t></w:r></w:p></w:footnotes>"),
        ("docProps/core.xml", "<cp:coreProperties><dc:title>T</dc:title></cp:coreProperties>"),
    ];
    let rows = format!(
        r#"<row r="1">{}{}</row><row r="2"><c r="A2" t="s"><v>0</v></c><c r="B2"><v>2.5</v></c></row><row r="9">{}</row>"#,
        cell("A1", "name"),
        cell("B1", "amount"),
        cell("C9", "far")
    );
    let strings = [("xl/sharedStrings.xml", "<sst uniqueCount=\"1\"><si><t>shared</t></si></sst>")];
    let slide = r#"<p:sp><p:nvPr><p:ph type="title"/></p:nvPr><a:p><a:r><a:t>Head</a:t></a:r></a:p></p:sp><a:tbl><a:tr><a:tc gridSpan="2" rowSpan="2"><a:p><a:r><a:t>x</a:t></a:r></a:p></a:tc></a:tr><a:tr><a:tc><a:p><a:r><a:t>y</a:t></a:r></a:p></a:tc></a:tr></a:tbl>"#;
    vec![
        ("a.docx", docx_with(&body, &parts)),
        ("a.xlsx", xlsx_with(&[("Costs", &rows), ("Sheet2", &rows)], &strings)),
        ("a.pptx", pptx(&[slide, "<p:sp><a:p><a:r><a:t>two</a:t></a:r></a:p></p:sp>"], &[])),
    ]
}

fn open_documents() -> Vec<Fixture> {
    let kind = |kind: &'static str, body: &str| {
        let content = format!("<office:body><office:{kind}>{body}</office:{kind}></office:body>");
        archive(&[
            ("mimetype", &format!("application/vnd.oasis.opendocument.{kind}")),
            ("content.xml", &content),
        ])
    };
    let table = r#"<table:table table:name="Costs"><table:table-row><table:table-cell table:number-columns-repeated="3"><text:p>x</text:p></table:table-cell></table:table-row><table:table-row><table:table-cell><text:p>1</text:p></table:table-cell></table:table-row></table:table>"#;
    let package = r#"<package><metadata><dc:title>B</dc:title></metadata><manifest><item id="a" href="a.xhtml"/><item id="b" href="b.xhtml"/></manifest><spine><itemref idref="a"/><itemref idref="b"/></spine></package>"#;
    let book = [
        ("mimetype", "application/epub+zip"),
        ("META-INF/container.xml", r#"<container><rootfile full-path="book.opf"/></container>"#),
        ("book.opf", package),
        ("a.xhtml", "<html><body><h1>One</h1><p>first</p></body></html>"),
        ("b.xhtml", "<html><body><p>second</p></body></html>"),
    ];
    vec![
        (
            "a.odt",
            kind(
                "text",
                &format!(
                    "<text:h text:outline-level=\"1\">H</text:h><text:p>p<text:s/>q</text:p><text:list><text:list-item><text:p>i</text:p></text:list-item></text:list>{table}"
                ),
            ),
        ),
        ("a.ods", kind("spreadsheet", table)),
        ("a.odp", kind("presentation", "<draw:page><text:p>slide</text:p></draw:page>")),
        ("a.epub", archive(&book)),
    ]
}

fn binaries() -> Vec<Fixture> {
    vec![
        ("a.pdf", pdf(&[&["One line of text", "and another"], &["Second page"]])),
        ("a.xls", xls(&[(0, 0, "name"), (0, 1, "amount"), (1, 0, "rent"), (1, 1, "1200")])),
    ]
}
