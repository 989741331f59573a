//! Tables: headers of several rows, units, long headers and rows, tables one below the other.

use super::build::docx;
use super::{check, parse};

const NAMES: &str = "table | Region | Staff Name | Staff City |\n| --- | --- | --- |\n| North | Ann | Hexham |\n| South | Bo | Dover |";

#[test]
fn a_header_of_two_rows_that_the_markup_declares_is_joined_above_texts() {
    let rows = "<tr><td>North<td>Ann<td>Hexham</tr><tr><td>South<td>Bo<td>Dover</tr>";
    let head = "<tr><th rowspan=2>Region<th colspan=2>Staff</tr><tr><th>Name<th>City</tr>";
    check(format!("<table><thead>{head}</thead><tbody>{rows}</tbody></table>"), "a.html", &[NAMES]);
    check(format!("<table>{head}{rows}</table>"), "a.html", &[NAMES]);
    let cell = |properties: &str, text: &str| {
        format!("<w:tc><w:tcPr>{properties}</w:tcPr><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:tc>")
    };
    let row = |properties: &str, cells: &[String]| {
        format!("<w:tr><w:trPr>{properties}</w:trPr>{}</w:tr>", cells.concat())
    };
    let repeated = "<w:tblHeader/>";
    let table = [
        row(
            repeated,
            &[cell(r#"<w:vMerge w:val="restart"/>"#, "Region"), cell(r#"<w:gridSpan w:val="2"/>"#, "Staff")],
        ),
        row(repeated, &[cell("<w:vMerge/>", ""), cell("", "Name"), cell("", "City")]),
        row("", &[cell("", "North"), cell("", "Ann"), cell("", "Hexham")]),
        row("", &[cell("", "South"), cell("", "Bo"), cell("", "Dover")]),
    ];
    check(docx(&format!("<w:tbl>{}</w:tbl>", table.concat())), "a.docx", &[NAMES]);
}

#[test]
fn a_row_of_units_belongs_to_the_header() {
    check(
        "Item,Weight,Length\n,kg,m\nLock,5,6\nKey,7,8\n",
        "a.csv",
        &["table | Item | Weight kg | Length m |\n| --- | --- | --- |\n| Lock | 5 | 6 |\n| Key | 7 | 8 |"],
    );
}

#[test]
fn lines_of_names_and_values_above_a_table_are_no_header() {
    let table = "table | Date | Text | Amount |\n| --- | --- | --- |\n| 2024-01-01 | Rent | 5 |\n| 2024-01-02 | Food | 6 |";
    let rows = "Date,Text,Amount\n2024-01-01,Rent,5\n2024-01-02,Food,6\n";
    let expected = &["p Company, ACME\nPeriod, 2024", table];
    check(format!("Company,ACME\nPeriod,2024\n\n{rows}"), "a.csv", expected);
    check(format!("Company,ACME\r\nPeriod,2024\r\n\r\n{}", rows.replace('\n', "\r\n")), "a.csv", expected);
    check(format!("Company,ACME\nPeriod,2024\n,,\n{rows}"), "a.csv", expected);
}

#[test]
fn a_table_behind_a_blank_line_has_a_header_of_its_own() {
    let first = "table | Name | Value |\n| --- | --- |\n| House | 100 |\n| Car | 20 |";
    let second =
        "table | Lender | Amount | Due |\n| --- | --- | --- |\n| Bank | 50 | 2025 |\n| Shop | 5 | 2024 |";
    let text =
        "Assets\nName,Value\nHouse,100\nCar,20\n\nDebts\nLender,Amount,Due\nBank,50,2025\nShop,5,2024\n";
    check(text, "a.csv", &["p Assets", first, "p Debts", second]);
    check("a,b\n\"x\ny\",2\n\n3,4\n", "a.csv", &["table | a | b |\n| --- | --- |\n| x y | 2 |\n| 3 | 4 |"]);
}

#[test]
fn a_header_that_is_shorter_than_its_rows_stays_the_header() {
    check(
        "a,b\n1,2,3,4\n5\n",
        "a.csv",
        &["table | a | b |  |  |\n| --- | --- | --- | --- |\n| 1 | 2 | 3 | 4 |\n| 5 |  |  |  |"],
    );
}

#[test]
fn each_part_of_a_wide_or_long_table_names_its_values() {
    let header: Vec<String> = (0..60).map(|column| format!("Measurement column {column}")).collect();
    let row = |row: usize| (0..60).map(|column| format!("r{row}c{column}")).collect::<Vec<_>>().join(",");
    let rows: Vec<String> = (0..12).map(row).collect();
    let (blocks, _) =
        parse(format!("{}\n{}\n", header.join(","), rows.join("\n")).as_bytes(), "a.csv").unwrap();
    for value in ["r0c0", "r5c30", "r11c59"] {
        let block = blocks.iter().find(|block| block.contains(value)).unwrap();
        let column = value.rsplit('c').next().unwrap();
        assert!(block.contains(&format!("Measurement column {column}")), "{block}");
    }
    let words = |count: usize| "word ".repeat(count);
    let (blocks, _) =
        parse(format!("Name,Text\nN0,{}end\nN1,short\n", words(700)).as_bytes(), "a.csv").unwrap();
    assert!(blocks.len() > 3 && blocks.iter().all(|block| block.starts_with("table | Name | Text |\n")));
    let last = blocks.iter().find(|block| block.contains("end")).unwrap();
    assert!(last.contains("| N0 | word"), "{last}");
    assert_eq!(blocks.iter().map(|block| block.matches("word").count()).sum::<usize>(), 700);
}

#[test]
fn a_table_within_a_cell_of_rich_text_is_text_of_its_cell() {
    let text = r"{\rtf1\trowd\cellx100\cellx200\pard\intbl Name\cell Parts\cell\row
        \trowd\cellx100\cellx200\pard\intbl Lock\cell \pard\intbl\itap2 bolt\nestcell 2\nestcell{\*\nesttableprops\trowd\cellx50\cellx90\nestrow}
        \pard\intbl\itap1 and more\cell\row\pard}";
    check(text, "a.rtf", &["table | Name | Parts |\n| --- | --- |\n| Lock | bolt 2 and more |"]);
}
