//! `nexus tenants`: settings of tenants, and the verbs of every administrative resource.

use serde_json::json;

use crate::bench::Bench;

#[test]
fn settings_are_set_by_field_or_file_shown_listed_and_removed_with_their_history() {
    let bench = Bench::ingested();
    let fields = ["name=Acme Corporation", "plan=starter", "quotas.max_documents=100", "retention_days=90"];
    let set = bench.run(&[&["tenants", "set", "acme"], &fields[..]].concat()).ends(0).out;
    assert!(set.contains("version    1\n") && set.contains("name: Acme Corporation\n"), "{set}");
    bench.write("acme.json", r#"{"plan": "pro", "retention_days": null}"#);
    let set = ["tenants", "set", "acme", "--file", "acme.json", "--if-version", "1", "--json"];
    let shown = bench.run(&set).ends(0).json();
    let expected = json!({"name": "Acme Corporation", "plan": "pro", "quotas": {"max_documents": 100}});
    assert_eq!((&shown["version"], &shown["value"]), (&json!(2), &expected));
    assert_eq!(bench.run(&set).ends(1).error_code(), "RESOURCE_CHANGED");
    bench.feed(&["tenants", "set", "globex", "--file", "-"], br#"{"plan": "pro"}"#).ends(0);

    let list = bench.run(&["tenants", "list"]).ends(0).out;
    assert_eq!(list.lines().count(), 3, "{list}");
    let page = bench.run(&["tenants", "list", "--limit", "1", "--after", "acme", "--json"]).ends(0).json();
    assert_eq!(page[0]["id"], "globex");
    let shown = bench.run(&["tenants", "show", "acme"]).ends(0).out;
    assert!(shown.contains("plan: pro\n") && shown.contains(" by operator:ada\n"), "{shown}");

    let rm = ["tenants", "rm", "acme"];
    let dry = bench.run(&[&rm[..], &["--dry-run"]].concat()).ends(0).out;
    assert_eq!(dry, "would remove the tenant acme (version 2)\n");
    bench.run(&rm).ends(0);
    assert_eq!(bench.run(&[&rm[..], &["--json"]].concat()).ends(1).error_code(), "RESOURCE_NOT_FOUND");
    let history = bench.run(&["tenants", "history", "acme", "--json"]).ends(0).json();
    let changes: Vec<_> = history.as_array().unwrap().iter().map(|entry| entry["change"].clone()).collect();
    assert_eq!(changes, ["created", "updated", "deleted"]);
    assert_eq!(history[1]["changed"], json!(["/plan", "/retention_days"]));
}

#[test]
fn settings_that_cannot_be_obeyed_and_callers_without_rights_are_refused() {
    let bench = Bench::ingested();
    let set = |fields: &[&str]| bench.run(&[&["--json", "tenants", "set", "local"], fields].concat());
    assert_eq!(set(&["webhook_url=https://a.example"]).ends(2).error_code(), "INVALID_RESOURCE");
    assert_eq!(set(&["default_provider=unknown"]).ends(2).error_code(), "INVALID_ROUTE");
    assert_eq!(set(&["name"]).ends(2).error_code(), "USAGE");
    bench.run(&["--role", "editor", "tenants", "set", "local", "plan=pro"]).ends(4);
    bench.run(&["--role", "reader", "tenants", "list"]).ends(4);
}

#[test]
fn settings_of_the_own_tenant_take_effect() {
    let bench = Bench::ingested();
    bench.run(&["tenants", "set", "local", "default_grounding_threshold=1"]).ends(0);
    bench.run(&["ask", "--corpus", "handbook", "How many days of annual leave?"]).ends(3);
    bench.run(&["tenants", "set", "local", "default_grounding_threshold=null", "retention_days=7"]).ends(0);
    bench.run(&["ask", "--corpus", "handbook", "How many days of annual leave?"]).ends(0);
    let periods = bench.run(&["retention", "show", "--json"]).ends(0).json();
    assert!(periods.as_array().unwrap().iter().all(|class| class["days"] == 7), "{periods}");
    bench.run(&["tenants", "set", "local", "quotas.max_documents=2"]).ends(0);
    bench.write("more.md", "One more document.");
    let refused = bench.run(&["--json", "ingest", "more.md", "--corpus", "handbook"]);
    assert!(refused.err.contains("QUOTA_EXCEEDED") || refused.out.contains("QUOTA_EXCEEDED"), "{refused:#?}");
}

#[test]
fn a_key_that_seals_secrets_is_read_from_the_environment() {
    let bench = Bench::ingested();
    let run = |key: &str| bench.with(&[("NEXUS_SEAL_KEY", key)], &["--json", "tenants", "list"]);
    run(&"07".repeat(32)).ends(0);
    assert_eq!(run("short").ends(2).error_code(), "SEAL_KEY");
}
