//! Lists: the options that every one of them has.

use serde_json::Value;

use crate::bench::Bench;

/// Returns a bench with several entries of each list, and the id of a session.
fn filled() -> (Bench, String) {
    let bench = Bench::ingested();
    for corpus in ["alpha", "zeta"] {
        bench.run(&["corpora", "create", corpus, "--name", corpus]).ends(0);
    }
    for who in ["role:reader", "user:bob"] {
        bench.run(&["docs", "grant", "handbook/leave.md", who, "read"]).ends(0);
    }
    let question = ["ask", "--corpus", "handbook", "How many days of annual leave?"];
    for session in ["s-1", "s-2", "s-2"] {
        bench.run(&[&question[..], &["--session", session]].concat()).ends(0);
    }
    for user in ["bob", "eve"] {
        bench.run(&["budget", "set", "--scope", "user", "--id", user, "--per", "day", "--usd", "1"]).ends(0);
        bench.run(&["kill-switch", "trip", "drill", "--only-user", user]).ends(0);
    }
    for tenant in ["acme", "globex"] {
        bench.run(&["tenants", "set", tenant, "plan=pro"]).ends(0);
        bench.run(&["tenants", "set", "acme", &format!("name={tenant}")]).ends(0);
    }
    (bench, "s-2".to_owned())
}

/// Follows the hints of a list from page to page, and returns the JSON of all pages.
fn walk(bench: &Bench, list: &[&str], limit: &str) -> Vec<Vec<Value>> {
    let (mut pages, mut after): (_, Option<String>) = (Vec::new(), None);
    loop {
        let from = after.iter().flat_map(|key| ["--after", key]);
        let page: Vec<&str> = list.iter().copied().chain(["--limit", limit]).chain(from).collect();
        let json = bench.run(&[&page[..], &["--json"]].concat()).ends(0);
        assert_eq!(json.err, "", "{list:?}");
        pages.push(json.json().as_array().unwrap().clone());
        let said = bench.run(&page).ends(0);
        let hint = said.err.lines().find_map(|line| line.strip_prefix("hint: more entries follow; "));
        let Some(hint) = hint else { return pages };
        let key =
            hint.strip_prefix("continue with `--after ").and_then(|hint| hint.strip_suffix('`')).unwrap();
        let key = key.strip_prefix('\'').and_then(|key| key.strip_suffix('\'')).unwrap_or(key);
        assert!(pages.len() < 99, "{list:?} does not end");
        after = Some(key.to_owned());
    }
}

#[test]
fn the_hints_of_a_list_lead_through_all_of_it() {
    let (bench, session) = filled();
    for (list, limit) in [
        (&["corpora", "list"][..], "2"),
        (&["docs", "list"], "1"),
        (&["docs", "grants", "handbook/leave.md"], "1"),
        (&["sessions", "list"], "1"),
        (&["runs", "list"], "2"),
        (&["ledger", "list"], "2"),
        (&["pricing", "list", "--provider", "openai"], "3"),
        (&["budget", "show"], "1"),
        (&["kill-switch", "status"], "1"),
        (&["tenants", "list"], "1"),
        (&["tenants", "history", "acme"], "2"),
    ] {
        let whole = bench.run(&[list, &["--json"]].concat()).ends(0).json();
        let pages = walk(&bench, list, limit);
        assert!(pages.len() > 1, "{list:?}: {whole}");
        assert_eq!(Value::Array(pages.concat()), whole, "{list:?}");
    }
    // A conversation is read from its end, and each page is printed in its order.
    let show = ["sessions", "show", &session];
    let whole = bench.run(&[&show[..], &["--json"]].concat()).ends(0).json();
    let mut pages = walk(&bench, &show, "3");
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [3, 1]);
    pages.reverse();
    assert_eq!(Value::Array(pages.concat()), whole);
}

#[test]
fn a_list_that_is_whole_says_nothing_and_an_unknown_cursor_is_refused() {
    let bench = Bench::ingested();
    assert_eq!(bench.run(&["docs", "list", "--limit", "2"]).ends(0).err, "");
    assert_eq!(
        bench.run(&["docs", "list", "--after", "handbook/leave.md", "--json"]).ends(0).json()[0]["id"],
        "handbook/travel.md"
    );
    for list in [&["runs", "list"][..], &["ledger", "list"], &["pricing", "list"], &["budget", "show"]] {
        let said = bench.run(&[&["--json"], list, &["--after", "unknown"]].concat()).ends(2);
        assert_eq!(said.error_code(), "INVALID_CURSOR", "{list:?}");
    }
}
