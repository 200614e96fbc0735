//! The provider in the shape of GitHub's itself.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use testbed::{Authority, Place, Recorder, client as http};

use super::client::{self, CHALLENGE, VERIFIER, says};
use super::endpoints::Fault;
use super::github::{ALICE, Github};
use crate::live::Stage;
use crate::live::browser::{Browser, Tab};

const CLIENT: &str = "Iv1.8a61f9b3a7aba766";
const SECRET: &str = "github-secret-of-the-live-test";

pub(super) fn signs_in(_: &Stage) -> Result<()> {
    let (place, web) = (Place::new()?, Recorder::start()?);
    place.write("ca.pem", &Authority::new()?.pem())?;
    let callback = format!("http://{}/callback", web.address());
    let github = Github::start(&place, CLIENT, SECRET, &callback)?;
    let browser = Browser::start(&place, &[], &place.path("ca.pem"))?;
    let person = browser.person()?;
    let tab = person.tab()?;

    go(&tab, &github, &[])?;
    github.cancel(&tab)?;
    let page = tab.until_url("**/callback?**")?;
    ensure!(client::answer(&page, "error")? == "access_denied", "{page}");

    go(&tab, &github, &[])?;
    github.authorize(&tab, "alice")?;
    let code = code(&tab)?;
    // A form, unless JSON is asked for; errors come with 200.
    let reply = redeem(&github, &code, "")?;
    let form: Vec<_> = reply.split('&').filter_map(|field| field.split_once('=')).collect();
    let [("access_token", token), ("token_type", "bearer"), scope] = form.as_slice() else {
        anyhow::bail!("got {reply}");
    };
    ensure!(*scope == ("scope", "read%3Auser%2Cread%3Aorg"), "{reply}");
    let again = redeem(&github, &code, "Accept: application/json\r\n")?;
    says(&serde_json::from_str(&again)?, &json!({ "error": "bad_verification_code" }))?;

    let known = json!({ "id": ALICE, "login": "alice", "email": "alice@corp.test" });
    says(&user(&github, token)?, &known)?;
    github.rename(ALICE, "alicia")?;
    says(&user(&github, token)?, &json!({ "id": ALICE, "login": "alicia" }))?;
    ensure!(orgs(&github, token, "")? == ["corp", "labs"], "{:?}", orgs(&github, token, "")?);
    github.set_orgs(ALICE, &["labs"])?;
    ensure!(orgs(&github, token, "")? == ["labs"], "{:?}", orgs(&github, token, "")?);
    let nameless = http::get(github.address(), "/user")?;
    ensure!(nameless.status == 403, "without a User-Agent: {}", nameless.status);

    // Who has agreed is not asked again, and what fails fails.
    github.endpoints().counts()?;
    go(&tab, &github, &[])?;
    self::code(&tab)?;
    let counts = github.endpoints().counts()?;
    ensure!(counts == [("/login/oauth/authorize".to_owned(), 1)].into(), "{counts:?}");
    github.endpoints().fail("/user", Fault::Status(502))?;
    ensure!(user(&github, token).is_err(), "`/user` has not failed");
    github.endpoints().heal("/user")?;
    user(&github, token)?;
    github.revoke(ALICE)?;
    ensure!(user(&github, token).is_err(), "the token was not revoked");

    // A list that takes two pages, of someone with a private address.
    go(&tab, &github, &[("prompt", "select_account")])?;
    github.authorize(&tab, "bob")?;
    let reply = redeem(&github, &self::code(&tab)?, "Accept: application/json\r\n")?;
    let token = client::text(&serde_json::from_str(&reply)?, "access_token")?;
    says(&user(&github, &token)?, &json!({ "login": "bob", "email": null }))?;
    let pages = [orgs(&github, &token, "")?.len(), orgs(&github, &token, "?page=2")?.len()];
    ensure!(pages == [30, 5], "{pages:?}");
    Ok(())
}

fn go(tab: &Tab, github: &Github, more: &[(&str, &str)]) -> Result<()> {
    let fields = [
        ("client_id", CLIENT),
        ("scope", "read:user read:org"),
        ("state", "a-state"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let query = client::encoded(&[&fields, more].concat());
    tab.goto(&format!("{}?{query}", github.url("/login/oauth/authorize"))).map(drop)
}

/// Waits until `tab` is back, and tells the code that it brings.
fn code(tab: &Tab) -> Result<String> {
    let page = tab.until_url("**/callback?**")?;
    ensure!(client::answer(&page, "state")? == "a-state", "{page}");
    client::answer(&page, "code")
}

/// What is answered to `code`, as it is.
fn redeem(github: &Github, code: &str, headers: &str) -> Result<String> {
    let reply = client::post(
        github.address(),
        "/login/oauth/access_token",
        headers,
        &[
            ("client_id", CLIENT),
            ("client_secret", SECRET),
            ("code", code),
            ("code_verifier", VERIFIER),
        ],
    )?;
    ensure!(reply.status == 200, "{} {}", reply.status, reply.text());
    Ok(reply.text())
}

fn user(github: &Github, token: &str) -> Result<Value> {
    client::get(github.address(), "/user", token)
}

fn orgs(github: &Github, token: &str, query: &str) -> Result<Vec<String>> {
    let listed = client::get(github.address(), &format!("/user/orgs{query}"), token)?;
    listed.as_array().into_iter().flatten().map(|one| client::text(one, "login")).collect()
}
