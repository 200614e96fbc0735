use super::*;

#[test]
fn metadata_is_looked_for_where_the_standards_say() {
    let cases = [
        (
            "https://idp.example.com",
            "https://idp.example.com/.well-known/openid-configuration",
            "https://idp.example.com/.well-known/oauth-authorization-server",
        ),
        (
            "https://idp.example.com/",
            "https://idp.example.com/.well-known/openid-configuration",
            "https://idp.example.com/.well-known/oauth-authorization-server",
        ),
        (
            "https://idp.example.com:8443/realms/corp",
            "https://idp.example.com:8443/realms/corp/.well-known/openid-configuration",
            "https://idp.example.com:8443/.well-known/oauth-authorization-server/realms/corp",
        ),
        (
            "https://[2001:db8::1]/a/",
            "https://[2001:db8::1]/a/.well-known/openid-configuration",
            "https://[2001:db8::1]/.well-known/oauth-authorization-server/a",
        ),
    ];
    for (issuer, oidc, oauth) in cases {
        assert_eq!(well_known(issuer), [oidc, oauth], "{issuer}");
    }
}

#[test]
fn metadata_is_that_of_exactly_the_pinned_issuer() {
    let document =
        |issuer: &str| format!(r#"{{"issuer":"{issuer}","jwks_uri":"https://x/keys","x":[]}}"#);
    let parse = |issuer: &str| {
        IssuerMetadata::parse(document(issuer).as_bytes(), "https://idp.example.com")
    };
    assert_eq!(parse("https://idp.example.com").unwrap().jwks_uri, "https://x/keys");
    for issuer in
        ["https://idp.example.com/", "https://IDP.example.com", "https://idp.example.com:443", ""]
    {
        let expected =
            format!("the metadata is of issuer `{issuer}`; expected `https://idp.example.com`");
        assert_eq!(parse(issuer).unwrap_err().to_string(), expected);
    }
}

#[test]
fn metadata_of_another_shape_is_refused() {
    let cases = [
        ("", "the metadata cannot be read: EOF while parsing a value at line 1 column 0"),
        (
            "null",
            "the metadata cannot be read: invalid type: null, expected struct IssuerMetadata at line 1 col…",
        ),
        (
            r#"{"issuer":"i"}"#,
            "the metadata cannot be read: missing field `jwks_uri` at line 1 column 14",
        ),
        (
            r#"{"issuer":"i","issuer":"i","jwks_uri":"u"}"#,
            "the metadata cannot be read: duplicate field `issuer` at line 1 column 22",
        ),
        (
            r#"{"issuer":"i","jwks_uri":1}"#,
            "the metadata cannot be read: invalid type: integer `1`, expected a string at line 1 column 26",
        ),
    ];
    for (document, expected) in cases {
        let error = IssuerMetadata::parse(document.as_bytes(), "i").unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}
