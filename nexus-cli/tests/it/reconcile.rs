//! Estimates in the ledger, and their reconciliation with the vendor's bill.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::bench::{Bench, check, until};
use crate::models::Vendor;

const QUESTION: &str = "How many unused days of annual leave carry over?";

/// A bench with the price of a scripted model.
fn priced(model: &str) -> (Bench, Vendor) {
    let (bench, vendor) = (Bench::ingested(), Vendor::new());
    let price = ["pricing", "set", "--provider", "openai", "--model", model, "--input", "2", "--output", "8"];
    bench.run(&[&price[..], &["--price-version", "contract-7"]].concat()).ends(0);
    (bench, vendor)
}

fn ask<'a>(
    model: &'a str,
    variables: &'a [(&'static str, String)],
) -> (Vec<(&'a str, &'a str)>, Vec<&'a str>) {
    let variables = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    (variables, vec!["ask", "--corpus", "handbook", "--model", model, QUESTION])
}

/// The lines of `nexus ledger list` with more arguments.
fn lines(bench: &Bench, more: &[&str]) -> Vec<Value> {
    let list = [&["ledger", "list", "--json", "--limit", "99"], more].concat();
    bench.run(&list).ends(0).json().as_array().unwrap().clone()
}

fn cost_of(export: &str) -> i64 {
    let cost = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["cost_nano_usd"].as_str().unwrap().parse::<i64>().unwrap()
    };
    export.lines().map(cost).sum()
}

#[test]
fn an_estimate_becomes_what_the_bill_says_and_every_sum_follows() {
    let model = "gpt-4o+no-usage";
    let (bench, vendor) = priced(model);
    let variables = vendor.as_openai();
    let (variables, ask) = ask(model, &variables);
    assert!(matches!(bench.with(&variables, &ask).code, Some(0 | 3)));
    let estimate = lines(&bench, &["--model", model]).remove(0);
    assert_eq!((&estimate["estimated"], &estimate["status"]), (&json!(true), &json!("settled")));
    let call = estimate["call"].as_str().unwrap();

    let reconcile = |more: &[&str]| {
        let what = ["ledger", "reconcile", call, "--reason", "invoice 2026-03"];
        bench.run(&[&what[..], more].concat())
    };
    let by_usage = reconcile(&["--input-tokens", "1000", "--output-tokens", "50"]).ends(0).out;
    check(&bench, "ledger-reconcile", &by_usage);
    let export = bench.run(&["ledger", "export"]).ends(0).out;
    assert_eq!(cost_of(&export), 2_400_000, "1,000 tokens at 2 and 50 at 8 dollars a million");
    let usage = bench.run(&["usage", "--by", "tenant", "--json"]).ends(0).json();
    assert_eq!(usage["rows"][0]["cost"], "2400000");

    let line = reconcile(&["--cost", "0.001", "--attempt", "1", "--json"]).ends(0).json();
    assert_eq!(line["charged"]["money"], "1000000");
    assert_eq!(line["correction"]["charged_before"]["money"], "2400000");
    let csv = bench.run(&["ledger", "export", "--csv"]).ends(0).out;
    let latest: Vec<&str> = csv.lines().nth(1).unwrap().split(',').collect();
    let column = |name| csv.lines().next().unwrap().split(',').position(|column| column == name).unwrap();
    let cells = ["revision", "cost_nano_usd", "cost_cents", "corrected_by", "reason"];
    let cells = cells.map(|name| latest[column(name)]);
    assert_eq!(cells, ["2", "-1400000", "-0.14", "ada", "invoice 2026-03"]);
    let table = bench.run(&["ledger", "list", "--model", model]).ends(0).out;
    assert!(table.contains("-0.0014 USD (correction)") && table.contains(" (estimate)"), "{table}");

    assert_eq!(cost_of(&bench.run(&["ledger", "export"]).ends(0).out), 1_000_000);
    bench.run(&["runs", "verify", "--all"]).ends(0);
}

#[test]
fn what_cannot_be_reconciled_says_why() {
    let model = "gpt-4o+no-usage";
    let (bench, vendor) = priced(model);
    let variables = vendor.as_openai();
    for model in [model, "gpt-4o"] {
        let (variables, ask) = ask(model, &variables);
        assert!(matches!(bench.with(&variables, &ask).code, Some(0 | 3)));
    }
    let call = |model| lines(&bench, &["--model", model])[0]["call"].as_str().unwrap().to_owned();
    let (estimated, settled) = (call(model), call("gpt-4o"));
    let reconcile = |call: &str, more: &[&str]| {
        bench.run(&[&["ledger", "reconcile", call, "--reason", "invoice", "--json"], more].concat())
    };
    let known = reconcile(&settled, &["--not-billed"]).ends(1);
    assert_eq!(known.error_code(), "CALL_NOT_ESTIMATED");
    assert_eq!(reconcile("absent", &["--not-billed"]).ends(1).error_code(), "CALL_NOT_FOUND");
    let second = reconcile(&estimated, &["--not-billed", "--attempt", "2"]).ends(1);
    assert_eq!(second.error_code(), "ATTEMPT_NOT_FOUND");
    reconcile(&estimated, &["--not-billed", "--role", "editor", "--user", "bob"]).ends(4);
    for misused in [
        &[][..],
        &["--not-billed", "--cost", "1"],
        &["--input-tokens", "1"],
        &["--cost", "-1"],
        &["--input-tokens", "1", "--output-tokens", "1", "--cost", "1"],
    ] {
        reconcile(&estimated, misused).ends(2);
    }
    assert!(lines(&bench, &[]).iter().all(|line| line["correction"].is_null()));
}

#[test]
fn a_call_whose_outcome_a_crash_left_unknown_waits_to_be_reconciled() {
    let model = "gpt-4o+first-after=600s";
    let (bench, vendor) = priced(model);
    let variables = vendor.as_openai();
    let (variables, ask) = ask(model, &variables);
    let mut asking =
        bench.command(&ask).envs(variables).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("the vendor hears of the call", || vendor.heard() == 1);
    asking.kill().unwrap();
    asking.wait().unwrap();
    // The next writer finds the open call.
    bench.run(&["corpora", "set", "handbook", "--name", "x"]).ends(0);
    let waiting = lines(&bench, &["--unreconciled"]);
    let [line] = waiting.as_slice() else { panic!("{waiting:#?}") };
    assert_eq!((&line["status"], &line["estimated"]), (&json!("unknown_outcome"), &json!(true)));
    let call = line["call"].as_str().unwrap();
    let reconcile = ["ledger", "reconcile", call, "--not-billed", "--reason", "the vendor has no such call"];
    let said = bench.run(&reconcile).ends(0).out;
    assert!(said.contains(" now costs 0.00 USD, was "), "{said}");
    assert_eq!(lines(&bench, &["--unreconciled"]), [] as [Value; 0]);
    assert_eq!(cost_of(&bench.run(&["ledger", "export"]).ends(0).out), 0);
    bench.run(&["runs", "verify", "--all"]).ends(0);
}
