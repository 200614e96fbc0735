use super::*;
use crate::provider::secret::Secret;
use crate::provider::test_provider::{mapping, random};

fn openid() -> ProviderOptions {
    let protocol = Protocol::Openid(Openid::new("https://idp.example.com", vec![Algorithm::Rs256]));
    let redirect = "https://sign-in.example.com/.doorward/callback/corp";
    ProviderOptions::new("corp", protocol, "doorward", redirect, mapping("/sub", Vec::new()))
}

fn oauth(change: impl FnOnce(&mut OAuth)) -> ProviderOptions {
    let mut oauth = OAuth {
        issuer: None,
        authorization: "https://hub.example.com/authorize".to_owned(),
        token: "https://hub.example.com/token".to_owned(),
        userinfo: [("user".to_owned(), "https://api.hub.example.com/user".to_owned())].into(),
    };
    change(&mut oauth);
    ProviderOptions { protocol: Protocol::OAuth(oauth), scopes: Vec::new(), ..openid() }
}

#[test]
fn each_way_to_be_wrong_is_said() {
    let key = tokens::SigningKey::generate(Algorithm::Es256, &*random()).unwrap();
    let signed = ClientAuth::PrivateKeyJwt(Arc::new(key));
    let reserved = |name: &str| [(name.to_owned(), "x".to_owned())].into();
    let own = |url: &str| {
        let endpoints = OwnEndpoints { token: Some(url.to_owned()), ..OwnEndpoints::default() };
        Protocol::Openid(Openid { endpoints, ..Openid::new("https://idp.example.com", Vec::new()) })
    };
    let plain = "expected https: plain http is accepted only to a loopback address that is configured, or with `danger_plain_http`";
    let cases: Vec<(ProviderOptions, String)> = vec![
        (
            ProviderOptions { client_id: String::new(), ..openid() },
            "expected a client id of printable ASCII".to_owned(),
        ),
        (
            ProviderOptions { client_id: "dörward".to_owned(), ..openid() },
            "expected a client id of printable ASCII".to_owned(),
        ),
        (
            ProviderOptions { scopes: vec!["email".to_owned()], ..openid() },
            "expected `openid` among the scopes (OpenID Connect Core §3.1.2.1)".to_owned(),
        ),
        (
            ProviderOptions { scopes: vec!["openid email".to_owned()], ..openid() },
            "`openid email` is not a scope: expected printable ASCII without spaces, `\"` and `\\`".to_owned(),
        ),
        (
            ProviderOptions { parameters: reserved("nonce"), ..openid() },
            "parameter `nonce` cannot be set: it is written by the sign-in itself".to_owned(),
        ),
        (
            ProviderOptions { parameters: reserved("response_mode"), ..openid() },
            "parameter `response_mode` cannot be set: it is written by the sign-in itself".to_owned(),
        ),
        (
            ProviderOptions { redirect_uri: "http://sign-in.example.com/".to_owned(), ..openid() },
            format!("`http://sign-in.example.com/` cannot be used: {plain}"),
        ),
        (
            ProviderOptions { protocol: own("http://idp.example.com/token"), ..openid() },
            format!("`http://idp.example.com/token` cannot be used: {plain}"),
        ),
        (
            oauth(|oauth| oauth.userinfo.clear()),
            "expected at least one place that says who signs in".to_owned(),
        ),
        (
            oauth(|oauth| oauth.token = "hub.example.com".to_owned()),
            "`hub.example.com` cannot be used: expected an absolute URL that begins with `https://`".to_owned(),
        ),
        (
            ProviderOptions { client_auth: signed, ..oauth(|_| ()) },
            "`private_key_jwt` needs the provider's `issuer`, for whom the assertion is (rfc7523bis)".to_owned(),
        ),
    ];
    for (options, expected) in cases {
        assert_eq!(options.check().unwrap_err().to_string(), expected);
    }
    let prompt = ProviderOptions { parameters: reserved("prompt"), ..openid() };
    let plain = ProviderOptions {
        danger_plain_http: true,
        protocol: own("http://idp.example.com/t"),
        ..openid()
    };
    let secret = ClientAuth::SecretPost(Secret::new("s"));
    for good in [
        openid(),
        oauth(|_| ()),
        prompt,
        plain,
        ProviderOptions { client_auth: secret, ..openid() },
    ] {
        assert_eq!(good.check(), Ok(()));
    }
}
