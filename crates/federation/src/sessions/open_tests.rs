//! What sessions have open: streams, WebSockets, long downloads.

use std::time::Duration;

use gate::Sessions as _;
use ledger::Clock as _;
use ledger::state::NewFacts;

use super::test_house::*;
use crate::provider::test_provider::now;

impl Process {
    /// Something is opened with a session, as it is read then.
    async fn opened(&self, session: &Known) -> gate::Session {
        assert_eq!(self.ask(&session.cookie).await, known("support"));
        self.session(&session.cookie)
    }

    /// The provider was asked anew, and says this.
    async fn refresh(&self, session: &Known, group: &str, same_until: Option<Duration>) {
        let until = same_until.map(after);
        let new = NewFacts {
            facts: kept(group, until),
            secrets: None,
            same_until: until,
            refresh_at: None,
            claim: None,
        };
        let replaced =
            self.sessions.ledger().replace_facts(session.id, new, self.clock.now()).await;
        assert!(replaced.unwrap());
    }
}

#[tokio::test]
async fn facts_that_have_changed_are_read_anew_and_what_runs_by_the_old_ones_ends() {
    let house = House::new();
    let mut process = house.process().await;
    let alice = house.begin(&process, |_| {}).await;
    let session = process.opened(&alice).await;
    process.refresh(&alice, "finance", None).await;
    process.look(now()).await;
    assert_eq!(process.find(&alice.cookie), Found::NotAtHand);
    assert!(!process.sessions.stands(&session, now()));
    assert_eq!(process.ask(&alice.cookie).await, known("finance"));
    let session = process.session(&alice.cookie);
    assert!(process.sessions.stands(&session, now()));
}

#[tokio::test]
async fn facts_that_were_confirmed_leave_alone_what_runs_until_they_are_too_old() {
    let house = House::new();
    let mut process = house.process().await;
    let soon = Some(after(STEP));
    let alice = house.begin(&process, |new| new.facts = kept("support", soon)).await;
    let session = process.opened(&alice).await;
    assert!(process.sessions.stands(&session, now()));
    process.refresh(&alice, "support", Some(STEP * 2)).await;
    process.look(after(STEP)).await;
    assert!(process.sessions.stands(&session, after(STEP)), "it was confirmed");
    assert_eq!(process.ask(&alice.cookie).await, known("support"), "it is read anew");
    process.look(after(STEP * 2)).await;
    assert!(!process.sessions.stands(&session, after(STEP * 2)), "it was not again");
}

#[tokio::test]
async fn facts_that_were_not_confirmed_in_time_end_what_runs() {
    let house = House::new();
    let mut process = house.process().await;
    let soon = Some(after(STEP));
    let alice = house.begin(&process, |new| new.facts = kept("support", soon)).await;
    let session = process.opened(&alice).await;
    let just_before = after(STEP - Duration::from_millis(1));
    process.look(just_before).await;
    assert!(process.sessions.stands(&session, just_before));
    process.look(after(STEP)).await;
    assert!(!process.sessions.stands(&session, after(STEP)));
}

#[tokio::test]
async fn other_facts_end_what_runs_though_they_were_confirmed_since() {
    let house = House::new();
    let mut process = house.process().await;
    let alice = house.begin(&process, |_| {}).await;
    let session = process.opened(&alice).await;
    process.refresh(&alice, "finance", None).await;
    process.refresh(&alice, "finance", Some(STEP)).await;
    process.look(now()).await;
    assert!(!process.sessions.stands(&session, now()));
}

#[tokio::test]
async fn what_runs_outlives_the_memory_of_what_became_of_others() {
    let house = House::new();
    let mut process = house.process().await;
    let long = |new: &mut ledger::state::NewSession| {
        (new.idle, new.ends_at) = (LIFETIME * 4, after(LIFETIME * 4));
    };
    let (alice, bob) = (house.begin(&process, long).await, house.begin(&process, long).await);
    let session = process.opened(&alice).await;
    process.end(bob.id).await;
    // As the doors do, only less often.
    let mut at = Duration::ZERO;
    while at < LIFETIME * 2 {
        process.look(after(at)).await;
        process.sessions.recent.tidy(after(at));
        assert!(process.sessions.stands(&session, after(at)), "after {at:?}");
        at += Duration::from_secs(30);
    }
    process.end(alice.id).await;
    process.look(after(at)).await;
    assert!(!process.sessions.stands(&session, after(at)));
}

#[tokio::test]
async fn what_is_open_has_its_provider_asked_when_that_is_due() {
    let house = House::new();
    let mut process = house.process().await;
    let begun = |new: &mut ledger::state::NewSession| {
        new.facts = kept("support", Some(after(STEP * 2)));
        new.refresh_at = Some(after(STEP));
        new.idle = LIFETIME;
    };
    let alice = house.begin(&process, begun).await;
    let session = process.opened(&alice).await;
    let mut asked = Vec::new();
    let mut at = Duration::ZERO;
    while at < STEP * 3 {
        process.look(after(at)).await;
        assert!(process.sessions.stands(&session, after(at)), "after {at:?}");
        if process.due.try_recv().is_ok() {
            asked.push(at);
            process.refresh(&alice, "support", Some(at + STEP * 2)).await;
        }
        at += Duration::from_secs(10);
    }
    let first = asked.first().copied().unwrap_or_default();
    assert!(
        asked.len() == 2 && first >= STEP && first < STEP + Duration::from_secs(30),
        "{asked:?}"
    );
}

#[tokio::test]
async fn a_ledger_that_was_put_back_ends_what_runs() {
    let house = House::new();
    let mut process = house.process().await;
    let alice = house.begin(&process, |_| {}).await;
    let bob = house.begin(&process, |_| {}).await;
    process.end(bob.id).await;
    process.look(now()).await;
    let session = process.opened(&alice).await;
    assert!(process.sessions.stands(&session, now()));
    process.sessions.recent.restart(ledger::state::Position::START);
    assert!(!process.sessions.stands(&session, now()));
    assert_eq!(process.find(&alice.cookie), Found::NotAtHand);
}
