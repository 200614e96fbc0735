//! Sessions that would begin after all that they belong to was ended.

use std::time::Duration;

use ledger::state::{EndReason, Ending, NewSession};

use tokens::Digest;

use super::{House, NOW, cookie, session};

const MOMENT: Duration = Duration::from_millis(1);

/// A session of alice's at corp, vouched for now.
fn alice(number: u32, provider_session: Option<&str>) -> NewSession {
    NewSession {
        subject: "alice".into(),
        provider_session: provider_session.map(str::to_owned),
        alias: Some(Digest::of("a-1")),
        vouched_at: NOW,
        ..session(number)
    }
}

fn of_session(session: &str, subject: Option<&str>) -> Ending {
    let subject = subject.map(str::to_owned);
    Ending::ProviderSession { provider: "corp".into(), session: session.into(), subject }
}

fn of_alias(name: &str) -> Ending {
    Ending::Alias { provider: "corp".into(), alias: Digest::of(name) }
}

fn of_subject(subject: &str) -> Ending {
    Ending::Subject { provider: "corp".into(), subject: subject.into() }
}

pub(crate) async fn a_session_that_was_vouched_for_before_an_end_does_not_begin_after_it(
    house: House,
) {
    let rounds = [
        (of_session("s1", None), Some("s1"), false),
        (of_session("s2", None), Some("s3"), true),
        (of_session("s4", Some("alice")), None, false),
        (of_session("s5", Some("bob")), Some("s6"), true),
        (of_subject("bob"), Some("s7"), true),
        (of_alias("a-2"), Some("s7"), true),
        (of_alias("a-1"), Some("s7"), false),
        (Ending::Provider("partner".into()), Some("s7"), true),
        (Ending::Provider("corp".into()), Some("s8"), false),
    ];
    // Marks of one round are not those of the next: what is vouched for comes later each time.
    for (number, (which, provider_session, begins)) in (1..).zip(rounds) {
        let now = NOW.plus(MOMENT * 10 * number);
        house.ledger().end_sessions(&which, EndReason::ProviderLogout, now).await.unwrap();
        let new = NewSession { vouched_at: now, ..alice(number, provider_session) };
        let begun = house.ledger().start_session(new, now).await.unwrap();
        assert_eq!(begun, begins, "{which:?}");
        let found = house.ledger().session(cookie(number), now).await.unwrap();
        assert_eq!(found.is_some(), begins, "{which:?}");
    }
}

pub(crate) async fn a_session_that_does_not_begin_takes_no_others_place(house: House) {
    house.begin([1]).await;
    house.ledger().end_sessions(&of_subject("alice"), EndReason::Revoked, NOW).await.unwrap();
    let new = NewSession { replaces: Some(super::id(1)), ..alice(2, None) };
    assert!(!house.ledger().start_session(new, NOW).await.unwrap());
    assert!(house.ledger().session(cookie(1), NOW).await.unwrap().is_some());
}

pub(crate) async fn an_end_is_not_held_against_what_was_vouched_for_since(house: House) {
    for which in [of_session("s1", Some("alice")), of_subject("alice"), Ending::All] {
        house.ledger().end_sessions(&which, EndReason::Revoked, NOW).await.unwrap();
        // An end that is told late does not take back a later one.
        let earlier = NOW.minus(MOMENT * 5);
        house.ledger().end_sessions(&which, EndReason::Revoked, earlier).await.unwrap();
    }
    let before = house.ledger().start_session(alice(1, Some("s1")), NOW).await.unwrap();
    assert!(!before);
    let since = NewSession { vouched_at: NOW.plus(MOMENT), ..alice(2, Some("s1")) };
    assert!(house.ledger().start_session(since, NOW).await.unwrap());
}

pub(crate) async fn a_session_that_begins_during_an_end_is_found_or_does_not_begin(house: House) {
    let replica = house.replica().await;
    for number in 1..=40 {
        let (which, now) = (of_subject("alice"), NOW.plus(MOMENT * number));
        let new = NewSession { vouched_at: now, ..alice(number, None) };
        let (begun, ended) = tokio::join!(
            house.ledger().start_session(new, now),
            replica.end_sessions(&which, EndReason::ProviderLogout, now),
        );
        let (begun, ended) = (begun.unwrap(), ended.unwrap());
        assert!(!begun || ended.len() == 1, "round {number}: {begun} {ended:?}");
        assert_eq!(replica.session(cookie(number), NOW).await.unwrap(), None, "round {number}");
    }
}
