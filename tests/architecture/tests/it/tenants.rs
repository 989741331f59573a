//! Methods of the store ports that take no tenant: they are for Nexus itself, and stand in one table.

use std::collections::{BTreeMap, BTreeSet};

use crate::prose::texts;

/// Types of arguments that hold a tenant.
const WITH_TENANT: &[&str] = &[
    "Authorised",
    "BeginCall",
    "Expire",
    "Lease",
    "Reconciliation",
    "Reindex",
    "ResourceBatch",
    "ResourceScope",
    "RetryCall",
    "RunTransition",
    "Settlement",
    "Submission",
    "TenantId",
];

/// Ports without tenant, and methods without tenant of other ports.
const WITHOUT_TENANT: &[(&str, &[&str])] = &[
    ("AdminResourceStore", &["resources_of_tenants"]),
    // The records name their tenants.
    ("AuditChain", &["append"]),
    ("PriceStore", &["prices", "add_price"]),
    ("RetentionStore", &["tenants"]),
    (
        "SystemStore",
        &[
            "renew",
            "release",
            "claim_runs",
            "claim_calls",
            "claim_job",
            "unfinished",
            "open_calls",
            "take_cancel_requests",
            "check",
            "instance",
            "close",
        ],
    ),
];

#[test]
fn a_method_of_a_store_port_takes_a_tenant_unless_the_table_names_it() {
    let texts: BTreeMap<String, String> = texts(&["rs"]).into_iter().collect();
    let list = texts["nexus-core/src/store.rs"].split("\nsum_of_ports!(").nth(1).unwrap();
    let ports = list.split(')').next().unwrap().split(',').map(str::trim).filter(|port| !port.is_empty());
    let mut found = BTreeSet::new();
    for port in ports {
        let methods = texts.iter().filter(|(file, _)| file.starts_with("nexus-core/src/"));
        let methods: Vec<_> = methods.flat_map(|(_, source)| methods_of(port, source)).collect();
        assert!(!methods.is_empty(), "{port} has no method");
        let without = methods.into_iter().filter(|(_, arguments)| !has_tenant(arguments));
        found.extend(without.map(|(method, _)| format!("{port}::{method}")));
    }
    let listed = WITHOUT_TENANT
        .iter()
        .flat_map(|(port, methods)| methods.iter().map(move |method| format!("{port}::{method}")));
    assert_eq!(found, listed.collect::<BTreeSet<_>>());
}

#[test]
fn methods_are_read_with_their_arguments() {
    let source = "pub trait Port: Send {\n    async fn one(&self, tenant: &TenantId) -> Result<()>;\n\n    fn two(\n        \
                  &self,\n        lease: &OwnerLease,\n    ) -> u8;\n}\n\npub trait Other {\n    fn three(&self);\n}\n";
    let methods = methods_of("Port", source);
    let found: Vec<_> =
        methods.iter().map(|(name, arguments)| (name.as_str(), has_tenant(arguments))).collect();
    assert_eq!(found, [("one", true), ("two", false)]);
    assert!(methods_of("Por", source).is_empty());
}

/// Returns the methods that `source` declares for a port, each with its arguments.
fn methods_of(port: &str, source: &str) -> Vec<(String, String)> {
    let Some((_, body)) = source.split_once(&format!("pub trait {port}:")) else { return Vec::new() };
    let body = body.split("\n}\n").next().unwrap_or_default();
    let code: Vec<&str> = body.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    let methods = code.split("fn ").skip(1).filter_map(|method| method.split_once('('));
    methods
        .map(|(name, rest)| (name.to_owned(), rest.split(')').next().unwrap_or_default().to_owned()))
        .collect()
}

fn has_tenant(arguments: &str) -> bool {
    arguments.split(|c: char| !c.is_alphanumeric()).any(|word| WITH_TENANT.contains(&word))
}
