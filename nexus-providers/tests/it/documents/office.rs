//! Office formats of both families.

use super::build::{archive, cell, docx, docx_with, paragraph, pptx, xls, xlsx};
use super::check;

#[test]
fn docx_styles_say_what_is_a_heading_or_a_list() {
    let styles = r#"<w:styles><w:style w:styleId="H"><w:name w:val="heading 2"/></w:style>
        <w:style w:styleId="Mine"><w:name w:val="Mine"/><w:basedOn w:val="H"/></w:style>
        <w:style w:styleId="L"><w:name w:val="List Bullet"/></w:style></w:styles>"#;
    let body = [
        paragraph(r#"<w:pStyle w:val="H"/>"#, "Heading"),
        paragraph(r#"<w:pStyle w:val="Mine"/>"#, "Inherited"),
        paragraph(r#"<w:outlineLvl w:val="0"/>"#, "Outlined"),
        paragraph(r#"<w:pStyle w:val="L"/>"#, "item"),
        paragraph(r#"<w:numPr><w:numId w:val="3"/></w:numPr>"#, "numbered"),
        paragraph(r#"<w:pStyle w:val="L"/><w:numPr><w:numId w:val="0"/></w:numPr>"#, "not numbered"),
    ];
    let expected = ["h2 Heading", "h2 Inherited", "h1 Outlined", "li item", "li numbered", "p not numbered"];
    check(docx_with(&body.concat(), &[("word/styles.xml", styles)]), "a.docx", &expected);
}

#[test]
fn docx_keeps_what_was_inserted_and_drops_what_was_deleted() {
    let body = "<w:p><w:r><w:t>Stay</w:t></w:r><w:del><w:r><w:delText>gone</w:delText><w:t>gone</w:t></w:r></w:del>\
        <w:ins><w:r><w:tab/><w:t>new</w:t><w:br/><w:t>line &lt;&#x41;</w:t></w:r></w:ins></w:p>\
        <mc:AlternateContent><mc:Choice><w:p><w:r><w:t>box</w:t></w:r></w:p></mc:Choice>\
        <mc:Fallback><w:p><w:r><w:t>box</w:t></w:r></w:p></mc:Fallback></mc:AlternateContent>";
    check(docx(body), "a.docx", &["p Stay\tnew\nline <A", "p box"]);
}

#[test]
fn docx_cells_that_are_merged_say_it_in_every_row() {
    let cell = |properties: &str, text: &str| {
        format!("<w:tc><w:tcPr>{properties}</w:tcPr>{}</w:tc>", paragraph("", text))
    };
    let body = format!(
        "<w:tbl><w:tr>{}{}</w:tr><w:tr>{}{}{}</w:tr></w:tbl>",
        cell(r#"<w:vMerge w:val="restart"/>"#, "a"),
        cell(r#"<w:gridSpan w:val="2"/>"#, "b"),
        cell("<w:vMerge/>", ""),
        cell("", "c"),
        cell("", "d"),
    );
    check(docx(&body), "a.docx", &["table | a | b | b |\n| --- | --- | --- |\n| a | c | d |"]);
}

#[test]
fn docx_notes_follow_the_body_and_equations_are_a_line() {
    let equation = "<w:p><m:oMath><m:r><m:t>a=</m:t></m:r><m:f><m:num><m:r><m:t>b+c</m:t></m:r></m:num>\
        <m:den><m:r><m:t>d</m:t></m:r></m:den></m:f><m:sSup><m:e><m:r><m:t>x</m:t></m:r></m:e>\
        <m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup></m:oMath></w:p>";
    let notes = format!("<w:footnotes><w:footnote>{}</w:footnote></w:footnotes>", paragraph("", "The note"));
    let title = "<cp:coreProperties><dc:title>The title</dc:title></cp:coreProperties>";
    let parts = [("word/footnotes.xml", notes.as_str()), ("docProps/core.xml", title)];
    let report = check(docx_with(equation, &parts), "a.docx", &["p a=(b+c)/d x²", "p The note"]);
    assert_eq!(report.title.as_deref(), Some("The title"));
}

#[test]
fn runs_after_a_fraction_or_an_index_are_apart_from_it() {
    let run = |text: &str| format!("<m:r><m:t>{text}</m:t></m:r>");
    let fraction = format!("<m:f><m:num>{}</m:num><m:den>{}</m:den></m:f>", run("a"), run("2"));
    let index = format!("<m:sSub><m:e>{}</m:e><m:sub>{}</m:sub></m:sSub>", run("x"), run("i"));
    let equation = |parts: &[&str]| format!("<w:p><m:oMath>{}</m:oMath></w:p>", parts.concat());
    let body = [
        equation(&[&fraction, &run("b+1")]),
        equation(&[&index, &run("y")]),
        equation(&[&fraction, &run("+b")]),
        equation(&[&run("ab"), &run("c")]),
    ];
    check(docx(&body.concat()), "a.docx", &["p a/2 b+1", "p x_i y", "p a/2+b", "p abc"]);
}

#[test]
fn pptx_slides_are_pages_in_the_order_shown() {
    let shape = |kind: &str, paragraphs: &str| {
        format!(r#"<p:sp><p:nvPr><p:ph type="{kind}"/></p:nvPr><p:txBody>{paragraphs}</p:txBody></p:sp>"#)
    };
    let text = |properties: &str, text: &str| format!("<a:p>{properties}<a:r><a:t>{text}</a:t></a:r></a:p>");
    let first = [
        shape("title", &text("", "First")),
        shape("body", &(text("", "text") + &text(r#"<a:pPr lvl="1"/>"#, "item"))),
        shape("sldNum", &text("", "1")),
    ];
    let table = "<a:tbl><a:tr><a:tc gridSpan=\"2\"><a:txBody><a:p><a:r><a:t>wide</a:t></a:r></a:p></a:txBody></a:tc>\
        <a:tc hMerge=\"1\"><a:txBody><a:p/></a:txBody></a:tc></a:tr>\
        <a:tr><a:tc><a:p><a:r><a:t>l</a:t></a:r></a:p></a:tc><a:tc><a:p><a:r><a:t>r</a:t></a:r></a:p></a:tc></a:tr></a:tbl>";
    let relation = r#"<Relationships><Relationship Id="n" Type="x/notesSlide" Target="../notesSlides/n.xml"/></Relationships>"#;
    let notes = format!("<p:notes>{}</p:notes>", shape("body", &text("", "say this")));
    let parts = [("ppt/slides/_rels/slide1.xml.rels", relation), ("ppt/notesSlides/n.xml", notes.as_str())];
    let bytes = pptx(&[&first.concat(), "<p:pic/>", table], &parts);
    let expected = [
        "h1@1 First",
        "p@1 text",
        "li@1 item",
        "table@3 | wide |  |\n| --- | --- |\n| l | r |",
        "p@3 say this",
    ];
    let report = check(bytes, "a.pptx", &expected);
    assert_eq!((report.pages, report.pages_without_text), (Some(3), vec![2]));
}

#[test]
fn xlsx_sheets_are_pages_and_blank_rows_part_tables() {
    let row = |number: u32, cells: &[(&str, &str)]| {
        let cells =
            cells.iter().map(|(column, value)| cell(&format!("{column}{number}"), value)).collect::<String>();
        format!(r#"<row r="{number}">{cells}</row>"#)
    };
    let budget = [
        "<dimension ref=\"B1:C7\"/>\n".to_owned(),
        row(1, &[("B", "Budget")]),
        row(2, &[("B", "item"), ("C", "price")]),
        row(3, &[("B", "tea"), ("C", "0.30000000000000004")]),
        row(4, &[("C", "12")]),
        row(7, &[("B", "x"), ("C", "y")]),
    ];
    let bytes = xlsx(&[("Costs", &budget.concat()), ("Sheet2", ""), ("Sheet3", &row(1, &[("A", "alone")]))]);
    let expected = [
        "h1@1 Costs",
        "p@1 Budget",
        "table@1 | item | price |\n| --- | --- |\n| tea | 0.3 |\n|  | 12 |",
        "table@1 | x | y |\n| --- | --- |",
        "p@3 alone",
    ];
    let report = check(bytes, "a.xlsx", &expected);
    assert_eq!((report.pages, report.pages_without_text), (Some(3), vec![2]));
}

#[test]
fn xls_sheets_are_read_like_those_of_xlsx() {
    let cells = [(0, 0, "item"), (0, 1, "price"), (1, 0, "tea"), (1, 1, "2.5")];
    check(xls(&cells), "a.xls", &["h1@1 Costs", "table@1 | item | price |\n| --- | --- |\n| tea | 2.5 |"]);
}

#[test]
fn opendocument_texts_and_sheets() {
    let text = "<office:document-content><office:text><text:h text:outline-level=\"2\">Head</text:h>\
        <text:p>a<text:s/>b<text:line-break/>c</text:p><text:list><text:list-item><text:p>item</text:p></text:list-item></text:list>\
        <table:table><table:table-row><table:table-cell><text:p>x</text:p></table:table-cell>\
        <table:table-cell><text:p>y</text:p></table:table-cell></table:table-row></table:table></office:text></office:document-content>";
    let files = [("mimetype", "application/vnd.oasis.opendocument.text"), ("content.xml", text)];
    check(archive(&files), "a.odt", &["h2 Head", "p a b\nc", "li item", "table | x | y |\n| --- | --- |"]);

    let sheet = "<office:body><office:spreadsheet><table:table table:name=\"Costs\"><table:table-row>\
        <table:table-cell><text:p>a</text:p></table:table-cell><table:table-cell table:number-columns-repeated=\"2\"><text:p>b</text:p></table:table-cell>\
        <table:table-cell table:number-columns-repeated=\"16000\"/></table:table-row></table:table></office:spreadsheet></office:body>";
    let files = [("mimetype", "application/vnd.oasis.opendocument.spreadsheet"), ("content.xml", sheet)];
    check(archive(&files), "a.ods", &["h1@1 Costs", "table@1 | a | b | b |\n| --- | --- | --- |"]);
}

#[test]
fn numbers_of_opendocument_lists_are_those_that_the_program_shows() {
    let level =
        |level: u32, rest: &str| format!(r#"<text:list-level-style-number text:level="{level}" {rest}/>"#);
    let style = |name: &str, levels: &[String]| {
        format!(r#"<text:list-style style:name="{name}">{}</text:list-style>"#, levels.concat())
    };
    let styles = [
        style("plain", &[level(1, r#"style:num-format="1" style:num-suffix=".""#)]),
        style(
            "legal",
            &[
                level(1, r#"style:num-format="1" style:num-prefix="Article ""#),
                level(2, r#"style:num-format="a" style:num-suffix=")" text:display-levels="2""#),
            ],
        ),
    ];
    let item = |text: &str| format!("<text:list-item><text:p>{text}</text:p></text:list-item>");
    let body = [
        format!(r#"<text:list text:style-name="plain">{}{}</text:list>"#, item("one"), item("two")),
        format!(
            r#"<text:list text:style-name="legal">{}<text:list-item><text:p>rent</text:p><text:list>{}{}</text:list></text:list-item></text:list>"#,
            item("term"),
            item("due"),
            item("late")
        ),
        format!(
            r#"<text:list text:style-name="legal" text:continue-numbering="true">{}</text:list>"#,
            item("law")
        ),
    ];
    let content = format!(
        "<office:document-content><office:automatic-styles>{}</office:automatic-styles><office:body><office:text>{}</office:text></office:body></office:document-content>",
        styles.concat(),
        body.concat()
    );
    let file = archive(&[("mimetype", "application/vnd.oasis.opendocument.text"), ("content.xml", &content)]);
    check(
        file,
        "a.odt",
        &[
            "li one",
            "li two",
            "li Article 1 term",
            "li Article 2 rent",
            "li 2.a) due",
            "li 2.b) late",
            "li Article 3 law",
        ],
    );
}
