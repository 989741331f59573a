//! The book of Nexus. Each chapter is a Markdown file in `docs/`; its Rust blocks are compiled and run as tests, so
//! what the book shows works.
#![expect(clippy::doc_markdown, reason = "chapters are prose for people, with the names of products in it")]

#[doc = include_str!("../README.md")]
pub mod readme {}

#[doc = include_str!("getting-started.md")]
pub mod getting_started {}

#[doc = include_str!("cli.md")]
pub mod cli {}

#[doc = include_str!("documents.md")]
pub mod documents {}

#[doc = include_str!("retrieval.md")]
pub mod retrieval {}

#[doc = include_str!("answering.md")]
pub mod answering {}

#[doc = include_str!("audit.md")]
pub mod audit {}

#[doc = include_str!("embedded-store.md")]
pub mod embedded_store {}

#[doc = include_str!("server.md")]
pub mod server {}

#[doc = include_str!("models.md")]
pub mod models {}

#[doc = include_str!("limits.md")]
pub mod limits {}

#[doc = include_str!("configuration.md")]
pub mod configuration {}

#[doc = include_str!("tenants.md")]
pub mod tenants {}

#[doc = include_str!("policy.md")]
pub mod policy {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt::Write as _;

    use nexus_core::admin::Registry;
    use nexus_core::operations;
    use nexus_core::policy::Operation;

    /// Actions with their roles and operations, as the chapter on the policy lists them.
    #[test]
    fn the_table_of_actions_is_that_of_the_registry() {
        let mut actions: Vec<(&Operation, String)> = Vec::new();
        let mut places = BTreeMap::new();
        let all = operations::all(&Registry::default());
        for operation in &all {
            let place = *places.entry(operation.action).or_insert(actions.len());
            match actions.get_mut(place) {
                Some((_, routes)) => write!(routes, ", `{}`", operation.route).unwrap(),
                None => actions.push((operation, format!("`{}`", operation.route))),
            }
        }
        let mut table = String::new();
        for (operation, routes) in actions {
            let roles: Vec<&str> = operation.roles.iter().copied().filter(|role| *role != "viewer").collect();
            writeln!(table, "| `{}` | {} | {routes} |", operation.action, roles.join(", ")).unwrap();
        }
        assert!(include_str!("policy.md").contains(&table), "docs/policy.md needs this table:\n{table}");
    }
}
