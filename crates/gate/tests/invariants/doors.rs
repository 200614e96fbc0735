//! Invariant 10: the same request gets the same verdict at every door.

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
