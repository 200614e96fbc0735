//! LemonLDAP::NG's portal itself.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use testbed::clock::until;
use testbed::{Authority, Place, Recorder, client as http};

use super::client::{self, CHALLENGE, VERIFIER, says};
use super::lemonldap::Lemonldap;
use crate::live::Stage;
use crate::live::browser::Browser;

const CLIENT: &str = "web";
const SECRET: &str = "lemonldap-secret-of-the-live-test";
/// How long a frame may take to be loaded.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn signs_in(_: &Stage) -> Result<()> {
    let (place, web) = (Place::new()?, Recorder::start()?);
    place.write("ca.pem", &Authority::new()?.pem())?;
    let url = |path: &str| format!("http://{}/{path}", web.address());
    let portal = Lemonldap::start(
        &place,
        &json!({
            "client_id": CLIENT,
            "client_secret": SECRET,
            "redirect_uris": [url("callback")],
            "post_logout_redirect_uris": [url("signed-out")],
            "logout_uri": url("logout"),
        }),
    )?;
    let found = http::get(portal.address(), "/.well-known/openid-configuration")?;
    let found: Value = serde_json::from_str(&found.text())?;
    says(&found, &json!({ "issuer": portal.issuer(), "backchannel_logout_supported": false }))?;

    let browser = Browser::start(&place, &[], &place.path("ca.pem"))?;
    let person = browser.person()?;
    let tab = person.tab()?;
    let query = client::encoded(&[
        ("client_id", CLIENT),
        ("response_type", "code"),
        ("redirect_uri", &url("callback")),
        ("scope", "openid profile email groups"),
        ("state", "a-state"),
        ("nonce", "a-nonce"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]);
    tab.goto(&format!("{}?{query}", client::text(&found, "authorization_endpoint")?))?;
    portal.sign_in(&tab, "dwho")?;
    let page = tab.until_url("**/callback?**")?;
    ensure!(client::answer(&page, "state")? == "a-state", "{page}");
    ensure!(client::answer(&page, "iss").is_err(), "{page}");

    let redeem = |form: &[(&str, &str)]| -> Result<Value> {
        let basic = client::basic(CLIENT, SECRET);
        let reply = client::post(portal.address(), "/oauth2/token", &basic, form)?;
        Ok(serde_json::from_str(&reply.text())?)
    };
    let tokens = redeem(&[
        ("grant_type", "authorization_code"),
        ("code", &client::answer(&page, "code")?),
        ("redirect_uri", &url("callback")),
        ("code_verifier", VERIFIER),
    ])?;
    let hint = client::text(&tokens, "id_token")?;
    let claims = client::claims(&hint)?;
    says(
        &claims,
        &json!({
            "iss": portal.issuer(), "sub": "dwho", "nonce": "a-nonce",
            "email": "dwho@badwolf.org",
        }),
    )?;
    // In any order: they come out of a hash of Perl's.
    let groups = claims.get("groups");
    let orders = [json!(["timelords", "users"]), json!(["users", "timelords"])];
    ensure!(groups.is_some_and(|groups| orders.contains(groups)), "{claims}");
    let token = client::text(&tokens, "access_token")?;
    says(&client::get(portal.address(), "/oauth2/userinfo", &token)?, &json!({ "sub": "dwho" }))?;
    let refresh = client::text(&tokens, "refresh_token")?;
    let newer = redeem(&[("grant_type", "refresh_token"), ("refresh_token", &refresh)])?;
    says(&client::claims(&client::text(&newer, "id_token")?)?, &json!({ "sub": "dwho" }))?;

    // Signed out: the browser tells the client in a frame, and is sent on.
    let _ = web.take();
    let query = client::encoded(&[
        ("id_token_hint", &hint),
        ("post_logout_redirect_uri", &url("signed-out")),
        ("state", "bye"),
    ]);
    tab.goto(&format!("{}?{query}", client::text(&found, "end_session_endpoint")?))?;
    until("the client to be told", PATIENCE, || {
        let seen = web.take().requests;
        Ok(seen.iter().any(|one| one.target().starts_with("/logout?")).then_some(()))
    })?;
    portal.go_on(&tab)?;
    tab.until_url("**/signed-out?state=bye").map(drop)
}
