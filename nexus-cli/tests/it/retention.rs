//! `nexus retention`: counted first, then removed.

use serde_json::json;

use crate::bench::Bench;

#[test]
fn a_dry_run_counts_and_removes_nothing() {
    let bench = Bench::ingested();
    // Runs end in the past of the next day only, so that nothing is old enough yet.
    let variables = [("NEXUS__RETENTION__RUNS_DAYS", "1"), ("NEXUS__RETENTION__JOBS_DAYS", "0")];
    let expected = json!([{ "class": "runs", "days": 1, "records": 0 }]);
    for arguments in [&["retention", "show", "--json"][..], &["retention", "apply", "--yes", "--json"]] {
        assert_eq!(bench.with(&variables, arguments).ends(0).json(), expected);
    }
    let dry_run = bench.with(&variables, &["retention", "apply", "--dry-run", "--json"]).ends(0).json();
    assert_eq!(dry_run, json!({ "would_remove": expected[0] }));
    let shown = bench.run(&["retention", "show"]).ends(0).out;
    assert_eq!(shown, "CLASS  DAYS  EXPIRED\njobs   90    0\n");
    let eve = bench.run(&["--role", "editor", "retention", "apply", "--yes"]).ends(4);
    assert!(eve.err.contains("retention.apply"), "{eve:?}");
}
