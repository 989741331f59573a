//! Meaning of formatting in HTML and Markdown, mail and notebooks.

use nexus_core::document::UnreadPart;
use nexus_providers::documents::DocumentLimits;

use super::build::archive;
use super::meaning::check_unread;
use super::{check, parse, parse_within};

#[test]
fn html_leaves_struck_text_out_and_counts_it() {
    let html = "<html><p>The toll is <s>7</s> <strike>8</strike> <del>9</del> \
        <span style='text-decoration: line-through'>11</span> 10 euros.</p><p>Grade 1<del>2</del>3.</p></html>";
    let report = check(html, "a.html", &["p The toll is 10 euros.", "p Grade 1 3."]);
    check_unread(&report, &[(UnreadPart::StruckText, 5)]);
}

#[test]
fn html_leaves_unseen_text_out_unless_it_is_wanted() {
    let html = "<html><head><style>.gone { display: none }</style></head><p>Seen</p><p hidden>a</p>\
        <p style='visibility:hidden'>b</p><p style='font-size:0'>c</p><p style='opacity: 0'>d</p>\
        <p style='color:#fff;background:white'>e</p><p style='position:absolute; left:-9999px'>f</p>\
        <template>g</template><noscript>h</noscript><p class=gone>i</p><p aria-hidden=true>kept</p></html>";
    let report = check(html, "a.html", &["p Seen", "p kept"]);
    check_unread(&report, &[(UnreadPart::HiddenText, 9)]);
    let limits = DocumentLimits { read_hidden: true, ..DocumentLimits::default() };
    let (blocks, report) = parse_within(limits, html.as_bytes(), "a.html").unwrap();
    assert_eq!(blocks, ["p Seen", "p a", "p b", "p c", "p d", "p e", "p f", "p g", "p h", "p i", "p kept"]);
    check_unread(&report, &[]);
}

#[test]
fn html_text_of_the_colour_of_a_plain_page_is_unseen() {
    let html = "<html><p>Seen <font color=white>unseen</font></p><div style='background:navy'><p style='color:white'>On blue</p></div></html>";
    let report = check(html, "a.html", &["p Seen", "p On blue"]);
    check_unread(&report, &[(UnreadPart::HiddenText, 1)]);
}

#[test]
fn html_keeps_apart_what_stands_in_a_cell() {
    let html = "<html><table><caption>Who</caption><tr><th>Role<th>People<tr><td>Founders<td><ul><li>Bill Gates<li>Paul Allen</ul>\
        <tr><td>Offices<td>Oslo<br>Turku<tr><td>Brands<td><div>Surface</div><div>Xbox</div>\
        <tr><td>Inner<td><table><tr><td>one<td>two</table><tr><td>Old<td><s>no</s> yes</table></html>";
    let expected = "table | Role | People |\n| --- | --- |\n| Founders | Bill Gates, Paul Allen |\n| Offices | Oslo Turku |\n\
        | Brands | Surface Xbox |\n| Inner | one two |\n| Old | yes |";
    let report = check(html, "a.html", &["p Who", expected]);
    check_unread(&report, &[(UnreadPart::StruckText, 1)]);
}

#[test]
fn html_marks_superscripts_and_reads_forms_descriptions_and_formulas() {
    let html = "<html><p>10<sup>-6</sup> m<sup>2</sup> of CO<sub>2</sub>, 1,200<sup><a href='#n3'>3</a></sup></p>\
        <p><label>City</label><input value=Bergen> <input type=checkbox checked> insured <select><option>red<option selected>blue</select>\
        <textarea>By post</textarea><input type=password value=secret></p>\
        <p><img alt='Floor plan' src=a><img src=b><iframe src=c></iframe><video></video><canvas></canvas></p>\
        <p><ruby>漢<rp>(</rp><rt>かん</rt><rp>)</rp></ruby> <svg><path/></svg><svg><text>Label</text></svg></p>\
        <p><math><mfrac><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mi>c</mi></mfrac><msup><mi>x</mi><mn>2</mn></msup></math></p></html>";
    let expected = [
        "p 10⁻⁶ m² of CO₂, 1,200[3]",
        "p City Bergen ☒ insured blue By post",
        "p [Image: Floor plan]",
        "p 漢(かん) Label",
        "p (a+b)/c x²",
    ];
    let report = check(html, "a.html", &expected);
    let counted = [
        (UnreadPart::Attachment, 1),
        (UnreadPart::Drawing, 2),
        (UnreadPart::Image, 1),
        (UnreadPart::Media, 1),
    ];
    check_unread(&report, &counted);
}

#[test]
fn html_reads_the_whole_main_part_of_a_page() {
    let prose =
        "A sentence of some length that a reader of articles takes for the article of this page. ".repeat(8);
    let html = format!(
        "<html><nav>Menu</nav><main><h1>Vessels</h1><p>{prose}</p><aside>The crane is out of order.</aside>\
         <section class=footer-notes><p>Berth nine costs 80.</p></section></main><footer>Imprint</footer></html>"
    );
    let (blocks, _) = parse(html.as_bytes(), "a.html").unwrap();
    assert!(blocks.contains(&"p Berth nine costs 80.".to_owned()), "{blocks:?}");
    assert!(blocks.contains(&"p The crane is out of order.".to_owned()), "{blocks:?}");
    assert!(!blocks.iter().any(|block| block.contains("Imprint")), "{blocks:?}");
}

#[test]
fn html_that_calls_itself_an_article_is_read_without_teasers() {
    let prose =
        "A sentence of some length that a reader of articles takes for the article of this page. ".repeat(8);
    let page = |head: &str, attributes: &str| {
        format!(
            "<html><head>{head}</head><nav>Menu</nav><main><article {attributes}><h1>Vessels</h1><p>{prose}</p>\
             </article><ul class=share><li><a href=x>Read our newsletter</a></ul></main></html>"
        )
    };
    for (html, is_article) in [
        (page("<meta property='og:type' content='article'>", ""), true),
        (page("", "class='post hentry'"), true),
        (page("", "itemscope itemtype='https://schema.org/NewsArticle'"), true),
        (page("<meta property='og:type' content='website'>", ""), false),
    ] {
        let (blocks, _) = parse(html.as_bytes(), "a.html").unwrap();
        assert!(blocks.iter().any(|block| block.contains("A sentence of some length")), "{blocks:?}");
        assert_eq!(blocks.iter().any(|block| block.contains("newsletter")), !is_article, "{html}");
    }
}

#[test]
fn html_that_lists_articles_keeps_all_of_them() {
    let prose = |name: &str| {
        let sentence = format!(
            "A sentence of some length about {name} that a reader takes for the article of this page. "
        );
        format!("<article class=hentry><h2>{name}</h2><p>{}</p></article>", sentence.repeat(8))
    };
    for names in [&["Vessels", "Harbours"][..], &["Vessels", "Harbours", "Lighthouses", "Quays"]] {
        let articles: String = names.iter().map(|name| prose(name)).collect();
        let page = format!(
            "<html><head><meta property='og:type' content='article'></head><nav>Menu</nav><main>{articles}</main>\
             <footer>Imprint</footer></html>"
        );
        let (blocks, report) = parse(page.as_bytes(), "a.html").unwrap();
        let text = blocks.join("\n");
        assert!(names.iter().all(|name| text.contains(name)), "{blocks:?}");
        assert!(!text.contains("Imprint"), "{blocks:?}");
        assert_eq!(report.warnings, [""; 0]);
    }
}

#[test]
fn html_anchors_within_a_word_leave_no_blank() {
    // XHTML that is read as HTML leaves the first anchor open, around the rest of the page.
    let html = "<h2><a id='five'/>Five</h2><p>admir<span><a id='page-130'></a></span>able, \
        <a href=x>Home</a><a href=y>Fees</a></p>";
    check(html, "a.html", &["h2 Five", "p admirable, Home Fees"]);
}

#[test]
fn html_in_another_encoding_than_it_declares_is_read_in_its_own() {
    let page = |declared: &str, encoding: &'static encoding_rs::Encoding, text: &str| {
        let html = format!("<html><head><meta charset={declared}></head><p>{text}</p></html>");
        encoding.encode(&html).0.into_owned()
    };
    let russian = "Съешь же ещё этих мягких французских булок да выпей чаю.";
    let japanese = "いろはにほへと ちりぬるを わかよたれそ つねならむ";
    for (bytes, text) in [
        (page("utf-8", encoding_rs::WINDOWS_1252, "Gebühr für das Öffnen"), "Gebühr für das Öffnen"),
        (page("windows-1252", encoding_rs::UTF_8, "Gebühr für das Öffnen"), "Gebühr für das Öffnen"),
        (page("iso-8859-1", encoding_rs::WINDOWS_1251, russian), russian),
        (page("windows-1252", encoding_rs::SHIFT_JIS, japanese), japanese),
        (page("euc-jp", encoding_rs::SHIFT_JIS, japanese), japanese),
        (page("iso-8859-1", encoding_rs::WINDOWS_1252, "Ångström, Øre, Æble"), "Ångström, Øre, Æble"),
    ] {
        check(bytes, "a.html", &[&format!("p {text}")]);
    }
}

#[test]
fn html_that_was_damaged_before_is_refused_or_named() {
    let report = check(
        "<html><p>Mostly fine, \u{FFFD} but not all.</p></html>",
        "a.html",
        &["p Mostly fine, \u{FFFD} but not all."],
    );
    assert_eq!(report.warnings, ["U+FFFD stands for characters that cannot be decoded: 1"]);
    super::check_fault(
        format!("<html><p>{}</p></html>", "\u{FFFD}".repeat(100)),
        "a.html",
        nexus_core::document::parser::codes::MALFORMED,
    );
}

#[test]
fn markdown_leaves_struck_and_unseen_text_out_and_counts_it() {
    let markdown = "The fee is ~~12~~ 15, <del>3</del> 4 or <s>5</s> 6 euros.\n\nH<sub>2</sub>O and x<sup>2</sup>, ~gone~ kept.\n\n\
        <div hidden>\n\nUnseen *words*.\n\n</div>\n\nA <span style=\"display:none\">b</span> c<!-- remark -->.\n";
    let expected = ["p The fee is 15, 4 or 6 euros.", "p H₂O and x², kept.", "p A c."];
    let report = check(markdown, "a.md", &expected);
    check_unread(&report, &[(UnreadPart::HiddenText, 2), (UnreadPart::StruckText, 4)]);
}

#[test]
fn markdown_keeps_apart_lines_in_cells_and_reads_descriptions() {
    let markdown = "| Owners | City |\n|---|---|\n| Mia<br>Noah | Oslo |\n\n![Map: the well](map.png) ![](x.png)\n\n<img alt=\"A bus\" src=b>\n";
    let expected = [
        "table | Owners | City |\n| --- | --- |\n| Mia Noah | Oslo |",
        "p [Image: Map: the well]",
        "p [Image: A bus]",
    ];
    check_unread(&check(markdown, "a.md", &expected), &[(UnreadPart::Image, 1)]);
}

#[test]
fn front_matter_is_read_as_facts() {
    let yaml = "---\ntitle: Heron\nowner: team-blue\ntags: [a, b]\n---\nText.\n";
    let report = check(yaml, "a.md", &["p title: Heron\nowner: team-blue\ntags: a, b", "p Text."]);
    assert_eq!(report.title.as_deref(), Some("Heron"));
    let toml = "+++\ntitle = \"Heron\"\nowner = 'team-blue'\n+++\nText.\n";
    assert_eq!(
        check(toml, "a.md", &["p title: Heron\nowner: team-blue", "p Text."]).title.as_deref(),
        Some("Heron")
    );
    let json = "{\n  \"title\": \"Heron\",\n  \"owner\": \"team-blue\"\n}\n\nText.\n";
    assert_eq!(
        check(json, "a.md", &["p owner: team-blue\ntitle: Heron", "p Text."]).title.as_deref(),
        Some("Heron")
    );
}

pub(super) fn multipart(kind: &str, parts: &[&str]) -> String {
    let parts: String = parts.iter().flat_map(|part| ["--b\n", part, "\n"]).collect();
    format!(
        "From: a@x.org\nSubject: S\nMIME-Version: 1.0\nContent-Type: multipart/{kind}; boundary=b\n\n{parts}--b--\n"
    )
}

const HEADER: &str = "p Subject: S\nFrom: a@x.org";

#[test]
fn mail_in_another_encoding_than_it_declares_is_read_in_its_own() {
    let latin = |text: &str| encoding_rs::WINDOWS_1252.encode(text).0.into_owned();
    let lie = "From: a@x.org\nSubject: Gebühr\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nDas Öffnen kostet 35 €.\n";
    check(latin(lie), "a.eml", &["p Subject: Gebühr\nFrom: a@x.org", "p Das Öffnen kostet 35 €."]);
    let ascii = "From: a@x.org\nSubject: S\nContent-Type: text/plain; charset=us-ascii\n\nDas Öffnen kostet 35 Euro.\n";
    check(latin(ascii), "a.eml", &[HEADER, "p Das Öffnen kostet 35 Euro."]);
    check(ascii, "a.eml", &[HEADER, "p Das Öffnen kostet 35 Euro."]);
    let quoted = "From: a@x.org\nSubject: S\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n=C3=96ffnen =\nam Tag =ZZ.\n";
    check(quoted, "a.eml", &[HEADER, "p Öffnen am Tag =ZZ."]);
    let part = "Content-Transfer-Encoding: quoted-printable\nContent-Type: text/html\n\n<html><head><meta http-equiv=3D\"Content-Type\" content=3D\"text/html; charset=\n=3Diso-8859-1\"></head><p>F=E6rgen fra =C5rhus</p></html>";
    check(multipart("related", &[part]), "a.eml", &[HEADER, "p Færgen fra Århus"]);
}

#[test]
fn a_stub_does_not_stand_for_the_body_of_a_mail() {
    let stub = "Content-Type: text/plain\n\nYour program cannot display HTML.";
    let html = "Content-Type: text/html\n\n<p>The meeting of the board moves to the fourth of June, <s>ten</s> noon, in the large hall.</p>";
    let report = check(
        multipart("alternative", &[stub, html]),
        "a.eml",
        &[HEADER, "p The meeting of the board moves to the fourth of June, noon, in the large hall."],
    );
    check_unread(&report, &[(UnreadPart::StruckText, 1)]);
    let plain = "Content-Type: text/plain\n\nThe meeting moves to the fourth of June, noon.";
    check(
        multipart(
            "alternative",
            &[
                plain,
                "Content-Type: text/html\n\n<p>The meeting moves to the <b>fourth</b> of June, noon.</p>",
            ],
        ),
        "a.eml",
        &[HEADER, "p The meeting moves to the fourth of June, noon."],
    );
}

#[test]
fn mail_counts_images_and_attachments_and_reads_invitations() {
    let html = "Content-Type: text/html\n\n<p>Hello <img src='cid:logo@x'></p>";
    let image = |id: &str| {
        format!(
            "Content-Type: image/png\nContent-Disposition: inline\nContent-ID: <{id}>\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo="
        )
    };
    let event = "Content-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:Review\nDTSTART:20240606T103000Z\nEND:VEVENT\nEND:VCALENDAR";
    let file = "Content-Type: application/zip; name=a.zip\nContent-Disposition: attachment; filename=a.zip\n\n\u{1}\u{2}\u{3}\u{4}PK";
    let mail = multipart("mixed", &[html, &image("logo@x"), &image("other@x"), event, file]);
    let report = check(mail, "a.eml", &[HEADER, "p Hello", "p Event: Review\nStart: 2024-06-06 10:30 UTC"]);
    check_unread(&report, &[(UnreadPart::Attachment, 1), (UnreadPart::Image, 2)]);
}

#[test]
fn notebooks_keep_outputs_that_are_text_and_count_others() {
    let notebook = r#"{"nbformat": 4, "cells": [
        {"cell_type": "code", "source": "print(acc)", "outputs": [
            {"output_type": "stream", "name": "stdout", "text": ["accuracy 0.873\n"]},
            {"output_type": "display_data", "data": {"text/plain": "<Figure>", "image/png": "iVBO"}},
            {"output_type": "execute_result", "data": {"text/plain": ["42"]}},
            {"output_type": "execute_result", "data": {"text/plain": "a  b", "text/html": "<table><tr><th>a<th>b<tr><td>1<td>2</table>"}},
            {"output_type": "display_data", "data": {"text/html": "<div>widget</div>"}},
            {"output_type": "error", "ename": "ValueError", "evalue": "\u001b[31mbad\u001b[0m value", "traceback": ["long"]}]},
        {"cell_type": "raw", "source": "raw text"}]}"#;
    let expected = [
        "code print(acc)",
        "code accuracy 0.873",
        "code 42",
        "table | a | b |\n| --- | --- |\n| 1 | 2 |",
        "p widget",
        "code ValueError: bad value",
        "p raw text",
    ];
    check_unread(&check(notebook, "a.ipynb", &expected), &[(UnreadPart::Output, 1)]);
    let older = r#"{"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "input": "x", "outputs": [{"output_type": "pyout", "text": ["7"]}]}]}]}"#;
    check(older, "a.ipynb", &["code x", "code 7"]);
}

#[test]
fn books_are_read_in_the_encoding_of_each_chapter() {
    let chapter = "<?xml version=\"1.0\" encoding=\"windows-1252\"?><html><p>Das <del>alte</del> Geb\u{e4}ude<a epub:type=\"noteref\" href=\"#n\">1</a></p></html>";
    let bytes = encoding_rs::WINDOWS_1252.encode(chapter).0.into_owned();
    let chapter = String::from_utf8_lossy(&bytes).into_owned();
    assert!(chapter.contains('\u{FFFD}'), "the chapter is not UTF-8");
    let files: [(&str, &[u8]); 4] = [
        ("mimetype", b"application/epub+zip"),
        ("META-INF/container.xml", br#"<container><rootfile full-path="b.opf"/></container>"#),
        ("b.opf", br#"<package><manifest><item id="c" href="c.xhtml"/></manifest><spine><itemref idref="c"/></spine></package>"#),
        ("c.xhtml", &bytes),
    ];
    let report = check(super::build::archive_of_bytes(&files), "a.epub", &["p Das Gebäude[1]"]);
    check_unread(&report, &[(UnreadPart::StruckText, 1)]);
}

#[test]
fn feeds_keep_content_written_as_elements_and_count_files() {
    let atom = "<feed><title>N</title><entry><title>E</title><updated>2025-01-02</updated><link rel='enclosure' type='audio/mpeg'/>\
        <content type='xhtml'><div><p>One &amp; <s>two</s> three</p><ul><li>item</li></ul></div></content></entry></feed>";
    let report =
        check(atom, "a.xml", &["h1 N", "h2 E", "p Published: 2025-01-02", "p One & three", "li item"]);
    check_unread(&report, &[(UnreadPart::Media, 1), (UnreadPart::StruckText, 1)]);
}

#[test]
fn links_and_boxes_beside_each_other_are_separate_words() {
    for (html, expected) in [
        (
            "<p>Tags: <a href=a>Blue Origin</a><a href=b>Ceres</a><a href=c>CLPS</a></p>",
            "p Tags: Blue Origin Ceres CLPS",
        ),
        ("<p><span>A grey rabbit</span><span>Credit: Getty</span></p>", "p A grey rabbit Credit: Getty"),
        ("<p>fee<span style='display:inline-block'>45</span>EUR</p>", "p fee 45 EUR"),
        ("<style>.c{display:block}</style><p><b class=c>one</b><b class=c>two</b></p>", "p one two"),
        (
            "<p><b>H</b>ello w<i>or</i>ld <span>H</span><span>ello</span> <code><span>get</span><span>Name</span></code></p>",
            "p Hello world Hello getName",
        ),
        ("<p><a href=a>part</a>ly</p>", "p partly"),
    ] {
        check(format!("<html>{html}</html>"), "a.html", &[expected]);
    }
}

#[test]
fn the_mark_of_a_note_is_the_same_raised_and_on_the_line() {
    for mark in ["1", "<sup>1</sup>"] {
        let html = format!("<html><p>Cost<a role='doc-noteref' href='#n'>{mark}</a> in euros.</p></html>");
        check(html, "a.html", &["p Cost[1] in euros."]);
    }
}

#[test]
fn parts_of_a_formula_do_not_run_into_each_other() {
    for (formula, expected) in [
        ("<mi>E</mi><mo>=</mo><mi>m</mi><msup><mi>c</mi><mn>2</mn></msup>", "p E=mc²"),
        ("<msup><mi>x</mi><mn>3</mn></msup><mfrac><mi>a</mi><mi>b</mi></mfrac>", "p x³ a/b"),
        ("<mn>2</mn><mfrac><mi>a</mi><mi>b</mi></mfrac><mi>c</mi>", "p 2 a/b c"),
        ("<msup><mi>x</mi><mi>n</mi></msup><mi>y</mi>", "p x^n y"),
        ("<msup><mi>x</mi><mrow><mi>n</mi><mo>+</mo><mn>1</mn></mrow></msup>", "p x^(n+1)"),
    ] {
        check(format!("<html><p><math>{formula}</math></p></html>"), "a.html", &[expected]);
    }
}

#[test]
fn text_that_style_sheets_hide_is_left_out() {
    for (css, html) in [
        (".w{color:#fff}", "<p class=w>x</p>"),
        (".h{color:#000;background:#000}", "<p class=h>x</p>"),
        ("@media screen{.i{display:none}}", "<p class=i>x</p>"),
        (".e .f{display:none}", "<div class=e><p class=f>x</p></div>"),
        ("[data-x]{display:none}", "<p data-x=1>x</p>"),
        (".t{color:rgba(0,0,0,0)}", "<p class=t>x</p>"),
        ("body{background:#fff}", "<p style='color:#fefefe'>x</p>"),
        ("body{background:#000} .b{color:black}", "<p class=b>x</p>"),
    ] {
        let page = format!("<html><style>{css}</style><body><p>Seen.</p>{html}</body></html>");
        check_unread(&check(page, "a.html", &["p Seen."]), &[(UnreadPart::HiddenText, 1)]);
    }
    let seen = "<html><style>body{background:#123} .a{background:url(x)} @media print{.p{display:none}}</style><body>\
        <p style='color:#fff'>One.</p><p class=a><b style='color:white'>Two.</b></p><p class=p>Three.</p></body></html>";
    check(seen, "a.html", &["p One.", "p Two.", "p Three."]);
}

#[test]
fn style_sheets_of_a_book_apply_to_its_chapters() {
    let book = archive(&[
        ("mimetype", "application/epub+zip"),
        ("META-INF/container.xml", "<container><rootfile full-path='O/b.opf'/></container>"),
        (
            "O/b.opf",
            "<package><manifest><item id='a' href='t/a.xhtml'/></manifest><spine><itemref idref='a'/></spine></package>",
        ),
        ("O/s.css", ".h{display:none} .st{text-decoration:line-through}"),
        (
            "O/t/a.xhtml",
            "<html><head><link rel='stylesheet' href='../s.css'/></head><body><p>Fee <span class='st'>400</span> 450</p>\
            <p class='h'>x</p></body></html>",
        ),
    ]);
    let report = check(book, "a.epub", &["p Fee 450"]);
    check_unread(&report, &[(UnreadPart::HiddenText, 1), (UnreadPart::StruckText, 1)]);
}

#[test]
fn front_matter_is_reported_as_facts() {
    let yaml = "---\ntitle: Leave\ntags: [hr, leave]\nowner:\n  name: Ann\n---\n\nThirty days.\n";
    let toml =
        "+++\ntitle = \"Leave\"\ntags = [\"hr\", \"leave\"]\n[owner]\nname = \"Ann\"\n+++\n\nThirty days.\n";
    let json = "{\"title\": \"Leave\", \"tags\": [\"hr\", \"leave\"], \"owner\": {\"name\": \"Ann\"}}\n\nThirty days.\n";
    for text in [yaml, toml, json] {
        let (blocks, report) = parse(text.as_bytes(), "a.md").unwrap();
        assert_eq!(blocks.last().map(String::as_str), Some("p Thirty days."));
        let facts: Vec<String> = report.facts.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(facts, ["owner.name=Ann", "tags=hr, leave", "title=Leave"], "{text}");
    }
    assert!(parse(b"# Leave\n\nThirty days.\n", "a.md").unwrap().1.facts.is_empty());
}

#[test]
fn cells_beyond_the_header_of_a_table_in_markdown_are_read() {
    let table = "| A | B |\n|---|---|\n| 1 | 2 | extra \\| more | last |\n| only |\n| 3 | 4 |\n";
    let expected = "table | A | B |  |  |\n| --- | --- | --- | --- |\n| 1 | 2 | extra \\| more | last |\n| only |  |  |  |\n| 3 | 4 |  |  |";
    check(table, "a.md", &[expected]);
}

#[test]
fn notebooks_count_images_beside_their_text_and_read_outputs_in_html() {
    let notebook = r#"{"nbformat": 4, "cells": [
        {"cell_type": "markdown", "source": "Text ![](attachment:b.png)", "attachments": {"a.png": {"image/png": "x"}, "b.png": {"image/png": "x"}}},
        {"cell_type": "code", "source": "show()", "outputs": [
            {"output_type": "execute_result", "data": {"text/html": "<p>Only <b>HTML</b></p><script>x</script>"}},
            {"output_type": "display_data", "data": {"text/html": "<p>Object</p>", "text/plain": "<IPython.core.display.HTML object>"}},
            {"output_type": "display_data", "data": {"text/html": "<script>plot()</script>"}}]}]}"#;
    let report = check(notebook, "a.ipynb", &["p Text", "code show()", "p Only HTML", "p Object"]);
    check_unread(&report, &[(UnreadPart::Image, 2), (UnreadPart::Output, 1)]);
}
