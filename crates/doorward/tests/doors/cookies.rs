//! Cookies of ours at the doors that only decide: no service is to be sent one, whatever else came with it.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use testbed::audit;
use tokio::net::TcpStream;

use super::envoy::Envoy;
use super::house::House;
use super::nginx::Nginx;

/// `Cookie` lines of a request, and what is left of them without ours; nothing where none of them is ours.
const TABLE: [(&[&str], Option<&str>); 8] = [
    (&[], None),
    (&["a=1; b=2"], None),
    (&["a=1; __Host-doorwardly=x"], None),
    (&["a=1; __Host-doorward=secret; b=2"], Some("a=1; b=2")),
    (&["__Host-doorward=secret"], Some("")),
    (&["__Host-doorward-browser=secret"], Some("")),
    (&["a=1", "__Host-doorward=secret; b=2"], Some("a=1; b=2")),
    (&["a=1", "__Host-doorward=secret", "__Host-doorward-browser=x"], Some("a=1")),
];

/// One whose door for nginx says nothing of cookies.
fn silent() -> Result<House> {
    House::open_where(|text, _| {
        let key = ", cookies: from_answer";
        ensure!(text.contains(key), "the configuration has no `{key}`");
        Ok(text.replacen(key, "", 1))
    })
}

fn lines(cookies: &[&str]) -> String {
    cookies.iter().map(|line| format!("Cookie: {line}\r\n")).collect()
}

#[test]
fn a_proxy_that_takes_the_cookies_of_the_answer_is_always_told_them() -> Result<()> {
    let house = House::open()?;
    let (_, token) = house.words.tokens.first().context("expected a token")?;
    let mut nginx = Nginx::new(house.forward_auth.address())?;
    for (cookies, rest) in TABLE {
        let lines = format!("Authorization: Bearer {token}\r\n{}", lines(cookies));
        let reply = nginx.ask_at("/check?service=app", &house.good(), &lines)?;
        assert_eq!(reply.status, 200, "{cookies:?}: {}", reply.text());
        let as_they_came = cookies.join("; ");
        let told = reply.message.head.values("cookie");
        assert_eq!(told, [rest.unwrap_or(&as_they_came)], "{cookies:?}");
    }
    // What does not go on tells nobody's cookies.
    let reply = nginx.ask_at("/check?service=app", &house.good(), "Cookie: a=1\r\n")?;
    assert_eq!((reply.status, reply.field("cookie")), (401, None));
    Ok(())
}

#[test]
fn a_proxy_that_passes_on_what_came_gets_no_permit_with_a_cookie_of_ours() -> Result<()> {
    let house = silent()?;
    let (_, token) = house.words.tokens.first().context("expected a token")?;
    let token = format!("Authorization: Bearer {token}\r\n");
    let mut nginx = Nginx::new(house.forward_auth.address())?;
    let mut expected = Vec::new();
    // On a route for tokens, with one and without, and on one for everybody.
    for (target, token, otherwise) in [
        ("/orders/7", token.as_str(), (200, "permit")),
        ("/orders/7", "", (401, "no_credential")),
        ("/open/a", "", (200, "permit")),
    ] {
        let sent = super::requests::Sent { target: target.to_owned(), ..house.good() };
        for (cookies, rest) in TABLE {
            let (status, code) = rest.map_or(otherwise, |_| (403, "cookies_not_taken"));
            let reply =
                nginx.ask_at("/check?service=app", &sent, &(token.to_owned() + &lines(cookies)))?;
            assert_eq!(reply.status, status, "{target} {cookies:?}: {}", reply.text());
            assert_eq!(reply.field("cookie"), None, "{target} {cookies:?}");
            expected.push(code);
        }
    }
    house.gateway.stop()?;
    let records = audit::records(&house.place.path("audit"))?;
    let asked = |one: &&serde_json::Value| {
        one.pointer("/unmapped/doorward/door") == Some(&json!("forward_auth"))
    };
    let codes: Vec<_> = records
        .iter()
        .filter(asked)
        .filter_map(|one| one.pointer("/unmapped/doorward/code")?.as_str())
        .collect();
    assert_eq!(codes, expected);
    let reason = records.iter().filter(asked).find_map(|one| {
        let reason = one.pointer("/unmapped/doorward/reasons/0")?.as_str()?;
        reason.contains("our cookie").then_some(reason)
    });
    assert_eq!(
        reason,
        Some(
            "the proxy would pass on our cookie; have it take `Cookie` from the answer, and say `cookies: from_answer` under `listen.forward_auth`"
        )
    );
    Ok(())
}

#[tokio::test]
async fn envoy_is_told_to_put_the_rest_in_their_place_or_to_take_them_out() -> Result<()> {
    // What is said of the other door is nothing to this one.
    let house = silent()?;
    let mut envoy = Envoy::new(TcpStream::connect(house.ext_authz.address()).await?).await?;
    for (cookies, rest) in TABLE {
        let mut sent = house.good();
        let came = cookies.iter().map(|line| ("Cookie".to_owned(), (*line).to_owned()));
        sent.lines.extend(came);
        let told = envoy.ask(&sent).await?.forwards.context("expected a permit")?;
        let seen: Vec<_> =
            told.iter().filter(|(name, _)| name == "cookie").map(|(_, value)| &**value).collect();
        let expected = match rest {
            None => cookies.to_vec(),
            Some("") => Vec::new(),
            Some(rest) => vec![rest],
        };
        assert_eq!(seen, expected, "{cookies:?}");
    }
    Ok(())
}
