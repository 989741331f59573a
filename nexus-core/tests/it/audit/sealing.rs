//! Tests of sealing, of refused drafts, and of key rings.

use nexus_core::audit::{Draft, KeyRing, Kind, Payload, Sealer, canonical::MAX_DEPTH};
use nexus_core::{CorpusId, Error, ErrorKind, Principal, RequestId, Timestamp};

use super::{INSTANCE, STEP, draft, ring, sealer};

#[track_caller]
fn refused(error: &Error, kind: ErrorKind, code: &str) {
    assert_eq!((error.kind(), error.code()), (kind, code), "{}", error.report());
}

fn seal_first(draft: &Draft) -> nexus_core::Result<String> {
    sealer("new-key").seal(None, draft).map(|(record, _)| String::from_utf8(record.body).unwrap())
}

fn open() -> Draft {
    draft("r", Kind::CHAIN_OPEN, 0)
}

#[test]
fn a_body_has_the_fields_of_format_1_in_their_order() {
    let payload = Payload::new().count("passages", 5).id("corpus", &CorpusId::parse("handbook").unwrap());
    let request = RequestId::parse("req-1").unwrap();
    let body = seal_first(&open().with_payload(payload).with_correlation(&request)).unwrap();
    let prev = "e500fc023c7f05f2b914770cf15a3d99e5276349fe075c3aaa1a7b0f0db1a69c";
    let expected = format!(
        concat!(
            r#"{{"actor":"user:u-42","corr":"req-1","kid":"new-key","kind":"run.open","#,
            r#""payload":{{"corpus":"handbook","passages":5}},"policy_ver":"role-gate:1","prev":"{}","#,
            r#""run":"r","seq":0,"tenant":"acme","ts":"1970-01-01T00:00:00.000000Z","v":1}}"#
        ),
        prev
    );
    assert_eq!(body, expected);
}

#[test]
fn a_user_cannot_pass_for_nexus() {
    let actor = |caller: &Principal| Draft::new(caller, "r", STEP, "v", Timestamp::from_micros(0)).actor;
    assert_eq!(actor(&Principal::system("acme", "recovery").unwrap()), "system:recovery");
    assert_eq!(actor(&Principal::user("acme", "system:recovery").unwrap()), "user:system:recovery");
}

#[test]
fn a_run_starts_with_open_ends_with_close_and_does_neither_twice() {
    let sealer = sealer("new-key");
    let conflict = |head: Option<&_>, kind| {
        refused(&sealer.seal(head, &draft("r", kind, 0)).unwrap_err(), ErrorKind::Conflict, "AUDIT_ORDER");
    };
    conflict(None, STEP);
    conflict(None, Kind::CHAIN_CLOSE);
    let (_, head) = sealer.seal(None, &open()).unwrap();
    conflict(Some(&head), Kind::CHAIN_OPEN);
    let (_, closed) = sealer.seal(Some(&head), &draft("r", Kind::CHAIN_CLOSE, 0)).unwrap();
    assert!(closed.closed && closed.next_seq == 2);
    conflict(Some(&closed), STEP);
    conflict(Some(&closed), Kind::CHAIN_CLOSE);
}

#[test]
fn what_would_not_be_canonical_is_refused() {
    let nested = |depth: usize| (0..depth).fold(Payload::new(), |inner, _| Payload::new().nested("g", inner));
    let wide = (0..9_000).fold(Vec::new(), |mut list, n| {
        list.push(Payload::new().count("n", n));
        list
    });
    assert!(seal_first(&open().with_payload(nested(MAX_DEPTH - 2))).is_ok());
    for payload in [
        nested(MAX_DEPTH - 1),
        Payload::new().nested_list("all", wide),
        Payload::new().count("n", 1_u64 << 53),
        Payload::new().count("n", -1),
        Payload::new().flag("", true),
        Payload::new().flag("quoted \"name\"", true),
        Payload::new().flag("größe", true),
    ] {
        let error = seal_first(&open().with_payload(payload)).unwrap_err();
        refused(&error, ErrorKind::InvalidInput, "AUDIT_DRAFT");
    }
    let error = seal_first(&draft("r", Kind::CHAIN_OPEN, i64::MAX)).unwrap_err();
    refused(&error, ErrorKind::InvalidInput, "AUDIT_DRAFT");
}

#[test]
fn ids_that_could_mislead_a_reader_are_refused() {
    let id = |change: fn(&mut Draft)| {
        let mut draft = open();
        change(&mut draft);
        refused(&seal_first(&draft).unwrap_err(), ErrorKind::InvalidInput, "INVALID_ID");
    };
    id(|draft| draft.chain_id.clear());
    id(|draft| draft.chain_id = "run\u{202e}1".to_owned());
    id(|draft| draft.policy_version = "v\n1".to_owned());
    id(|draft| draft.correlation = Some("x".repeat(129)));
    let mut draft = open();
    draft.actor = "user:\u{0}".to_owned();
    refused(&seal_first(&draft).unwrap_err(), ErrorKind::InvalidInput, "INVALID_NAME");
}

#[test]
fn a_text_given_as_a_word_leaves_only_its_hash() {
    let secret = "please delete my account";
    let body =
        seal_first(&open().with_payload(Payload::new().token("reason", secret).token("model", "gpt-5:8b")));
    let body = body.unwrap();
    assert!(body.contains(r#""model":"gpt-5:8b""#) && body.contains(r#""reason":"sha256:"#), "{body}");
    assert!(!body.contains("delete"), "{body}");
}

#[test]
fn the_same_draft_seals_to_the_same_record() {
    let seal = || sealer("new-key").seal(None, &open()).unwrap();
    assert_eq!(seal(), seal());
}

#[test]
fn neither_run_tenant_instance_nor_key_share_a_signature() {
    let mac = |sealer: &Sealer, draft: &Draft| sealer.seal(None, draft).unwrap().0.receipt().mac;
    let mut theirs = open();
    theirs.tenant = "rival".to_owned();
    let macs = [
        mac(&sealer("new-key"), &open()),
        mac(&sealer("old-key"), &open()),
        mac(&Sealer::new("nexus-2", ring("new-key")), &open()),
        mac(&sealer("new-key"), &draft("r2", Kind::CHAIN_OPEN, 0)),
        mac(&sealer("new-key"), &theirs),
    ];
    for (place, mac) in macs.iter().enumerate() {
        assert!(macs.iter().skip(place + 1).all(|other| other != mac));
    }
}

#[test]
fn a_key_ring_needs_exactly_one_active_key_and_long_secrets() {
    let refuses =
        |json: &str| refused(&KeyRing::parse(json).unwrap_err(), ErrorKind::InvalidInput, "AUDIT_KEYS");
    let good = r#"{"kid":"a","secret":"0123456789abcdef","active":true}"#;
    assert!(KeyRing::parse(&format!("[{good}]")).is_ok());
    refuses("");
    refuses("{}");
    refuses("[]");
    refuses(&format!("[{good},{good}]"));
    refuses(&format!("[{good},{}]", good.replace("\"a\"", "\"b\"")));
    refuses(&format!("[{}]", good.replace("true", "false")));
    refuses(&format!("[{}]", good.replace("0123456789abcdef", "short")));
    refuses(&format!("[{}]", good.replace("\"a\"", "\"\"")));
    refuses(&format!("[{}]", good.replace("\"a\"", "\"a b\"")));
    refuses(&format!("[{}]", good.replace("active", "actve")));
}

#[test]
fn a_key_without_a_name_is_named_after_its_fingerprint() {
    let unnamed = KeyRing::parse(r#"[{"secret":"0123456789abcdef","active":true}]"#).unwrap();
    let single = KeyRing::single(None, b"0123456789abcdef").unwrap();
    assert_eq!(unnamed.active_kid(), single.active_kid());
    assert_eq!(unnamed.active_kid().len(), 16);
    assert_ne!(unnamed.active_kid(), KeyRing::single(None, b"0123456789abcdeg").unwrap().active_kid());
}

#[test]
fn secrets_show_in_no_debug_output_and_no_error() {
    let secret = "hunter2-hunter2-hunter2";
    let ring = KeyRing::from_secret("k0", secret).unwrap();
    let sealer = Sealer::new(INSTANCE, ring);
    assert!(!format!("{sealer:?} {:?}", sealer.keys()).contains("hunter2"));
    let broken = format!(r#"[{{"kid":"a","secret":"{secret}","active":"{secret}"}}]"#);
    assert!(!format!("{:?}", KeyRing::parse(&broken).unwrap_err()).contains("hunter2"));
}
