use std::time::Duration;

use serde_json::json;
use tokens::GroupSource;

use super::*;
use crate::form::Parameters;
use crate::provider::test_provider::{
    ACCESS, ANSWER, CLIENT, KEYS, NOW, REDIRECT, SECRET, TestProvider, answer, finish, flow,
    mapping, now, pointer, random, sign,
};
use crate::provider::{AuthorizationError, CallError, ClientAuth};

#[tokio::test]
async fn who_signs_in_is_sent_there_and_comes_back_as_somebody() {
    let idp = TestProvider::start();
    let provider = idp.openid(|options, _| {
        options.scopes.push("email".to_owned());
        options.parameters.insert("hd".to_owned(), "example.com".to_owned());
        options.parameters.insert("prompt".to_owned(), "select_account".to_owned());
    });
    let wish = Wish {
        acr_values: vec!["gold".to_owned(), "silver".to_owned()],
        acr_required: true,
        max_age: Some(Duration::from_secs(600)),
        login_hint: Some("alice@example.com".to_owned()),
    };
    let (flow, now) = (flow(), now());

    let sent_to = provider.begin(&wish, &flow, now).await.unwrap();
    let expected = format!(
        "{}/authorize?response_type=code&client_id=doorward\
         &redirect_uri=https%3A%2F%2Fsign-in.example.com%2F.doorward%2Fcallback%2Fcorp\
         &scope=openid%20email&state=state-1\
         &code_challenge=lUwFfqRmOVnBOhnxlFXeeBxAvBxHa5Q1FCNHAbRpnHo&code_challenge_method=S256\
         &nonce=nonce-1&acr_values=gold%20silver&max_age=600\
         &login_hint=alice%40example.com&hd=example.com&prompt=select_account",
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
    assert_eq!(signed_in.keepsakes.refresh_token.unwrap().expose(), "refresh-token-1");
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

#[tokio::test]
async fn a_good_answer_with_the_issuer_is_taken() {
    let idp = TestProvider::start();
    idp.describe(json!({ "authorization_response_iss_parameter_supported": true }));
    let provider = idp.openid(|_, _| {});
    let query = idp.answer_with(
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
    assert!(signed_in.keepsakes.id_token.is_none());
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
