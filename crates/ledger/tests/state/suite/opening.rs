//! Opening a ledger.

use ledger::state::OpenError;
use tokio::task::JoinSet;

use super::{House, NOW, cookie};

pub(crate) async fn the_key_must_be_the_one_that_the_ledger_was_made_with(house: House) {
    house.begin([1]).await;
    let error = house.open_with(&[8; 32]).await.unwrap_err();
    assert!(matches!(error, OpenError::OtherKey));
    assert_eq!(error.to_string(), "the operator key is not the one that the ledger was made with");
    assert!(!error.is_retryable());
    let opened = house.open_with(&[7; 32]).await.unwrap();
    assert!(opened.ledger.session(cookie(1), NOW).await.unwrap().is_some());
}

pub(crate) async fn several_openings_at_once_migrate_once(house: House) {
    house.meddle("DROP TABLE doorward_cookies").await;
    house.meddle("DROP TABLE doorward_sessions").await;
    house.meddle("DROP TABLE doorward_used").await;
    house.meddle("DROP TABLE doorward_left").await;
    house.meddle("DROP TABLE doorward_log").await;
    house.meddle("DROP TABLE doorward_changes").await;
    house.meddle("DROP TABLE doorward_key").await;
    house.meddle("DROP TABLE doorward_versions").await;
    let house = std::sync::Arc::new(house);
    let mut openings = JoinSet::new();
    for _ in 0..4 {
        let house = std::sync::Arc::clone(&house);
        openings.spawn(async move { house.replica().await });
    }
    for ledger in openings.join_all().await {
        assert_eq!(ledger.session(cookie(1), NOW).await.unwrap(), None);
    }
    house.begin([1]).await;
}

pub(crate) async fn a_ledger_of_a_newer_version_is_refused(house: House) {
    house.meddle("INSERT INTO doorward_versions (version, applied_at) VALUES (99, 0)").await;
    let error = house.open_with(&[7; 32]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the ledger has version 99; this version of doorward knows versions up to 4"
    );
    assert!(!error.is_retryable());
}
