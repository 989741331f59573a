//! Work of reading a document, which grows no faster than its size: counted in steps at n, 2n and 4n.

use std::fmt::Write as _;
use std::io::Cursor;

use nexus_core::document::parser::{Block, FileHints, codes};
use nexus_providers::documents::Documents;

use super::build::{archive, cell, docx, docx_with, paragraph, pptx, xls, xlsx};

/// Returns the steps that reading takes.
fn steps(bytes: &[u8], name: &str) -> u64 {
    let hints = FileHints { name: name.into(), content_type: None };
    let mut blocks: Vec<Block> = Vec::new();
    let (read, taken) =
        Documents::default().parse_streaming(&mut Cursor::new(bytes.to_vec()), &hints, &mut blocks);
    read.unwrap_or_else(|error| panic!("{name}: {}", error.report()));
    taken.steps
}

#[test]
fn repeated_rows_beyond_the_budget_are_refused_before_they_are_written() {
    let row = r#"<table:table-row table:number-rows-repeated="1000000"><table:table-cell table:number-columns-repeated="1000"><text:p>x</text:p></table:table-cell></table:table-row>"#;
    let content = format!(
        "<office:body><office:spreadsheet><table:table>{row}</table:table></office:spreadsheet></office:body>"
    );
    let file =
        archive(&[("mimetype", "application/vnd.oasis.opendocument.spreadsheet"), ("content.xml", &content)]);
    let hints = FileHints { name: "a.ods".into(), content_type: None };
    let (read, taken) = Documents::default().parse_streaming(&mut Cursor::new(file), &hints, &mut Vec::new());
    assert_eq!(read.unwrap_err().code(), codes::AMPLIFIES);
    assert!(taken.steps < 100_000, "{} steps", taken.steps);
}

/// Asserts that the steps of reading are linear in `n`.
#[track_caller]
fn check(name: &str, make: impl Fn(usize) -> Vec<u8>) {
    const N: usize = 500;
    let [one, two, four] = [N, 2 * N, 4 * N].map(|n| steps(&make(n), name));
    assert!(one >= N as u64, "{name}: {one} steps for {N} pieces: the work is counted");
    assert!(two <= one * 22 / 10, "{name}: {one} steps, and {two} for twice as much");
    assert!(four <= two * 22 / 10, "{name}: {two} steps, and {four} for twice as much");
}

#[test]
fn texts() {
    check("a.txt", |n| "A line of text.\n\n".repeat(n).into());
    check("a.txt", |n| "no end of the line ".repeat(n).into());
    check("a.rs", |n| "fn main() {}\n\n".repeat(n).into());
    check("a.csv", |n| format!("a,b,c\n{}", "1,2,3\n".repeat(n)).into());
    check("a.csv", |n| format!("{}\n{}", "a,".repeat(n), "1\n".repeat(n)).into());
    check("a.md", |n| "1. item\n\n   more\n\n> quote\n\n".repeat(n).into());
    check("a.md", |n| format!("|a|b|\n|-|-|\n{}", "|1|2|\n".repeat(n)).into());
    check("a.md", |n| format!("{}x", "> ".repeat(n)).into());
}

#[test]
fn records() {
    let nested = format!("{}1{},", "[".repeat(100), "]".repeat(100));
    check("a.json", |n| format!("[{}0]", nested.repeat(n / 50)).into());
    check("a.json", |n| format!("[{}0]", r#"{"a": [1, "x"]},"#.repeat(n)).into());
    check("a.jsonl", |n| "{\"text\": \"one line\"}\n".repeat(n).into());
    check("a.ipynb", |n| {
        let cells = vec![r##"{"cell_type": "markdown", "source": "# x\n\ny"}"##; n].join(",");
        format!(r#"{{"nbformat": 4, "cells": [{cells}]}}"#).into()
    });
}

#[test]
fn pages() {
    check("a.html", |n| format!("<html><ol>{}</ol>", "<li>a</li>".repeat(n)).into());
    check("a.html", |n| format!("<html><ol>{}", "<li>a".repeat(n)).into());
    check("a.html", |n| format!("<html>{}", "<table><tr><td>a<td>b<tr><td>c<td>d</table>".repeat(n)).into());
    check("a.html", |n| {
        let nested = format!("{}<tr><td>x{}", "<table><tr><td>".repeat(60), "</table>".repeat(60));
        format!("<html>{}", nested.repeat(n / 50)).into()
    });
    check("a.html", |n| format!("<html><nav>x</nav>{}", "<p>A sentence of prose. </p>".repeat(n)).into());
    check("a.html", |n| format!("<html>{}", "<b><i>bold<p>text</i></b>".repeat(n)).into());
    check("a.rss", |n| {
        let items = "<item><title>t</title><description>&lt;p&gt;x</description></item>".repeat(n);
        format!("<rss><channel>{items}</channel></rss>").into()
    });
    check("a.xml", |n| format!("<?xml version=\"1.0\"?><r>{}</r>", "<a b=\"c\">x</a>".repeat(n)).into());
}

#[test]
fn mails() {
    check("a.eml", |n| format!("From: a@b.c\nTo: {}d@e.f\nSubject: s\n\nbody", "x@y.z, ".repeat(n)).into());
    check("a.eml", |n| {
        let part = "--x\nContent-Type: text/plain\n\nbody\n".repeat(n);
        format!("From: a@b.c\nTo: d@e.f\nContent-Type: multipart/mixed; boundary=x\n\n{part}--x--\n").into()
    });
}

#[test]
fn rich_texts() {
    check("a.rtf", |n| format!(r"{{\rtf1 {}}}", r"{\b text}\par ".repeat(n)).into());
    check("a.rtf", |n| {
        format!(r"{{\rtf1 \intbl {}\row {}}}", r"x\cell ".repeat(n), r"y\cell\row ".repeat(n)).into()
    });
    check("a.docx", |n| docx(&paragraph("", "text").repeat(n)));
    check("a.docx", |n| {
        let row = "<w:tr><w:tc><w:p><w:r><w:t>x</w:t></w:r></w:p></w:tc></w:tr>";
        docx(&format!("<w:tbl>{}</w:tbl>", row.repeat(n)))
    });
    check("a.docx", |n| {
        let group = format!("{}x{}", "<m:d>".repeat(200), "</m:d>".repeat(200));
        docx(&format!("<w:p><w:r><w:t>{}</w:t></w:r></w:p>", group.repeat(n / 100)))
    });
}

#[test]
fn styles_that_depend_on_one_with_a_long_name() {
    check("a.docx", |n| {
        let long = "s".repeat(n * 20);
        let styles = [
            format!(r#"<w:style w:styleId="{long}"><w:name w:val="heading 1"/></w:style>"#),
            format!(r#"<w:style w:styleId="S"><w:basedOn w:val="{long}"/></w:style>"#),
        ];
        let styles = styles.concat();
        let body = paragraph(r#"<w:pStyle w:val="S"/>"#, "x").repeat(n);
        docx_with(&body, &[("word/styles.xml", &format!("<w:styles>{styles}</w:styles>"))])
    });
}

#[test]
fn slides_and_books() {
    check("a.pptx", |n| {
        let slide = "<p:sp><a:p><a:r><a:t>text</a:t></a:r></a:p></p:sp>";
        pptx(&vec![slide; n], &[])
    });
    check("a.epub", |n| {
        let (mut items, mut spine) = (String::new(), String::new());
        for index in 0..n {
            write!(items, r#"<item id="i{index}" href="c.xhtml"/>"#).unwrap();
            write!(spine, r#"<itemref idref="i{index}"/>"#).unwrap();
        }
        let package = format!("<package><manifest>{items}</manifest><spine>{spine}</spine></package>");
        archive(&[
            ("mimetype", "application/epub+zip"),
            ("META-INF/container.xml", r#"<container><rootfile full-path="b.opf"/></container>"#),
            ("b.opf", &package),
            ("c.xhtml", "<html><p>x</p></html>"),
        ])
    });
}

#[test]
fn sheets() {
    check("a.xlsx", |n| {
        let mut rows = String::new();
        for row in 1..=n {
            write!(rows, r#"<row r="{row}">{}</row>"#, cell(&format!("A{row}"), "x")).unwrap();
        }
        xlsx(&[("Sheet1", &rows)])
    });
    check("a.xlsx", |n| {
        let (mut rows, mut merges) = (String::new(), String::new());
        for row in 1..=n {
            write!(
                rows,
                r#"<row r="{row}">{}{}</row>"#,
                cell(&format!("A{row}"), "x"),
                cell(&format!("B{row}"), "1")
            )
            .unwrap();
            write!(merges, r#"<mergeCell ref="A{row}:A{}"/>"#, row + 2).unwrap();
        }
        xlsx(&[("Sheet1", &format!("{rows}</sheetData><mergeCells>{merges}</mergeCells><sheetData>"))])
    });
    check("a.ods", |n| {
        let row = r#"<table:table-row><table:table-cell table:number-rows-spanned="3"><text:p>x</text:p></table:table-cell></table:table-row>"#;
        let rows = row.repeat(n);
        let content = format!("<office:spreadsheet><table:table>{rows}</table:table></office:spreadsheet>");
        archive(&[("mimetype", "application/vnd.oasis.opendocument.spreadsheet"), ("content.xml", &content)])
    });
    check("a.xlsx", |n| {
        let row = format!(r#"<row r="1">{}</row>"#, cell("A1", "x"));
        let names: Vec<String> = (0..n).map(|index| format!("S{index}")).collect();
        xlsx(&names.iter().map(|name| (name.as_str(), row.as_str())).collect::<Vec<_>>())
    });
    check("a.ods", |n| {
        let row =
            "<table:table-row><table:table-cell><text:p>x</text:p></table:table-cell></table:table-row>";
        let content =
            format!("<office:spreadsheet><table:table>{}</table:table></office:spreadsheet>", row.repeat(n));
        archive(&[("mimetype", "application/vnd.oasis.opendocument.spreadsheet"), ("content.xml", &content)])
    });
    let cells: Vec<(u16, u16, &str)> = (0..40).map(|row| (row, 0, "x")).collect();
    assert!(steps(&xls(&cells), "a.xls") > 4_096, "the work is counted");
}

#[test]
fn formatting_that_is_left_out_or_marked() {
    check("a.html", |n| format!("<html><p>{}</p></html>", "word <s>no</s> <sup>2</sup> ".repeat(n)).into());
    check("a.html", |n| format!("<html><p>{}{}</p></html>", "x".repeat(n * 10), "<s>1</s>".repeat(n)).into());
    check("a.html", |n| {
        format!("<html>{}</html>", "<div style='color:red;background:blue'>x</div>".repeat(n)).into()
    });
    check("a.md", |n| "a ~~b~~ <del>c</del> ![d](e)<br>\n\n<div hidden>\n\nf\n\n</div>\n\n".repeat(n).into());
    check("a.md", |n| format!("---\n{}---\ntext", "key: value\n  - item\n".repeat(n)).into());
    check("a.eml", |n| format!("From: a@b.c\nSubject: {}\n\nbody", "=?a?q?b ".repeat(n)).into());
    check("a.rtf", |n| {
        format!(r"{{\rtf1 {}}}", r"a{\strike b}{\super 2}{\footnote c}\par ".repeat(n)).into()
    });
    check("a.docx", |n| {
        let run =
            "<w:r><w:rPr><w:strike/></w:rPr><w:t>x</w:t></w:r><w:r><w:footnoteReference w:id=\"1\"/></w:r>";
        docx(&format!("<w:p><w:r><w:t>y</w:t></w:r>{}</w:p>", run.repeat(n)))
    });
    check("a.odt", |n| {
        let text = "<text:p>a<text:span>b</text:span><office:annotation><text:p>c</text:p></office:annotation></text:p>";
        archive(&[
            ("mimetype", "application/vnd.oasis.opendocument.text"),
            ("content.xml", &format!("<office:text>{}</office:text>", text.repeat(n))),
        ])
    });
}
