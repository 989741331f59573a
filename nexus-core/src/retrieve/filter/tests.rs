use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Number, Value, json};

use super::*;

#[track_caller]
fn check(filter: &str, document: &Value, expected: bool) {
    let filter = Filter::parse(filter).unwrap();
    assert_eq!(filter.matches(document.as_object().unwrap()), expected, "{filter} on {document}");
    assert_eq!(Filter::parse_json(&filter.to_json()).unwrap(), filter);
}

fn refused(filter: &str) -> Error {
    let error = Filter::parse(filter).unwrap_err();
    assert_eq!(error.code(), "INVALID_FILTER");
    error
}

#[test]
fn both_forms_say_the_same() {
    let text = r#"department = "finance" and (year >= 2024 or not `draft copy` = true) and tags in ("a", "b") and x exists"#;
    let json = json!({"all": [
        {"eq": {"department": "finance"}},
        {"any": [{"gte": {"year": 2024}}, {"not": {"eq": {"draft copy": true}}}]},
        {"in": {"tags": ["a", "b"]}},
        {"exists": "x"},
    ]});
    assert_eq!(Filter::parse(text).unwrap(), Filter::parse_json(&json).unwrap());
    assert_eq!(serde_json::to_value(Filter::parse(text).unwrap()).unwrap(), json);
}

#[test]
fn a_missing_field_matches_only_through_not() {
    for document in [json!({}), json!({"year": null}), json!({"year": {"from": 1}})] {
        for operator in ["=", "!=", "<", "<=", ">", ">="] {
            check(&format!("year {operator} 2024"), &document, false);
            check(&format!("not year {operator} 2024"), &document, true);
        }
        check("year in (2024)", &document, false);
    }
    check("year exists", &json!({"year": null}), false);
    check("year exists", &json!({"year": {}}), true);
    check("not year exists", &json!({}), true);
}

#[test]
fn types_do_not_mix() {
    check("year = \"2024\"", &json!({"year": 2024}), false);
    check("year != \"2024\"", &json!({"year": 2024}), true);
    check("year >= \"2024\"", &json!({"year": 2025}), false);
    check("open = true", &json!({"open": "true"}), false);
}

#[test]
fn numbers_compare_by_value() {
    check("n = 1.0", &json!({"n": 1}), true);
    check("n < 9007199254740993", &json!({"n": 9_007_199_254_740_992_u64}), true);
    check("n = 9007199254740993", &json!({"n": 9_007_199_254_740_992_u64}), false);
    check("n > -1.5e3", &json!({"n": -1499.5}), true);
}

#[test]
fn dates_compare_as_points_in_time() {
    check("at < \"2026-01-01T00:00:00Z\"", &json!({"at": "2026-01-01T00:30:00+01:00"}), true);
    check("at >= \"2026-01-01\"", &json!({"at": "2026-01-01T00:00:00Z"}), true);
    check("at = \"2026-01-01\"", &json!({"at": "2026-01-01T00:00:00.000Z"}), true);
    check("at < \"2026-13-77\"", &json!({"at": "2026-02-01"}), true);
}

#[test]
fn a_list_matches_by_any_member_and_differs_by_all() {
    let document = json!({"tags": ["legal", "hr"], "none": []});
    check("tags = \"legal\"", &document, true);
    check("tags != \"legal\"", &document, false);
    check("tags != \"it\"", &document, true);
    check("tags in (\"it\", \"hr\")", &document, true);
    check("none = \"x\"", &document, false);
    check("none exists", &document, true);
}

#[test]
fn a_whole_name_is_found_before_a_path() {
    check("document.name = \"a\"", &json!({"document.name": "a", "document": {"name": "b"}}), true);
    check("document.name = \"b\"", &json!({"document": {"name": "b"}}), true);
    check("a.b.c = 1", &json!({"a": {"b.c": 1}}), true);
}

#[test]
fn errors_say_where() {
    for (filter, place) in
        [("", "1"), ("year", "5"), ("year >", "7"), ("a = 1 b = 2", "7"), ("é = \"x", "5"), ("(a = 1", "7")]
    {
        assert!(
            refused(filter).message().contains(&format!("character {place}:")),
            "{filter}: {}",
            refused(filter)
        );
    }
    for filter in
        ["a = 01", "a = 1x", "a in ()", "and = 1", "a = null", "`a", "a = NaN", "a = 1e999", "a == 1"]
    {
        refused(filter);
    }
    for json in [
        json!(1),
        json!({}),
        json!({"eq": {}}),
        json!({"eq": {"a": null}}),
        json!({"like": {"a": "b"}}),
        json!({"all": []}),
        json!({"in": {"a": []}}),
        json!({"exists": 1}),
        json!({"eq": {"a": 1}, "ne": {"a": 2}}),
    ] {
        assert_eq!(Filter::parse_json(&json).unwrap_err().code(), "INVALID_FILTER", "{json}");
    }
}

#[test]
fn depth_and_size_are_limited() {
    refused(&"(".repeat(100_000));
    refused(&"not ".repeat(100_000));
    refused(&vec!["a = 1"; MAX_TERMS + 1].join(" or "));
    assert!(Filter::parse(&vec!["a = 1"; MAX_TERMS].join(" or ")).is_ok());
    let mut deep = json!({"exists": "a"});
    for _ in 0..1_000 {
        deep = json!({ "not": deep });
    }
    assert!(Filter::parse_json(&deep).is_err());
    let mut filter = Filter::parse("a exists").unwrap().0;
    for _ in 0..MAX_DEPTH {
        filter = Expression::Not(Box::new(filter));
    }
    let filter = Filter::new(filter).unwrap();
    assert_eq!(Filter::parse(&filter.to_string()).unwrap(), filter);
}

fn fields() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z_][a-z0-9_.-]{0,6}",
        proptest::sample::select(&["and", "in", "true", "x y", "1st", "ü", "a\"b", " ", "=", "日本"][..])
            .prop_map(str::to_owned),
    ]
}

fn values() -> impl Strategy<Value = Scalar> {
    prop_oneof![
        any::<bool>().prop_map(Scalar::Bool),
        any::<i64>().prop_map(|n| Scalar::Number(n.into())),
        any::<u64>().prop_map(|n| Scalar::Number(n.into())),
        any::<f64>().prop_filter_map("finite", Number::from_f64).prop_map(Scalar::Number),
        any::<String>().prop_map(Scalar::Text),
    ]
}

fn expressions() -> impl Strategy<Value = Expression> {
    let operators = proptest::sample::select(
        &[Operator::Eq, Operator::Ne, Operator::Lt, Operator::Lte, Operator::Gt, Operator::Gte][..],
    );
    let leaf = prop_oneof![
        (fields(), operators, values()).prop_map(|(field, operator, value)| Expression::Compare {
            field,
            operator,
            value
        }),
        (fields(), vec(values(), 1..4)).prop_map(|(field, values)| Expression::In { field, values }),
        fields().prop_map(|field| Expression::Exists { field }),
    ];
    leaf.prop_recursive(6, 48, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 1..4).prop_map(Expression::All),
            vec(inner.clone(), 1..4).prop_map(Expression::Any),
            inner.prop_map(|member| Expression::Not(Box::new(member))),
        ]
    })
}

proptest! {
    #[test]
    fn parse_after_display_is_identity(expression in expressions()) {
        let filter = Filter::new(expression).unwrap();
        prop_assert_eq!(&Filter::parse(&filter.to_string()).unwrap(), &filter);
        prop_assert_eq!(&Filter::parse_json(&filter.to_json()).unwrap(), &filter);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "[a-z =<>!()\"`,0-9.and or not in]{0,60}|\\PC{0,30}") {
        if let Ok(filter) = Filter::parse(&text) {
            prop_assert_eq!(Filter::parse(&filter.to_string()).unwrap(), filter);
        }
    }
}
