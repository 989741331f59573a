//! Mail: the relevant header fields, the body, then the attachments, each parsed as a document.

mod alternative;
mod calendar;
mod damage;
mod encoded;

use std::io::{Cursor, Read};

use mail_parser::mailbox::mbox::MessageIterator;
use mail_parser::{Address, Message, MessageParser, MessagePart, MimeHeaders, PartType};
use nexus_core::Result;
use nexus_core::document::UnreadPart;
use nexus_core::document::parser::{FileHints, Source};

use super::block_writer::{Output, quoted};
use super::charset::{Charset, Utf8Reader};
use super::{document, error, html, json};
use damage::Secured;

pub(super) fn read(source: &mut dyn Source, out: &mut Output<'_>) -> Result<()> {
    let bytes = narrow(source)?;
    out.budget.work(bytes.len());
    if !bytes.starts_with(b"From ") {
        return message(&bytes, out);
    }
    for mail in MessageIterator::new(Cursor::new(bytes)) {
        let mail = mail.map_err(|_| error::malformed("its mailbox is incomplete or corrupt"))?;
        message(mail.contents(), out)?;
    }
    Ok(())
}

/// Returns the bytes of the mail. Some programs save mail as UTF-16, which is converted.
fn narrow(source: &mut dyn Source) -> Result<Vec<u8>> {
    let (mut head, mut bytes) = ([0; 256], Vec::new());
    let read = source.read(&mut head).map_err(error::unreadable)?;
    source.rewind().map_err(error::unreadable)?;
    match Charset::of_head(head.get(..read).unwrap_or_default()) {
        Some(wide) => Utf8Reader::new(source, wide)?.read_to_end(&mut bytes).map_err(error::from_io)?,
        None => source.read_to_end(&mut bytes).map_err(error::unreadable)?,
    };
    Ok(bytes)
}

fn message(bytes: &[u8], out: &mut Output<'_>) -> Result<()> {
    let bytes = encoded::readable_header(bytes)?;
    let message =
        MessageParser::default().parse(&*bytes).ok_or_else(|| error::malformed("it is not a message"))?;
    out.title(message.subject().unwrap_or_default());
    out.paragraph(&header(&message))?;
    if damage::is_cut_off(&message) {
        out.warn("the mail is cut off: its last part has no end");
    }
    if damage::is_encrypted(&message) {
        out.warn("the mail is encrypted: its text and its attachments were left out");
        out.unread(UnreadPart::Attachment, 1);
        return Ok(());
    }
    let bodies = alternative::bodies(&message);
    bodies.iter().try_for_each(|part| body(part, &message, out))?;
    let limit = out.limits.attachments;
    if message.attachment_count() > limit {
        let error = error::too_large(format_args!("it has more than {limit} attachments"));
        out.leave_out(format!("attachments after number {limit} were left out"), error);
    }
    for part in message.attachments().take(limit) {
        if is_inline_image(part) {
            // The body says where the image stands, and counts it there.
            let shown = bodies.iter().any(|body| shows(body, part));
            out.unread(UnreadPart::Image, u32::from(!shown));
        } else {
            attachment(part, &message, out)?;
        }
    }
    Ok(())
}

fn header(message: &Message<'_>) -> String {
    let date = message.date().map(mail_parser::DateTime::to_rfc3339);
    let fields = [
        ("Subject", message.subject().map(str::to_owned)),
        ("From", message.from().map(addresses)),
        ("To", message.to().map(addresses)),
        ("Cc", message.cc().map(addresses)),
        ("Date", date),
    ];
    let lines = fields.into_iter().filter_map(|(name, value)| Some(format!("{name}: {}\n", value?)));
    lines.collect()
}

fn addresses(address: &Address<'_>) -> String {
    let one = |address: &mail_parser::Addr<'_>| match (address.name(), address.address()) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        (name, address) => name.or(address).unwrap_or_default().to_owned(),
    };
    address.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn body(part: &MessagePart<'_>, message: &Message<'_>, out: &mut Output<'_>) -> Result<()> {
    if is_secured(part, out) {
        return Ok(());
    }
    match &part.body {
        PartType::Text(text) => json::paragraphs(&encoded::text(part, message, text, out)?, out),
        PartType::Html(text) => match encoded::bytes(part, message) {
            Some((bytes, declared)) => html::encoded(bytes, declared, out),
            None => html::fragment(text, out),
        },
        PartType::Binary(_) | PartType::InlineBinary(_) | PartType::Message(_) | PartType::Multipart(_) => {
            Ok(())
        }
    }
}

/// Returns whether a part is an image that belongs into the body.
fn is_inline_image(part: &MessagePart<'_>) -> bool {
    let is_attached = part.content_disposition().is_some_and(mail_parser::ContentType::is_attachment);
    part.content_type().is_some_and(|kind| kind.ctype().eq_ignore_ascii_case("image"))
        && (part.content_id().is_some() || part.content_disposition().is_some())
        && !is_attached
}

/// Returns whether a body in HTML shows the image.
fn shows(body: &MessagePart<'_>, image: &MessagePart<'_>) -> bool {
    let PartType::Html(html) = &body.body else { return false };
    image.content_id().is_some_and(|id| html.contains(&format!("cid:{id}")))
}

/// Counts a part that is encrypted, and one that only belongs to an encryption or a signature.
fn is_secured(part: &MessagePart<'_>, out: &mut Output<'_>) -> bool {
    let secured = damage::secured(part);
    if secured == Some(Secured::Encrypted) {
        let name = part.attachment_name().map(|name| format!(" `{}`", quoted(name))).unwrap_or_default();
        let warning =
            format!("the part{name} of the mail is encrypted, or signed as a whole, and was left out");
        out.leave_out(warning, error::encrypted());
    }
    out.unread(UnreadPart::Attachment, u32::from(secured.is_some()));
    secured.is_some()
}

/// Returns the bytes of a part after its transfer encoding.
fn contents(part: &MessagePart<'_>, message: &Message<'_>) -> Vec<u8> {
    let text = encoded::bytes(part, message).map(|(bytes, _)| bytes);
    text.unwrap_or_else(|| part.contents().to_vec())
}

/// Returns whether a part is sound or video.
fn is_media(part: &MessagePart<'_>) -> bool {
    let is = |kind: &mail_parser::ContentType<'_>, name: &str| kind.ctype().eq_ignore_ascii_case(name);
    part.content_type().is_some_and(|kind| is(kind, "audio") || is(kind, "video"))
}

/// Reads an attachment. An attachment that cannot be read becomes a warning and does not fail the message.
fn attachment(part: &MessagePart<'_>, message: &Message<'_>, out: &mut Output<'_>) -> Result<()> {
    if is_secured(part, out) {
        return Ok(());
    }
    if is_media(part) {
        out.unread(UnreadPart::Media, 1);
        return Ok(());
    }
    let name = part.attachment_name().unwrap_or("without a name").to_owned();
    let kind = part.content_type().map(|kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or("*")));
    if kind.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("text/calendar")) {
        let text = encoded::text(part, message, part.text_contents().unwrap_or_default(), out)?;
        return calendar::events(&text).iter().try_for_each(|event| out.paragraph(event));
    }
    if out.depth >= out.limits.attachment_depth {
        let warning = format!("the attachment `{}` is nested too deeply and was left out", quoted(&name));
        out.leave_out(warning, error::too_deep("attachments", out.limits.attachment_depth as usize));
        out.unread(UnreadPart::Attachment, 1);
        return Ok(());
    }
    let hints = FileHints { name: name.clone(), content_type: kind };
    let mut source = Cursor::new(contents(part, message));
    let is_body = part.is_encoding_problem && part.attachment_name().is_none();
    let read = out.nested(|out| {
        if !is_body {
            out.announce(&name);
        }
        document(&mut source, &hints, out)
    });
    match read {
        Err(error) if !out.has_failed() => {
            out.leave_out(format!("the attachment `{}` was left out: {error}", quoted(&name)), error);
            out.unread(UnreadPart::Attachment, 1);
        }
        read => read?,
    }
    Ok(())
}
