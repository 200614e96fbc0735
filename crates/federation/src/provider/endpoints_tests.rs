use std::time::Duration;

use ledger::keys::{IssuerKeyOptions, KeySource, KeyTiming};
use serde_json::json;

use super::*;
use crate::provider::test_provider::{TestProvider, flow, now};
use crate::provider::{OwnEndpoints, Wish};

#[tokio::test]
async fn metadata_are_fetched_once_and_believed_for_a_while_when_the_provider_is_down() {
    let idp = TestProvider::start();
    let provider = idp.openid(|_, _| {});
    let (wish, flow) = (Wish::default(), flow());
    let begin = |now| provider.begin(&wish, &flow, now);
    for _ in 0..3 {
        assert!(begin(now()).await.is_ok());
    }
    assert_eq!(idp.fetches(), 1);
    idp.handle("/.well-known/openid-configuration", |_| (503, String::new(), String::new()));
    // Five minutes of life where nothing is said about it, and an hour of grace.
    let grace = Duration::from_secs(3900);
    let last = now().plus(grace).minus(Duration::from_millis(1));
    assert!(begin(last).await.is_ok());
    idp.clock.put(now().plus(grace));
    let refusal = begin(now().plus(grace)).await.unwrap_err();
    assert_eq!(refusal.code(), "metadata_unavailable");
    assert!(refusal.retry_may_help());
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
async fn who_shows_a_certificate_is_expected_elsewhere() {
    let idp = TestProvider::start();
    let aliases =
        json!({ "mtls_endpoint_aliases": { "token_endpoint": format!("{}/mtls/token", idp.url) } });
    idp.describe(aliases);
    let at = async |auth: ClientAuth| {
        let provider = idp.openid(|options, _| options.client_auth = auth);
        let endpoints = Endpoints::at(provider.options(), Some(&idp.keys()), now()).await.unwrap();
        (endpoints.token.to_string(), endpoints.userinfo.unwrap().to_string())
    };
    let (token, mtls) = (format!("{}/token", idp.url), format!("{}/mtls/token", idp.url));
    let userinfo = format!("{}/userinfo", idp.url);
    assert_eq!(at(ClientAuth::None).await, (token, userinfo.clone()));
    assert_eq!(at(ClientAuth::MutualTls).await, (mtls, userinfo));
}

#[tokio::test]
async fn a_provider_without_metadata_has_the_places_that_the_operator_names_or_none() {
    let idp = TestProvider::start();
    let keys = |source| {
        let timing = KeyTiming::default();
        idp.keys_of(IssuerKeyOptions::new("corp", &idp.url, source, false, timing).unwrap())
    };
    let keys = keys(KeySource::JwksUri(format!("{}/keys", idp.url)));
    let at = async |own: OwnEndpoints| {
        let provider = idp.openid(|_, openid| openid.endpoints = own);
        Endpoints::at(provider.options(), Some(&keys), now()).await
    };
    let authorization = Some(format!("{}/a", idp.url));
    let token = Some(format!("{}/t", idp.url));
    let both =
        OwnEndpoints { authorization: authorization.clone(), token, ..OwnEndpoints::default() };
    let endpoints = at(both).await.unwrap();
    assert_eq!(Some(endpoints.authorization), authorization);
    assert!(endpoints.userinfo.is_none() && endpoints.end_session.is_none());
    assert!(!endpoints.issuer_in_answers);
    let one = OwnEndpoints { authorization, ..OwnEndpoints::default() };
    assert_eq!(at(one).await.unwrap_err(), EndpointsError::Missing { name: "token_endpoint" });
    assert_eq!(idp.fetches(), 0);
}

#[tokio::test]
async fn a_place_for_browsers_is_judged_as_one_for_us() {
    let plain = "cannot be used: expected https: plain http is accepted only to a loopback address that is \
         configured, or with `danger_plain_http`";
    let cases = [
        (
            "javascript:alert(1)",
            "cannot be used: expected an absolute URL that begins with `https://`",
        ),
        ("http://evil.example/a", plain),
        ("https://idp.example.com/a#b", "cannot be used: expected a URL without a fragment (`#`)"),
    ];
    for (url, cause) in cases {
        let idp = TestProvider::start();
        idp.describe(json!({ "authorization_endpoint": url }));
        let provider = idp.openid(|_, _| {});
        let refusal = provider.begin(&Wish::default(), &flow(), now()).await.unwrap_err();
        let expected = format!("the provider's `authorization_endpoint` `{url}` {cause}");
        assert_eq!(refusal.to_string(), expected);
        assert_eq!(refusal.code(), "endpoint_unfit");
    }
}
