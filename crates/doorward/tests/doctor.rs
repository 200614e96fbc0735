//! `doorward doctor`: what is wrong, and which line would mend it.

#[path = "doctor/bypass.rs"]
mod bypass;
#[path = "doctor/strangers.rs"]
mod strangers;
mod web;

use std::net::TcpListener;

use anyhow::Result;
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};
use testbed::clock;
use tokens::Algorithm;
use web::{Ran, Web, run};

const CONFIG: &str = r#"listen: { http: "127.0.0.1:8080" }
issuers:
  corp:
    issuer: "{issuer}"
    token_types: [at+jwt]
    groups: /groups
    claims:
      level: { from: /level, type: string, absent: ignore }
services:
  orders:
    audience: orders
    endpoints: ["http://{service}"]
routes:
  - name: all
    match: { host: "*", path: "/**", methods: ["*"] }
    service: orders
    accept: [corp]
    allow: [{ groups: [support] }]
"#;

/// An issuer, a service, and a configuration with both.
struct House {
    issuer: Web,
    service: TcpListener,
    folder: TempDir,
}

impl House {
    fn new(algorithm: Algorithm, slash: &str) -> Result<Self> {
        Self::of(Web::start(algorithm)?, slash)
    }

    fn of(issuer: Web, slash: &str) -> Result<Self> {
        let folder = tempdir()?;
        let service = TcpListener::bind("127.0.0.1:0")?;
        let text = CONFIG
            .replace("{issuer}", &format!("{}{slash}", issuer.url()))
            .replace("{service}", &service.local_addr()?.to_string());
        std::fs::write(folder.path().join("doorward.yaml"), text)?;
        Ok(Self { issuer, service, folder })
    }

    fn doctor(&self, arguments: &[&str], input: &str) -> Result<Ran> {
        run(self.folder.path(), &[&["doctor"], arguments].concat(), input)
    }

    /// The lines about a token.
    fn of_token(&self, token: &str) -> Result<(Option<i32>, Vec<String>)> {
        let ran = self.doctor(&["--token", "-"], token)?;
        assert!(!ran.stdout.contains(token) && !ran.stderr.contains(token));
        let lines = ran.stdout.lines().filter(|line| line.contains(" token: "));
        Ok((ran.status, lines.map(str::to_owned).collect()))
    }
}

#[test]
fn a_house_in_order_is_found_so() -> Result<()> {
    let house = House::new(Algorithm::Es256, "")?;
    let token = house.issuer.token("at+jwt", json!({ "groups": ["support"], "scp": ["read"] }))?;
    let ran = house.doctor(&["--token", "-"], &token)?;
    let expected = format!(
        "ok    config: doorward.yaml is good, with 1 route
ok    issuer corp: its metadata at {}/.well-known/openid-configuration calls it so
ok    issuer corp: 1 key, for the allowed ES256, RS256
ok    service orders: http://{} accepts connections
ok    token: it is from `corp`
ok    token: it verifies as a token of `corp`
ok    token: it opens `orders`
ok    token: it has 1 group
ok    token: it has 1 scope, in `scp`
",
        house.issuer.url(),
        house.service.local_addr()?
    );
    assert_eq!((ran.stdout, ran.stderr.as_str(), ran.status), (expected, "", Some(0)));
    Ok(())
}

#[test]
fn a_keycloak_token_is_mended_line_by_line() -> Result<()> {
    let house = House::new(Algorithm::Es256, "")?;
    let claims = json!({ "aud": "account", "realm_access": { "roles": ["support"] }, "level": 7 });
    let (status, lines) = house.of_token(&house.issuer.token("JWT", claims)?)?;
    let expected = [
        "ok    token: it is from `corp`",
        "FAIL  token: the token is of type `jwt`, which is not one that the issuer is configured to use; write `token_types: [at+jwt, JWT]`, doorward.yaml:5",
        "FAIL  token: claim `/level` is not a string; write `type: long`, doorward.yaml:8",
        "ok    token: with that mended it verifies as a token of `corp`",
        "FAIL  token: its `aud` is `account`, so it opens no service; Keycloak writes `account` by itself: add a client scope with an Audience mapper for `orders`",
        "warn  token: there are no groups at `/groups`; they may be at `/realm_access/roles`: `groups: /realm_access/roles`, doorward.yaml:6",
    ];
    assert_eq!((status, lines), (Some(1), expected.map(str::to_owned).to_vec()));
    Ok(())
}

#[test]
fn each_classic_mistake_names_the_line_that_mends_it() -> Result<()> {
    let house = House::new(Algorithm::Es256, "")?;
    let now = clock::epoch_seconds();
    let fails = |token: &str| -> Result<Vec<String>> {
        let (status, lines) = house.of_token(token)?;
        assert_eq!(status, Some(1));
        Ok(lines.into_iter().filter(|line| line.starts_with("FAIL")).collect())
    };
    let of = |claims: Value| house.issuer.token("at+jwt", claims);
    for (token, expected) in [
        (
            of(json!({ "iat": 1_000_000_000, "exp": 1_000_003_600 }))?,
            "FAIL  token: the token expired at 1000003600.000; it ended at 2001-09-09T02:46:40Z, ",
        ),
        (of(json!({ "nbf": now + 120 }))?, "FAIL  token: the token is not valid before "),
        (
            of(json!({ "jti": null }))?,
            "FAIL  token: claim `jti` is missing; RFC 9068 requires it in an `at+jwt`: let the issuer write it, or write `strict_rfc9068: false`, doorward.yaml:3",
        ),
        (
            of(json!({ "aud": "shop" }))?,
            "FAIL  token: its `aud` is `shop`, so it opens no service; ask the issuer for `orders`, or, if `shop` is this service alone, write `audience: shop`, doorward.yaml:11",
        ),
        (
            of(json!({ "scope": "a", "scp": ["b"] }))?,
            "FAIL  token: claims `scope` and `scp` differ; let the issuer write the same scopes in `scope` and in `scp`, or only one of them",
        ),
        (
            "opaque".to_owned(),
            "FAIL  token: a token has three parts with `.` between them: header, payload, signature; it is not a JWT; ask the issuer for one (Auth0 and Okta: request an `audience`)",
        ),
        (
            of(json!({ "iss": "https://other.test" }))?,
            "FAIL  token: its `iss` is `https://other.test`, and none of the issuers is; add it to `issuers`, or get a token of `",
        ),
    ] {
        let told = fails(&token)?;
        assert!(told.len() == 1 && told[0].starts_with(expected), "{expected}\n{told:#?}");
    }
    Ok(())
}

#[test]
fn a_slash_too_many_is_found_at_the_issuer_and_in_the_token() -> Result<()> {
    let house = House::new(Algorithm::Es256, "/")?;
    let token = house.issuer.token("at+jwt", json!({ "groups": ["support"] }))?;
    let ran = house.doctor(&["--token", "-"], &token)?;
    let url = house.issuer.url();
    let fails: Vec<_> = ran.stdout.lines().filter(|line| line.starts_with("FAIL")).collect();
    let expected = [
        format!(
            "FAIL  issuer corp: its metadata calls it `{url}`, not `{url}/`; write `issuer: {url}`, doorward.yaml:4"
        ),
        format!(
            "FAIL  token: its `iss` is `{url}`, and the issuer is `{url}/`; write `issuer: {url}`, doorward.yaml:4: every character counts"
        ),
    ];
    assert_eq!((fails, ran.status), (expected.iter().map(String::as_str).collect(), Some(1)));
    Ok(())
}

#[test]
fn keys_for_other_algorithms_and_a_service_that_is_down_are_found() -> Result<()> {
    let house = House::new(Algorithm::Es384, "")?;
    let service = house.service.local_addr()?;
    drop(house.service);
    let ran = run(house.folder.path(), &["doctor"], "")?;
    let expected = format!(
        "ok    config: doorward.yaml is good, with 1 route
ok    issuer corp: its metadata at {}/.well-known/openid-configuration calls it so
FAIL  issuer corp: none of its keys is for an allowed algorithm (ES256, RS256); write `algorithms: [ES384]`, doorward.yaml:3
FAIL  service orders: http://{service}: Connection refused (os error 111); start it, or mend doorward.yaml:12
",
        house.issuer.url()
    );
    assert_eq!((ran.stdout, ran.status), (expected, Some(1)));
    Ok(())
}

#[test]
fn an_issuer_whose_clock_is_wrong_is_found() -> Result<()> {
    let issuer = Web::start_at(Algorithm::Es256, "Thu, 01 Jan 2015 00:00:00 GMT")?;
    let ran = House::of(issuer, "")?.doctor(&[], "")?;
    let clock = ran.stdout.lines().find(|line| line.contains("clock")).unwrap_or_default();
    assert!(clock.starts_with("FAIL  issuer corp: its clock is "), "{clock}");
    assert!(
        clock.ends_with(" s behind ours; set both by NTP; `skew` is 30s, doorward.yaml:3"),
        "{clock}"
    );
    assert_eq!(ran.status, Some(1));
    Ok(())
}

#[test]
fn a_token_on_the_command_line_is_refused_and_not_shown() -> Result<()> {
    let ran = run(tempdir()?.path(), &["doctor", "--token", "eyJhbGciOiJFUzI1NiJ9"], "")?;
    let said = "doorward: a token is read from standard input: write `--token -`\n";
    assert_eq!((ran.status, ran.stdout.as_str(), ran.stderr.as_str()), (Some(2), "", said));
    Ok(())
}
