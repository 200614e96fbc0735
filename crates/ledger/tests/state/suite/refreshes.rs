//! Asking providers anew.

use std::sync::Arc;
use std::time::Duration;

use ledger::state::{Change, LedgerError, NewFacts, NewSession, Position, Secrets};
use tokio::task::JoinSet;

use super::{HOURS, House, IDLE, NOW, cookie, end, id, session};

const SECOND: Duration = Duration::from_secs(1);

fn facts(text: &str) -> NewFacts {
    NewFacts { facts: text.into(), secrets: None, same_until: None, refresh_at: None, claim: None }
}

pub(crate) async fn one_of_many_claims_wins_over_two_handles(house: House) {
    let replica = house.replica().await;
    let first = house.replica().await;
    for round in 1..=20 {
        house.begin([round]).await;
        let mut claims = JoinSet::new();
        for claimer in 0..8 {
            let ledger = Arc::clone(if claimer % 2 == 0 { &first } else { &replica });
            let until = NOW.plus(SECOND * 30);
            claims.spawn(async move {
                ledger.claim_refresh(id(round), until, NOW).await.unwrap().map(|won| won.secrets)
            });
        }
        let won: Vec<_> = claims.join_all().await.into_iter().flatten().collect();
        assert_eq!(won, [Secrets::new(b"refresh token".to_vec())]);
    }
}

pub(crate) async fn a_claim_runs_out_and_the_one_who_lost_it_replaces_nothing(house: House) {
    let ledger = house.ledger();
    house.begin([1]).await;
    let (slow, quick) = (NOW.plus(SECOND), NOW.plus(SECOND * 2));
    assert!(ledger.claim_refresh(id(1), slow, NOW).await.unwrap().is_some());
    let just_before = slow.minus(Duration::from_millis(1));
    assert!(ledger.claim_refresh(id(1), quick, just_before).await.unwrap().is_none());
    assert!(ledger.claim_refresh(id(1), quick, slow).await.unwrap().is_some());
    let late = NewFacts { claim: Some(slow), ..facts("slow") };
    assert!(!ledger.replace_facts(id(1), late, slow).await.unwrap());
    let in_time = NewFacts { claim: Some(quick), refresh_at: Some(slow), ..facts("quick") };
    assert!(ledger.replace_facts(id(1), in_time.clone(), slow).await.unwrap());
    assert_eq!(ledger.session(cookie(1), slow).await.unwrap().unwrap().facts, b"quick");
    assert!(!ledger.replace_facts(id(1), in_time, slow).await.unwrap(), "it is released");
    assert!(ledger.claim_refresh(id(1), quick, slow).await.unwrap().is_some(), "it is released");
}

pub(crate) async fn only_what_is_due_and_has_secrets_is_claimed(house: House) {
    let (ledger, until) = (house.ledger(), NOW.plus(SECOND * 30));
    let due = NOW.plus(SECOND);
    let sessions = [
        NewSession { refresh_at: Some(due), ..session(1) },
        NewSession { refresh_at: None, ..session(2) },
        NewSession { secrets: None, ..session(3) },
    ];
    for new in sessions {
        ledger.start_session(new, NOW).await.unwrap();
    }
    let just_before = due.minus(Duration::from_millis(1));
    assert!(ledger.claim_refresh(id(1), until, just_before).await.unwrap().is_none());
    assert!(ledger.claim_refresh(id(1), until, due).await.unwrap().is_some());
    for other in [2, 3, 4] {
        assert!(ledger.claim_refresh(id(other), until, due).await.unwrap().is_none(), "{other}");
    }
    house.begin([5]).await;
    assert!(ledger.claim_refresh(id(5), NOW.plus(HOURS), NOW.plus(IDLE)).await.unwrap().is_none());
}

pub(crate) async fn new_facts_are_found_and_told_in_the_log(house: House) {
    let ledger = house.ledger();
    house.begin([1]).await;
    let secrets = Some(Secrets::new(b"next token".to_vec()));
    let refresh_at = Some(NOW.plus(SECOND));
    let new = NewFacts { secrets, refresh_at, ..facts("new") };
    assert!(ledger.replace_facts(id(1), new, NOW).await.unwrap());
    let found = ledger.session(cookie(1), NOW).await.unwrap().unwrap();
    assert_eq!((found.facts.as_slice(), found.refresh_at), (&b"new"[..], refresh_at));
    let changes = ledger.log_after(Position::START, 10).await.unwrap();
    assert_eq!(changes.entries, [(changes.upto, Change::Changed(id(1)))]);
    let kept = NewFacts { refresh_at: Some(NOW), ..facts("newer") };
    assert!(ledger.replace_facts(id(1), kept, NOW).await.unwrap());
    let claimed = ledger.claim_refresh(id(1), NOW.plus(SECOND), NOW).await.unwrap().unwrap();
    assert_eq!(claimed.secrets.as_bytes(), b"next token", "what is not replaced is kept");
}

pub(crate) async fn the_log_tells_the_same_facts_from_others(house: House) {
    let ledger = house.ledger();
    house.begin([1]).await;
    let until = NOW.plus(SECOND);
    let same = NewFacts { same_until: Some(until), ..facts("same") };
    assert!(ledger.replace_facts(id(1), same, NOW).await.unwrap());
    assert!(ledger.replace_facts(id(1), facts("other"), NOW).await.unwrap());
    let changes = ledger.log_after(Position::START, 10).await.unwrap();
    let told: Vec<_> = changes.entries.into_iter().map(|(_, change)| change).collect();
    assert_eq!(told, [Change::Confirmed(id(1), until), Change::Changed(id(1))]);
}

pub(crate) async fn new_facts_revive_nothing(house: House) {
    let ledger = house.ledger();
    house.begin([1, 2]).await;
    end(&house, 1).await;
    let before = ledger.log_position().await.unwrap();
    assert!(!ledger.replace_facts(id(1), facts("new"), NOW).await.unwrap());
    assert!(!ledger.replace_facts(id(2), facts("new"), NOW.plus(IDLE)).await.unwrap());
    assert!(!ledger.replace_facts(id(3), facts("new"), NOW).await.unwrap());
    assert_eq!(ledger.session(cookie(1), NOW).await.unwrap(), None);
    assert_eq!(ledger.log_position().await.unwrap(), before);
}

pub(crate) async fn secrets_of_one_session_do_not_open_as_those_of_another(house: House) {
    house.begin([1, 2]).await;
    house
        .meddle(
            "UPDATE doorward_sessions SET secrets = (SELECT secrets FROM doorward_sessions \
             WHERE subject = 'subject-2') WHERE subject = 'subject-1'",
        )
        .await;
    let until = NOW.plus(SECOND);
    let error = house.ledger().claim_refresh(id(1), until, NOW).await.unwrap_err();
    let text = "a session's secrets is not as it was stored";
    assert_eq!(error, LedgerError::Corrupt(text.into()));
    assert!(house.ledger().claim_refresh(id(2), until, NOW).await.unwrap().is_some());
}
