use super::*;
use crate::keys::test_issuer::key_set;

#[test]
fn options_that_cannot_work_are_refused_at_once() {
    let url = |url: &str| KeySource::JwksUri(url.to_owned());
    let discovery = KeySource::Discovery;
    let cases = [
        (
            "http://idp.example.com",
            discovery.clone(),
            "`http://idp.example.com` cannot be fetched: expected https: plain http is accepted only to a loopback \
             address that is configured, or with `danger_plain_http`",
        ),
        (
            "idp.example.com",
            discovery.clone(),
            "`idp.example.com` cannot be fetched: expected an absolute URL that begins with `https://`",
        ),
        (
            "https://idp.example.com?tenant=a",
            discovery,
            "issuer `https://idp.example.com?tenant=a` has a query, and discovery needs one without (OpenID Connect \
             Discovery 1.0 §3)",
        ),
        (
            "corp",
            url("https://user@idp.example.com/keys"),
            "`https://user@idp.example.com/keys` cannot be fetched: expected a URL without userinfo (`user:password@`)",
        ),
        (
            "corp",
            KeySource::Inline("[]".to_owned()),
            "the inline key set is not usable: expected a key set: an object with an array called `keys`",
        ),
        (
            "corp",
            KeySource::Inline(r#"{"keys":[]}"#.to_owned()),
            "the inline key set is not usable: the key set has no usable key",
        ),
    ];
    for (issuer, source, expected) in cases {
        assert_eq!(options(issuer, source, false).unwrap_err().to_string(), expected);
    }
}

#[test]
fn an_issuer_need_not_be_a_url_when_its_keys_are_given() {
    for source in [
        KeySource::JwksUri("https://idp.example.com/keys".to_owned()),
        KeySource::Inline(key_set(&[0])),
        KeySource::File("keys.json".into()),
    ] {
        assert!(options("corp", source, false).is_ok());
    }
}

#[test]
fn plain_http_to_another_machine_needs_the_danger_named() {
    assert!(options("http://idp.example.com", KeySource::Discovery, true).is_ok());
    assert!(options("http://127.0.0.1:9000/a", KeySource::Discovery, false).is_ok());
}

#[test]
fn where_keys_come_from_can_be_said() {
    let cases = [
        (KeySource::Discovery, "discovery at https://idp.example.com"),
        (
            KeySource::JwksUri("https://idp.example.com/k?secret".to_owned()),
            "https://idp.example.com/k",
        ),
        (KeySource::Inline(key_set(&[0])), "inline"),
        (KeySource::File("keys.json".into()), "file keys.json"),
    ];
    for (source, expected) in cases {
        assert_eq!(
            options("https://idp.example.com", source, false).unwrap().to_string(),
            expected
        );
    }
}

fn options(
    issuer: &str,
    source: KeySource,
    danger: bool,
) -> Result<IssuerKeyOptions, KeyOptionsError> {
    IssuerKeyOptions::new("corp", issuer, source, danger, KeyTiming::default())
}
