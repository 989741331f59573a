//! Providers by configuration, checked with real calls to the scripted provider.

use nexus_fake_provider::{Entry, Scripted};
use tokio::runtime::Runtime;

use crate::bench::{Bench, check};

const QUESTION: &str = "How many unused days of annual leave carry over to the next year?";
const KEY: &str = "sk-test-0123456789abcdef";

/// Scripted provider on a runtime of its own.
pub(crate) struct Vendor {
    runtime: Runtime,
    scripted: Scripted,
}

impl Vendor {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let scripted = runtime.block_on(Scripted::start()).unwrap();
        Self { runtime, scripted }
    }

    /// Environment of a client of the vendor.
    pub(crate) fn as_openai(&self) -> [(&'static str, String); 3] {
        [
            ("LLM_PROVIDER", "openai".to_owned()),
            ("OPENAI_BASE_URL", self.scripted.openai_url()),
            ("OPENAI_API_KEY", KEY.to_owned()),
        ]
    }

    /// Endpoint with OpenAI's wire format.
    pub(crate) fn openai_url(&self) -> String {
        self.scripted.openai_url()
    }

    /// The vendor's bill.
    pub(crate) fn bill(&self) -> Vec<Entry> {
        self.runtime.block_on(self.scripted.settled_log())
    }

    /// Number of requests that the vendor has received, answered or not.
    pub(crate) fn heard(&self) -> usize {
        self.scripted.log().len()
    }

    /// Body of the last request.
    fn last_body(&self) -> serde_json::Value {
        self.scripted.requests().pop().unwrap().json()
    }

    pub(crate) fn url(&self) -> String {
        self.scripted.url()
    }
}

fn borrowed<'a>(variables: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    variables.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

#[test]
fn a_provider_that_is_named_without_its_key_stops_every_command_by_name() {
    let bench = Bench::new();
    let said = bench.with(&[("LLM_PROVIDER", "openai")], &["ingest", "docs", "--corpus", "handbook"]).ends(2);
    check(&bench, "key-missing", &said.err);
    assert!(!bench.path("nexus-data").exists(), "nothing is made by a program that cannot start");
    let said = bench.with(&[("LLM_PROVIDER", "absent")], &["models", "--json"]).ends(2);
    assert_eq!(said.error_code(), "PROVIDER_UNKNOWN");
}

#[test]
fn models_say_when_they_are_asked_and_what_that_costs() {
    let bench = Bench::new();
    check(&bench, "models-none", &bench.run(&["models"]).ends(0).out);
    bench.write(
        "nexus.toml",
        "[llm]\nprimary = 'openai'\nfallbacks = ['gpu']\nembedder = 'openai'\n\
         [providers.gpu]\ntype = 'vllm'\nmodel = 'qwen'\n\
         [providers.unheard]\ntype = 'openai'\nmodel = 'gpt-of-next-year'\n",
    );
    let models = |more: &[&str]| {
        let arguments = [&["--config", "nexus.toml", "models"], more].concat();
        bench.with(&[("OPENAI_API_KEY", KEY)], &arguments).ends(0)
    };
    check(&bench, "models", &models(&[]).out);
    let json = models(&["--json"]).json();
    assert_eq!(json["models"][0]["price"]["rates"]["input"], 2_500_000_000_u64);
    assert_eq!(json["embedding_model"], "text-embedding-3-small");
}

#[test]
fn a_search_with_an_embedder_is_charged_and_recorded_and_needs_the_directory_to_itself() {
    let (bench, vendor) = (Bench::new(), Vendor::new());
    let url = vendor.url();
    let fake =
        [("LLM_PROVIDER", "fake"), ("FAKE_PROVIDER_URL", url.as_str()), ("NEXUS__LLM__EMBEDDER", "fake")];
    bench.with(&fake, &["ingest", "docs", "--corpus", "handbook"]).ends(0);
    let before = vendor.bill().len();
    let search = ["search", "--corpus", "handbook", "--json", "leave"];
    let found = bench.with(&fake, &search).ends(0).json();
    assert_eq!(found["mode"], "hybrid");
    assert_eq!(vendor.bill().len(), before + 1, "the question is embedded");
    bench.with(&fake, &["runs", "verify", "--all"]).ends(0);
    let mut chat = bench.chat();
    let at_once = [&search[..], &["--wait", "0"]].concat();
    assert_eq!(bench.with(&fake, &at_once).ends(1).error_code(), "STORE_LOCKED");
    drop(chat.process.stdin.take());
    assert_eq!(chat.process.wait().unwrap().code(), Some(0));
}

#[test]
fn a_check_calls_each_configured_provider_and_fails_if_one_does() {
    let (bench, vendor) = (Bench::new(), Vendor::new());
    let url = vendor.url();
    let fake = [("LLM_PROVIDER", "fake"), ("FAKE_PROVIDER_URL", url.as_str())];
    let checks =
        |more: &[(&'static str, &str)]| bench.with(&[&fake[..], more].concat(), &["providers", "check"]);
    check(&bench, "providers-check", &checks(&[]).ends(0).out);
    let bad = [("NEXUS__PROVIDERS__BAD__TYPE", "fake"), ("NEXUS__PROVIDERS__BAD__MODEL", "scripted-1+401")];
    let bad: Vec<_> = bad.into_iter().chain([("NEXUS__PROVIDERS__BAD__ENDPOINT", url.as_str())]).collect();
    check(&bench, "providers-check-failed", &checks(&bad).ends(1).out);
    assert_eq!(vendor.bill().len(), 3, "one call to each provider, and none again");
    bench.with(&fake, &["providers", "check", "absent"]).ends(2);
    bench.run(&["runs", "verify", "--all"]).ends(0);
}

#[test]
fn a_question_goes_to_the_provider_that_it_names_and_is_paid_by_the_vendors_bill() {
    let (bench, vendor) = (Bench::ingested(), Vendor::new());
    let variables = vendor.as_openai();
    let variables = borrowed(&variables);
    let key_only = &variables[1..];
    let ask = ["ask", "--corpus", "handbook", "--json", QUESTION];
    bench.with(key_only, &ask).ends(0);
    assert_eq!(vendor.bill().len(), 0, "a key alone causes no call");
    let by_name = ["ask", "--corpus", "handbook", "--provider", "openai", "--model", "gpt-4o-mini", QUESTION];
    bench.with(key_only, &by_name);
    assert_eq!(vendor.bill().len(), 1);
    bench.with(&variables, &ask);
    let bill = vendor.bill();
    assert_eq!(bill.iter().map(|entry| entry.model.as_str()).collect::<Vec<_>>(), ["gpt-4o-mini", "gpt-4o"]);
    let lines = bench.run(&["ledger", "list", "--json"]).ends(0).json();
    let lines = lines.as_array().unwrap();
    let of_vendor: Vec<_> = lines.iter().filter(|line| line["provider"] == "openai").collect();
    assert_eq!(of_vendor.len(), 2);
    assert!(of_vendor.iter().all(|line| line["status"] == "settled" && line["estimated"] == false));
    bench.run(&["runs", "verify", "--all"]).ends(0);
}

#[test]
fn a_question_that_could_cost_more_than_it_may_is_not_sent() {
    let (bench, vendor) = (Bench::ingested(), Vendor::new());
    let variables = vendor.as_openai();
    let ask = ["ask", "--corpus", "handbook", "--max-cost", "0.000001", QUESTION];
    bench.with(&borrowed(&variables), &ask).ends(5);
    let free = ["ask", "--corpus", "handbook", "--provider", "extractive", "--max-cost", "0", QUESTION];
    bench.with(&borrowed(&variables), &free).ends(0);
    assert_eq!(vendor.bill().len(), 0);
    bench.run(&["ask", "--corpus", "handbook", "--max-cost", "-1", QUESTION]).ends(2);
}

#[test]
fn no_log_at_its_loudest_shows_a_key() {
    let (bench, vendor) = (Bench::ingested(), Vendor::new());
    let price =
        ["pricing", "set", "--provider", "openai", "--model", "gpt-4o+401", "--input", "1", "--output", "1"];
    bench.run(&price).ends(0);
    let mut variables = vendor.as_openai().to_vec();
    variables.push(("RUST_LOG", "trace".to_owned()));
    variables.push(("NEXUS__PROVIDERS__OPENAI__MODEL", "gpt-4o+401".to_owned()));
    let said = bench.with(&borrowed(&variables), &["ask", "--corpus", "handbook", QUESTION]).ends(1);
    assert_eq!(vendor.bill().len(), 1);
    assert!(said.err.lines().count() > 10, "{said:#?}");
    assert!(!said.err.contains("0123456789") && !said.out.contains("0123456789"), "{said:#?}");
}

/// Writes the hexadecimal digits of `text`, for a scripted model that says it.
fn saying(text: &str) -> String {
    text.bytes().fold("scripted-1+say=".to_owned(), |model, byte| format!("{model}{byte:02x}"))
}

#[test]
fn what_a_reply_is_worth_is_told_in_text_in_json_and_by_the_exit_code() {
    let (bench, vendor) = (Bench::ingested(), Vendor::new());
    let url = vendor.url();
    let fake = [("LLM_PROVIDER", "fake"), ("FAKE_PROVIDER_URL", url.as_str())];
    let cut = format!("{}+finish=length", saying("Employees have 30 days [1]"));
    for (model, code, outcome, told) in [
        (saying("Employees have 30 days of annual leave [1]."), 0, "answered", "[1] leave.md"),
        (
            saying("Employees have 99 days of annual leave [1]."),
            0,
            "answered",
            "finding: `99 days` is not in the source",
        ),
        (cut, 10, "incomplete", "Incomplete: the model's reply was cut off at its token limit (max_tokens)."),
        (saying("Employees have 30 days."), 9, "uncited", "Uncited: the model's reply cites no passage"),
        (saying("The passages don’t say."), 3, "abstained", "No answer: the model says"),
        (saying("Employees have 30 days [9]."), 1, "failed", ""),
        (saying(" "), 1, "failed", ""),
    ] {
        let ask = ["ask", "--corpus", "handbook", "--no-cache", "--model", &model, "How much annual leave?"];
        let said = bench.with(&fake, &ask).ends(code);
        assert!(said.out.contains(told), "{said:#?}");
        let json = bench.with(&fake, &[&ask[..], &["--json"]].concat()).ends(code).json();
        assert_eq!(json["outcome"], outcome, "{json:#}");
    }
}

#[test]
fn an_error_in_the_middle_of_an_answer_begins_on_a_line_of_its_own() {
    let (bench, vendor) = (Bench::ingested(), Vendor::new());
    let url = vendor.url();
    let both = std::fs::File::create(bench.path("terminal")).unwrap();
    let ask =
        ["ask", "--corpus", "handbook", "--no-cache", "--model", "scripted-1+frames=60+cut=40", QUESTION];
    let mut command = bench.command(&ask);
    command.env("LLM_PROVIDER", "fake").env("FAKE_PROVIDER_URL", &url);
    let status = command.stdout(both.try_clone().unwrap()).stderr(both).status().unwrap();
    assert_eq!(status.code(), Some(1));
    let shown = std::fs::read_to_string(bench.path("terminal")).unwrap();
    let (before, _) = shown.split_once("error: ").unwrap();
    assert!(before.ends_with('\n'), "{shown}");
    assert!(shown.lines().all(|line| line.starts_with("error: ") || !line.contains("error: ")), "{shown}");
}

#[test]
fn a_limit_of_tokens_in_the_configuration_reaches_the_vendor() {
    let (bench, vendor) = (Bench::ingested(), Vendor::new());
    let url = vendor.openai_url();
    bench.write(
        "mt.toml",
        &format!("[llm]\nprimary = 'fk'\nmax_tokens = 77\n[providers.fk]\ntype = 'openai'\nkey = 'sk-test'\nendpoint = '{url}'\nmodel = 'gpt-4o'\n"),
    );
    bench.run(&["--config", "mt.toml", "ask", "--corpus", "handbook", "How much annual leave?"]);
    assert_eq!(vendor.last_body()["max_completion_tokens"], 77);
}
