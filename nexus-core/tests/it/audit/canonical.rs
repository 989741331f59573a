//! Tests of profile NXJ-1 against an independent RFC 8785 crate.

use nexus_core::audit::canonical::{MAX_BYTES, MAX_DEPTH, check, write_integer, write_text};
use nexus_core::audit::{Kind, Payload};
use proptest::prelude::*;
use serde_json::Value;

use super::{draft, sealer};

#[track_caller]
fn accepts(body: &str) {
    assert_eq!(check(body.as_bytes()), Ok(()), "{body}");
}

#[track_caller]
fn refuses(rule: &str, body: impl AsRef<[u8]>) {
    let body = body.as_ref();
    let error = check(body).expect_err(&String::from_utf8_lossy(body));
    assert!(error.rule.contains(rule), "{}: {error}", String::from_utf8_lossy(body));
}

#[test]
fn every_kind_of_value_has_one_form() {
    for body in [
        "null",
        "true",
        "false",
        "0",
        "-1",
        "9007199254740991",
        "-9007199254740991",
        r#""""#,
        r#""Ü 🎉""#,
        "[]",
        "{}",
        "[1,[],{}]",
        r#"{"a":1,"b":null}"#,
        r#"{" ":0,"A":1,"a":2,"a b":3,"~":4}"#,
        "\"\u{7f}\u{2028}\u{fffd}\u{10000}\"",
    ] {
        accepts(body);
    }
}

#[test]
fn whitespace_is_refused() {
    for body in [" 1", "1 ", "[1, 2]", "{ }", "{\"a\": 1}", "1\n", "\u{feff}1"] {
        refuses("", body);
    }
}

#[test]
fn numbers_have_one_form() {
    for body in ["-0", "00", "01", "-01", "+1", "0x1", "--1", "-", "1_000", ".5", "NaN", "Infinity"] {
        refuses("", body);
    }
    for body in ["1.0", "0.5", "1e3", "1E3", "-1.5"] {
        refuses("not an integer", body);
    }
    for body in
        ["9007199254740992", "-9007199254740992", "18446744073709551616", "99999999999999999999999999"]
    {
        refuses("2^53", body);
    }
}

#[test]
fn keys_are_sorted_unique_and_plain() {
    refuses("not in order", r#"{"b":1,"a":2}"#);
    refuses("not in order", r#"{"a":1,"B":2}"#);
    refuses("twice", r#"{"a":1,"a":1}"#);
    for body in
        [r#"{"":1}"#, r#"{"ä":1}"#, r#"{"a\"":1}"#, r#"{"\u0061":1}"#, "{\"\u{7f}\":1}", "{\"a\tb\":1}"]
    {
        refuses("", body);
    }
    accepts(&format!(r#"{{"{}":1}}"#, "k".repeat(64)));
    refuses("a key", format!(r#"{{"{}":1}}"#, "k".repeat(65)));
}

#[test]
fn characters_are_escaped_in_one_way() {
    accepts(r#""\" \\ \b \t \n \f \r \u0000 \u0001 \u000b \u000e \u001f""#);
    for body in [
        r#""\/""#,
        r#""\u0008""#,
        r#""\u0009""#,
        r#""\u000a""#,
        r#""\u000c""#,
        r#""\u000d""#,
        r#""\u001F""#,
        r#""\u0020""#,
        r#""\u0041""#,
        r#""\u00e9""#,
        r#""\ud800""#,
        r#""\ud83c\udf89""#,
        r#""\u00""#,
        r#""\x41""#,
        r#""\"#,
    ] {
        refuses("escaped", body);
    }
    refuses("not escaped", "\"a\tb\"");
    refuses("does not end", r#""abc"#);
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    refuses("UTF-8", b"\"\xff\"");
    refuses("UTF-8", b"\"\xed\xa0\x80\"");
    refuses("", b"");
}

#[test]
fn depth_and_size_have_a_limit() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    accepts(&nested(MAX_DEPTH));
    refuses("32 containers", nested(MAX_DEPTH + 1));
    refuses("32 containers", "[".repeat(60_000));
    let text = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
    accepts(&text(MAX_BYTES));
    refuses("65535", text(MAX_BYTES + 1));
}

#[test]
fn what_does_not_end_or_goes_on_is_refused() {
    for body in [
        "[",
        "[1",
        "[1,",
        "[1,]",
        "[,]",
        "{",
        r#"{"a"#,
        r#"{"a""#,
        r#"{"a":"#,
        r#"{"a":1"#,
        r#"{"a":1,}"#,
        "1 2",
        "{}{}",
        "nul",
        "nulll",
        "tru",
    ] {
        refuses("", body);
    }
}

/// Generates JSON values within the profile's limits.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-((1_i64 << 53) - 1)..1 << 53).prop_map(Value::from),
        "\\PC{0,8}|[\\x00-\\x24\\x5c\\x7f]{0,8}|\u{10000}|\u{fffd}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[ !#-\\[\\]-~]{1,5}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Generates nested facts of every kind.
fn payload() -> impl Strategy<Value = Payload> {
    let names = ["a", "A", "aa", "b c", "z~", "0"];
    let fact = prop_oneof![
        (0..1_u64 << 53).prop_map(|count| Payload::new().count("n", count)),
        any::<bool>().prop_map(|flag| Payload::new().flag("f", flag)),
        "\\PC{1,20}".prop_map(|text| Payload::new().sha256("text", &text).token("word", &text)),
        "[^\\p{C}\\p{Z}]{1,20}"
            .prop_filter_map("an id", |id| nexus_core::DocumentId::parse(id).ok())
            .prop_map(|id| Payload::new().id("one", &id).ids("many", [&id, &id])),
        any::<i64>().prop_map(|nanos| Payload::new().money("cost", nexus_core::NanoUsd::from_nanos(nanos))),
    ];
    fact.prop_recursive(4, 24, 4, move |inner| {
        prop::collection::vec((0..names.len(), inner), 0..4).prop_map(move |facts| {
            facts.into_iter().fold(Payload::new().hash("h", super::leaf(b"")), |payload, (name, facts)| {
                payload.nested(names[name], facts.clone()).nested_list("list", [facts, Payload::new()])
            })
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_an_rfc_8785_writer_writes_is_accepted(value in value()) {
        let body = serde_json_canonicalizer::to_vec(&value).unwrap();
        prop_assert_eq!(check(&body), Ok(()), "{}", String::from_utf8_lossy(&body));
    }

    #[test]
    fn what_is_accepted_is_what_an_rfc_8785_writer_writes(
        value in value(), at in any::<prop::sample::Index>(), byte in any::<u8>(), how in 0..3,
    ) {
        let mut body = serde_json_canonicalizer::to_vec(&value).unwrap();
        let at = at.index(body.len());
        match how {
            0 => body[at] = byte,
            1 => body.insert(at, byte),
            _ => { body.remove(at); }
        }
        if check(&body).is_ok() {
            let again: Value = serde_json::from_slice(&body).unwrap();
            prop_assert_eq!(serde_json_canonicalizer::to_vec(&again).unwrap(), body);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = check(&body);
    }

    #[test]
    fn text_is_written_as_an_rfc_8785_writer_writes_it(text in any::<String>()) {
        let mut ours = String::new();
        write_text(&mut ours, &text);
        prop_assert_eq!(&ours, &serde_json_canonicalizer::to_string(&text).unwrap());
        prop_assert_eq!(check(ours.as_bytes()), Ok(()));
    }

    #[test]
    fn integers_are_written_as_an_rfc_8785_writer_writes_them(number in -((1_i64 << 53) - 1)..1 << 53) {
        let mut ours = String::new();
        write_integer(&mut ours, number);
        prop_assert_eq!(&ours, &serde_json_canonicalizer::to_string(&number).unwrap());
    }

    #[test]
    fn a_sealed_body_is_what_an_rfc_8785_writer_writes(payload in payload(), run in "[^\\p{C}\\p{Z}]{1,20}") {
        let Ok(run) = nexus_core::RunId::parse(run) else { return Ok(()) };
        let draft = draft(run.as_str(), Kind::CHAIN_OPEN, 0).with_payload(payload);
        let (record, _) = sealer("new-key").seal(None, &draft).unwrap();
        prop_assert_eq!(check(&record.body), Ok(()));
        let value: Value = serde_json::from_slice(&record.body).unwrap();
        prop_assert_eq!(serde_json_canonicalizer::to_vec(&value).unwrap(), record.body);
    }
}
