//! People sign in, in a real browser, with providers that we did not write.

mod configuration;
mod ends;
mod house;
mod in_front;
mod keys;
mod outage;
mod pages;
mod partner;
mod refreshing;
mod saml;
mod together;
mod troubles;
mod walker;
mod watching;

use super::Listed;

/// What takes minutes: a provider is asked anew at most once a minute.
pub(super) const LONG: Listed =
    &[("sessions_are_refreshed_once_over_replicas_and_end_with_the_provider", refreshing::once)];

pub(super) const SCENARIOS: Listed = &[
    ("people_sign_in_with_two_providers_and_one_session_opens_two_services", together::both),
    ("who_signs_out_is_signed_out_in_every_tab_and_with_the_provider", together::out),
    ("a_route_that_wants_a_stronger_sign-in_gets_one", together::step_up),
    ("what_ends_a_session_ends_it_on_two_replicas_within_a_second", ends::everywhere),
    ("postgresql_is_killed_and_back_and_nobody_is_let_in_and_no_session_lost", outage::outlived),
    ("a_provider_rotates_keys_during_sign-ins_and_none_fails", keys::rotate),
    ("our_own_pages_look_well_and_the_browser_has_no_complaints", pages::look_well),
    ("tabs_sign_in_side_by_side_and_an_answer_is_good_once_and_in_one_browser", troubles::tabs),
    ("a_provider_that_fails_or_says_no_leads_to_a_page_that_helps", troubles::of_the_provider),
    ("who_keeps_no_cookies_is_told_so_and_sent_in_no_loop", troubles::cookies),
    ("people_sign_in_with_lemonldap_beside_other_providers", partner::sign_in),
    ("people_sign_in_and_out_with_two_providers_of_saml_that_sign", saml::signed),
    ("people_sign_in_and_out_with_two_providers_of_saml_that_sign_and_encrypt", saml::encrypted),
    ("what_a_provider_of_saml_ends_ends_on_two_replicas_within_a_second", saml::everywhere),
    ("a_provider_of_saml_changes_its_certificate_during_sign-ins_and_none_fails", saml::rollover),
    ("a_provider_of_saml_among_five_thousand_of_a_federation_costs_little_more", saml::federation),
    ("people_sign_in_behind_caddy_that_asks_and_the_service_sees_no_session", in_front::caddy),
    ("people_sign_in_behind_envoy_that_asks_and_the_service_sees_no_session", in_front::envoy),
    ("people_sign_in_behind_nginx_that_asks_and_the_service_sees_no_session", in_front::nginx),
];
