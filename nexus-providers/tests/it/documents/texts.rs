//! Formats that are text: plain, Markdown, HTML, JSON, tables, source code, feeds, notebooks.

use super::{check, parse};

#[test]
fn blank_lines_separate_paragraphs() {
    let report = check(
        "One\nline.\r\n\r\n \nTwo\0.\n\n\u{C}Three",
        "a.txt",
        &["p One\nline.", "p Two\u{FFFD}.", "p Three"],
    );
    assert_eq!((report.content_type.as_str(), report.encoding.as_deref()), ("text/plain", Some("UTF-8")));
}

#[test]
fn an_endless_line_is_cut_between_sentences() {
    let sentence = "All work and no play makes a dull document. ";
    let (blocks, _) = parse(sentence.repeat(5_000).as_bytes(), "a.txt").unwrap();
    assert!(blocks.len() > 3);
    assert!(blocks.iter().all(|block| block.len() <= 64 * 1024 + 2 && block.ends_with("document.")));
    let text: String = blocks.iter().flat_map(|block| [&block[2..], " "]).collect();
    assert_eq!(text, sentence.repeat(5_000));
}

#[test]
fn markdown_is_read_by_its_structure() {
    let markdown = "---\ntitle: The Front\n---\n# One *two* `three`\n\nText\nwith [a link](https://x.y) and **bold**.\n\n\
        - item\n  - nested\n- [x] done\n\n3. three\n4. four\n\n> quoted\n\n```rust\nfn main() {}\n\n    indented\n```\n\n\
        | a | b \\| c |\n|---|---|\n| 1 | 2 |\n\nNote[^1].\n\n[^1]: The note.\n\n<p>Inline <b>HTML</b></p>\n";
    let expected = [
        "p title: The Front",
        "h1 One two three",
        "p Text with a link and bold.",
        "li item",
        "li nested",
        "li [x] done",
        "li 3. three",
        "li 4. four",
        "p quoted",
        "code fn main() {}\n\n    indented",
        "table | a | b \\| c |\n| --- | --- |\n| 1 | 2 |",
        "p Note[1].",
        "p [1]: The note.",
        "p Inline HTML",
    ];
    let report = check(markdown, "a.md", &expected);
    assert_eq!(report.title.as_deref(), Some("The Front"));
}

#[test]
fn html_is_read_by_its_structure() {
    let html = "<!DOCTYPE html><html><head><title> A  page </title><style>p{}</style><script>var x;</script></head>\
        <body><h2>Head<br>ing</h2><div>Some <b>bold</b>\n text.<p>Next<br>line</p></div><ul><li>a<ul><li>b</ul><li>c</ul>\
        <ol start=4><li>four<li>five</ol><pre>  code\n    more</pre><div hidden>secret</div>\
        <table><tr><th>x<th>y<tr><td rowspan=2>1<td>2<tr><td>3</table><table><tr><td>layout</table></body></html>";
    let expected = [
        "h2 Head ing",
        "p Some bold text.",
        "p Next\nline",
        "li a",
        "li b",
        "li c",
        "li 4. four",
        "li 5. five",
        "code   code\n    more",
        "table | x | y |\n| --- | --- |\n| 1 | 2 |\n| 1 | 3 |",
        "p layout",
    ];
    assert_eq!(check(html, "a.html", &expected).title.as_deref(), Some("A page"));
}

#[test]
fn the_article_of_a_page_is_told_from_its_furniture() {
    let prose =
        "The committee met on Tuesday, and after long debate, it agreed that the bridge must be repaired. "
            .repeat(6);
    let links = "<li><a href=x>Another teaser</a></li>".repeat(20);
    let html = format!(
        "<html><head><title>Bridge</title></head><body><nav><ul>{links}</ul></nav><div class=menu><ul>{links}</ul></div>\
         <article><h1>Bridge</h1><p>{prose}</p><p>{prose}</p></article><footer>All rights reserved</footer></body></html>"
    );
    let (blocks, _) = parse(html.as_bytes(), "a.html").unwrap();
    assert!(blocks.iter().any(|block| block.contains("committee")));
    assert!(!blocks.iter().any(|block| block.contains("teaser") || block.contains("rights")), "{blocks:?}");
}

#[test]
fn a_plain_page_keeps_everything() {
    let html = "<html><body><p>Short.</p><p><a href=x>Only a link</a></p></body></html>";
    check(html, "a.html", &["p Short.", "p Only a link"]);
}

#[test]
fn tables_as_text_find_their_delimiter() {
    let expected = &["table | a | b |\n| --- | --- |\n| 1,5 | x y |\n| 2 |  |"];
    check("a;b\n\"1,5\";\"x\ny\"\n\n2\n", "a.csv", expected);
    check("a\tb\n1,5\tx y\n2\n", "a.tsv", expected);
    check("\u{FEFF}a|b\n1,5|x y\n2\n", "a.csv", expected);
}

#[test]
fn lines_above_the_header_of_a_table_are_no_header() {
    let file = "Report created 2026-05-01, by export\nPeriod: Q1\n\nAccount,Debit,Credit,Note\n4400,120.50,0,a\n4500,1,2,b\n";
    let expected = [
        "p Report created 2026-05-01, by export\nPeriod: Q1",
        "table | Account | Debit | Credit | Note |\n| --- | --- | --- | --- |\n| 4400 | 120.50 | 0 | a |\n| 4500 | 1 | 2 | b |",
    ];
    check(file, "a.csv", &expected);
    let expected = "table | Artikel | Preis |\n| --- | --- |\n| Mutter, M8 | 0,03 |";
    check("\u{FEFF}sep=;\r\nArtikel;Preis\r\nMutter, M8;0,03\r\n", "a.csv", &[expected]);
    check("sep=;\nArtikel;Preis\n\"Mutter, M8\";0,03\n", "a.csv", &[expected]);
}

#[test]
fn a_header_of_two_rows_becomes_one_in_every_format() {
    let expected =
        "| Region | 2024 Q1 | 2024 Q2 | 2025 Q1 |\n| --- | --- | --- | --- |\n| North | 1 | 2 | 3 |";
    check(",2024,,2025\nRegion,Q1,Q2,Q1\nNorth,1,2,3\n", "a.csv", &[&format!("table {expected}")]);
    let html = "<html><table><tr><th rowspan=2>Region<th colspan=2>2024<th>2025<tr><th>Q1<th>Q2<th>Q1\
        <tr><td>North<td>1<td>2<td>3</table></html>";
    check(html, "a.html", &[&format!("table {expected}")]);
    let markdown =
        "| | 2024 | | 2025 |\n|---|---|---|---|\n| Region | Q1 | Q2 | Q1 |\n| North | 1 | 2 | 3 |\n";
    check(markdown, "a.md", &[&format!("table {expected}")]);
}

#[test]
fn a_title_within_a_table_is_a_paragraph_above_it() {
    let html = "<html><table><tr><td colspan=2>Fees<tr><th>a<th>b<tr><td>1<td>2</table></html>";
    check(html, "a.html", &["p Fees", "table | a | b |\n| --- | --- |\n| 1 | 2 |"]);
}

#[test]
fn a_quotation_mark_that_is_never_closed_is_told() {
    let report =
        check("a,b\n1,\"open,3\n4,5\n", "a.csv", &["table | a | b |\n| --- | --- |\n| 1 | open,3 4,5 |"]);
    assert_eq!(
        report.warnings,
        ["a quotation mark in line 2 is never closed; the lines after it are one cell"]
    );
    assert!(
        check("a,b\n1,\"two\nlines\"\n", "a.csv", &["table | a | b |\n| --- | --- |\n| 1 | two lines |"])
            .warnings
            .is_empty()
    );
}

#[test]
fn every_passage_of_a_long_table_begins_with_its_header() {
    let rows = |open: &str, mid: &str, close: &str| -> String {
        let row = |row: u32| format!("{open}Stop{row:03}{mid}L{}{mid}{}{close}", row % 7, 30 + row % 40);
        (0..400).map(row).collect()
    };
    let names =
        |open: &str, mid: &str, close: &str| format!("{open}Station{mid}Line{mid}Platform height cm{close}");
    let files = [
        (format!("{}{}", names("", ",", "\n"), rows("", ",", "\n")), "a.csv"),
        (format!("{}|---|---|---|\n{}", names("|", "|", "|\n"), rows("|", "|", "|\n")), "a.md"),
        (
            format!("<html><table>{}{}</table>", names("<tr><td>", "<td>", ""), rows("<tr><td>", "<td>", "")),
            "a.html",
        ),
    ];
    for (file, name) in files {
        let hints = nexus_core::document::parser::FileHints { name: name.into(), content_type: None };
        let mut blocks = Vec::new();
        let parser = nexus_providers::documents::Documents::default();
        nexus_core::document::DocumentParser::parse(
            &parser,
            &mut std::io::Cursor::new(file),
            &hints,
            &mut blocks,
        )
        .unwrap();
        let passages = cut(&blocks);
        assert!(passages.len() > 4, "{name}: {} passages", passages.len());
        for passage in &passages {
            assert!(
                passage.starts_with("| Station | Line | Platform height cm |\n| --- |"),
                "{name}: {passage}"
            );
        }
    }
}

/// Cuts blocks into passages of the default size.
fn cut(blocks: &[nexus_core::document::Block]) -> Vec<String> {
    use nexus_core::document::chunk::{ChunkConfig, Chunker, EstimatedTokens};
    let mut chunker = Chunker::new(ChunkConfig::default(), std::sync::Arc::new(EstimatedTokens));
    let mut chunks: Vec<_> = blocks.iter().flat_map(|block| chunker.push(block.clone())).collect();
    chunks.extend(chunker.finish());
    chunks.into_iter().map(|chunk| chunk.text).collect()
}

#[test]
fn long_tables_come_in_runs_that_repeat_the_header() {
    let rows: Vec<String> = (0..1_000).map(|row| format!("{row},some value\n")).collect();
    let (blocks, _) = parse(format!("id,value\n{}", rows.concat()).as_bytes(), "a.csv").unwrap();
    assert!(blocks.len() > 3);
    assert!(
        blocks
            .iter()
            .all(|block| block.starts_with("table | id | value |\n| --- | --- |\n") && block.len() < 5_000)
    );
    let lines = blocks.iter().map(|block| block.lines().count() - 2).sum::<usize>();
    assert_eq!(lines, 1_000);
}

#[test]
fn a_json_record_is_its_text() {
    let report =
        check(r#"{"title": "T", "text": "One.\n\nTwo \u00e9.", "x": 1}"#, "a.json", &["p One.", "p Two é."]);
    assert_eq!(report.title.as_deref(), Some("T"));
    check(r#"[{"text": "a"}, {"text": "b", "title": "t"}]"#, "a.json", &["p a", "p t\nb"]);
}

#[test]
fn other_json_stands_as_written() {
    check(
        r#"{"b": [1, 2.50], "text": 7}"#,
        "a.json",
        &["code {\n  \"b\": [\n    1,\n    2.50\n  ],\n  \"text\": 7\n}"],
    );
}

#[test]
fn strings_of_json_are_their_values() {
    let json =
        r#"{"notes": [{"body": "Caf\u00e9 \"Rubin\"\ncosts \ud83d\ude00", "url": "https:\/\/x.org"}]}"#;
    let expected = "code {\n  \"notes\": [\n    {\n      \"body\": \"Café \"Rubin\"\ncosts 😀\",\n      \"url\": \"https://x.org\"\n    }\n  ]\n}";
    check(json, "a.json", &[expected]);
    let lines = "{\"note\": \"H\\u00f6he\"}\n{\"note\": \"a\\/b\"}\n";
    check(lines, "a.jsonl", &["code {\"note\": \"Höhe\"}", "code {\"note\": \"a/b\"}"]);
}

#[test]
fn json_lines_are_one_block_each_and_broken_ones_are_named() {
    let lines = "{\"title\": \"T\", \"text\": \"a\"}\n\n{\"x\": 1}\n{\"text\": \"cut\n";
    let report = check(lines, "a.jsonl", &["p T\na", "code {\"x\": 1}"]);
    assert_eq!(report.warnings, ["line 4 is not valid JSON and was left out"]);
}

#[test]
fn json_lines_are_known_by_more_than_their_beginning() {
    let long = "word ".repeat(10_000);
    let (blocks, _) =
        parse(format!("{{\"text\": \"{long}\"}}\n{{\"text\": \"b\"}}\n").as_bytes(), "a").unwrap();
    assert_eq!(blocks[1], "p b");
}

#[test]
fn source_code_is_split_between_items() {
    let rust = "use x;\n\nfn a() {\n    1;\n\n    2\n}\n\nfn b() {}\n";
    check(rust, "a.rs", &["code use x;", "code fn a() {\n    1;\n\n    2\n}", "code fn b() {}"]);
}

#[test]
fn notebooks_are_their_cells() {
    let notebook = r##"{"nbformat": 4, "cells": [{"cell_type": "markdown", "source": ["# T\n", "text"]},
        {"cell_type": "code", "source": "x = 1", "outputs": []}]}"##;
    check(notebook, "a.ipynb", &["h1 T", "p text", "code x = 1"]);
}

#[test]
fn feeds_are_their_entries() {
    let rss = "<?xml version=\"1.0\"?><rss><channel><title>News</title><item><title>One &amp; two</title>\
        <description>&lt;p&gt;Short&lt;/p&gt;</description></item></channel></rss>";
    check(rss, "a.xml", &["h1 News", "h2 One & two", "p Short"]);
    let atom =
        "<feed><title>N</title><entry><title>E</title><content><![CDATA[<b>c</b>]]></content></entry></feed>";
    check(atom, "a.xml", &["h1 N", "h2 E", "p c"]);
}

#[test]
fn unknown_xml_is_the_text_of_its_elements() {
    check(
        "<?xml version=\"1.0\"?><a><b>one</b><c>two <d>three</d> four</c></a>",
        "a.xml",
        &["p one", "p two", "p three", "p four"],
    );
}

#[test]
fn attributes_of_unknown_xml_are_read() {
    let xml = "<catalog xmlns='x'><product name='Lock &amp; key' price='5 EUR'/><product price='7 EUR'>spare</product></catalog>";
    check(xml, "a.xml", &["p name: Lock & key, price: 5 EUR", "p price: 7 EUR\nspare"]);
}

#[test]
fn rtf_is_paragraphs_and_tables() {
    let rtf = r"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}{\*\generator x;}{\info{\title no}}Caf\'e9 \u8364? \u-10179?\u-8704?\par
Second\line line\par\trowd\intbl a\cell b\cell\row\intbl c\cell d\cell\row\pard End}";
    check(
        rtf,
        "a.rtf",
        &["p Café € 😀", "p Second\nline", "table | a | b |\n| --- | --- |\n| c | d |", "p End"],
    );
}
