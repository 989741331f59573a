//! Invitations: the events of a calendar part as lines of text.

/// Fields that are read, with the words that mark them.
const FIELDS: [(&str, &str); 8] = [
    ("SUMMARY", "Event"),
    ("DTSTART", "Start"),
    ("DTEND", "End"),
    ("RRULE", "Repeats"),
    ("LOCATION", "Location"),
    ("ORGANIZER", "Organizer"),
    ("STATUS", "Status"),
    ("DESCRIPTION", "Description"),
];

/// Returns a text for each event.
pub(super) fn events(calendar: &str) -> Vec<String> {
    let unfolded = calendar.replace("\r\n", "\n").replace("\n ", "").replace("\n\t", "");
    let (mut events, mut open, mut inner) = (Vec::new(), None, 0_usize);
    for line in unfolded.lines() {
        let upper = line.trim_end().to_ascii_uppercase();
        match (upper.as_str(), &mut open) {
            ("BEGIN:VEVENT", _) => (open, inner) = (Some(Vec::new()), 0),
            ("END:VEVENT", _) => events.extend(open.take().map(|fields| text(&fields))),
            // Alarms and other parts of an event have fields of the same names.
            (line, Some(_)) if line.starts_with("BEGIN:") => inner += 1,
            (line, Some(_)) if line.starts_with("END:") => inner = inner.saturating_sub(1),
            (_, Some(fields)) if inner == 0 => fields.extend(field(line)),
            _ => {}
        }
    }
    events
}

/// Returns the rank of a field and its text.
fn field(line: &str) -> Option<(usize, String)> {
    let (head, value) = line.split_once(':')?;
    let (name, parameters) = head.split_once(';').unwrap_or((head, ""));
    let rank = FIELDS.iter().position(|(known, _)| known.eq_ignore_ascii_case(name))?;
    let (known, label) = FIELDS.get(rank)?;
    let value = match *known {
        "DTSTART" | "DTEND" => time(value, parameters),
        "ORGANIZER" => value.trim_start_matches("mailto:").trim_start_matches("MAILTO:").to_owned(),
        _ => value.replace("\\n", "\n").replace("\\N", "\n").replace("\\,", ",").replace("\\;", ";"),
    };
    Some((rank, format!("{label}: {}", value.trim())))
}

fn text(fields: &[(usize, String)]) -> String {
    let mut fields: Vec<&(usize, String)> = fields.iter().collect();
    fields.sort_by_key(|(rank, _)| *rank);
    fields.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("\n")
}

/// Formats `20240606T103000Z` as a date and a time, with its zone.
fn time(value: &str, parameters: &str) -> String {
    let value = value.trim();
    let digits =
        |from: usize, to: usize| value.get(from..to).filter(|part| part.bytes().all(|b| b.is_ascii_digit()));
    let (Some(year), Some(month), Some(day)) = (digits(0, 4), digits(4, 6), digits(6, 8)) else {
        return value.to_owned();
    };
    let date = format!("{year}-{month}-{day}");
    let (Some(hour), Some(minute)) = (digits(9, 11), digits(11, 13)) else { return date };
    let zone = parameters.split(';').find_map(|parameter| parameter.strip_prefix("TZID="));
    let zone = zone.or_else(|| value.ends_with('Z').then_some("UTC")).unwrap_or_default();
    format!("{date} {hour}:{minute} {zone}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_their_fields_in_one_order() {
        let calendar = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;TZID=Europe/Oslo:20240606T103000\r\nDTEND:20240606T110000Z\r\n\
            LOCATION:Room 4\\, first\r\n  floor\r\nSUMMARY:Review\r\nBEGIN:VALARM\r\nDESCRIPTION:no\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR";
        let expected = "Event: Review\nStart: 2024-06-06 10:30 Europe/Oslo\nEnd: 2024-06-06 11:00 UTC\nLocation: Room 4, first floor";
        assert_eq!(events(calendar), [expected]);
    }
}
