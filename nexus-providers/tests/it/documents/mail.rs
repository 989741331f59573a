//! Mail and its attachments.

use super::{check, parse};

#[test]
fn a_mail_is_its_header_and_its_text() {
    let mail = "From: =?utf-8?q?J=C3=BCrgen?= <j@x.org>\r\nTo: a@x.org, B <b@x.org>\r\nSubject: =?utf-8?b?SGkgw7w=?=\r\n\
        Date: Tue, 02 Jan 2024 03:04:05 +0100\r\nX-Noise: yes\r\n\r\nHello,\r\n\r\nworld.\r\n";
    let header =
        "p Subject: Hi ü\nFrom: Jürgen <j@x.org>\nTo: a@x.org, B <b@x.org>\nDate: 2024-01-02T03:04:05+01:00";
    let report = check(mail, "a.eml", &[header, "p Hello,", "p world."]);
    assert_eq!((report.title.as_deref(), report.content_type.as_str()), (Some("Hi ü"), "message/rfc822"));
}

#[test]
fn a_mail_in_html_is_read_as_html() {
    let mail = "From: a@x.org\nSubject: S\nMIME-Version: 1.0\nContent-Type: text/html; charset=iso-8859-1\n\
        Content-Transfer-Encoding: quoted-printable\n\n<h1>T=FCr</h1><ul><li>x</ul>";
    check(mail, "a.eml", &["p Subject: S\nFrom: a@x.org", "h1 Tür", "li x"]);
}

fn with_attachment(name: &str, kind: &str, content: &str) -> String {
    format!(
        "From: a@x.org\nSubject: S\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"{name}\"\n\n--{name}\n\
         Content-Type: text/plain\n\nBody of {name}.\n--{name}\nContent-Type: {kind}; name=\"{name}\"\n\
         Content-Disposition: attachment; filename=\"{name}\"\n\n{content}\n--{name}--\n"
    )
}

#[test]
fn attachments_are_read_as_what_they_are() {
    let mail = with_attachment("a.csv", "text/csv", "x,y\n1,2");
    let expected = [
        "p Subject: S\nFrom: a@x.org",
        "p Body of a.csv.",
        "h2 a.csv",
        "table | x | y |\n| --- | --- |\n| 1 | 2 |",
    ];
    let report = check(mail, "a.eml", &expected);
    assert_eq!((report.title.as_deref(), report.content_type.as_str()), (Some("S"), "message/rfc822"));
}

#[test]
fn an_attachment_that_cannot_be_read_is_named() {
    let mail = with_attachment("logo.png", "image/png", "\u{1}\u{2}\u{3}\u{4}PNG");
    let report = check(mail, "a.eml", &["p Subject: S\nFrom: a@x.org", "p Body of logo.png."]);
    assert_eq!(report.warnings.len(), 1);
    assert!(
        report.warnings[0].starts_with("the attachment `logo.png` was left out"),
        "{:?}",
        report.warnings
    );
}

#[test]
fn mails_in_mails_end_at_a_depth() {
    let mut mail = "From: a@x.org\nSubject: innermost\n\nThe core.\n".to_owned();
    for level in 0..6 {
        mail = with_attachment(&format!("level{level}.eml"), "message/rfc822", &mail);
    }
    let (blocks, report) = parse(mail.as_bytes(), "a.eml").unwrap();
    assert!(blocks.iter().any(|block| block.contains("Body of level2")));
    assert!(!blocks.iter().any(|block| block.contains("The core")));
    assert!(report.warnings.iter().any(|warning| warning.contains("too deep")), "{:?}", report.warnings);
}

#[test]
fn a_mailbox_is_all_its_mails() {
    let mailbox = "From a@x Mon Jan  1\nFrom: a@x.org\nSubject: 1\n\nOne\n\nFrom b@x Mon Jan  1\nFrom: b@x.org\nSubject: 2\n\nTwo\n";
    let expected = ["p Subject: 1\nFrom: a@x.org", "p One", "p Subject: 2\nFrom: b@x.org", "p Two"];
    check(mailbox, "a.mbox", &expected);
}
