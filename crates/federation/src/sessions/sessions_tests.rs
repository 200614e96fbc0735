//! Sessions at hand.

use gate::Sessions as _;
use ledger::state::{EndReason, Ending, NewFacts, NewSession};

use super::test_house::*;
use super::*;
use crate::provider::test_provider::now;

#[tokio::test]
async fn a_session_is_read_once_and_is_then_at_hand() {
    let house = House::new();
    let process = house.process().await;
    let alice = house.begin(&process, |_| {}).await;
    assert_eq!(process.find(&alice.cookie), Found::NotAtHand);
    assert_eq!(process.ask(&alice.cookie).await, known("support"));
    assert_eq!(process.find(&alice.cookie), known("support"));
    let session = process.session(&alice.cookie);
    assert_eq!((&*session.host, &*session.provider), ("orders.example.com", "corp"));
}

#[tokio::test]
async fn a_session_that_is_not_seen_for_its_idle_time_is_over() {
    let house = House::new();
    let mut process = house.process().await;
    let alice = house.begin(&process, |_| {}).await;
    assert_eq!(process.ask(&alice.cookie).await, known("support"));
    process.look(after(IDLE - Duration::from_millis(1))).await;
    assert_eq!(process.find(&alice.cookie), known("support"));
    process.sessions.note_seen().await;
    // Seen a moment ago, it has as long again.
    process.look(after(IDLE * 2 - Duration::from_millis(2))).await;
    assert_eq!(process.find(&alice.cookie), known("support"));
    process.sessions.note_seen().await;
    process.look(after(IDLE * 3)).await;
    assert_eq!(process.find(&alice.cookie), Found::NotAtHand);
    assert_eq!(process.ask(&alice.cookie).await, Found::Ended);
}

#[tokio::test]
async fn a_session_that_another_process_has_seen_is_not_idle() {
    let house = House::new();
    let (mut here, mut there) = (house.process().await, house.process().await);
    let alice = house.begin(&here, |_| {}).await;
    assert_eq!(here.ask(&alice.cookie).await, known("support"));
    there.look(after(STEP)).await;
    assert_eq!(there.ask(&alice.cookie).await, known("support"));
    there.sessions.note_seen().await;
    here.look(after(IDLE)).await;
    assert_eq!(here.find(&alice.cookie), Found::NotAtHand, "only the ledger knows");
    assert_eq!(here.ask(&alice.cookie).await, known("support"));
    here.look(after(STEP + IDLE * 2)).await;
    assert_eq!(here.ask(&alice.cookie).await, Found::Ended);
}

#[tokio::test]
async fn a_session_is_over_at_its_end_however_often_it_is_seen() {
    let house = House::new();
    let mut process = house.process().await;
    let alice = house.begin(&process, |_| {}).await;
    let mut at = Duration::ZERO;
    while at < LIFETIME {
        process.look(after(at)).await;
        assert_eq!(process.ask(&alice.cookie).await, known("support"), "after {at:?}");
        process.sessions.note_seen().await;
        at += STEP;
    }
    process.look(after(LIFETIME - Duration::from_millis(1))).await;
    assert_eq!(process.find(&alice.cookie), known("support"));
    process.look(after(LIFETIME)).await;
    assert_eq!(process.find(&alice.cookie), Found::Ended);
    assert_eq!(process.ask(&alice.cookie).await, Found::Ended);
}

#[tokio::test]
async fn what_ended_elsewhere_is_gone_as_soon_as_the_log_was_looked_at() {
    let house = House::new();
    let (mut here, there) = (house.process().await, house.process().await);
    let alice = house.begin(&there, |_| {}).await;
    assert_eq!(here.ask(&alice.cookie).await, known("support"));
    let session = here.session(&alice.cookie);
    assert!(here.sessions.stands(&session, here.clock.now()));
    there.end(alice.id).await;
    here.look(after(Duration::from_millis(250))).await;
    assert_eq!(here.find(&alice.cookie), Found::Ended);
    assert!(!here.sessions.stands(&session, here.clock.now()), "what runs ends, too");
    here.sessions.load(&alice.cookie).await.unwrap();
    assert_eq!(here.find(&alice.cookie), Found::Ended);
}

#[tokio::test]
async fn a_session_that_another_takes_the_place_of_is_gone() {
    let house = House::new();
    let mut process = house.process().await;
    let old = house.begin(&process, |_| {}).await;
    assert_eq!(process.ask(&old.cookie).await, known("support"));
    let new = house.begin(&process, |new| new.replaces = Some(old.id)).await;
    process.look(now()).await;
    assert_eq!(process.ask(&old.cookie).await, Found::Ended);
    assert_eq!(process.ask(&new.cookie).await, known("support"));
}

#[tokio::test]
async fn nothing_is_believed_while_the_log_is_out_of_sight() {
    let house = House::new();
    let mut process = house.process().await;
    let alice = house.begin(&process, |_| {}).await;
    assert_eq!(process.ask(&alice.cookie).await, known("support"));
    let session = process.session(&alice.cookie);
    process.clock.put(after(BOUND));
    assert_eq!(process.find(&alice.cookie), known("support"), "at the bound");
    assert!(process.sessions.stands(&session, process.clock.now()));
    process.clock.put(after(BOUND + Duration::from_millis(1)));
    assert_eq!(process.find(&alice.cookie), Found::NotAtHand, "beyond the bound");
    assert!(!process.sessions.stands(&session, process.clock.now()));
    assert_eq!(process.find(&process.cookie()), Found::NotAtHand);
    process.look(process.clock.now()).await;
    assert_eq!(process.find(&alice.cookie), known("support"));
    assert!(process.sessions.stands(&session, process.clock.now()));
}

#[tokio::test]
async fn a_reading_waits_for_the_log_to_be_in_sight() {
    let house = House::new();
    let mut process = house.process().await;
    let alice = house.begin(&process, |_| {}).await;
    process.clock.put(after(BOUND * 2));
    let mut reading = Box::pin(process.sessions.load(&alice.cookie));
    let is_waiting = std::future::poll_fn(|context| {
        std::task::Poll::Ready(reading.as_mut().poll(context).is_pending())
    });
    assert!(is_waiting.await);
    follower::look(&process.sessions, &mut process.position).await.unwrap();
    reading.await.unwrap();
    assert_eq!(process.find(&alice.cookie), known("support"));
}

#[tokio::test]
async fn facts_that_nobody_can_refresh_are_not_used_when_they_are_too_old() {
    let house = House::new();
    let mut process = house.process().await;
    let fresh_until = after(STEP);
    let alice = house.begin(&process, |new| new.facts = kept("support", Some(fresh_until))).await;
    assert_eq!(process.ask(&alice.cookie).await, known("support"));
    process.look(after(STEP - Duration::from_millis(1))).await;
    assert_eq!(process.find(&alice.cookie), known("support"));
    process.look(after(STEP)).await;
    assert_eq!(process.find(&alice.cookie), Found::Ended);
}

#[tokio::test]
async fn facts_that_are_too_old_are_asked_for_once_more_before_anybody_signs_in_anew() {
    let vouched = Some(after(STEP * 2));
    // The provider vouches for it, cannot be had, or says no.
    for (fresh_until, expected) in
        [(vouched, known("support")), (Some(after(STEP)), Found::Ended), (None, Found::Ended)]
    {
        let house = House::new();
        let mut process = house.process().await;
        let stale = |new: &mut NewSession| {
            new.facts = kept("support", Some(after(STEP)));
            new.refresh_at = Some(now());
        };
        let alice = house.begin(&process, stale).await;
        process.look(after(STEP)).await;
        assert_eq!(process.find(&alice.cookie), Found::NotAtHand);
        let provider = async {
            assert_eq!(process.due.recv().await.map(|due| due.session), Some(alice.id));
            let ledger = process.sessions.ledger();
            if let Some(fresh_until) = fresh_until {
                let new = NewFacts {
                    facts: kept("support", Some(fresh_until)),
                    secrets: None,
                    same_until: Some(fresh_until),
                    refresh_at: Some(now()),
                    claim: None,
                };
                assert!(ledger.replace_facts(alice.id, new, after(STEP)).await.unwrap());
            } else {
                let (which, reason) = (Ending::Session(alice.id), EndReason::RefreshRefused);
                ledger.end_sessions(&which, reason, after(STEP)).await.unwrap();
            }
            follower::look(&process.sessions, &mut process.position).await.unwrap();
        };
        let (loaded, ()) = tokio::join!(process.sessions.load(&alice.cookie), provider);
        assert_eq!(loaded, Ok(true));
        assert_eq!(process.find(&alice.cookie), expected, "fresh until {fresh_until:?}");
    }
}

#[tokio::test]
async fn a_refresh_that_is_due_is_asked_for_once_a_second() {
    let house = House::new();
    let mut process = house.process().await;
    let alice = house.begin(&process, |new| new.refresh_at = Some(after(STEP))).await;
    process.look(after(STEP)).await;
    for _ in 0..3 {
        assert_eq!(process.ask(&alice.cookie).await, known("support"));
    }
    assert_eq!(process.due.try_recv().ok().map(|due| due.session), Some(alice.id));
    assert!(process.due.try_recv().is_err(), "it is asked for already");
    process.look(after(STEP + Duration::from_secs(1))).await;
    assert_eq!(process.find(&alice.cookie), known("support"));
    assert_eq!(process.due.try_recv().ok().map(|due| due.session), Some(alice.id));
}

#[tokio::test]
async fn a_cookie_that_nobody_has_is_asked_for_once_in_five_seconds() {
    let house = House::new();
    let mut process = house.process().await;
    let stranger = process.cookie();
    assert_eq!(process.find(&stranger), Found::NotAtHand);
    assert_eq!(process.ask(&stranger).await, Found::Ended);
    process.look(after(Duration::from_millis(4999))).await;
    assert_eq!(process.find(&stranger), Found::Ended, "the ledger is not asked");
    process.look(after(Duration::from_secs(5))).await;
    assert_eq!(process.find(&stranger), Found::NotAtHand);
}

#[tokio::test]
async fn a_session_that_had_to_make_room_is_read_anew() {
    let house = House::new();
    let process = house.process().await;
    let alice = house.begin(&process, |_| {}).await;
    assert_eq!(process.ask(&alice.cookie).await, known("support"));
    process.sessions.entries.remove(alice.cookie.digest());
    assert_eq!(process.find(&alice.cookie), Found::NotAtHand);
    assert_eq!(process.ask(&alice.cookie).await, known("support"));
    assert_eq!(process.sessions.at_hand(), 1);
}

#[tokio::test]
async fn a_session_is_read_anew_before_its_end_can_have_been_forgotten() {
    let house = House::new();
    let mut process = house.process().await;
    let alice = house.begin(&process, |new| new.idle = LIFETIME).await;
    assert_eq!(process.ask(&alice.cookie).await, known("support"));
    process.look(after(REREAD_AFTER - Duration::from_millis(1))).await;
    assert_eq!(process.find(&alice.cookie), known("support"));
    process.look(after(REREAD_AFTER)).await;
    assert_eq!(process.find(&alice.cookie), Found::NotAtHand);
}

#[tokio::test]
async fn all_sessions_are_read_anew_when_the_log_was_lost_sight_of() {
    let house = House::new();
    let (mut here, there) = (house.process().await, house.process().await);
    let long = |new: &mut NewSession| {
        new.idle = LIFETIME * 4;
        new.ends_at = after(LIFETIME * 4);
    };
    let (alice, bob) = (house.begin(&here, long).await, house.begin(&here, long).await);
    assert_eq!(here.ask(&alice.cookie).await, known("support"));
    assert_eq!(here.ask(&bob.cookie).await, known("support"));
    let session = here.session(&alice.cookie);
    there.end(alice.id).await;
    // What the log has said is swept away before it was read here.
    let late = after(LIFETIME * 2);
    while there.sessions.ledger().sweep(late, 100).await.unwrap() > 0 {}
    here.look(late).await;
    assert_eq!(here.find(&bob.cookie), Found::NotAtHand);
    assert!(!here.sessions.stands(&session, late), "what is not known does not stand");
    assert_eq!(here.ask(&alice.cookie).await, Found::Ended);
    assert_eq!(here.ask(&bob.cookie).await, known("support"));
}

#[tokio::test]
async fn a_cookie_that_nobody_was_given_costs_no_reading_of_the_ledger() {
    let house = House::new();
    let process = house.process().await;
    for made_up in ["", "AAAA", "not-ours", &"A".repeat(4096)] {
        let read = process.sessions.load(&SessionCookie::new(made_up)).await;
        assert_eq!(read, Ok(false), "{made_up}");
    }
}

#[tokio::test]
async fn a_clock_that_was_put_back_makes_nothing_good() {
    let house = House::new();
    let mut process = house.process().await;
    let alice = house.begin(&process, |_| {}).await;
    process.look(after(STEP)).await;
    assert_eq!(process.ask(&alice.cookie).await, known("support"));
    process.clock.put(now());
    assert_eq!(process.find(&alice.cookie), Found::NotAtHand, "since when is not known");
    // Put far ahead, what has ended is forgotten; put back, it is still over.
    let session = process.session_at(&alice.cookie, after(STEP));
    process.end(alice.id).await;
    process.look(after(STEP)).await;
    process.sessions.recent.tidy(after(LIFETIME * 9));
    assert_eq!(process.find(&alice.cookie), Found::NotAtHand);
    assert!(!process.sessions.stands(&session, process.clock.now()));
    assert_eq!(process.ask(&alice.cookie).await, Found::Ended);
}
