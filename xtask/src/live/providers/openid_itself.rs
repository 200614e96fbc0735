//! The OpenID provider itself.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use testbed::{Authority, Place, Recorder, client as http};

use super::client::{self, CHALLENGE, VERIFIER, says};
use super::endpoints::Fault;
use super::openid::{Openid, PASSWORD, SECOND_FACTOR};
use crate::live::Stage;
use crate::live::browser::{Browser, Page, Person, Tab};

/// The one client of each provider.
const CLIENT: &str = "web";
const SECRET: &str = "web-secret-of-the-live-test";

/// A provider `corp`, a client of it whose endpoints only listen, and someone at a browser.
struct House {
    corp: Openid,
    web: Recorder,
    alice: Person,
    place: Place,
    _browser: Browser,
}

impl House {
    fn open() -> Result<Self> {
        let (place, web) = (Place::new()?, Recorder::start()?);
        place.write("ca.pem", &Authority::new()?.pem())?;
        let corp = provider(&place, &web, "corp")?;
        let browser = Browser::start(&place, &[], &place.path("ca.pem"))?;
        let alice = browser.person()?;
        Ok(Self { corp, web, alice, place, _browser: browser })
    }
}

fn provider(place: &Place, web: &Recorder, name: &str) -> Result<Openid> {
    let clients = json!([{
        "client_id": CLIENT,
        "client_secret": SECRET,
        "redirect_uris": [url(web, "callback")],
        "post_logout_redirect_uris": [url(web, "signed-out")],
        "backchannel_logout_uri": url(web, "logout"),
        "backchannel_logout_session_required": true,
    }]);
    Openid::start(place, name, &clients, place.path("ca.pem"))
}

fn url(web: &Recorder, path: &str) -> String {
    format!("http://{}/{path}", web.address())
}

/// What an authorization request says, and `more`.
fn request<'a>(callback: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let fields = [
        ("client_id", CLIENT),
        ("response_type", "code"),
        ("redirect_uri", callback),
        ("scope", "openid profile email groups"),
        ("state", "a-state"),
        ("nonce", "a-nonce"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    [&fields, more].concat()
}

/// Sends `tab` to the provider with such a request.
fn go(tab: &Tab, at: &Openid, web: &Recorder, more: &[(&str, &str)]) -> Result<Page> {
    let query = client::encoded(&request(&url(web, "callback"), more));
    tab.goto(&format!("{}/auth?{query}", at.issuer()))
}

/// Waits until `tab` is back, and redeems the code that it brings.
fn redeem(tab: &Tab, at: &Openid, web: &Recorder) -> Result<Value> {
    let page = tab.until_url(&format!("{}?**", url(web, "callback")))?;
    let issuer = client::encoded(&[("iss", &at.issuer())]);
    ensure!(page.url.contains(&issuer) && client::answer(&page, "state")? == "a-state", "{page}");
    token(
        at,
        &[
            ("grant_type", "authorization_code"),
            ("code", &client::answer(&page, "code")?),
            ("redirect_uri", &url(web, "callback")),
            ("code_verifier", VERIFIER),
        ],
    )
}

fn refresh(at: &Openid, tokens: &Value) -> Result<Value> {
    let refresh = client::text(tokens, "refresh_token")?;
    token(at, &[("grant_type", "refresh_token"), ("refresh_token", &refresh)])
}

fn token(at: &Openid, form: &[(&str, &str)]) -> Result<Value> {
    let reply = client::post(at.address(), "/token", &client::basic(CLIENT, SECRET), form)?;
    serde_json::from_str(&reply.text()).with_context(|| reply.text())
}

fn id_token(tokens: &Value) -> Result<Value> {
    client::claims(&client::text(tokens, "id_token")?)
}

pub(super) fn signs_in(_: &Stage) -> Result<()> {
    let House { corp, web, alice, place, .. } = &House::open()?;
    let tab = alice.tab()?;
    go(&tab, corp, web, &[])?;
    corp.sign_in(&tab, "nobody")?;
    tab.until_text("That was not right.")?;
    corp.sign_in(&tab, "alice")?;
    let tokens = redeem(&tab, corp, web)?;
    let first = id_token(&tokens)?;
    says(
        &first,
        &json!({
            "iss": corp.issuer(), "sub": "alice", "aud": CLIENT, "nonce": "a-nonce",
            "groups": ["support", "engineering"], "email": "alice@corp.test", "email_verified": true,
            "acr": PASSWORD, "amr": ["pwd"],
        }),
    )?;
    ensure!(first.get("sid").is_some_and(Value::is_string), "{first}");
    ensure!(first.get("auth_time").is_some_and(Value::is_u64), "{first}");
    let info = client::get(corp.address(), "/me", &client::text(&tokens, "access_token")?)?;
    says(&info, &json!({ "sub": "alice", "department": "orders" }))?;

    // A second factor is asked for once, a password again when it is too old, and only then.
    go(&tab, corp, web, &[("acr_values", SECOND_FACTOR)])?;
    corp.step_up(&tab)?;
    let stepped = id_token(&redeem(&tab, corp, web)?)?;
    says(&stepped, &json!({ "sub": "alice", "acr": SECOND_FACTOR, "amr": ["pwd", "otp"] }))?;
    let silent = [("acr_values", SECOND_FACTOR), ("max_age", "600"), ("prompt", "none")];
    go(&tab, corp, web, &silent)?;
    says(&id_token(&redeem(&tab, corp, web)?)?, &json!({ "acr": SECOND_FACTOR }))?;
    go(&tab, corp, web, &[("max_age", "0")])?;
    corp.sign_in(&tab, "alice")?;
    says(&id_token(&redeem(&tab, corp, web)?)?, &json!({ "acr": PASSWORD }))?;

    // A request that was pushed.
    let callback = url(web, "callback");
    let basic = client::basic(CLIENT, SECRET);
    let pushed = client::post(corp.address(), "/request", &basic, &request(&callback, &[]))?;
    ensure!(pushed.status == 201, "{} {}", pushed.status, pushed.text());
    let pushed = client::text(&serde_json::from_str(&pushed.text())?, "request_uri")?;
    let query = client::encoded(&[("client_id", CLIENT), ("request_uri", &pushed)]);
    tab.goto(&format!("{}/auth?{query}", corp.issuer()))?;
    let tokens = redeem(&tab, corp, web)?;

    // Another provider beside it, with another session in the same browser.
    let partner = provider(place, web, "partner")?;
    let other = alice.tab()?;
    go(&other, &partner, web, &[])?;
    partner.sign_in(&other, "bob")?;
    let bobs = id_token(&redeem(&other, &partner, web)?)?;
    says(&bobs, &json!({ "iss": partner.issuer(), "sub": "bob", "groups": ["support"] }))?;
    go(&tab, corp, web, &[("prompt", "none")])?;
    says(&id_token(&redeem(&tab, corp, web)?)?, &json!({ "sub": "alice" }))?;

    // Signed out at the client's wish.
    let query = client::encoded(&[
        ("id_token_hint", &client::text(&tokens, "id_token")?),
        ("post_logout_redirect_uri", &url(web, "signed-out")),
        ("state", "bye"),
    ]);
    tab.goto(&format!("{}/session/end?{query}", corp.issuer()))?;
    tab.click("role=button[name=\"Sign out\"]")?;
    tab.until_url("**/signed-out?state=bye")?;
    go(&tab, corp, web, &[("prompt", "none")])?;
    refused(&tab, "login_required")
}

pub(super) fn is_controlled(_: &Stage) -> Result<()> {
    let House { corp, web, alice, .. } = &mut House::open()?;
    let tab = alice.tab()?;

    // Refusals, the provider's and the person's.
    corp.refuse(Some("server_error"))?;
    go(&tab, corp, web, &[])?;
    refused(&tab, "server_error")?;
    corp.refuse(None)?;
    go(&tab, corp, web, &[])?;
    corp.cancel(&tab)?;
    refused(&tab, "access_denied")?;

    // Endpoints that fail.
    corp.endpoints().fail("/token", Fault::Status(500))?;
    go(&tab, corp, web, &[])?;
    corp.sign_in(&tab, "alice")?;
    let error = redeem(&tab, corp, web).err().context("the token endpoint has not failed")?;
    ensure!(format!("{error:#}").contains("the test asked for it"), "{error:#}");
    corp.endpoints().fail("/jwks", Fault::Hang)?;
    tab.goto(&format!("{}/.well-known/openid-configuration", corp.issuer()))?;
    let hung =
        tab.run("fetch('/jwks', { signal: AbortSignal.timeout(500) }).catch((e) => e.name)")?;
    ensure!(hung == "TimeoutError", "{hung}");
    corp.endpoints().heal("/token")?;
    corp.endpoints().heal("/jwks")?;
    go(&tab, corp, web, &[("prompt", "none")])?;
    let tokens = redeem(&tab, corp, web)?;

    // Tokens are refreshed once each, with what holds by then, and across an outage.
    corp.set_groups("alice", &["finance"])?;
    corp.fail();
    ensure!(refresh(corp, &tokens).is_err(), "it was answered during the outage");
    corp.recover()?;
    corp.endpoints().counts()?;
    let newer = refresh(corp, &tokens)?;
    says(&id_token(&newer)?, &json!({ "sub": "alice", "groups": ["finance"] }))?;
    says(&refresh(corp, &tokens)?, &json!({ "error": "invalid_grant" }))?;
    let counts = corp.endpoints().counts()?;
    ensure!(counts == [("/token".to_owned(), 2)].into(), "{counts:?}");
    go(&tab, corp, web, &[("prompt", "none")])?;
    let tokens = redeem(&tab, corp, web)?;
    corp.revoke("alice")?;
    says(&refresh(corp, &tokens)?, &json!({ "error": "invalid_grant" }))?;

    // Keys come and go.
    ensure!(keys(corp)? == 1, "expected one key");
    corp.rotate()?;
    ensure!(keys(corp)? == 2, "expected the old key beside the new one");
    corp.retire()?;
    ensure!(keys(corp)? == 1, "expected the new key alone");

    // A session that ends over there: the client is told, and nothing of it is good.
    go(&tab, corp, web, &[("prompt", "none")])?;
    let tokens = redeem(&tab, corp, web)?;
    let _ = web.take();
    let told = corp.end_sessions("alice")?;
    ensure!(told == ["web: told"], "{told:?}");
    let requests = web.take().requests;
    let told = requests.first().context("the client was not told")?;
    ensure!(told.method() == "POST" && told.path() == "/logout", "{told:?}");
    let form = String::from_utf8_lossy(&told.message.body).into_owned();
    let token = form.strip_prefix("logout_token=").context("expected a logout token")?;
    let (token, tokens_of) = (client::claims(token)?, id_token(&tokens)?);
    says(
        &token,
        &json!({
            "iss": corp.issuer(), "aud": CLIENT, "sid": tokens_of.get("sid"),
            "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        }),
    )?;
    says(&refresh(corp, &tokens)?, &json!({ "error": "invalid_grant" }))?;
    go(&tab, corp, web, &[("prompt", "none")])?;
    refused(&tab, "login_required")
}

/// Waits until `tab` is back with `error`.
fn refused(tab: &Tab, error: &str) -> Result<()> {
    let page = tab.until_url("**/callback?**")?;
    ensure!(client::answer(&page, "error")? == error, "{page}");
    Ok(())
}

fn keys(at: &Openid) -> Result<usize> {
    let set: Value = serde_json::from_str(&http::get(at.address(), "/jwks")?.text())?;
    Ok(set.get("keys").and_then(Value::as_array).map(Vec::len).unwrap_or_default())
}
