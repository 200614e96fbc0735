use serde_json::{Value as Json, json};

use super::*;
use crate::claim::ClaimKind::{Bool, Long, String as Text, Strings};
use crate::claim::{Absence, ClaimSpec, ClaimValue};
use crate::limits::{MAX_IDENTIFIER_BYTES, MAX_NUMERIC_DATE};
use crate::minting::{NOW, mint, now, profile, refusal, verify, verify_at};
use crate::pointer::JsonPointer;
use crate::profile::ProfileOptions;
use crate::profile::{ClaimTest, SubjectRule};
use crate::time::Timestamp;
use crate::verified::SubjectKind;

fn judge(changes: Json) -> Result<VerifiedToken, TokenRefusal> {
    verify(&mint(changes), &profile(|_| ()))
}

fn pointer(text: &str) -> JsonPointer {
    JsonPointer::parse(text).unwrap()
}

fn with(
    change: impl FnOnce(&mut ProfileOptions),
    changes: Json,
) -> Result<VerifiedToken, TokenRefusal> {
    verify(&mint(changes), &profile(change))
}

#[test]
fn registered_claims_are_of_their_type_or_the_token_is_refused() {
    let name = "a name: not empty, without control characters";
    let date = "a date: seconds since 1970, up to the year 9999";
    let audience = "a string, or an array of strings, none empty";
    let cases = [
        (json!({ "sub": 7 }), "claim `sub` is not a string".to_owned()),
        (json!({ "sub": "" }), format!("claim `sub` is not {name}")),
        (json!({ "sub": "a\nb" }), format!("claim `sub` is not {name}")),
        (json!({ "sub": "a\u{85}b" }), format!("claim `sub` is not {name}")),
        (json!({ "sub": ["alice"] }), "claim `sub` is not a string".into()),
        (json!({ "jti": 7 }), "claim `jti` is not a string".into()),
        (json!({ "client_id": "" }), format!("claim `client_id` is not {name}")),
        (json!({ "azp": ["a"] }), "claim `azp` is not a string".into()),
        (json!({ "acr": 1 }), "claim `acr` is not a string".into()),
        (json!({ "amr": "pwd" }), "claim `amr` is not an array of strings".into()),
        (json!({ "amr": ["pwd", 7] }), "claim `amr` is not an array of strings".into()),
        (json!({ "exp": "1700000300" }), format!("claim `exp` is not {date}")),
        (json!({ "exp": true }), format!("claim `exp` is not {date}")),
        (json!({ "exp": -1 }), format!("claim `exp` is not {date}")),
        (json!({ "exp": 1e300 }), format!("claim `exp` is not {date}")),
        (json!({ "exp": MAX_NUMERIC_DATE + 1 }), format!("claim `exp` is not {date}")),
        (json!({ "exp": [NOW + 300] }), format!("claim `exp` is not {date}")),
        (json!({ "iat": "now" }), format!("claim `iat` is not {date}")),
        (json!({ "nbf": {} }), format!("claim `nbf` is not {date}")),
        (json!({ "auth_time": "x" }), format!("claim `auth_time` is not {date}")),
        (json!({ "aud": 7 }), format!("claim `aud` is not {audience}")),
        (json!({ "aud": "" }), format!("claim `aud` is not {audience}")),
        (json!({ "aud": [] }), format!("claim `aud` is not {audience}")),
        (json!({ "aud": ["a", 7] }), format!("claim `aud` is not {audience}")),
        (json!({ "aud": ["a", ""] }), format!("claim `aud` is not {audience}")),
        (json!({ "aud": { "a": 1 } }), format!("claim `aud` is not {audience}")),
    ];
    for (changes, expected) in cases {
        assert_eq!(refusal(judge(changes.clone())), expected, "{changes}");
    }
}

/// `mint` takes a `null` for the absence of a claim; here it is in the token.
#[test]
fn a_null_is_not_an_absent_claim() {
    for claim in
        ["exp", "nbf", "iat", "sub", "aud", "jti", "acr", "amr", "scope", "scp", "act", "cnf"]
    {
        let payload = crate::minting::claims(json!({ claim: null })).to_string();
        let payload = payload.replacen('{', &format!("{{\"{claim}\":null,"), 1);
        let key = crate::minting::key(crate::algorithm::Algorithm::Es256);
        let header = br#"{"alg":"ES256","typ":"at+jwt"}"#;
        let token = key.sign_header(header, payload.as_bytes(), &crate::minting::rng()).unwrap();
        let error = verify(&token, &profile(|_| ())).unwrap_err();
        assert!(matches!(error, TokenRefusal::MistypedClaim { .. }), "{claim}: {error}");
    }
}

#[test]
fn registered_claims_become_facts() {
    let facts = judge(json!({
        "aud": ["orders", "billing"], "acr": "loa3", "amr": ["pwd", "otp"], "auth_time": NOW - 60, "azp": "app",
        "exp": NOW as f64 + 300.25,
    }));
    let facts = facts.unwrap();
    assert_eq!(facts.audiences(), ["orders", "billing"]);
    assert_eq!((facts.acr(), facts.authorized_party()), (Some("loa3"), Some("app")));
    assert_eq!(facts.amr(), ["pwd", "otp"]);
    assert_eq!(facts.auth_time(), Some(Timestamp::from_secs(NOW - 60)));
    assert_eq!(facts.expires_at(), Timestamp::from_millis(NOW * 1000 + 300_250));
}

#[test]
fn identifiers_are_bounded_at_their_edge() {
    for claim in ["sub", "jti", "client_id", "azp", "acr"] {
        let long = |bytes: usize| judge(json!({ claim: "x".repeat(bytes) }));
        assert!(long(MAX_IDENTIFIER_BYTES).is_ok());
        assert_eq!(
            refusal(long(MAX_IDENTIFIER_BYTES + 1)),
            format!("`{claim}` is longer than 255 bytes")
        );
    }
}

#[test]
fn a_token_holds_from_its_first_moment_to_its_last() {
    let at = |millis: u64| {
        Timestamp::from_millis(NOW * 1000).plus(std::time::Duration::from_millis(millis))
    };
    let before = |millis: u64| Timestamp::from_millis(NOW * 1000 - millis);
    let token = mint(json!({}));
    let profile = profile(|_| ());
    let expired = format!("the token expired at {}.000", NOW + 300);
    assert!(verify_at(&token, &profile, at(329_999)).is_ok());
    assert_eq!(refusal(verify_at(&token, &profile, at(330_000))), expired);
    assert_eq!(refusal(verify_at(&token, &profile, Timestamp::MAX)), expired);
    let future = format!("the token was issued in the future, at {NOW}.000");
    assert!(verify_at(&token, &profile, before(30_000)).is_ok());
    assert_eq!(refusal(verify_at(&token, &profile, before(30_001))), future);
    assert_eq!(refusal(verify_at(&token, &profile, Timestamp::default())), future);

    let token = mint(json!({ "nbf": NOW + 60 }));
    let early = format!("the token is not valid before {}.000", NOW + 60);
    assert_eq!(refusal(verify_at(&token, &profile, at(29_999))), early);
    assert!(verify_at(&token, &profile, at(30_000)).is_ok());
}

#[test]
fn a_profile_may_bound_age_and_lifetime() {
    let hour = std::time::Duration::from_secs(3600);
    let aged = profile(|options| options.max_age = Some(hour));
    let token = mint(json!({ "exp": NOW + 86_400 }));
    let last = Timestamp::from_secs(NOW + 3630);
    assert!(verify_at(&token, &aged, last.minus(std::time::Duration::from_millis(1))).is_ok());
    let error = verify_at(&token, &aged, last).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("the token was issued at {NOW}.000, longer than 3600s ago")
    );
    assert_eq!(error.fault(), crate::refusal::Fault::Expired);
    assert_eq!(verify(&token, &aged).unwrap().usable_until(), last);

    let brief = profile(|options| options.max_lifetime = Some(hour));
    assert!(verify(&mint(json!({ "exp": NOW + 3600 })), &brief).is_ok());
    let error = refusal(verify(&mint(json!({ "exp": NOW + 3601 })), &brief));
    assert_eq!(error, "the token is valid for 3601s, longer than 3600s");

    for bounded in [
        profile(|options| (options.strict_rfc9068, options.max_age) = (false, Some(hour))),
        profile(|options| (options.strict_rfc9068, options.max_lifetime) = (false, Some(hour))),
    ] {
        assert_eq!(
            refusal(verify(&mint(json!({ "iat": null })), &bounded)),
            "claim `iat` is missing"
        );
    }
}

#[test]
fn declared_claims_are_of_their_type_whatever_absence_means() {
    let judge = |kind, absent: Absence, value: Json| {
        let spec = ClaimSpec { name: "c".into(), from: pointer("/deep/c"), kind, absent };
        let facts = with(|options| options.claims = vec![spec], json!({ "deep": { "c": value } }));
        facts.map(|facts| facts.claim("c"))
    };
    let good = [
        (Bool, json!(true), ClaimValue::Bool(true)),
        (Long, json!(-7), ClaimValue::Long(-7)),
        (Long, json!(i64::MAX), ClaimValue::Long(i64::MAX)),
        (Text, json!("x"), ClaimValue::String("x".into())),
        (Text, json!(""), ClaimValue::String(String::new())),
        (Strings, json!("x"), ClaimValue::Strings(vec!["x".into()])),
        (Strings, json!(["x", "y"]), ClaimValue::Strings(vec!["x".into(), "y".into()])),
        (Strings, json!([]), ClaimValue::Strings(vec![])),
    ];
    for (kind, value, expected) in good {
        assert_eq!(judge(kind, Absence::Required, value), Ok(Some(expected)));
    }
    let bad = [
        (Bool, json!("true"), "a boolean"),
        (Bool, json!(1), "a boolean"),
        (Bool, json!(null), "a boolean"),
        (Bool, json!([true]), "a boolean"),
        (Long, json!("7"), "a whole number of 64 bits"),
        (Long, json!(7.0), "a whole number of 64 bits"),
        (Long, json!(u64::MAX), "a whole number of 64 bits"),
        (Long, json!(null), "a whole number of 64 bits"),
        (Text, json!(7), "a string"),
        (Text, json!(["x"]), "a string"),
        (Text, json!(null), "a string"),
        (Strings, json!(["x", 7]), "an array of strings, or a string"),
        (Strings, json!([["x"]]), "an array of strings, or a string"),
        (Strings, json!({}), "an array of strings, or a string"),
        (Strings, json!(null), "an array of strings, or a string"),
    ];
    for (kind, value, expected) in bad {
        let default = match kind {
            Bool => ClaimValue::Bool(false),
            Long => ClaimValue::Long(0),
            Text => ClaimValue::String(String::new()),
            Strings => ClaimValue::Strings(vec![]),
        };
        for absent in [Absence::Ignore, Absence::Required, Absence::Default(default)] {
            let error = refusal(judge(kind, absent, value.clone()));
            assert_eq!(error, format!("claim `/deep/c` is not {expected}"), "{value}");
        }
    }
}

#[test]
fn an_absent_claim_means_what_its_declaration_says() {
    let judge = |absent: Absence| {
        let spec =
            ClaimSpec { name: "suspended".into(), from: pointer("/suspended"), kind: Bool, absent };
        let facts = with(|options| options.claims = vec![spec], json!({}));
        facts.map(|facts| facts.claim("suspended"))
    };
    assert_eq!(judge(Absence::Ignore), Ok(None));
    let default = ClaimValue::Bool(true);
    assert_eq!(judge(Absence::Default(default.clone())), Ok(Some(default)));
    assert_eq!(refusal(judge(Absence::Required)), "claim `/suspended` is missing");
}

#[test]
fn a_default_may_be_longer_than_any_token() {
    let default = ClaimValue::String("a".repeat(1_000_000));
    let spec = |absent| ClaimSpec { name: "c".into(), from: pointer("/c"), kind: Text, absent };
    let judge = |claims| {
        let spec = spec(Absence::Default(default.clone()));
        with(|options| options.claims = vec![spec], claims).unwrap().claim("c")
    };
    assert_eq!(judge(json!({})), Some(default.clone()));
    assert_eq!(judge(json!({ "c": "" })), Some(ClaimValue::String(String::new())));
}

#[test]
fn each_claim_is_found_by_its_name_among_the_others() {
    let spec = |name: &str, kind| {
        let from = pointer(&format!("/{name}"));
        ClaimSpec { name: name.into(), from, kind, absent: Absence::Ignore }
    };
    let specs = vec![spec("z", Strings), spec("gone", Text), spec("a", Long), spec("m", Text)];
    let claims = json!({ "z": ["x", "", "y"], "a": -1, "m": "z" });
    let facts = with(|options| options.claims = specs, claims).unwrap();
    let expected = [
        ("z", ClaimValue::Strings(["x", "", "y"].map(str::to_owned).to_vec())),
        ("a", ClaimValue::Long(-1)),
        ("m", ClaimValue::String("z".to_owned())),
    ];
    assert_eq!(facts.claims().collect::<Vec<_>>(), expected);
    for (name, value) in expected {
        assert_eq!(facts.claim(name), Some(value));
    }
    assert_eq!((facts.claim("gone"), facts.claim("y")), (None, None));
}

#[test]
fn groups_are_a_list_of_texts_or_one_text() {
    let judge = |required, changes: Json| {
        let facts = with(
            |options| {
                options.groups = Some(pointer("/realm/roles"));
                options.groups_required = required;
            },
            changes,
        );
        facts.map(|facts| facts.groups().to_vec())
    };
    let roles = |roles: Json| json!({ "realm": { "roles": roles } });
    assert_eq!(judge(false, roles(json!(["a", "b"]))).unwrap(), ["a", "b"]);
    assert_eq!(judge(false, roles(json!("a b"))).unwrap(), ["a b"]);
    assert_eq!(judge(false, json!({})).unwrap(), [""; 0]);
    assert_eq!(judge(true, roles(json!([]))).unwrap(), [""; 0]);
    assert_eq!(refusal(judge(true, json!({}))), "claim `/realm/roles` is missing");
    for bad in [json!(7), json!(null), json!(["a", 7]), json!({ "a": 1 }), json!([["a"]])] {
        let error = refusal(judge(false, roles(bad.clone())));
        assert_eq!(error, "claim `/realm/roles` is not an array of strings, or a string", "{bad}");
    }
}

#[test]
fn claims_that_the_issuer_keeps_elsewhere_are_not_taken_for_absent() {
    let elsewhere = json!({
        "_claim_names": { "groups": "src1" }, "_claim_sources": { "src1": { "endpoint": "https://graph.example" } },
    });
    let groups = |options: &mut ProfileOptions| options.groups = Some(pointer("/groups"));
    let error = refusal(with(groups, elsewhere.clone()));
    assert_eq!(
        error,
        "claim `/groups` is distributed (`_claim_names`), and such claims are not fetched"
    );
    let spec = ClaimSpec {
        name: "g".into(),
        from: pointer("/groups/0"),
        kind: Text,
        absent: Absence::Ignore,
    };
    let error = refusal(with(|options| options.claims = vec![spec], elsewhere.clone()));
    assert_eq!(
        error,
        "claim `/groups/0` is distributed (`_claim_names`), and such claims are not fetched"
    );
    assert!(with(|_| (), elsewhere).is_ok(), "nobody reads it");
    let error = refusal(with(groups, json!({ "_claim_names": "groups" })));
    assert_eq!(error, "claim `_claim_names` is not an object");
}

#[test]
fn a_subject_is_a_person_or_a_workload_by_rule() {
    let judge = |rule: SubjectRule, changes: Json| {
        with(|options| options.subjects = rule, changes).map(|facts| facts.kind())
    };
    let when = SubjectRule::WorkloadWhen;
    let (user, workload) = (Ok(SubjectKind::User), Ok(SubjectKind::Workload));
    assert_eq!(judge(SubjectRule::User, json!({})), user);
    assert_eq!(judge(SubjectRule::Workload, json!({})), workload);

    let equals = || when(ClaimTest::Equals(pointer("/gty"), "client-credentials".into()));
    assert_eq!(judge(equals(), json!({ "gty": "client-credentials" })), workload);
    assert_eq!(judge(equals(), json!({ "gty": "Client-Credentials" })), user);
    assert_eq!(judge(equals(), json!({})), user);
    let error = refusal(judge(equals(), json!({ "gty": ["client-credentials"] })));
    assert_eq!(error, "claim `/gty` is not a string");

    let present = || when(ClaimTest::Present(pointer("/kubernetes.io")));
    assert_eq!(judge(present(), json!({ "kubernetes.io": {} })), workload);
    assert_eq!(judge(present(), json!({ "kubernetes.io": false })), workload);
    assert_eq!(judge(present(), json!({})), user);
    let deep = when(ClaimTest::Present(pointer("/a/b")));
    let error = refusal(judge(deep, json!({ "a": { "b": null } })));
    assert_eq!(error, "claim `/a/b` is not anything but null");

    let same = || when(ClaimTest::Same(pointer("/sub"), pointer("/client_id")));
    assert_eq!(judge(same(), json!({ "sub": "shop" })), workload);
    assert_eq!(judge(same(), json!({ "sub": "alice" })), user);
    let neither = when(ClaimTest::Same(pointer("/a"), pointer("/b")));
    assert_eq!(judge(neither, json!({})), user, "two absent claims are not the same");
    let mixed = when(ClaimTest::Same(pointer("/a"), pointer("/sub")));
    assert_eq!(refusal(judge(mixed, json!({ "a": 7 }))), "claim `/a` is not a string");
}

#[test]
fn usable_times_agree_with_verification() {
    let token = mint(json!({ "nbf": NOW + 10 }));
    let profile = profile(|options| options.max_age = Some(std::time::Duration::from_secs(100)));
    let facts = verify(&token, &profile).unwrap();
    for millis in (0..400_000).step_by(500) {
        let at = now()
            .minus(std::time::Duration::from_secs(100))
            .plus(std::time::Duration::from_millis(millis));
        assert_eq!(facts.is_usable_at(at), verify_at(&token, &profile, at).is_ok(), "at {at}");
    }
}
