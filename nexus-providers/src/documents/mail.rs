//! Mail: the relevant header fields, the body, then the attachments, each parsed as a document.

use std::io::{Cursor, Read};

use mail_parser::mailbox::mbox::MessageIterator;
use mail_parser::{Address, Message, MessageParser, MessagePart, MimeHeaders, PartType};
use nexus_core::Result;
use nexus_core::document::parser::{FileHints, Source};

use super::block_writer::{Output, quoted};
use super::charset::{Charset, Utf8Reader};
use super::{document, error, html, json};

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
    let message =
        MessageParser::default().parse(bytes).ok_or_else(|| error::malformed("it is not a message"))?;
    out.title(message.subject().unwrap_or_default());
    out.paragraph(&header(&message))?;
    message.text_bodies().try_for_each(|part| body(part, out))?;
    let limit = out.limits.attachments;
    if message.attachment_count() > limit {
        let error = error::too_large(format_args!("it has more than {limit} attachments"));
        out.leave_out(format!("attachments after number {limit} were left out"), error);
    }
    message.attachments().take(limit).try_for_each(|part| attachment(part, out))
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

fn body(part: &MessagePart<'_>, out: &mut Output<'_>) -> Result<()> {
    match &part.body {
        PartType::Text(text) => json::paragraphs(text, out),
        PartType::Html(text) => html::fragment(text, out),
        PartType::Binary(_) | PartType::InlineBinary(_) | PartType::Message(_) | PartType::Multipart(_) => {
            Ok(())
        }
    }
}

/// Reads an attachment. An attachment that cannot be read becomes a warning and does not fail the message.
fn attachment(part: &MessagePart<'_>, out: &mut Output<'_>) -> Result<()> {
    let name = part.attachment_name().unwrap_or("without a name").to_owned();
    if out.depth >= out.limits.attachment_depth {
        let warning = format!("the attachment `{}` is nested too deeply and was left out", quoted(&name));
        out.leave_out(warning, error::too_deep("attachments", out.limits.attachment_depth as usize));
        return Ok(());
    }
    let kind = part.content_type().map(|kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or("*")));
    let hints = FileHints { name: name.clone(), content_type: kind };
    let mut source = Cursor::new(part.contents().to_vec());
    let read = out.nested(|out| {
        out.announce(&name);
        document(&mut source, &hints, out)
    });
    match read {
        Err(error) if !out.has_failed() => {
            out.leave_out(format!("the attachment `{}` was left out: {error}", quoted(&name)), error);
        }
        read => read?,
    }
    Ok(())
}
