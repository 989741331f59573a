//! PDF.

use std::collections::BTreeMap;

use nexus_core::document::UnreadPart;
use nexus_core::document::parser::codes;

use super::build::{pdf, pdf_of};
use super::{check, check_fault, parse};

#[test]
fn pages_count_from_one_and_those_without_text_are_named() {
    let bytes = pdf(&[&["Hello from the first page."], &[], &["And this is the third one."]]);
    let report = check(bytes, "a.pdf", &["p@1 Hello from the first page.", "p@3 And this is the third one."]);
    assert_eq!((report.pages, report.pages_without_text), (Some(3), vec![2]));
}

#[test]
fn a_page_that_cannot_be_read_costs_that_page_only() {
    let good = "BT /F1 12 Tf 72 700 Td (A page that is fine.) Tj ET".to_owned();
    let bad = "BT /F1 12 Tf [[[[ <zz> (never closed Tj ET".to_owned();
    let (blocks, report) = parse(&pdf_of(&[good.clone(), bad, good], ""), "a.pdf").unwrap();
    assert_eq!(report.pages, Some(3));
    assert!(
        blocks.contains(&"p@1 A page that is fine.".to_owned())
            && blocks.contains(&"p@3 A page that is fine.".to_owned())
    );
}

#[test]
fn a_pdf_of_scans_is_empty() {
    check_fault(pdf(&[&[], &[]]), "a.pdf", codes::EMPTY);
}

#[test]
fn a_password_is_asked_for() {
    let key = "00".repeat(32);
    let encrypt = format!("/Encrypt<</Filter/Standard/V 1/R 2/O<{key}>/U<{key}>/P -4>>/ID[<00><00>]");
    let content = "BT /F1 12 Tf 72 700 Td (secret) Tj ET".to_owned();
    check_fault(pdf_of(&[content], &encrypt), "a.pdf", codes::ENCRYPTED);
}

fn shows(text: &str, at: (i32, i32)) -> String {
    format!("BT /F1 12 Tf 1 0 0 1 {} {} Tm ({text}) Tj ET ", at.0, at.1)
}

fn texts(content: String) -> Vec<String> {
    parse(&pdf_of(&[content], ""), "a.pdf").unwrap().0
}

#[test]
fn two_columns_are_read_one_after_the_other_in_whatever_order_they_are_drawn() {
    let mut content = shows("A heading that stands over both of the columns of this page", (72, 740));
    for line in 0..6 {
        let up = 700 - 14 * line;
        content += &shows(&format!("left line {line} of some running text"), (72, up));
        content += &shows(&format!("right line {line} of some running text"), (330, up));
    }
    let blocks = texts(content);
    let place = |text: &str| blocks.iter().position(|block| block.contains(text)).unwrap();
    assert!(place("A heading") < place("left line 5") && place("left line 5") < place("right line 0"));
    assert!(!blocks.iter().any(|block| block.contains("left") && block.contains("right")), "{blocks:?}");
}

#[test]
fn cells_below_one_another_are_a_table() {
    let mut content = String::new();
    for (row, (name, hours, cost)) in
        [("Parts", "Hours", "Cost"), ("Body", "2", "300"), ("Paint", "1.5", "225")].into_iter().enumerate()
    {
        let up = 700 - 16 * i32::try_from(row).unwrap();
        content += &(shows(name, (72, up)) + &shows(hours, (200, up)) + &shows(cost, (300, up)));
    }
    let blocks = texts(content);
    assert_eq!(
        blocks,
        ["table@1 | Parts | Hours | Cost |\n| --- | --- | --- |\n| Body | 2 | 300 |\n| Paint | 1.5 | 225 |"]
    );
}

#[test]
fn turned_pages_and_lines_are_read_like_others() {
    let upwards = "BT /F1 12 Tf 0 1 -1 0 300 72 Tm (Read upwards first.) Tj 1 0 0 1 0 0 Tm ET \
                   BT /F1 12 Tf 0 1 -1 0 340 72 Tm (Then the next line.) Tj ET";
    let blocks = texts(upwards.to_owned());
    assert_eq!(blocks, ["p@1 Read upwards first.", "p@1 Then the next line."]);
}

#[test]
fn letters_drawn_twice_are_there_once_and_text_outside_of_the_page_is_counted() {
    let drawn = |shift: u32| format!("BT /F1 12 Tf 1 0 0 1 72.{shift} 700 Tm (Assembly point) Tj ET ");
    let twice = drawn(0) + &drawn(1);
    let content = twice + &shows("Hidden from view.", (72, 2000));
    let (blocks, report) = parse(&pdf_of(&[content], ""), "a.pdf").unwrap();
    assert_eq!(blocks, ["p@1 Assembly point"]);
    assert_eq!(report.unread, BTreeMap::from([(UnreadPart::HiddenText, 1)]));
    assert!(report.warnings.is_empty());
}

#[test]
fn hyphens_at_line_ends_are_undone_where_they_cut_a_word() {
    let content = shows("The price deter-", (72, 700))
        + &shows("mining part is RV-", (72, 686))
        + &shows("2041.", (72, 672));
    assert_eq!(texts(content), ["p@1 The price determining part is RV-2041."]);
}
