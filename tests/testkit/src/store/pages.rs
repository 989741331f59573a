//! Walks over the pages of a list, for the tests of every list.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::future::Future;

use nexus_core::{ErrorKind, Page, Result};

/// Checks that the pages of a list, of one to three entries each, are the whole list, and returns its keys.
pub async fn walk<T, F>(read: impl Fn(Page) -> F, key: impl Fn(&T) -> String) -> Vec<String>
where
    T: PartialEq + Debug,
    F: Future<Output = Result<Vec<T>>>,
{
    let whole = read(Page::all()).await.unwrap();
    for limit in 1..=3 {
        let (mut walked, mut after) = (Vec::new(), None);
        loop {
            let page = read(Page { after, limit }).await.unwrap();
            assert!(page.len() <= limit, "{page:?} has more than {limit} entries");
            let Some(last) = page.last() else { break };
            after = Some(key(last));
            walked.extend(page);
            assert!(walked.len() <= whole.len(), "pages of {limit} repeat entries: {walked:?}");
        }
        assert_eq!(walked, whole, "pages of {limit}");
    }
    assert_eq!(read(Page::first(0)).await.unwrap(), []);
    let keys: Vec<String> = whole.iter().map(key).collect();
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len(), "{keys:?} name an entry twice");
    keys
}

/// Checks as [`walk`], and that a list which `change` alters after the first page is continued after its cursor: no entry
/// comes twice, and none is skipped that was there from the beginning and stays.
pub async fn walk_while<T, F>(
    read: impl Fn(Page) -> F,
    key: impl Fn(&T) -> String,
    change: impl Future<Output = ()>,
) where
    T: PartialEq + Debug,
    F: Future<Output = Result<Vec<T>>>,
{
    let before = walk(&read, &key).await;
    assert!(before.len() > 3, "a list of {} entries tells little", before.len());
    let mut walked: Vec<String> = read(Page::first(1)).await.unwrap().iter().map(&key).collect();
    change.await;
    let after = walk(&read, &key).await;
    assert_ne!(before, after, "the change changed nothing");
    while let Some(last) = read(Page { after: walked.last().cloned(), limit: 1 }).await.unwrap().last() {
        walked.push(key(last));
        assert!(walked.len() <= before.len() + after.len(), "the walk does not end: {walked:?}");
    }
    assert!(after.ends_with(&walked[1..]), "{walked:?} is no continuation of {after:?}");
    let unique: BTreeSet<&String> = walked.iter().collect();
    assert_eq!(unique.len(), walked.len(), "an entry came twice: {walked:?}");
    let stay: Vec<&String> = before.iter().filter(|key| after.contains(key)).collect();
    assert!(stay.iter().all(|key| unique.contains(key)), "of {stay:?}, {walked:?} skipped one");
}

/// Checks that a list refuses a cursor.
pub fn refused<T: Debug>(page: Result<Vec<T>>) {
    let error = page.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::InvalidInput, "INVALID_CURSOR"));
}
