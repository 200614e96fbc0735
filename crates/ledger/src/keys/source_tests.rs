use crate::Clock;
use crate::keys::RefetchOutcome;
use crate::keys::test_issuer::{TestIssuer, discover, key_set, kid};

#[tokio::test]
async fn metadata_is_found_at_the_place_of_oauth_too() {
    const OAUTH: &str = "/.well-known/oauth-authorization-server/realm";
    let issuer = TestIssuer::start();
    let name = format!("{}/realm", issuer.url);
    let metadata =
        serde_json::json!({ "issuer": name, "jwks_uri": format!("{}/keys", issuer.url) });
    issuer.serve(OAUTH, metadata.to_string());
    issuer.serve("/keys", key_set(&[0]));
    let (clock, keys) = discover(&name);
    assert_eq!(keys.refetch_for_unknown_key(&kid(0), clock.now()).await, RefetchOutcome::Found);
    assert_eq!(issuer.requests(), ["/realm/.well-known/openid-configuration", OAUTH, "/keys"]);
}

#[tokio::test]
async fn discovery_that_leads_astray_brings_no_keys() {
    let metadata = |issuer: &str, jwks_uri: &str| {
        serde_json::json!({ "issuer": issuer, "jwks_uri": jwks_uri }).to_string()
    };
    type Case = (fn(&str) -> (String, String), fn(&str) -> String);
    let cases: [Case; 4] = [
        (
            |_| ("https://other.example".to_owned(), "https://other.example/keys".to_owned()),
            |url| format!("the metadata is of issuer `https://other.example`; expected `{url}`"),
        ),
        (
            |url| (url.to_owned(), "http://10.0.0.1/keys".to_owned()),
            |_| {
                "the metadata's `jwks_uri` `http://10.0.0.1/keys` cannot be fetched: expected https: plain http is \
                 accepted only to a loopback address that is configured, or with `danger_plain_http`"
                    .to_owned()
            },
        ),
        (
            |url| (url.to_owned(), "https://169.254.169.254/keys".to_owned()),
            |_| {
                "`https://169.254.169.254/keys` was learned from a fetched document and resolves to 169.254.169.254, \
                 a link-local address, which only a configured URL may reach; configure the URL itself"
                    .to_owned()
            },
        ),
        (
            |url| (url.to_owned(), "https://localhost/keys".to_owned()),
            |_| {
                "`https://localhost/keys` was learned from a fetched document and resolves to "
                    .to_owned()
            },
        ),
    ];
    for (content, expected) in cases {
        let issuer = TestIssuer::start();
        let (name, jwks_uri) = content(&issuer.url);
        issuer.serve("/.well-known/openid-configuration", metadata(&name, &jwks_uri));
        let (clock, keys) = discover(&issuer.url);
        let asked = keys.refetch_for_unknown_key(&kid(0), clock.now()).await;
        assert_eq!(asked, RefetchOutcome::Failed);
        let error = keys.status(clock.now()).last_error.unwrap();
        assert!(error.starts_with(&expected(&issuer.url)), "{error}");
        assert_eq!(issuer.requests(), ["/.well-known/openid-configuration"]);
    }
    let issuer = TestIssuer::start();
    let (clock, keys) = discover(&issuer.url);
    assert_eq!(keys.refetch_for_unknown_key(&kid(0), clock.now()).await, RefetchOutcome::Failed);
    let url = &issuer.url;
    let expected = format!(
        "the issuer has no metadata: `{url}/.well-known/openid-configuration` answered 404; expected 200; \
         `{url}/.well-known/oauth-authorization-server` answered 404; expected 200"
    );
    assert_eq!(keys.status(clock.now()).last_error, Some(expected));
}
