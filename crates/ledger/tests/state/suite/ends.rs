//! The end of sessions.

use std::sync::Arc;

use ledger::state::{
    ENDS_AT_ONCE, EndReason, Ending, LedgerError, MAX_NOTE_BYTES, NewSession, Position,
    SessionFilter, SessionId,
};
use tokens::Digest;
use tokio::task::JoinSet;

use super::{House, NOW, cookie, end, id, session};

async fn live(house: &House) -> Vec<SessionId> {
    let filter = SessionFilter::default();
    let list = house.ledger().list_sessions(&filter, None, 1_000, NOW).await.unwrap();
    list.iter().map(|session| session.id).collect()
}

pub(crate) async fn an_end_takes_the_sessions_that_it_names_and_no_others(house: House) {
    let known_as = |name: &str| Digest::of(name);
    let at = |number, provider: &str, subject: &str, sid: Option<&str>| NewSession {
        provider: provider.into(),
        subject: subject.into(),
        provider_session: sid.map(str::to_owned),
        alias: (subject == "erin").then(|| known_as("e-1")),
        ..session(number)
    };
    let sessions = [
        at(1, "corp", "alice", Some("s1")),
        at(2, "corp", "alice", Some("s2")),
        at(3, "corp", "bob", Some("s1")),
        at(4, "partner", "alice", Some("s1")),
        at(5, "partner", "bob", None),
        at(6, "third", "carol", None),
        at(7, "third", "dave", None),
        at(8, "third", "erin", Some("s1")),
        at(9, "corp", "erin", Some("s2")),
    ];
    for new in sessions {
        house.ledger().start_session(new, NOW).await.unwrap();
    }
    let named = |provider: &str, name: &str| (provider.to_owned(), name.to_owned());
    let ((provider, session), (corp, alice)) = (named("corp", "s1"), named("corp", "alice"));
    let ((partner, bob), s9) = (named("partner", "bob"), "s9".to_owned());
    let rounds = [
        (Ending::ProviderSession { provider, session, subject: None }, vec![1, 3]),
        (Ending::ProviderSession { provider: partner, session: s9, subject: Some(bob) }, vec![5]),
        (Ending::Session(id(1)), vec![]),
        (Ending::Alias { provider: "third".into(), alias: known_as("e-2") }, vec![]),
        (Ending::Alias { provider: "third".into(), alias: known_as("e-1") }, vec![8]),
        (Ending::Alias { provider: "corp".into(), alias: known_as("e-1") }, vec![9]),
        (Ending::Subject { provider: corp, subject: alice }, vec![2]),
        (Ending::Session(id(6)), vec![6]),
        (Ending::Provider("partner".into()), vec![4]),
        (Ending::All, vec![7]),
        (Ending::All, vec![]),
    ];
    let mut left: Vec<_> = (1..=9).map(id).collect();
    for (which, expected) in rounds {
        let expected: Vec<_> = expected.into_iter().map(id).collect();
        let ended = house.ledger().end_sessions(&which, EndReason::Revoked, NOW).await.unwrap();
        assert_eq!(ended, expected, "{which:?}");
        left.retain(|id| !expected.contains(id));
        assert_eq!(live(&house).await, left, "{which:?}");
    }
}

pub(crate) async fn ended_means_ended_on_every_handle(house: House) {
    let replicas = [house.replica().await, house.replica().await];
    let mut readers = JoinSet::new();
    for number in 1..=40 {
        house.begin([number]).await;
        for replica in &replicas {
            assert!(replica.session(cookie(number), NOW).await.unwrap().is_some());
        }
        let ender = &replicas[number as usize % 2];
        let which = Ending::Session(id(number));
        assert_eq!(
            ender.end_sessions(&which, EndReason::SignedOut, NOW).await.unwrap(),
            [id(number)]
        );
        for replica in &replicas {
            let replica = Arc::clone(replica);
            readers.spawn(async move { replica.session(cookie(number), NOW).await.unwrap() });
        }
        assert_eq!(house.ledger().session(cookie(number), NOW).await.unwrap(), None);
    }
    for found in readers.join_all().await {
        assert_eq!(found, None);
    }
}

pub(crate) async fn a_cookie_added_during_the_end_does_not_survive_it(house: House) {
    let replica = house.replica().await;
    for number in 1..=40 {
        house.begin([number]).await;
        let which = Ending::Session(id(number));
        let late = cookie(format!("late {number}"));
        let (ended, added) = tokio::join!(
            house.ledger().end_sessions(&which, EndReason::SignedOut, NOW),
            replica.add_cookie(id(number), late, "billing.test", NOW),
        );
        assert_eq!(ended.unwrap(), [id(number)]);
        added.unwrap();
        assert_eq!(replica.session(late, NOW).await.unwrap(), None);
        assert!(!replica.add_cookie(id(number), cookie("later"), "b.test", NOW).await.unwrap());
    }
}

pub(crate) async fn more_sessions_than_one_transaction_ends_are_ended_by_one_call(house: House) {
    let count = ENDS_AT_ONCE + 1;
    house.begin(1..=count).await;
    let ended = house.ledger().end_sessions(&Ending::All, EndReason::Revoked, NOW).await.unwrap();
    assert_eq!(ended, (1..=count).map(id).collect::<Vec<_>>());
    assert!(live(&house).await.is_empty());
    assert_eq!(house.ledger().log_position().await.unwrap().number(), u64::from(count));
}

pub(crate) async fn overlapping_ends_end_each_session_once(house: House) {
    house.begin(1..=60).await;
    let replica = house.replica().await;
    let ends = [
        Ending::All,
        Ending::Provider("corp".into()),
        Ending::Subject { provider: "corp".into(), subject: "subject-7".into() },
        Ending::Session(id(60)),
    ];
    let mut enders = JoinSet::new();
    for which in ends {
        let replica = Arc::clone(&replica);
        let ending = async move { replica.end_sessions(&which, EndReason::Revoked, NOW).await };
        enders.spawn(ending);
    }
    let here = house.ledger().end_sessions(&Ending::All, EndReason::SignedOut, NOW).await.unwrap();
    let there = enders.join_all().await.into_iter().flat_map(Result::unwrap);
    let mut ended: Vec<_> = here.into_iter().chain(there).collect();
    ended.sort();
    assert_eq!(ended, (1..=60).map(id).collect::<Vec<_>>());
    assert_eq!(house.ledger().log_after(Position::START, 1_000).await.unwrap().entries.len(), 60);
}

pub(crate) async fn what_operators_end_is_told_with_their_note(house: House) {
    let ledger = house.ledger();
    house.begin(1..=4).await;
    end(&house, 1).await;
    for (number, note) in [(2, "alice on host1: left the company"), (4, "")] {
        let which = Ending::Session(id(number));
        assert_eq!(ledger.revoke_sessions(&which, note, NOW).await.unwrap(), [id(number)]);
    }
    ledger.end_sessions(&Ending::All, EndReason::Revoked, NOW).await.unwrap();
    let told = ledger.revoked_after(Position::START, 10).await.unwrap();
    let said: Vec<_> = told.iter().map(|told| (told.session, told.note.as_deref())).collect();
    let left = Some("alice on host1: left the company");
    assert_eq!(said, [(id(2), left), (id(4), Some("")), (id(3), None)]);
    let first = ledger.revoked_after(Position::START, 1).await.unwrap();
    assert_eq!(first, told[..1]);
    assert_eq!(ledger.revoked_after(told[0].position, 10).await.unwrap(), told[1..]);
    let long = "x".repeat(MAX_NOTE_BYTES + 1);
    let error = ledger.revoke_sessions(&Ending::All, &long, NOW).await.unwrap_err();
    assert_eq!(error, LedgerError::TooLong { what: "note", limit: MAX_NOTE_BYTES });
}
