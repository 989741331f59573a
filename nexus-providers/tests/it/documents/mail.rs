//! Mail and its attachments.

use nexus_core::document::UnreadPart;

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

/// Returns a mail in two forms.
fn alternative(plain: &str, html: &str) -> String {
    format!(
        "From: a@x.org\nSubject: S\nMIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=B\n\n--B\n\
         Content-Type: text/plain; charset=utf-8\n\n{plain}\n--B\nContent-Type: text/html; charset=utf-8\n\n{html}\n--B--\n"
    )
}

#[test]
fn a_plain_body_that_stands_in_for_the_html_is_not_read() {
    let stub = "Your mail client does not support HTML. View this mail in your browser.";
    let mail = alternative(stub, "<p>The annual fee is 45 EUR.</p>");
    check(mail, "a.eml", &["p Subject: S\nFrom: a@x.org", "p The annual fee is 45 EUR."]);
}

#[test]
fn a_plain_body_that_says_what_the_html_says_is_read() {
    let mail = alternative("The annual fee is 45 EUR.", "<h1>The annual fee</h1><p>is 45 EUR.</p>");
    check(mail, "a.eml", &["p Subject: S\nFrom: a@x.org", "p The annual fee is 45 EUR."]);
}

#[test]
fn html_is_read_where_only_it_says_what_is_struck_or_hidden() {
    let plain = "The fee is 400 450 EUR for all members.";
    for struck in ["<s>400</s>", "<span style='text-decoration:line-through'>400</span>", "<i hidden>400</i>"]
    {
        let mail = alternative(plain, &format!("<p>The fee is {struck} 450 EUR for all members.</p>"));
        check(mail, "a.eml", &["p Subject: S\nFrom: a@x.org", "p The fee is 450 EUR for all members."]);
    }
}

#[test]
fn two_bodies_that_say_different_things_are_both_read() {
    let plain =
        ["Goods leave the store within five days after the order of a customer arrives there."; 4].join(" ");
    let mail = alternative(&plain, "<p>Enable plain text</p>");
    check(mail, "a.eml", &["p Subject: S\nFrom: a@x.org", &format!("p {plain}"), "p Enable plain text"]);
}

/// Returns a mail with a part in base64.
fn with_base64(kind: &str, content: &str) -> String {
    format!(
        "From: a@x.org\nSubject: S\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=B\n\n--B\n\
         Content-Type: text/plain\n\nBody is here.\n--B\nContent-Type: {kind}\n\
         Content-Transfer-Encoding: base64\n\n{content}"
    )
}

#[test]
fn a_mail_that_is_cut_off_says_so_and_never_yields_base64() {
    let warning = "the mail is cut off: its last part has no end";
    let header = "p Subject: S\nFrom: a@x.org";
    let report = check(
        with_base64("application/pdf; name=a.pdf", "JVBERi0xLjQKMSAw"),
        "a.eml",
        &[header, "p Body is here."],
    );
    assert_eq!((report.warnings[0].as_str(), report.warnings.len()), (warning, 2));
    assert_eq!(report.unread[&UnreadPart::Attachment], 1);
    let report = check(
        with_base64("text/plain", "VGhlIGZlZSBpcyA0NSBFV"),
        "a.eml",
        &[header, "p Body is here.", "p The fee is 45 E"],
    );
    assert_eq!(report.warnings, [warning]);
    let text = "From: a@x.org\nSubject: S\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n\nVGhlIGZlZSBpcyA0NSBFV";
    assert_eq!(parse(text.as_bytes(), "a.eml").unwrap().1.warnings, [warning]);
    let mid = with_base64("x", "").split("Body is").next().unwrap().to_owned() + "The first sen";
    assert_eq!(check(mid, "a.eml", &[header, "p The first sen"]).warnings, [warning]);
}

#[test]
fn encrypted_parts_and_recordings_are_counted_and_not_read() {
    let header = "p Subject: S\nFrom: a@x.org";
    let pgp = "From: a@x.org\nSubject: S\nMIME-Version: 1.0\n\
        Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=B\n\n--B\n\
        Content-Type: application/pgp-encrypted\n\nVersion: 1\n--B\nContent-Type: application/octet-stream\n\n\
        -----BEGIN PGP MESSAGE-----\nabc\n-----END PGP MESSAGE-----\n--B--\n";
    let report = check(pgp, "a.eml", &[header]);
    assert!(report.warnings[0].contains("is encrypted"), "{:?}", report.warnings);
    assert_eq!(report.unread[&UnreadPart::Attachment], 1);
    let part = with_base64(
        "application/pgp-encrypted",
        "VmVyc2lvbjogMQ==\n--B\nContent-Type: application/octet-stream\n\n\
        -----BEGIN PGP MESSAGE-----\nabc\n--B--\n",
    )
    .replace("=B", "=BOUND")
    .replace("--B\n", "--BOUND\n")
    .replace("--B--", "--BOUND--");
    let report = check(part, "a.eml", &[header, "p Body is here."]);
    assert_eq!((report.unread[&UnreadPart::Attachment], report.warnings.len()), (2, 1));
    let inline = "From: a@x.org\nSubject: S\n\n-----BEGIN PGP MESSAGE-----\nabc\n-----END PGP MESSAGE-----\n";
    assert!(check(inline, "a.eml", &[header]).warnings[0].contains("is encrypted"));
    let smime = "From: a@x.org\nSubject: S\nContent-Type: application/pkcs7-mime; name=smime.p7m\n\
        Content-Transfer-Encoding: base64\n\nMIIB\n";
    assert!(
        check(smime, "a.eml", &[header]).warnings[0]
            .starts_with("the part `smime.p7m` of the mail is encrypted")
    );
    let report = check(
        with_base64("audio/mpeg; name=a.mp3", "SUQzAAAA\n--B--\n"),
        "a.eml",
        &[header, "p Body is here."],
    );
    assert_eq!((report.unread[&UnreadPart::Media], report.warnings.len()), (1, 0));
    let report = check(
        with_base64("application/x-data; name=a", "SUQzAAAA\n--B--\n"),
        "a.eml",
        &[header, "p Body is here."],
    );
    assert_eq!((report.unread[&UnreadPart::Attachment], report.warnings.len()), (1, 1));
}
