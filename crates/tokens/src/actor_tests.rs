use serde_json::{Value, json};

use crate::limits::MAX_ACTORS;
use crate::minting::{mint, profile, refusal, verify};
use crate::refusal::TokenRefusal;
use crate::verified::VerifiedToken;

fn judge(changes: Value) -> Result<VerifiedToken, TokenRefusal> {
    verify(&mint(changes), &profile(|_| ()))
}

#[test]
fn actors_are_listed_from_the_present_one_back() {
    let facts = judge(
        json!({ "act": { "sub": "gateway", "act": { "sub": "bot", "iss": "https://other" } } }),
    );
    let facts = facts.unwrap();
    let actors: Vec<_> =
        facts.actors().iter().map(|actor| (actor.subject(), actor.issuer())).collect();
    assert_eq!(actors, [("gateway", None), ("bot", Some("https://other"))]);

    let chain = |length: usize| {
        (0..length).fold(Value::Null, |act, _| match act {
            Value::Null => json!({ "sub": "a" }),
            act => json!({ "sub": "a", "act": act }),
        })
    };
    assert_eq!(judge(json!({ "act": chain(MAX_ACTORS) })).unwrap().actors().len(), MAX_ACTORS);
    let error = refusal(judge(json!({ "act": chain(MAX_ACTORS + 1) })));
    assert_eq!(error, "claim `act` names more than 4 actors behind one another");

    let cases = [
        (json!("bot"), "claim `act` is not an object"),
        (json!([]), "claim `act` is not an object"),
        (json!({}), "claim `act/sub` is missing"),
        (json!({ "sub": 7 }), "claim `act/sub` is not a string"),
        (
            json!({ "sub": "" }),
            "claim `act/sub` is not a name: not empty, without control characters",
        ),
        (json!({ "sub": "a", "iss": 7 }), "claim `act/iss` is not a string"),
        (json!({ "sub": "a", "act": null }), "claim `act` is not an object"),
    ];
    for (act, expected) in cases {
        assert_eq!(refusal(judge(json!({ "act": act.clone() }))), expected, "{act}");
    }
}
