//! What holds for every ledger, whatever its database. A case begins with an empty one.

pub(crate) mod belated;
pub(crate) mod bounds;
pub(crate) mod cookies;
pub(crate) mod ends;
mod house;
pub(crate) mod left;
pub(crate) mod log;
pub(crate) mod opening;
pub(crate) mod refreshes;
pub(crate) mod sessions;
pub(crate) mod sweeping;
pub(crate) mod used;

use std::time::Duration;

use ledger::state::{EndReason, Ending, NewSession, Secrets, SessionId};
use tokens::{Digest, Timestamp};

pub(crate) use house::{AMPLE, House};

/// Hands the list of all cases to a macro.
macro_rules! every_case {
    ($each:ident) => {
        $each! {
            bounds::facts_and_secrets_have_a_limit,
            bounds::texts_have_a_limit_and_no_nul,
            bounds::a_call_has_at_most_so_many_rows,
            cookies::each_cookie_finds_the_session_with_its_host,
            cookies::a_third_cookie_of_a_host_takes_the_place_of_its_oldest,
            cookies::a_65th_cookie_takes_the_place_of_the_oldest_but_of_the_first_host,
            cookies::a_session_that_is_over_gets_no_cookie,
            cookies::a_cookie_is_never_shared,
            ends::an_end_takes_the_sessions_that_it_names_and_no_others,
            ends::ended_means_ended_on_every_handle,
            ends::a_cookie_added_during_the_end_does_not_survive_it,
            ends::more_sessions_than_one_transaction_ends_are_ended_by_one_call,
            ends::overlapping_ends_end_each_session_once,
            belated::a_session_that_was_vouched_for_before_an_end_does_not_begin_after_it,
            belated::a_session_that_begins_during_an_end_is_found_or_does_not_begin,
            belated::a_session_that_does_not_begin_takes_no_others_place,
            belated::an_end_is_not_held_against_what_was_vouched_for_since,
            ends::what_operators_end_is_told_with_their_note,
            left::what_was_left_is_collected_once_over_two_handles,
            left::nothing_takes_the_place_of_what_was_left,
            left::what_was_left_is_gone_at_its_end_and_swept,
            left::what_is_left_has_a_limit_and_is_sealed,
            log::the_log_has_every_end_once_and_in_order_under_concurrency,
            log::the_log_is_read_in_pages,
            log::a_position_that_was_swept_or_never_was_is_truncated,
            log::a_gap_in_the_log_is_truncated,
            log::a_follower_does_not_wait_behind_other_calls,
            log::a_hint_comes_after_an_end,
            opening::the_key_must_be_the_one_that_the_ledger_was_made_with,
            opening::several_openings_at_once_migrate_once,
            opening::a_ledger_of_a_newer_version_is_refused,
            refreshes::one_of_many_claims_wins_over_two_handles,
            refreshes::a_claim_runs_out_and_the_one_who_lost_it_replaces_nothing,
            refreshes::only_what_is_due_and_has_secrets_is_claimed,
            refreshes::new_facts_are_found_and_told_in_the_log,
            refreshes::the_log_tells_the_same_facts_from_others,
            refreshes::new_facts_revive_nothing,
            refreshes::secrets_of_one_session_do_not_open_as_those_of_another,
            sessions::a_session_is_found_as_it_was_begun,
            sessions::a_session_is_over_at_either_limit_to_the_millisecond,
            sessions::touches_prolong_and_never_move_back_or_revive,
            sessions::each_of_many_touches_is_of_its_own_session,
            sessions::ids_are_never_used_again,
            sessions::a_session_replaces_another,
            sessions::nothing_of_a_refused_session_stays,
            sessions::sessions_are_listed_by_page_and_filter,
            sweeping::what_has_expired_is_swept_in_batches,
            sweeping::a_session_that_is_swept_has_ended_in_the_log_once,
            sweeping::the_log_is_kept_for_an_hour,
            used::one_of_many_uses_wins_over_two_handles,
            used::a_purpose_and_an_end_belong_to_a_use,
            used::a_mark_outlasts_clocks_that_differ,
        }
    };
}
pub(crate) use every_case;

/// The moment at which cases begin.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_250);
/// How long the sessions of cases last.
pub(crate) const HOURS: Duration = Duration::from_secs(8 * 3600);
/// How long they last without being seen.
pub(crate) const IDLE: Duration = Duration::from_secs(1800);

/// The id of session number `number`.
pub(crate) fn id(number: u32) -> SessionId {
    SessionId::new(u128::from(number).to_be_bytes())
}

/// The digest of a cookie.
pub(crate) fn cookie(name: impl std::fmt::Display) -> Digest {
    Digest::of(&format!("cookie {name}"))
}

/// Session number `number`, of a subject of its own at `corp`; its cookie is that of its number.
pub(crate) fn session(number: u32) -> NewSession {
    NewSession {
        id: id(number),
        cookie: cookie(number),
        host: "orders.test".into(),
        provider: "corp".into(),
        subject: format!("subject-{number}"),
        provider_session: None,
        alias: None,
        facts: br#"{"groups":["support"]}"#.to_vec(),
        secrets: Some(Secrets::new(b"refresh token".to_vec())),
        // Whatever a case ends now, it ends before.
        vouched_at: NOW.plus(Duration::from_secs(1)),
        began_at: NOW,
        ends_at: NOW.plus(HOURS),
        idle: IDLE,
        refresh_at: Some(NOW),
        replaces: None,
    }
}

/// Ends session number `number` on `house`'s first handle.
pub(crate) async fn end(house: &House, number: u32) -> bool {
    let which = Ending::Session(id(number));
    let ended = house.ledger().end_sessions(&which, EndReason::SignedOut, NOW).await;
    !ended.unwrap().is_empty()
}
