//! Invariant 10: the same request gets the same verdict at every door.

use gate::request::Relay;
use gate::spec::{PolicyFile, RouteSpec};
use serde_json::json;

use super::support::*;

#[test]
fn invariant_10_a_door_changes_nothing_unless_a_policy_asks_for_it() {
    let gate = build(&spec(vec![open_route("a", "/a"), route("b", "/b")]));
    let signed_in = token("corp", json!({}));
    for ask in [get("/a"), get("/b"), get("/c"), get("/a/../b"), get("/a").method("PUT")] {
        for ask in [ask.clone(), ask.by(&signed_in)] {
            let verdicts: Vec<_> = ["proxy", "ext_authz", "forward_auth"]
                .into_iter()
                .map(|door| told(&Ask { door, ..ask.clone() }.judged(&gate)))
                .collect();
            assert!(verdicts.iter().all(|verdict| *verdict == verdicts[0]), "{verdicts:?}");
        }
    }
}

/// A request of somebody who is known.
fn known(target: &str) -> Ask {
    get(target).by(&token("corp", json!({})))
}

/// The same request, asked about by a proxy that says this beside it.
fn asked_by(ask: &Ask, relay: Relay<'static>) -> Ask {
    Ask { door: "ext_authz", relay: Some(relay), ..ask.clone() }
}

#[test]
fn invariant_2_a_proxy_is_answered_for_the_route_and_the_service_that_it_sends_to() {
    let gate = build(&spec(vec![open_route("a", "/a"), route("b", "/b")]));
    let table = [
        (Relay { route: Some("a"), ..Relay::default() }, "permit"),
        (Relay { route: Some("b"), ..Relay::default() }, "route_disagrees"),
        (Relay { route: Some("A"), ..Relay::default() }, "route_disagrees"),
        (Relay { route: Some(""), ..Relay::default() }, "route_disagrees"),
        (Relay { service: Some("orders"), ..Relay::default() }, "permit"),
        (Relay { service: Some("billing"), ..Relay::default() }, "service_disagrees"),
        (
            Relay { route: Some("a"), service: Some("billing"), ..Relay::default() },
            "service_disagrees",
        ),
    ];
    for (relay, expected) in table {
        assert_eq!(asked_by(&known("/a"), relay).outcome(&gate), expected, "{relay:?}");
    }
    // What has no route is told so, whatever the proxy takes it for.
    let relay = Relay { route: Some("a"), ..Relay::default() };
    assert_eq!(asked_by(&known("/c"), relay).outcome(&gate), "no_route");
}

#[test]
fn invariant_2_a_proxy_gets_no_websocket_where_no_route_has_one() {
    let asks = known("/a").with("connection", "upgrade").with("upgrade", "websocket");
    let mut with = open_route("a", "/a");
    with.websocket = true;
    for (route, expected) in [(open_route("a", "/a"), "websocket"), (with, "permit")] {
        let gate = build(&spec(vec![route]));
        assert_eq!(asks.outcome(&gate), "permit", "the proxy door takes the upgrade out");
        assert_eq!(asked_by(&asks, Relay::default()).outcome(&gate), expected);
    }
}

#[test]
fn invariant_3_policies_that_read_headers_are_not_asked_about_joined_ones() {
    let joined = Relay { joined_headers: true, ..Relay::default() };
    let mut spec = spec(vec![open_route("a", "/a")]);
    assert_eq!(asked_by(&known("/a"), joined).outcome(&build(&spec)), "permit");
    let text = "forbid(principal, action, resource) when { context.headers.hasTag(\"x-team\") };";
    spec.policies.push(PolicyFile { name: "team.cedar".to_owned(), text: text.to_owned() });
    let gate = build(&spec);
    assert_eq!(asked_by(&known("/a"), Relay::default()).outcome(&gate), "permit");
    assert_eq!(asked_by(&known("/a"), joined).outcome(&gate), "joined_headers");
}

#[test]
fn invariant_3_a_proxy_that_would_pass_on_a_cookie_of_ours_gets_no_permit() {
    let public = RouteSpec { allow: vec![anyone()], accept: Vec::new(), ..route("a", "/a") };
    let gate = build(&spec(vec![public, open_route("b", "/b")]));
    let takes = Relay { takes_cookies: true, ..Relay::default() };
    let table = [
        ("a=1; __Host-doorward=x; b=2", "cookies_not_taken"),
        ("__Host-doorward-browser=x", "cookies_not_taken"),
        ("a=1; __Host-doorwardly=x", "permit"),
        ("a=__Host-doorward", "permit"),
    ];
    for (cookies, refused) in table {
        // On a route for tokens as well: the cookie is there, whether it is read or not.
        let asks = known("/b").with("cookie", cookies);
        assert_eq!(asks.outcome(&gate), "permit", "the proxy door takes it out");
        assert_eq!(asked_by(&asks, Relay::default()).outcome(&gate), refused, "{cookies}");
        assert_eq!(asked_by(&asks, takes).outcome(&gate), "permit", "{cookies}");
        let anonymous = get("/a").with("cookie", cookies);
        assert_eq!(asked_by(&anonymous, Relay::default()).outcome(&gate), refused, "{cookies}");
    }
}
