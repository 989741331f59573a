//! Grammar of models' names, and its table.

use std::time::Duration;

use nexus_fake_provider::Dialect;
use nexus_fake_provider::script::{After, Before, DIRECTIVES, Script, When};
use proptest::prelude::*;

#[test]
fn names_without_directives_ask_for_nothing() {
    for model in ["gpt-4o", "llama3:8b", "models/gemini-2.5-pro", "claude-sonnet-4-6@20260101", ""] {
        assert_eq!(Script::parse(model), Ok(Script::default()), "{model}");
    }
}

#[test]
fn directives_add_up() {
    let script = Script::parse("m+cut=3+cached=100+flap=2,1+first-after=20s+pace=5").unwrap();
    assert_eq!(script.faults.after, Some((3, After::Cut)));
    assert_eq!(script.shape.cache_read, 100);
    assert_eq!(script.when, When::Turns { bad: 2, good: 1 });
    assert_eq!(script.faults.first_after, Duration::from_secs(20));
    assert_eq!(script.faults.pace, Duration::from_millis(5));
    let silent = |model| Script::parse(model).unwrap().faults.before;
    assert_eq!(silent("m+silent=20ms"), Some(Before::Silent(Some(Duration::from_millis(20)))));
    assert_eq!(silent("m+s06"), Some(Before::Silent(None)));
}

#[test]
fn presets_mean_what_the_table_says() {
    let presets = DIRECTIVES
        .iter()
        .filter(|row| row.name.strip_prefix('s').is_some_and(|rest| rest.parse::<u8>().is_ok()));
    let mut count = 0;
    for row in presets {
        let long = row.meaning.split('`').rev().nth(1).unwrap();
        assert_eq!(Script::parse(&format!("m+{}", row.name)), Script::parse(&format!("m+{long}")), "{row:?}");
        count += 1;
    }
    assert_eq!(count, 16);
}

#[test]
fn what_makes_no_sense_is_refused() {
    for directive in [
        "typo",
        "",
        "cut=x",
        "cut=-1",
        "once=2",
        "silent=soon",
        "frames=99999999999",
        "huge=1000",
        "200",
        "html=200",
        "retry-after=x",
        "flap=1",
        "tool-index=two",
        "frames",
        "retry-after",
    ] {
        let error = Script::parse(&format!("m+{directive}")).unwrap_err();
        assert!(error.contains(&format!("`{directive}`")), "{error}");
    }
}

#[test]
fn what_a_wire_cannot_express_is_refused() {
    let fits = |model: &str, dialect| Script::parse(model).unwrap().fits(dialect);
    assert!(fits("m+tool-index=zero", Dialect::OpenAi).is_ok());
    for (model, dialect) in [
        ("m+tool-index=zero", Dialect::Gemini),
        ("m+filter", Dialect::Ollama),
        ("m+retry-info=3s", Dialect::OpenAi),
        ("m+searches=1", Dialect::Gemini),
        ("m+usage-each", Dialect::Ollama),
    ] {
        assert!(fits(model, dialect).is_err(), "{model} {dialect:?}");
    }
}

#[test]
fn every_directive_of_the_table_is_read_and_is_in_the_readme() {
    let readme = include_str!("../../README.md");
    for row in DIRECTIVES {
        let argument = match row.argument {
            "" => "",
            "true|false" => "=true",
            "missing|zero|one" => "=zero",
            "[bad,good]" => "=1,1",
            "time" | "[time]" | "duration" => "=5ms",
            "[status]" => "=502",
            _ => "=2",
        };
        let script = Script::parse(&format!("m+{}{argument}", row.name));
        assert_ne!(script.unwrap(), Script::default(), "{} does nothing", row.name);
        assert!(readme.contains(&format!("| `{}` |", row.name)), "{} is not in the README", row.name);
    }
}

proptest! {
    #[test]
    fn turns_repeat_and_have_as_many_bad_ones_as_they_say(bad in 0_u64..9, good in 0_u64..9, start in 0_u64..9) {
        prop_assume!(bad + good > 0);
        let when = When::Turns { bad, good };
        let count = (start..start + bad + good).filter(|number| when.applies(*number)).count() as u64;
        prop_assert_eq!(count, bad);
    }

    #[test]
    fn reading_a_name_never_panics(model in "[a-z0-9+=,.:|-]{0,40}") {
        let _ = Script::parse(&model);
    }
}
