//! `doorward explain`: a request in; route, rules and verdict out.

#[expect(dead_code, reason = "no clock is looked at here")]
mod web;

use anyhow::Result;
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};
use testbed::Authority;
use tokens::Algorithm;
use web::{Ran, Web, run};

const CONFIG: &str = r#"listen: { http: "127.0.0.1:8080" }
issuers:
  corp: { issuer: "{issuer}", groups: /groups }
services:
  orders: { audience: orders, endpoints: ["http://127.0.0.1:9001"] }
routes:
  - name: all
    match: { host: "*", path: "/**", methods: ["*"] }
    service: orders
    accept: [corp]
    deny: [{ groups: [interns] }]
  - name: read
    match: { host: shop.test, path: "/orders/{id}", methods: [GET] }
    service: orders
    accept: [corp]
    allow: [{ groups: [support] }]
"#;

const BY_CERTIFICATE: &str = r#"listen: { https: { address: "127.0.0.1:8443", certificates: [tls.pem] } }
issuers:
  hosts: { certificates: { ca: ca.pem, subject: dns_name } }
  corp: { issuer: "https://idp.test", keys: { jwks_uri: "https://idp.test/keys" } }
services:
  orders: { audience: orders, endpoints: ["http://127.0.0.1:9001"] }
routes:
  - name: read
    match: { host: shop.test, path: "/orders/{id}", methods: [GET] }
    service: orders
    accept: [hosts]
    allow: [{ workloads: [billing.test] }]
"#;

fn folder(issuer: &str) -> Result<TempDir> {
    let folder = tempdir()?;
    std::fs::write(folder.path().join("doorward.yaml"), CONFIG.replace("{issuer}", issuer))?;
    Ok(folder)
}

fn explain(folder: &TempDir, arguments: &[&str], input: &str) -> Result<Ran> {
    run(folder.path(), &[&["explain"], arguments].concat(), input)
}

const AT: &str = "2026-11-23T12:00:00Z";
const ORDER: &str = "http://shop.test/orders/7?full=1";

#[test]
fn a_permit_is_explained_rule_by_rule() -> Result<()> {
    let folder = folder("https://idp.test")?;
    let claims = json!({ "sub": "alice", "groups": ["support"] }).to_string();
    let ran = explain(&folder, &["--url", ORDER, "--claims", "-", "--at", AT], &claims)?;
    let expected = r#"request   GET shop.test/orders/7?full=1
  client  127.0.0.1
  at      2026-11-23T12:00:00Z
route     read: GET shop.test/orders/{id}  (doorward.yaml:12)
  service orders (audience `orders`)
  bound   by the deny and require of the broader all: * */**
identity  corp/alice (user); groups support; no scopes; audiences orders
  note    signed as `corp` with a throwaway ES256 key, `typ` at+jwt
  note    filled in `iss`: "https://idp.test"
  note    filled in `aud`: "orders"
  note    filled in `iat`: 1795435200
  note    filled in `exp`: 1795435500
  note    filled in `client_id`: "doorward-explain"
  note    filled in `jti`: "doorward-explain"
policies  + holds, - misses, ? could not be evaluated
  - all/deny/0 forbid  (doorward.yaml:11)
      + resource in Route::"all"
      - principal in Group::"corp/interns"
  + read/allow/0 permit  (doorward.yaml:16)
      + resource == Route::"read"
      + !(principal is Anonymous)
      + principal in Group::"corp/support"
verdict   permit, by read/allow/0
"#;
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str(), ran.status), (expected, "", Some(0)));
    Ok(())
}

#[test]
fn claims_go_through_the_same_checks_as_a_token() -> Result<()> {
    let folder = folder("https://idp.test")?;
    let verdict = |claims: Value| -> Result<(Option<i32>, String)> {
        let arguments = ["--url", ORDER, "--claims", "-", "--at", AT];
        let ran = explain(&folder, &arguments, &claims.to_string())?;
        Ok((ran.status, ran.stdout.lines().last().unwrap_or_default().to_owned()))
    };
    for (claims, expected) in [
        (json!({}), "denial, 401 missing_claim: claim `sub` is missing"),
        (
            json!({ "sub": "a", "aud": "account" }),
            "denial, 401 wrong_audience: the token is for `account`, and this service is `orders`",
        ),
        (
            json!({ "sub": "a", "exp": 1_795_000_000 }),
            "denial, 401 expired: the token expired at 1795000000.000",
        ),
        (
            json!({ "sub": "a", "groups": ["support", "interns"] }),
            "denial, 403 forbidden: a rule denies it, by all/deny/0",
        ),
        (json!({ "sub": "a" }), "denial, 403 no_permit: no rule allows it"),
    ] {
        let told = verdict(claims.clone())?;
        assert_eq!(told, (Some(1), format!("verdict   {expected}")), "{claims}");
    }
    Ok(())
}

#[test]
fn a_token_is_verified_with_the_keys_of_its_issuer() -> Result<()> {
    let issuer = Web::start(Algorithm::Es256)?;
    let folder = folder(&issuer.url())?;
    let token = issuer.token("at+jwt", json!({ "groups": ["support"] }))?;
    let ran = explain(&folder, &["--url", ORDER, "--token", "-", "--json"], &token)?;
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let told: Value = serde_json::from_str(&ran.stdout)?;
    assert_eq!(told["identity"]["subject"], "corp/alice");
    assert_eq!(
        told["verdict"],
        json!({ "permit": true, "code": "permit", "policies": ["read/allow/0"] })
    );
    assert!(!ran.stdout.contains(&token));

    let forged = Web::start(Algorithm::Es256)?.token("at+jwt", json!({ "iss": issuer.url() }))?;
    let ran = explain(&folder, &["--url", ORDER, "--token", &forged], "")?;
    assert_eq!(ran.status, Some(1));
    assert!(
        ran.stdout.contains("verdict   denial, 401 unknown_key: the issuer has no key called"),
        "{ran:?}"
    );
    Ok(())
}

#[test]
fn a_client_certificate_is_shown_from_a_file() -> Result<()> {
    let folder = tempdir()?;
    let authority = Authority::new()?;
    let files = [
        ("doorward.yaml", BY_CERTIFICATE.to_owned()),
        ("ca.pem", authority.pem()),
        ("tls.pem", authority.sign("shop.test")?),
        ("billing.pem", authority.sign("billing.test")?),
        ("stranger.pem", Authority::new()?.sign("billing.test")?),
    ];
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text)?;
    }
    let url = "https://shop.test/orders/7";
    for (certificate, told) in [
        ("billing.pem", ["hosts/billing.test (workload)", "permit, by read/allow/0"]),
        ("tls.pem", ["hosts/shop.test (workload)", "denial, 403"]),
        ("stranger.pem", ["unknown: the certificate was not verified", "denial, 401"]),
    ] {
        let ran = explain(&folder, &["--url", url, "--certificate", certificate], "")?;
        for part in told {
            assert!(ran.stdout.contains(part), "{certificate}: expected `{part}` in {ran:?}");
        }
    }
    let ran = explain(&folder, &["--url", url, "--certificate", "doorward.yaml"], "")?;
    assert_eq!(ran.stderr, "doorward: `doorward.yaml` holds no certificate\n");
    let arguments = ["--url", url, "--claims", "-", "--issuer", "hosts"];
    let ran = explain(&folder, &arguments, "{}")?;
    let expected =
        "doorward: `hosts` issues client certificates, and no tokens; expected one of `corp`\n";
    assert_eq!(ran.stderr, expected);
    Ok(())
}

#[test]
fn what_has_no_reading_or_no_route_is_told() -> Result<()> {
    let folder = folder("https://idp.test")?;
    let ran = explain(&folder, &["--url", "http://shop.test/a/../b"], "")?;
    let expected = "request   GET /a/../b: has no one reading
route     none: the path contains a dot segment
identity  none was needed to decide
verdict   denial, 400 dot_segment: the path contains a dot segment
";
    assert_eq!((ran.stdout.as_str(), ran.status), (expected, Some(1)));
    let ran = explain(&folder, &["--url", ORDER], "")?;
    let verdict = "verdict   denial, 401 no_credential: no credential was shown";
    assert_eq!((ran.stdout.lines().last(), ran.status), (Some(verdict), Some(1)));
    Ok(())
}

#[test]
fn a_mistake_on_the_command_line_is_no_verdict() -> Result<()> {
    let folder = folder("https://idp.test")?;
    for (arguments, expected) in [
        (["--url", "shop.test/a"], "`shop.test/a` is not a URL: expected `http://host/path`"),
        (["--config", "no.yaml"], ""),
        (
            ["--url", "http://shop.test?a"],
            "`http://shop.test?a` has no path: expected `http://host/path?query`",
        ),
    ] {
        let ran = explain(&folder, &arguments, "")?;
        assert_eq!((ran.status, ran.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(expected.is_empty() || ran.stderr == format!("doorward: {expected}\n"), "{ran:?}");
    }
    Ok(())
}
