//! Providers that we did not write, each signed in at with a browser by a client that is as small as can be.

mod client;
pub(super) mod endpoints;
pub(super) mod github;
mod github_itself;
pub(super) mod lemonldap;
mod lemonldap_itself;
pub(super) mod lemonldap_saml;
pub(super) mod openid;
mod openid_clients;
mod openid_itself;
pub(super) mod simplesamlphp;

use super::Listed;

pub(super) use self::client::encoded;

pub(super) const SCENARIOS: Listed = &[
    ("a_browser_signs_in_at_the_openid_provider_itself", openid_itself::signs_in),
    ("the_openid_provider_knows_its_clients_in_each_of_four_ways", openid_clients::are_known),
    ("the_openid_provider_fails_and_changes_as_a_test_asks", openid_itself::is_controlled),
    ("a_browser_signs_in_at_a_provider_in_the_shape_of_githubs_itself", github_itself::signs_in),
    ("a_browser_signs_in_at_lemonldap_itself", lemonldap_itself::signs_in),
];
