//! Laws of `PriceStore`.

use nexus_core::ErrorKind;
use nexus_core::price::{PriceRow, Rates};

use super::calls::MODEL;
use super::fixture::{World, at};
use super::scenarios;

scenarios!(a_price_row_is_added_never_replaced_and_is_read_back_as_it_was_written);

async fn a_price_row_is_added_never_replaced_and_is_read_back_as_it_was_written(world: World) {
    let row = |version: &str, output| PriceRow {
        provider: "openai".to_owned(),
        model: MODEL.to_owned(),
        valid_from: at(0),
        version: version.to_owned(),
        rates: Rates { input: 1, output, cache_read: Some(0), ..Rates::default() },
        tiers: Vec::new(),
    };
    let rows = [row("one", 5), row("one", 6), row("two", 4)];
    for row in &rows {
        world.store.add_price(row, world.unrecorded()).await.unwrap();
    }
    assert_eq!(world.store.prices().await.unwrap(), rows);
    let error = world.store.add_price(&row("three", u64::MAX), world.unrecorded()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(world.store.prices().await.unwrap().len(), 3);
}
