use std::time::Duration;

use serde_json::{Value, json};
use tokens::GroupSource;

use super::*;
use crate::provider::form::Parameters;
use crate::provider::test_provider::{
    ACCESS, CLIENT, KEYS, NOW, REDIRECT, SECRET, TestProvider, answer, changed, flow, mapping, now,
    pointer, random, sign,
};
use crate::provider::{
    AuthorizationError, CallError, ClientAuth, MAX_TOKEN_ANSWER_BYTES, Prompt, RefreshEnd,
};

#[tokio::test]
async fn who_signs_in_is_sent_there_and_comes_back_as_somebody() {
    let idp = TestProvider::start();
    let provider = idp.openid(|options, _| {
        options.scopes.push("email".to_owned());
        options.parameters.insert("hd".to_owned(), "example.com".to_owned());
    });
    let wish = Wish {
        acr_values: vec!["gold".to_owned(), "silver".to_owned()],
        acr_required: true,
        max_age: Some(Duration::from_secs(600)),
        prompt: Some(Prompt::SelectAccount),
        login_hint: Some("alice@example.com".to_owned()),
    };
    let (flow, now) = (flow(), now());

    let sent_to = provider.begin(&wish, &flow, now).await.unwrap();
    let expected = format!(
        "{}/authorize?response_type=code&client_id=doorward\
         &redirect_uri=https%3A%2F%2Fsign-in.example.com%2F.doorward%2Fcallback%2Fcorp\
         &scope=openid%20email&state=state-1\
         &code_challenge=lUwFfqRmOVnBOhnxlFXeeBxAvBxHa5Q1FCNHAbRpnHo&code_challenge_method=S256\
         &nonce=nonce-1&acr_values=gold%20silver&max_age=600&prompt=select_account\
         &login_hint=alice%40example.com&hd=example.com",
        idp.url
    );
    let parts = |url: &str| url.split('&').map(str::to_owned).collect::<Vec<_>>();
    let (mut sent, mut wanted) = (parts(&sent_to), parts(&expected));
    let is_challenge = |part: &String| part.starts_with("code_challenge=");
    sent.retain(|part| !is_challenge(part));
    wanted.retain(|part| !is_challenge(part));
    assert_eq!(sent, wanted);
    assert!(idp.seen().is_empty());

    let signed_in = idp.sign_in(&provider, &wish, json!({})).await.unwrap();
    assert_eq!(signed_in.facts.subject, "alice");
    assert_eq!(signed_in.facts.groups, ["staff"]);
    assert_eq!(signed_in.facts.acr.as_deref(), Some("gold"));
    assert_eq!(signed_in.facts.amr, ["pwd", "otp"]);
    assert_eq!(signed_in.facts.auth_time, Some(Timestamp::from_secs(NOW - 60)));
    assert_eq!(signed_in.provider_session.as_deref(), Some("session-1"));
    assert_eq!(signed_in.refresh_token.unwrap().expose(), "refresh-token-1");
    assert_eq!(signed_in.access_expires, Some(Timestamp::from_secs(NOW + 300)));
    let [exchange] = &idp.seen()[..] else { panic!("one request") };
    assert_eq!(exchange.method, "POST");
    assert_eq!(exchange.form("grant_type").as_deref(), Some("authorization_code"));
    assert_eq!(exchange.form("code").as_deref(), Some("code-1"));
    assert_eq!(exchange.form("redirect_uri").as_deref(), Some(REDIRECT));
    assert_eq!(exchange.form("code_verifier"), Some(flow.verifier));
    assert_eq!(exchange.form("client_id"), None);
    assert_eq!(exchange.headers["accept"], "application/json");
    // "doorward:s3cret%2F%2B%C3%BC"
    assert_eq!(exchange.headers["authorization"], "Basic ZG9vcndhcmQ6czNjcmV0JTJGJTJCJUMzJUJD");
}

async fn finish(
    provider: &Provider,
    query: &str,
    flow: Flow,
    now: Timestamp,
) -> Result<SignIn, SignInRefusal> {
    provider.finish(answer(query), &flow, &Wish::default(), now).await
}

/// What a row does to the provider and to the answer: the query that comes back.
type Attack = fn(&TestProvider) -> String;

const ANSWER: &str = "code=code-1&state=state-1";

fn with_claims(idp: &TestProvider, changes: Value) -> String {
    idp.serve_tokens(Some(sign("JWT", &idp.claims(&flow(), changes))), json!({}));
    ANSWER.to_owned()
}

fn with_token(idp: &TestProvider, typ: &str, header: Value, signer: usize) -> String {
    let header = changed(json!({ "typ": typ, "alg": "ES256" }), header).to_string();
    let claims = idp.claims(&flow(), json!({})).to_string();
    let token = KEYS[signer].sign_header(header.as_bytes(), claims.as_bytes(), &*random());
    idp.serve_tokens(Some(token.unwrap()), json!({}));
    ANSWER.to_owned()
}

fn with_tokens(idp: &TestProvider, changes: Value) -> String {
    let token = sign("JWT", &idp.claims(&flow(), json!({})));
    idp.serve_tokens(Some(token), changes);
    ANSWER.to_owned()
}

/// One row per class of attack of research on relying parties: what is done, how it is refused, in the operator's words
/// and in those of records; and how many requests it costs the provider.
const ATTACKS: &[(&str, Attack, &str, &str, usize)] = &[
    (
        "mix-up: another provider answers",
        |_| format!("{ANSWER}&iss=https%3A%2F%2Fevil.example"),
        "`iss` of the answer is not the provider's issuer (RFC 9207)",
        "issuer_other",
        0,
    ),
    (
        "mix-up: another provider answers with an error",
        |_| "error=access_denied&state=state-1&iss=https%3A%2F%2Fevil.example".to_owned(),
        "`iss` of the answer is not the provider's issuer (RFC 9207)",
        "issuer_other",
        0,
    ),
    (
        "mix-up: the issuer with a slash is another",
        |idp| format!("{ANSWER}&iss={}/", idp.url),
        "`iss` of the answer is not the provider's issuer (RFC 9207)",
        "issuer_other",
        0,
    ),
    (
        "mix-up: `iss` is missing though it is promised",
        |idp| {
            idp.describe(json!({ "authorization_response_iss_parameter_supported": true }));
            ANSWER.to_owned()
        },
        "the answer has no `iss`, which this provider's answers have (RFC 9207)",
        "issuer_missing",
        0,
    ),
    (
        "mix-up: `iss` is missing of an error though it is promised",
        |idp| {
            idp.describe(json!({ "authorization_response_iss_parameter_supported": true }));
            "error=access_denied&state=state-1".to_owned()
        },
        "the answer has no `iss`, which this provider's answers have (RFC 9207)",
        "issuer_missing",
        0,
    ),
    (
        "CSRF: the state of another flow",
        |_| "code=code-1&state=state-2".to_owned(),
        "`state` of the answer is not that of the request",
        "state_other",
        0,
    ),
    (
        "the provider says no, in words that forge a line",
        |_| {
            "error=access_denied&state=state-1&error_description=no%0Alevel%3Dinfo%20all%20is%20well"
                .to_owned()
        },
        "the provider answered `access_denied`: no\\nlevel=info all is well",
        "access_denied",
        0,
    ),
    (
        "code injection: no nonce",
        |idp| with_claims(idp, json!({ "nonce": null })),
        "the ID token is refused: claim `nonce` is missing",
        "nonce_missing",
        1,
    ),
    (
        "code injection: the nonce of another flow",
        |idp| with_claims(idp, json!({ "nonce": "nonce-2" })),
        "the ID token is refused: claim `nonce` is not that of the request",
        "nonce_other",
        1,
    ),
    (
        "an ID token for another client",
        |idp| with_claims(idp, json!({ "aud": "other" })),
        "the ID token is refused: claim `aud` does not have our client id",
        "audience_other",
        1,
    ),
    (
        "an ID token issued to another client",
        |idp| with_claims(idp, json!({ "azp": "other" })),
        "the ID token is refused: claim `azp` is not our client id",
        "authorized_party_other",
        1,
    ),
    (
        "an ID token for several, issued to nobody",
        |idp| with_claims(idp, json!({ "aud": [CLIENT, "other"] })),
        "the ID token is refused: claim `azp` is missing",
        "missing_claim",
        1,
    ),
    (
        "an ID token for several, issued to another",
        |idp| with_claims(idp, json!({ "aud": [CLIENT, "other"], "azp": "other" })),
        "the ID token is refused: claim `azp` is not our client id",
        "authorized_party_other",
        1,
    ),
    (
        "an ID token of another issuer",
        |idp| with_claims(idp, json!({ "iss": "https://evil.example" })),
        "the ID token is refused: claim `iss` is not the issuer's identifier",
        "wrong_issuer",
        1,
    ),
    (
        "an ID token without a signature",
        |idp| with_token(idp, "JWT", json!({ "alg": "none" }), 0),
        "the ID token is refused: algorithm `none` is not accepted; expected one of ES256, ES384, ES512, EdDSA, \
         Ed25519, PS256, PS384, PS512, RS256, RS384, RS512",
        "unknown_algorithm",
        1,
    ),
    (
        "an ID token signed with a secret",
        |idp| with_token(idp, "JWT", json!({ "alg": "HS256" }), 0),
        "the ID token is refused: algorithm `HS256` is not accepted; expected one of ES256, ES384, ES512, EdDSA, \
         Ed25519, PS256, PS384, PS512, RS256, RS384, RS512",
        "unknown_algorithm",
        1,
    ),
    (
        "an ID token of an algorithm that the provider does not use",
        |idp| with_token(idp, "JWT", json!({ "alg": "RS256" }), 0),
        "the ID token is refused: algorithm RS256 is not one that the issuer is configured to use",
        "algorithm_not_allowed",
        1,
    ),
    (
        "an ID token of a stranger",
        |idp| with_token(idp, "JWT", json!({ "kid": KEYS[0].thumbprint().to_string() }), 1),
        "the ID token is refused: the signature does not verify",
        "bad_signature",
        1,
    ),
    (
        "an ID token that brings its own key",
        |idp| {
            with_token(
                idp,
                "JWT",
                json!({ "jwk": KEYS[1].public_jwk(), "jku": "http://127.0.0.1:1/" }),
                1,
            )
        },
        "the ID token is refused: the token names no key, and none that we know of the issuer verifies it",
        "unknown_key",
        1,
    ),
    (
        "an ID token with an extension",
        |idp| with_token(idp, "JWT", json!({ "crit": ["b64"] }), 0),
        "the ID token is refused: the header has `crit`, and no extension is understood",
        "critical_extension",
        1,
    ),
    (
        "an access token as an ID token",
        |idp| with_token(idp, "at+jwt", json!({}), 0),
        "the ID token is refused: the token is of type `at+jwt`, which is not one that the issuer is configured to use",
        "type_not_allowed",
        1,
    ),
    (
        "a logout token as an ID token",
        |idp| with_token(idp, "logout+jwt", json!({}), 0),
        "the ID token is refused: the token is of type `logout+jwt`, which is not one that the issuer is configured \
         to use",
        "type_not_allowed",
        1,
    ),
    (
        "a logout token of an older provider as an ID token",
        |idp| {
            with_claims(
                idp,
                json!({ "events": { "http://schemas.openid.net/event/backchannel-logout": {} } }),
            )
        },
        "the ID token is refused: claim `events` has no place in an ID token",
        "foreign_claim",
        1,
    ),
    (
        "an expired ID token",
        |idp| with_claims(idp, json!({ "iat": NOW - 300, "exp": NOW - 30 })),
        "the ID token is refused: the token expired at 1699999970.000",
        "expired",
        1,
    ),
    (
        "an ID token whose end is text",
        |idp| with_claims(idp, json!({ "exp": "1700000300" })),
        "the ID token is refused: claim `exp` is not a date: seconds since 1970, up to the year 9999",
        "mistyped_claim",
        1,
    ),
    (
        "an old ID token that never ends",
        |idp| with_claims(idp, json!({ "iat": NOW - 630, "exp": NOW + 86_400 })),
        "the ID token is refused: the token was issued at 1699999370.000, longer than 600s ago",
        "too_old",
        1,
    ),
    (
        "an ID token of the future",
        |idp| with_claims(idp, json!({ "iat": NOW + 31 })),
        "the ID token is refused: the token was issued in the future, at 1700000031.000",
        "issued_in_future",
        1,
    ),
    (
        "an ID token without an issue time",
        |idp| with_claims(idp, json!({ "iat": null })),
        "the ID token is refused: claim `iat` is missing",
        "missing_claim",
        1,
    ),
    (
        "an ID token of another access token",
        |idp| with_claims(idp, json!({ "at_hash": "77QmUPtjPfzWtF2AnpK9RQ" })),
        "the ID token is refused: claim `at_hash` does not belong to the access token",
        "access_token_hash",
        1,
    ),
    (
        "a sign-in of the future",
        |idp| with_claims(idp, json!({ "auth_time": NOW + 31 })),
        "the ID token is refused: the person signed in in the future, at 1700000031.000",
        "auth_time_future",
        1,
    ),
    (
        "a token answer that says two things",
        |idp| {
            idp.handle("/token", |_| {
                (
                    200,
                    String::new(),
                    r#"{"access_token":"a","access_token":"b","token_type":"Bearer"}"#.to_owned(),
                )
            });
            ANSWER.to_owned()
        },
        "the token answer is not strict JSON: the object that ends at byte 61 has two members of the same name",
        "token_answer_json",
        1,
    ),
    (
        "a token answer beyond its limit",
        |idp| {
            idp.handle("/token", |_| (200, String::new(), " ".repeat(MAX_TOKEN_ANSWER_BYTES + 1)));
            ANSWER.to_owned()
        },
        "the token answer is not strict JSON: the document has 65537 bytes, more than 65536",
        "token_answer_json",
        1,
    ),
    (
        "a token that is not a bearer token",
        |idp| with_tokens(idp, json!({ "token_type": "DPoP" })),
        "the token answer's `token_type` is `DPoP`; expected `Bearer`",
        "token_answer_other_type",
        1,
    ),
    (
        "an access token that breaks a header",
        |idp| with_tokens(idp, json!({ "access_token": "a\r\nx: y" })),
        "`access_token` of the token answer is not of the right type",
        "token_answer_mistyped",
        1,
    ),
    (
        "OpenID Connect without an ID token",
        |idp| with_tokens(idp, json!({ "id_token": null })),
        "the token answer has no `id_token`; is `openid` a scope that the provider knows?",
        "token_answer_no_id_token",
        1,
    ),
    (
        "a token endpoint that sends elsewhere",
        |idp| {
            idp.handle("/token", |_| {
                (307, "location: https://evil.example/token\r\n".to_owned(), String::new())
            });
            ANSWER.to_owned()
        },
        "the token endpoint: `{url}/token` answered 307, a redirect to `evil.example`, and redirects are not followed; \
         configure the final URL",
        "unreachable",
        1,
    ),
    (
        "metadata of another issuer",
        |idp| {
            idp.describe(json!({ "issuer": "https://evil.example" }));
            ANSWER.to_owned()
        },
        "the provider's metadata and keys are not available",
        "metadata_unavailable",
        0,
    ),
    (
        "a token endpoint in the plain, elsewhere",
        |idp| {
            idp.describe(json!({ "token_endpoint": "http://evil.example/token" }));
            ANSWER.to_owned()
        },
        "the provider's `token_endpoint` `http://evil.example/token` cannot be used: expected https: plain http is \
         accepted only to a loopback address that is configured, or with `danger_plain_http`",
        "endpoint_unfit",
        0,
    ),
    (
        "a token endpoint inside",
        |idp| {
            idp.describe(json!({ "token_endpoint": "https://169.254.169.254/token" }));
            ANSWER.to_owned()
        },
        "the token endpoint: `https://169.254.169.254/token` was learned from a fetched document and resolves to \
         169.254.169.254, a link-local address, which only a configured URL may reach; configure the URL itself",
        "unreachable",
        0,
    ),
];

#[tokio::test]
async fn each_attack_on_a_sign_in_has_a_refusal_of_its_own() {
    let mut wrong = Vec::new();
    for (name, attack, text, code, requests) in ATTACKS {
        let idp = TestProvider::start();
        let query = attack(&idp);
        let provider = idp.openid(|_, _| {});
        let Err(refusal) = finish(&provider, &query, flow(), now()).await else {
            wrong.push(format!("{name}: taken"));
            continue;
        };
        let found = (refusal.to_string(), refusal.code(), idp.seen().len());
        if found != (text.replace("{url}", &idp.url), *code, *requests) {
            wrong.push(format!("{name}: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn a_good_answer_with_the_issuer_is_taken() {
    let idp = TestProvider::start();
    idp.describe(json!({ "authorization_response_iss_parameter_supported": true }));
    let provider = idp.openid(|_, _| {});
    let query = with_claims(
        &idp,
        json!({ "at_hash": hash_of_access_token(), "aud": [CLIENT, "x"], "azp": CLIENT }),
    );
    let answer = answer(&format!("{query}&iss={}", idp.url));
    assert!(provider.finish(answer, &flow(), &Wish::default(), now()).await.is_ok());
}

#[tokio::test]
async fn a_code_is_worth_nothing_with_the_verifier_of_another_flow() {
    let idp = TestProvider::start();
    let provider = idp.openid(|_, _| {});
    let sent_to = provider.begin(&Wish::default(), &flow(), now()).await.unwrap();
    let query = sent_to.split_once('?').unwrap().1;
    let challenge = Parameters::parse(query).ok().unwrap().take("code_challenge").unwrap();
    let good = sign("JWT", &idp.claims(&flow(), json!({})));
    idp.handle("/token", move |seen| {
        let verifier = seen.form("code_verifier").unwrap();
        if s256(&verifier) == challenge {
            let tokens =
                json!({ "access_token": ACCESS, "token_type": "Bearer", "id_token": good });
            (200, String::new(), tokens.to_string())
        } else {
            let text = format!("{verifier} does not fit {}", seen.form("code").unwrap());
            let error = json!({ "error": "invalid_grant", "error_description": text });
            (400, String::new(), error.to_string())
        }
    });
    assert!(finish(&provider, ANSWER, flow(), now()).await.is_ok());
    let other = Flow { verifier: "w".repeat(43), ..flow() };
    // What quotes a secret is not told.
    let refusal = finish(&provider, ANSWER, other, now()).await.unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "the token endpoint: the provider answered 400 `invalid_grant`"
    );
    assert_eq!(refusal.code(), "invalid_grant");
}

#[tokio::test]
async fn what_was_demanded_of_the_sign_in_must_be_there() {
    let idp = TestProvider::start();
    let provider = idp.openid(|_, _| {});
    let acr = |required, values: &[&str]| Wish {
        acr_required: required,
        acr_values: values.iter().map(|value| (*value).to_owned()).collect(),
        ..Wish::default()
    };
    let aged = |secs| Wish { max_age: Some(Duration::from_secs(secs)), ..Wish::default() };
    let cases = [
        (acr(true, &["silver", "gold"]), json!({}), None),
        (acr(true, &["silver"]), json!({}), Some("acr_other")),
        (acr(true, &["gold"]), json!({ "acr": null }), Some("acr_missing")),
        (acr(false, &["silver"]), json!({}), None),
        (aged(31), json!({}), None),
        (aged(30), json!({}), Some("auth_time_old")),
        (aged(600), json!({ "auth_time": null }), Some("auth_time_missing")),
        (aged(600), json!({ "auth_time": "soon" }), Some("mistyped_claim")),
    ];
    for (wish, changes, expected) in cases {
        let outcome = idp.sign_in(&provider, &wish, changes.clone()).await;
        let code = outcome.err().map(|refusal| refusal.code());
        assert_eq!(code, expected, "{wish:?} {changes}");
    }
}

#[tokio::test]
async fn a_key_that_is_new_is_fetched() {
    let idp = TestProvider::start();
    let provider = idp.openid(|_, _| {});
    assert!(idp.sign_in(&provider, &Wish::default(), json!({})).await.is_ok());
    idp.serve_json("/keys", 200, &json!({ "keys": [KEYS[1].public_jwk()] }));
    let claims = idp.claims(&flow(), json!({}));
    idp.serve_tokens(Some(KEYS[1].sign("JWT", &claims, &*random()).unwrap()), json!({}));
    assert!(finish(&provider, ANSWER, flow(), now()).await.is_ok());
    // A further one would be too soon.
    idp.serve_json("/keys", 200, &json!({ "keys": [KEYS[0].public_jwk()] }));
    idp.serve_tokens(Some(sign("JWT", &idp.claims(&flow(), json!({})))), json!({}));
    let code = finish(&provider, ANSWER, flow(), now()).await.unwrap_err().code();
    assert_eq!(code, "unknown_key");
    let later = now().plus(Duration::from_secs(10));
    idp.clock.put(later);
    assert!(finish(&provider, ANSWER, flow(), later).await.is_ok());
}

#[tokio::test]
async fn userinfo_adds_claims_and_takes_none_away() {
    let idp = TestProvider::start();
    let provider = idp.openid(|options, openid| {
        openid.userinfo = true;
        let groups = vec![GroupSource::at(pointer("/groups")), GroupSource::at(pointer("/roles"))];
        options.mapping = mapping("/sub", groups);
    });
    let json_type = "content-type: application/json\r\n";
    let elsewhere =
        json!({ "sub": "alice", "_claim_names": { "groups": "src1", "roles": "src1" } });
    let cases = [
        (
            200,
            json_type,
            json!({ "sub": "alice", "groups": ["admin"], "roles": ["r"] }).to_string(),
            Ok(vec!["staff", "r"]),
        ),
        (200, json_type, json!({ "sub": "alice", "roles": null }).to_string(), Ok(vec!["staff"])),
        (200, json_type, elsewhere.to_string(), Err("distributed_claim")),
        (200, json_type, json!({ "sub": "mallory" }).to_string(), Err("userinfo_other_subject")),
        (200, json_type, json!({ "groups": [] }).to_string(), Err("userinfo_no_subject")),
        (200, json_type, json!({ "sub": 7 }).to_string(), Err("userinfo_other_subject")),
        (200, json_type, "[]".to_owned(), Err("userinfo_not_an_object")),
        (200, json_type, r#"{"sub":"alice","sub":"alice"}"#.to_owned(), Err("userinfo_json")),
        (200, "content-type: application/jwt\r\n", "e30.e30.".to_owned(), Err("userinfo_signed")),
        (401, json_type, "{}".to_owned(), Err("userinfo_status")),
        (302, "location: https://evil.example/\r\n", String::new(), Err("unreachable")),
    ];
    for (status, fields, body, expected) in cases {
        let reply = (status, fields.to_owned(), body.clone());
        idp.handle("/userinfo", move |_| reply.clone());
        let outcome = idp.sign_in(&provider, &Wish::default(), json!({})).await;
        let groups = outcome.map(|signed_in| signed_in.facts.groups);
        let expected = expected.map(|groups| groups.into_iter().map(str::to_owned).collect());
        assert_eq!(groups.map_err(|refusal| refusal.code()), expected, "{body}");
        let asked = idp.seen().pop().unwrap();
        assert_eq!((&*asked.target, &*asked.method), ("/userinfo", "GET"));
        assert_eq!(asked.headers["authorization"], format!("Bearer {ACCESS}"));
    }
}

#[tokio::test]
async fn without_openid_connect_the_answers_of_places_say_who_it_is() {
    let hub = TestProvider::start();
    let provider = hub.oauth(|_, _| {});
    hub.serve_json(
        "/token",
        200,
        &json!({ "access_token": ACCESS, "token_type": "bearer", "scope": "read:org" }),
    );
    hub.serve_json("/api/user", 200, &json!({ "id": 583_231, "login": "octocat", "email": null }));
    let next = format!("link: <{}/api/orgs?page=2>; rel=\"next\", <x>; rel=\"last\"\r\n", hub.url);
    hub.handle("/api/orgs", move |seen| match &*seen.target {
        "/api/orgs" => (200, next.clone(), json!([{ "login": "acme" }]).to_string()),
        _ => (200, String::new(), json!([{ "login": "zeta" }]).to_string()),
    });
    let finish = || finish(&provider, ANSWER, flow(), now());
    let signed_in = finish().await.unwrap();
    assert_eq!(signed_in.facts.subject, "583231");
    assert_eq!(signed_in.facts.groups, ["org:acme", "org:zeta"]);
    assert!(signed_in.id_token.is_none() && signed_in.access_expires.is_none());
    let targets: Vec<_> = hub.seen().into_iter().map(|seen| seen.target).collect();
    assert_eq!(targets, ["/token", "/api/orgs", "/api/orgs?page=2", "/api/user"]);

    let elsewhere = "link: <https://evil.example/orgs>; rel=\"next\"\r\n";
    hub.handle("/api/orgs", move |_| (200, elsewhere.to_owned(), "[]".to_owned()));
    assert_eq!(finish().await.unwrap_err().code(), "userinfo_unfollowable");
    let endless = format!("link: <{}/api/orgs>; rel=\"next\"\r\n", hub.url);
    hub.handle("/api/orgs", move |_| (200, endless.clone(), "[]".to_owned()));
    assert_eq!(finish().await.unwrap_err().code(), "userinfo_too_many_pages");
    // GitHub answers errors with 200.
    hub.serve_json("/token", 200, &json!({ "error": "bad_verification_code" }));
    assert_eq!(finish().await.unwrap_err().code(), "invalid_grant");
    let sure = Wish { acr_required: true, ..Wish::default() };
    let refusal = provider.begin(&sure, &flow(), now()).await.unwrap_err();
    assert_eq!(refusal.code(), "assurance_impossible");
}

#[tokio::test]
async fn a_request_is_left_with_the_provider_where_it_takes_it() {
    let idp = TestProvider::start();
    let offered = json!({ "pushed_authorization_request_endpoint": format!("{}/par", idp.url) });
    idp.describe(offered);
    idp.serve_json("/par", 201, &json!({ "request_uri": "urn:x:1", "expires_in": 60 }));
    let auto = idp.openid(|_, _| {});
    let sent_to = auto.begin(&Wish::default(), &flow(), now()).await.unwrap();
    assert_eq!(
        sent_to,
        format!("{}/authorize?client_id=doorward&request_uri=urn%3Ax%3A1", idp.url)
    );
    let pushed = idp.seen().remove(0);
    assert_eq!(pushed.form("state").as_deref(), Some("state-1"));
    assert_eq!(pushed.form("client_id").as_deref(), Some(CLIENT));
    assert!(pushed.headers.contains_key("authorization"));

    let never = idp.openid(|_, openid| openid.pushed = Pushed::Never);
    assert!(never.begin(&Wish::default(), &flow(), now()).await.unwrap().contains("state=state-1"));
    assert!(idp.seen().is_empty());

    // It is never sent by the browser instead.
    idp.serve_json("/par", 400, &json!({ "error": "invalid_request" }));
    let refusal = auto.begin(&Wish::default(), &flow(), now()).await.unwrap_err();
    let text =
        "the authorization request cannot be pushed: the provider answered 400 `invalid_request`";
    assert_eq!((refusal.to_string().as_str(), refusal.code()), (text, "invalid_request"));
    idp.serve_json("/par", 201, &json!({ "request_uri": "urn:x 1" }));
    let refusal = auto.begin(&Wish::default(), &flow(), now()).await.unwrap_err();
    assert_eq!(refusal.code(), "pushed_answer");

    let other = TestProvider::start();
    let always = other.openid(|_, openid| openid.pushed = Pushed::Always);
    let refusal = always.begin(&Wish::default(), &flow(), now()).await.unwrap_err();
    assert_eq!(refusal.code(), "endpoint_missing");
}

#[tokio::test]
async fn a_sign_in_is_renewed_for_its_own_subject_or_is_over() {
    let idp = TestProvider::start();
    let provider = idp.openid(|_, _| {});
    let old = Secret::new("refresh-token-0");
    let refresh = || provider.refresh(&old, "alice", now());
    let id_token = |changes| sign("JWT", &idp.claims(&flow(), changes));

    idp.serve_tokens(Some(id_token(json!({ "nonce": null, "groups": ["new"] }))), json!({}));
    let renewed = refresh().await.unwrap();
    assert_eq!(renewed.facts.unwrap().groups, ["new"]);
    assert_eq!(renewed.refresh_token.unwrap().expose(), "refresh-token-1");
    let asked = idp.seen().remove(0);
    assert_eq!(asked.form("refresh_token").as_deref(), Some("refresh-token-0"));
    assert_eq!(asked.form("grant_type").as_deref(), Some("refresh_token"));

    idp.serve_tokens(None, json!({ "refresh_token": null }));
    let renewed = refresh().await.unwrap();
    assert!(renewed.facts.is_none() && renewed.refresh_token.is_none());

    let end = |status, body: Value| {
        idp.serve_json("/token", status, &body);
        refresh()
    };
    let cases = [
        (400, json!({ "error": "invalid_grant" }), "invalid_grant", RefreshEnd::Ended),
        (200, json!({ "error": "bad_refresh_token" }), "invalid_grant", RefreshEnd::Ended),
        (401, json!({ "error": "invalid_client" }), "invalid_client", RefreshEnd::Refused),
        (503, json!({ "error": "invalid_grant" }), "invalid_grant", RefreshEnd::Unavailable),
        (503, json!({}), "unexpected_status", RefreshEnd::Unavailable),
        (429, json!({}), "unexpected_status", RefreshEnd::Unavailable),
        (400, json!({}), "unexpected_status", RefreshEnd::Refused),
        (200, json!({}), "token_answer_no_type", RefreshEnd::Refused),
    ];
    for (status, body, code, expected) in cases {
        let refusal = end(status, body.clone()).await.unwrap_err();
        assert_eq!((refusal.code(), refusal.end()), (code, expected), "{status} {body}");
    }
    let tokens = [
        (json!({ "sub": "mallory" }), "other_subject", RefreshEnd::Ended),
        (json!({ "iss": "https://evil.example" }), "wrong_issuer", RefreshEnd::Refused),
        (json!({ "aud": "other" }), "audience_other", RefreshEnd::Refused),
        (json!({ "events": {} }), "foreign_claim", RefreshEnd::Refused),
    ];
    for (changes, code, expected) in tokens {
        idp.serve_tokens(Some(id_token(changes)), json!({}));
        let refusal = refresh().await.unwrap_err();
        assert_eq!((refusal.code(), refusal.end()), (code, expected));
    }
    let gone = TestProvider::start();
    gone.describe(json!({ "issuer": "https://evil.example" }));
    let refusal = gone.openid(|_, _| {}).refresh(&old, "alice", now()).await.unwrap_err();
    assert_eq!(refusal.end(), RefreshEnd::Unavailable);
}

#[tokio::test]
async fn a_logout_token_ends_a_session_and_signs_nobody_in() {
    let idp = TestProvider::start();
    let event = json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
    let claims = |changes| {
        let claims = json!({
            "iss": idp.url, "aud": CLIENT, "iat": NOW, "exp": NOW + 120, "jti": "logout-1",
            "sub": "alice", "sid": "session-1", "events": event,
        });
        changed(claims, changes)
    };
    let strict = idp.openid(|_, _| {});
    let ended = strict.logout_token(&sign("logout+jwt", &claims(json!({}))), now()).await.unwrap();
    assert_eq!(ended.subject.as_deref(), Some("alice"));
    assert_eq!(ended.session.as_deref(), Some("session-1"));
    assert_eq!(ended.jti, "logout-1");
    assert_eq!(ended.until, Timestamp::from_secs(NOW + 150));

    let offline = json!({
        "http://schemas.openid.net/event/backchannel-logout": {}, "revoke_offline_access": true,
    });
    let cases = [
        ("logout+jwt", json!({ "sid": null }), None),
        ("logout+jwt", json!({ "sub": null }), None),
        ("logout+jwt", json!({ "events": offline }), None),
        ("LOGOUT+JWT", json!({}), None),
        ("JWT", json!({}), Some("type_not_allowed")),
        ("at+jwt", json!({}), Some("type_not_allowed")),
        ("logout+jwt", json!({ "nonce": "nonce-1" }), Some("foreign_claim")),
        ("logout+jwt", json!({ "events": null }), Some("missing_claim")),
        (
            "logout+jwt",
            json!({ "events": { "http://example.com/other": {} } }),
            Some("mistyped_claim"),
        ),
        ("logout+jwt", json!({ "events": [] }), Some("mistyped_claim")),
        ("logout+jwt", json!({ "sub": null, "sid": null }), Some("missing_claim")),
        ("logout+jwt", json!({ "jti": null }), Some("missing_claim")),
        ("logout+jwt", json!({ "iat": null }), Some("missing_claim")),
        ("logout+jwt", json!({ "exp": null }), Some("missing_claim")),
        ("logout+jwt", json!({ "aud": null }), Some("missing_claim")),
        ("logout+jwt", json!({ "aud": "other" }), Some("audience_other")),
        ("logout+jwt", json!({ "iss": "https://evil.example" }), Some("wrong_issuer")),
        ("logout+jwt", json!({ "iat": NOW - 200, "exp": NOW - 30 }), Some("expired")),
        ("logout+jwt", json!({ "iat": NOW - 630, "exp": NOW + 9000 }), Some("too_old")),
        ("logout+jwt", json!({ "iat": NOW + 31 }), Some("issued_in_future")),
    ];
    for (typ, changes, expected) in cases {
        let token = sign(typ, &claims(changes.clone()));
        let code = strict.logout_token(&token, now()).await.err().map(|refusal| refusal.code());
        assert_eq!(code, expected, "{typ} {changes}");
    }
    // An ID token is none, and a logout token of an older provider is no ID token.
    let older = idp.openid(|_, openid| openid.untyped_logout_tokens = true);
    assert!(older.logout_token(&sign("JWT", &claims(json!({}))), now()).await.is_ok());
    let id_token = sign("JWT", &idp.claims(&flow(), json!({ "jti": "x" })));
    let code = older.logout_token(&id_token, now()).await.unwrap_err().code();
    assert_eq!(code, "foreign_claim");
    let id_token = sign("JWT", &idp.claims(&flow(), json!({ "jti": "x", "nonce": null })));
    let code = older.logout_token(&id_token, now()).await.unwrap_err().code();
    assert_eq!(code, "missing_claim");

    let by_object = idp.openid(|options, _| options.mapping = mapping("/oid", Vec::new()));
    let ended =
        by_object.logout_token(&sign("logout+jwt", &claims(json!({}))), now()).await.unwrap();
    assert_eq!((ended.subject, ended.session.as_deref()), (None, Some("session-1")));
    let subject_only = sign("logout+jwt", &claims(json!({ "sid": null })));
    let code = by_object.logout_token(&subject_only, now()).await.unwrap_err().code();
    assert_eq!(code, "subject_unmapped");
    let code = idp.oauth(|_, _| {}).logout_token(&subject_only, now()).await.unwrap_err().code();
    assert_eq!(code, "not_openid");
}

#[tokio::test]
async fn who_signs_out_can_sign_out_with_the_provider_too() {
    let idp = TestProvider::start();
    let provider = idp.openid(|_, _| {});
    let hint = Secret::new("e30.e30.e30");
    let url = provider.end_session(Some(&hint), Some("https://x.example/bye"), Some("s"), now());
    let expected = format!(
        "{}/logout?theme=dark&id_token_hint=e30.e30.e30&client_id=doorward\
         &post_logout_redirect_uri=https%3A%2F%2Fx.example%2Fbye&state=s",
        idp.url
    );
    assert_eq!(url.await, Some(expected));
    assert_eq!(idp.oauth(|_, _| {}).end_session(None, None, None, now()).await, None);
    let other = TestProvider::start();
    other.describe(json!({ "end_session_endpoint": null }));
    assert_eq!(other.openid(|_, _| {}).end_session(None, None, None, now()).await, None);
}

#[tokio::test]
async fn places_that_the_operator_names_come_before_those_that_are_learned() {
    let idp = TestProvider::start();
    idp.describe(json!({ "token_endpoint": "https://10.0.0.1/token" }));
    let provider = idp.openid(|_, openid| {
        openid.endpoints.token = Some(format!("{}/token", idp.url));
    });
    assert!(idp.sign_in(&provider, &Wish::default(), json!({})).await.is_ok());
}

#[tokio::test]
async fn nothing_that_is_secret_is_shown() {
    let idp = TestProvider::start();
    let provider = idp.openid(|_, _| {});
    let signed_in = idp.sign_in(&provider, &Wish::default(), json!({})).await.unwrap();
    let answer = answer(ANSWER);
    let shown = format!("{provider:?} {signed_in:?} {answer:?} {:?}", flow());
    for secret in [SECRET, ACCESS, "refresh-token-1", "code-1", "state-1", "nonce-1", "vvvv", "eyJ"]
    {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
}

#[tokio::test]
async fn the_error_of_an_unreachable_provider_is_one_to_try_again_after() {
    let idp = TestProvider::start();
    let provider = idp.openid(|_, openid| {
        // Nobody listens at the discard port.
        openid.endpoints.token = Some("http://127.0.0.1:9/token".to_owned());
    });
    let refusal =
        provider.finish(answer(ANSWER), &flow(), &Wish::default(), now()).await.unwrap_err();
    assert!(refusal.retry_may_help(), "{refusal}");
    let declined =
        |error: &str| answer(&format!("error={error}&state=state-1")).outcome.unwrap_err();
    assert_eq!(declined("login_required").0, AuthorizationError::LoginRequired);
    assert!(matches!(refusal, SignInRefusal::Grant(GrantRefusal::Token(CallError::Egress(_)))));
}

#[test]
fn keys_of_another_issuer_are_no_keys() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (idp, other) = (TestProvider::start(), TestProvider::start());
        let options = idp.openid(|_, _| {}).options().clone();
        let egress = crate::provider::test_provider::egress();
        for keys in [None, Some(other.keys())] {
            let egress = Arc::clone(&egress);
            let error = Provider::new(options.clone(), egress, keys, random()).unwrap_err();
            assert_eq!(error.to_string(), format!("expected the keys of issuer `{}`", idp.url));
        }
    });
}

fn s256(text: &str) -> String {
    use base64::Engine as _;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest)
}

fn hash_of_access_token() -> String {
    use base64::Engine as _;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, ACCESS.as_bytes());
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&digest.as_ref()[..16])
}

#[tokio::test]
async fn each_way_to_authenticate_says_so_in_its_own_place() {
    let idp = TestProvider::start();
    let key = Arc::new(tokens::SigningKey::generate(tokens::Algorithm::Es256, &*random()).unwrap());
    let ways = [
        ClientAuth::None,
        ClientAuth::MutualTls,
        ClientAuth::SecretPost(Secret::new(SECRET)),
        ClientAuth::PrivateKeyJwt(Arc::clone(&key)),
    ];
    for way in ways {
        let provider = idp.openid(|options, _| options.client_auth = way.clone());
        idp.sign_in(&provider, &Wish::default(), json!({})).await.unwrap();
        let asked = idp.seen().remove(0);
        assert_eq!(asked.form("client_id").as_deref(), Some(CLIENT));
        assert!(!asked.headers.contains_key("authorization"));
        let secret = matches!(way, ClientAuth::SecretPost(_)).then(|| SECRET.to_owned());
        assert_eq!(asked.form("client_secret"), secret);
        assert_eq!(
            asked.form("client_assertion").is_some(),
            matches!(way, ClientAuth::PrivateKeyJwt(_))
        );
    }
}
