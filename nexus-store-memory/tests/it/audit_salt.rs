//! Salt of a call's audit chain: it hides the request from readers of the records.

use std::collections::BTreeSet;
use std::sync::Arc;

use nexus_core::audit::{Digest, Status};
use nexus_core::gateway::{Admission, ModelCall};
use nexus_core::ledger::{Call, LedgerQuery};
use nexus_core::llm::Request;
use nexus_core::{Nexus, Page, Store};
use nexus_store_memory::MemoryStore;

use super::journey::{admin, nexus};

async fn ask(nexus: &Nexus, key: Option<&str>) {
    let request = Request::asking("How many days of paid leave are there?");
    let call = ModelCall { idempotency_key: key.map(str::to_owned), ..ModelCall::new(request) };
    assert!(matches!(nexus.complete(&admin(), call).await.unwrap(), Admission::Granted(_)));
}

/// Returns the bodies of a call's records.
async fn chain(store: &dyn Store, call: &Call) -> String {
    let records = store.records(admin().tenant(), &call.id, 0, 9).await.unwrap();
    assert_eq!(records.len(), 2);
    records.into_iter().map(|record| String::from_utf8(record.body).unwrap()).collect()
}

#[tokio::test]
async fn equal_requests_leave_different_fingerprints_that_only_their_calls_can_prove() {
    let store = Arc::new(MemoryStore::default());
    let nexus = nexus(&store);
    for key in [None, None, Some("invoice-4711")] {
        ask(&nexus, key).await;
    }
    let calls =
        nexus.calls(&admin(), LedgerQuery { page: Page::first(9), ..LedgerQuery::default() }).await.unwrap();
    assert_eq!(calls.iter().map(|call| &call.digest).collect::<BTreeSet<_>>().len(), 1, "equal requests");
    assert_eq!(calls.iter().map(|call| &call.salt).collect::<BTreeSet<_>>().len(), 3);
    let mut fingerprints = BTreeSet::new();
    for call in &calls {
        let chain = chain(store.as_ref(), call).await;
        let request = Digest::salted("call/request", &call.salt, &call.digest);
        let claim = Digest::salted("call/claim", &call.salt, &call.idempotency_key.key);
        assert!(chain.contains(&format!(r#""request_commit":"{request}""#)), "{chain}");
        assert!(chain.contains(&format!(r#""claim_commit":"{claim}""#)), "{chain}");
        // Neither the salt nor any value that a guess could be compared with.
        let guesses = [call.digest.clone(), Digest::of(&call.digest).to_string(), "invoice-4711".to_owned()];
        let guesses = guesses.into_iter().chain([Digest::of("invoice-4711").to_string(), call.salt.clone()]);
        for guess in guesses {
            assert!(!chain.contains(&guess), "{guess} in {chain}");
        }
        fingerprints.extend([request.to_string(), claim.to_string()]);
        assert_eq!(nexus.verify(&admin(), &call.id, None).await.unwrap().status, Status::Ok);
    }
    assert_eq!(fingerprints.len(), 6);
}
