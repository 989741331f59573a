//! Usage, prices, limits, and the kill switch.

use serde_json::json;

use crate::bench::{Bench, check};
use crate::models::Vendor;

const ASK: [&str; 4] = ["ask", "--corpus", "handbook", "How many unused days of annual leave carry over?"];

/// A bench where the vendor was asked once.
fn asked() -> (Bench, Vendor) {
    let (bench, vendor) = (Bench::ingested(), Vendor::new());
    let said = ask(&bench, &vendor, &[]);
    assert!(matches!(said, Some(0 | 3)), "{said:?}");
    (bench, vendor)
}

/// Asks the vendor, and gives the exit code.
fn ask(bench: &Bench, vendor: &Vendor, more: &[&str]) -> Option<i32> {
    let variables = vendor.as_openai();
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    bench.with(&variables, &[&ASK[..], more].concat()).code
}

#[test]
fn usage_sums_to_the_same_by_any_grouping_and_to_the_ledger() {
    let (bench, _vendor) = asked();
    let sum = |by: &str| {
        let rows = bench.run(&["usage", "--by", by, "--json"]).ends(0).json()["rows"].clone();
        let cost = |row: &serde_json::Value| row["cost"].as_str().unwrap().parse::<i64>().unwrap();
        rows.as_array().unwrap().iter().map(cost).sum::<i64>()
    };
    let lines = bench.run(&["ledger", "export"]).ends(0).out;
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let cost = |line: &serde_json::Value| line["cost_nano_usd"].as_str().unwrap().parse::<i64>().unwrap();
    let ledger: i64 = lines.iter().map(cost).sum();
    assert!(ledger > 0);
    assert_eq!(["tenant", "user", "model"].map(sum), [ledger; 3]);
    assert_eq!(bench.run(&["usage", "--day", "2020-01-01", "--json"]).ends(0).json()["rows"], json!([]));
    bench.run(&["usage", "--day", "2020-02-30"]).ends(2);
    bench.run(&["usage", "--from", "2020-01-01"]).ends(2);
    let table = bench.run(&["usage", "--by", "model"]).ends(0).out;
    assert!(table.contains("gpt-4o") && table.contains(" USD"), "{table}");
}

#[test]
fn an_export_is_the_ledger_in_two_forms_and_never_a_formula() {
    let (bench, vendor) = asked();
    ask(&bench, &vendor, &["--user", "=cmd()"]);
    bench.run(&["--role", "reader", "ledger", "export", "denied.jsonl"]).ends(4);
    assert!(!bench.path("denied.jsonl").exists(), "a caller without the right gets no file");
    bench.run(&["ledger", "export", "--csv", "ledger.csv"]).ends(0);
    bench.run(&["ledger", "export", "--csv", "ledger.csv"]).ends(1);
    let csv = std::fs::read_to_string(bench.path("ledger.csv")).unwrap();
    let header: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    assert!(header.contains(&"cost_nano_usd") && header.contains(&"cost_cents"), "{header:?}");
    let jsonl = bench.run(&["ledger", "export", "--jsonl"]).ends(0).out;
    assert_eq!(csv.lines().count(), jsonl.lines().count() + 1);
    assert!(csv.contains(",'=cmd(),") && !csv.contains(",=cmd(),"), "{csv}");
    assert!(jsonl.contains("\"=cmd()\""));
    let one = bench.run(&["ledger", "list", "--of", "ada", "--model", "gpt-4o", "--limit", "1", "--json"]);
    assert_eq!(one.ends(0).json().as_array().unwrap().len(), 1);
}

#[test]
fn a_limit_refuses_until_it_is_taken_back() {
    let (bench, vendor) = asked();
    let set = ["budget", "set", "--scope", "user", "--per", "month", "--usd", "0"];
    check(&bench, "budget-set", &bench.run(&set).ends(0).out);
    let shown = bench.run(&["budget", "show", "--json"]).ends(0).json();
    let monthly = shown.as_array().unwrap().iter().find(|limit| limit["window"] == "month").unwrap();
    assert_eq!((&monthly["cap"], &monthly["counted_for"]), (&json!(0), &json!("ada")));
    assert!(monthly["used"].as_u64().unwrap() > 0);
    assert_eq!(ask(&bench, &vendor, &[]), Some(5));
    bench.run(&["budget", "rm", "--scope", "user", "--per", "month"]).ends(0);
    bench.run(&["budget", "rm", "--scope", "user", "--per", "month"]).ends(1);
    assert!(matches!(ask(&bench, &vendor, &[]), Some(0 | 3)));
    bench.run(&["budget", "set", "--scope", "user", "--per", "day"]).ends(2);
    bench.run(&["budget", "set", "--scope", "user", "--per", "week", "--usd", "1"]).ends(2);
    bench.run(&["budget", "set", "--scope", "user", "--per", "day", "--cap", "5"]).ends(2);
    let calls = [
        "budget", "set", "--scope", "user", "--id", "bob", "--per", "hour", "--meter", "calls", "--cap", "5",
    ];
    bench.run(&calls).ends(0);
    bench.run(&["runs", "verify", "--all"]).ends(0);
}

#[test]
fn limits_are_shown_with_what_is_left_of_them() {
    let bench = Bench::ingested();
    check(&bench, "budget-show", &bench.run(&["budget", "show"]).ends(0).out);
}

#[test]
fn a_model_without_a_price_is_not_called_until_it_has_one() {
    let (bench, vendor) = (Bench::ingested(), Vendor::new());
    let model = ["--model", "gpt-of-next-year"];
    assert_eq!(ask(&bench, &vendor, &model), Some(1));
    assert_eq!(vendor.bill().len(), 0);
    let set = ["pricing", "set", "--provider", "openai", "--model", "gpt-of-next-year", "--input", "2.50"];
    bench.run(&set).ends(2);
    let set = [&set[..], &["--output", "10", "--price-version", "contract-7"]].concat();
    check(&bench, "pricing-set", &bench.run(&set).ends(0).out);
    assert!(matches!(ask(&bench, &vendor, &model), Some(0 | 3)));
    let line = bench.run(&["ledger", "list", "--json", "--limit", "1"]).ends(0).json()[0].clone();
    assert_eq!(line["price_version"], "contract-7");
    let listed = bench.run(&["pricing", "list", "--model", "gpt-of-next-year", "--json"]).ends(0).json();
    assert_eq!(listed[0]["rates"]["input"], 2_500_000_000_u64);
    check(&bench, "pricing-list", &Bench::new().run(&["pricing", "list", "--model", "gpt-4o"]).ends(0).out);
}

#[test]
fn the_switch_ends_calls_to_models_until_it_is_rearmed() {
    let (bench, vendor) = asked();
    check(&bench, "kill-switch-none", &bench.run(&["kill-switch", "status"]).ends(0).out);
    check(&bench, "kill-switch-trip", &bench.run(&["kill-switch", "trip", "drill"]).ends(0).out);
    assert_eq!(ask(&bench, &vendor, &[]), Some(5));
    assert_eq!(vendor.bill().len(), 1);
    check(&bench, "kill-switch-rearm", &bench.run(&["kill-switch", "rearm"]).ends(0).out);
    assert!(matches!(ask(&bench, &vendor, &[]), Some(0 | 3)));
    bench.run(&["kill-switch", "rearm"]).ends(1);
    bench.run(&["kill-switch", "trip", "drill", "--only-user", "bob", "--for", "3600"]).ends(0);
    assert!(matches!(ask(&bench, &vendor, &[]), Some(0 | 3)));
    bench.run(&["kill-switch", "trip", "drill", "--everything"]).ends(0);
    assert_eq!(ask(&bench, &vendor, &[]), Some(5));
    bench.run(&["runs", "verify", "--all"]).ends(0);
}

#[test]
fn a_kill_switch_that_would_not_last_is_refused() {
    Bench::new().run(&["kill-switch", "trip", "--for", "0", "drill"]).ends(2);
}

#[test]
fn the_kill_switch_answers_to_its_earlier_name() {
    let (bench, vendor) = asked();
    bench.run(&["shutoff", "trip", "drill"]).ends(0);
    let tripped = bench.run(&["kill-switch", "status", "--json"]).ends(0).json();
    assert_eq!(bench.run(&["shutoff", "status", "--json"]).ends(0).json(), tripped);
    assert!(tripped.to_string().contains("drill"), "{tripped:#}");
    assert_eq!(ask(&bench, &vendor, &[]), Some(5));
    bench.run(&["shutoff", "rearm"]).ends(0);
}

#[test]
fn readers_see_no_money_and_editors_only_their_own() {
    let (bench, _vendor) = asked();
    let as_role = |role: &'static str, user: &'static str, command: &[&'static str]| {
        bench.run(&[command, &["--role", role, "--user", user]].concat())
    };
    for command in [&["usage"][..], &["ledger", "list"], &["budget", "show"], &["kill-switch", "status"]] {
        as_role("reader", "ada", command).ends(4);
    }
    assert_eq!(as_role("editor", "bob", &["ledger", "list", "--json"]).ends(0).json(), json!([]));
    assert_eq!(as_role("editor", "bob", &["usage", "--json"]).ends(0).json()["rows"], json!([]));
    as_role("editor", "bob", &["usage", "--by", "model"]).ends(4);
    as_role("editor", "bob", &["budget", "show", "--of", "ada"]).ends(4);
    as_role("editor", "bob", &["budget", "rm", "--scope", "user", "--per", "month"]).ends(4);
    as_role("editor", "bob", &["kill-switch", "trip", "drill"]).ends(4);
    let set = ["pricing", "set", "--provider", "openai", "--model", "m", "--input", "1", "--output", "1"];
    as_role("editor", "bob", &set).ends(4);
}
