//! PDF.

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
