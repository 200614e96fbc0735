//! People sign in, in a real browser, with providers that we did not write.

mod house;
mod together;

use super::Listed;

pub(super) const SCENARIOS: Listed = &[
    ("people_sign_in_with_two_providers_and_one_session_opens_two_services", together::both),
    ("who_signs_out_is_signed_out_in_every_tab_and_with_the_provider", together::out),
    ("a_route_that_wants_a_stronger_sign-in_gets_one", together::step_up),
];
