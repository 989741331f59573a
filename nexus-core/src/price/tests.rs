use proptest::prelude::*;

use super::*;

fn row(rates: Rates) -> PriceRow {
    PriceRow {
        provider: "p".to_owned(),
        model: "m".to_owned(),
        valid_from: Timestamp::from_micros(0),
        version: "v1".to_owned(),
        rates,
        tiers: Vec::new(),
    }
}

const PLAIN: Rates = Rates {
    input: 3_000_000_000,
    cache_read: None,
    cache_write_5m: None,
    cache_write_1h: None,
    audio_in: None,
    output: 15_000_000_000,
    reasoning: None,
    audio_out: None,
    tool_requests: None,
};

#[test]
fn cached_tokens_are_billed_once_at_their_own_rate() {
    // An invoice on which cached tokens are easily counted twice.
    let cached = row(Rates { cache_read: Some(300_000_000), ..PLAIN });
    let usage = Usage { input_uncached: 1_000, cache_read: 9_000, output_text: 500, ..Usage::default() };
    assert_eq!(cached.cost(&usage).unwrap().as_nanos(), 3_000_000 + 2_700_000 + 7_500_000);
}

#[test]
fn a_missing_rate_is_that_of_its_parent_and_never_free() {
    let usage = Usage {
        cache_read: 10,
        cache_write_5m: 10,
        cache_write_1h: 10,
        output_reasoning: 10,
        ..Usage::default()
    };
    assert_eq!(row(PLAIN).cost(&usage).unwrap().as_nanos(), 30 * 3_000 + 10 * 15_000);
    let hour = row(Rates { cache_write_5m: Some(6_000_000_000), ..PLAIN });
    assert_eq!(hour.cost(&Usage { cache_write_1h: 1, ..Usage::default() }).unwrap().as_nanos(), 6_000);
}

#[test]
fn a_missing_rate_stays_within_its_tier() {
    let long = Tier { above_input_tokens: 100, rates: Rates { input: 9_000_000_000, ..PLAIN } };
    let tiered = PriceRow { tiers: vec![long], ..row(Rates { cache_read: Some(1_000_000_000), ..PLAIN }) };
    let cost = |cache_read| tiered.cost(&Usage { cache_read, ..Usage::default() }).unwrap().as_nanos();
    assert_eq!(cost(100), 100 * 1_000);
    assert_eq!(cost(101), 101 * 9_000);
}

#[test]
fn the_smallest_charge_is_kept() {
    let cheap = row(Rates { input: 1, ..PLAIN });
    assert_eq!(cheap.cost(&Usage { input_uncached: 1, ..Usage::default() }).unwrap().as_nanos(), 1);
    assert_eq!(cheap.cost(&Usage::default()).unwrap(), NanoUsd::ZERO);
}

#[test]
fn what_cannot_be_represented_is_an_error() {
    let usage = Usage { input_uncached: u64::MAX, ..Usage::default() };
    assert_eq!(row(PLAIN).cost(&usage).unwrap_err().code(), "PRICE_OVERFLOW");
    let twice = Usage { output_text: u64::MAX, output_reasoning: 1, ..Usage::default() };
    assert!(row(PLAIN).cost(&twice).is_err());
}

#[test]
fn a_price_in_the_wrong_unit_is_refused() {
    let dear = row(Rates { input: 3_000_000_000 * 1_000_000, ..PLAIN });
    assert_eq!(dear.check().unwrap_err().code(), "INVALID_PRICE");
    row(PLAIN).check().unwrap();
}

proptest! {
    #[test]
    fn no_usage_within_the_bounds_costs_more_than_the_worst_case(
        (input, output) in (0_u64..1_000_000, 0_u64..100_000),
        parts in prop::array::uniform5(0_u64..=100),
        extra in prop::array::uniform4(prop::option::of(0_u64..30_000_000_000)),
    ) {
        let part = |percent: u64, of: u64| of * percent / 100;
        let cache_read = part(parts[0], input);
        let cache_write_5m = part(parts[1], input - cache_read);
        let cache_write_1h = part(parts[2], input - cache_read - cache_write_5m);
        let rest = input - cache_read - cache_write_5m - cache_write_1h;
        let input_uncached = part(parts[3], rest);
        let output_reasoning = part(parts[4], output);
        let usage = Usage {
            input_uncached, cache_read, cache_write_5m, cache_write_1h,
            output_text: output - output_reasoning, output_reasoning, ..Usage::default()
        };
        let [cache_read, cache_write_5m, cache_write_1h, reasoning] = extra;
        let rates = Rates { cache_read, cache_write_5m, cache_write_1h, reasoning, ..PLAIN };
        let long = Tier { above_input_tokens: 200_000, rates: Rates { input: 1, ..rates } };
        let row = PriceRow { tiers: vec![long], ..row(rates) };
        prop_assert!(row.cost(&usage).unwrap() <= row.worst_case(input, output).unwrap());
    }
}
