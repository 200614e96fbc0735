//! What can be done to a sign-in, and how it is refused.

use serde_json::{Value, json};

use crate::provider::MAX_TOKEN_ANSWER_BYTES;
use crate::provider::test_provider::{
    ANSWER, CLIENT, KEYS, NOW, TestProvider, changed, finish, flow, now, random, sign,
};

/// What a row does to the provider and to the answer: the query that comes back.
type Attack = fn(&TestProvider) -> String;

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
        |idp| idp.answer_with(json!({ "nonce": null })),
        "the ID token is refused: claim `nonce` is missing",
        "nonce_missing",
        1,
    ),
    (
        "code injection: the nonce of another flow",
        |idp| idp.answer_with(json!({ "nonce": "nonce-2" })),
        "the ID token is refused: claim `nonce` is not that of the request",
        "nonce_other",
        1,
    ),
    (
        "an ID token for another client",
        |idp| idp.answer_with(json!({ "aud": "other" })),
        "the ID token is refused: claim `aud` does not have our client id",
        "audience_other",
        1,
    ),
    (
        "an ID token issued to another client",
        |idp| idp.answer_with(json!({ "azp": "other" })),
        "the ID token is refused: claim `azp` is not our client id",
        "authorized_party_other",
        1,
    ),
    (
        "an ID token for several, issued to nobody",
        |idp| idp.answer_with(json!({ "aud": [CLIENT, "other"] })),
        "the ID token is refused: claim `azp` is missing",
        "missing_claim",
        1,
    ),
    (
        "an ID token for several, issued to another",
        |idp| idp.answer_with(json!({ "aud": [CLIENT, "other"], "azp": "other" })),
        "the ID token is refused: claim `azp` is not our client id",
        "authorized_party_other",
        1,
    ),
    (
        "an ID token of another issuer",
        |idp| idp.answer_with(json!({ "iss": "https://evil.example" })),
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
            idp.answer_with(
                json!({ "events": { "http://schemas.openid.net/event/backchannel-logout": {} } }),
            )
        },
        "the ID token is refused: claim `events` has no place in an ID token",
        "foreign_claim",
        1,
    ),
    (
        "an expired ID token",
        |idp| idp.answer_with(json!({ "iat": NOW - 300, "exp": NOW - 30 })),
        "the ID token is refused: the token expired at 1699999970.000",
        "expired",
        1,
    ),
    (
        "an ID token whose end is text",
        |idp| idp.answer_with(json!({ "exp": "1700000300" })),
        "the ID token is refused: claim `exp` is not a date: seconds since 1970, up to the year 9999",
        "mistyped_claim",
        1,
    ),
    (
        "an old ID token that never ends",
        |idp| idp.answer_with(json!({ "iat": NOW - 630, "exp": NOW + 86_400 })),
        "the ID token is refused: the token was issued at 1699999370.000, longer than 600s ago",
        "too_old",
        1,
    ),
    (
        "an ID token of the future",
        |idp| idp.answer_with(json!({ "iat": NOW + 31 })),
        "the ID token is refused: the token was issued in the future, at 1700000031.000",
        "issued_in_future",
        1,
    ),
    (
        "an ID token without an issue time",
        |idp| idp.answer_with(json!({ "iat": null })),
        "the ID token is refused: claim `iat` is missing",
        "missing_claim",
        1,
    ),
    (
        "an ID token of another access token",
        |idp| idp.answer_with(json!({ "at_hash": "77QmUPtjPfzWtF2AnpK9RQ" })),
        "the ID token is refused: claim `at_hash` does not belong to the access token",
        "access_token_hash",
        1,
    ),
    (
        "a sign-in of the future",
        |idp| idp.answer_with(json!({ "auth_time": NOW + 31 })),
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
