//! `nexus retention`: counted first, then removed.

use serde_json::json;

use crate::bench::Bench;

#[test]
fn a_dry_run_counts_and_removes_nothing() {
    let bench = Bench::ingested();
    // Runs end in the past of the next day only, so that nothing is old enough yet.
    let variables = [("NEXUS__RETENTION__RUNS_DAYS", "1"), ("NEXUS__RETENTION__JOBS_DAYS", "0")];
    let applied = bench.with(&variables, &["retention", "apply", "--yes", "--json"]).ends(0).json();
    assert_eq!(applied, json!([{ "class": "runs", "days": 1, "records": 0 }]));
    let dry_run = bench.with(&variables, &["retention", "apply", "--dry-run", "--json"]).ends(0);
    assert_eq!(dry_run.out, "");
    assert_eq!(dry_run.err, "{\"note\":{\"message\":\"there is nothing to remove\"}}\n");
    let dry_run = bench.with(&variables, &["retention", "apply", "--dry-run"]).ends(0);
    assert_eq!(dry_run.out, "there is nothing to remove\n");
    let eve = bench.run(&["--role", "editor", "retention", "apply", "--yes"]).ends(4);
    assert!(eve.err.contains("retention.apply"), "{eve:?}");
}

#[test]
fn every_class_is_shown_and_what_has_no_period_is_kept_for_ever() {
    let bench = Bench::ingested();
    let shown = bench.run(&["retention", "show"]).ends(0).out;
    let rows: Vec<Vec<&str>> =
        shown.lines().map(|line| line.split("  ").filter(|cell| !cell.is_empty()).collect()).collect();
    let rows: Vec<Vec<&str>> = rows.into_iter().map(|row| row.into_iter().map(str::trim).collect()).collect();
    let for_ever = |class| vec![class, "for ever", "0"];
    let expected = [
        vec!["CLASS", "DAYS", "EXPIRED"],
        for_ever("journals"),
        for_ever("runs"),
        for_ever("sessions"),
        vec!["jobs", "90", "0"],
        for_ever("calls"),
    ];
    assert_eq!(rows, expected, "{shown}");
    let json = bench.run(&["retention", "show", "--json"]).ends(0).json();
    assert_eq!(json[1], json!({ "class": "runs", "days": null, "records": 0 }));
    assert_eq!(json.as_array().unwrap().len(), 5);
}
