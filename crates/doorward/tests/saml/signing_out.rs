//! Single logout: the provider signs people out here, and we sign them out there.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use testbed::Reply;
use testbed::saml_party::message;
use testbed::{Said, SamlParty, clock};

use crate::house::House;

/// How long an end may take to be felt.
const SECOND: Duration = Duration::from_secs(1);

/// Expects something to come true.
fn within_a_second(mut is_so: impl FnMut() -> Result<bool>) -> Result<()> {
    clock::until("the end to be felt", SECOND, || Ok(is_so()?.then_some(())))
}

#[test]
fn a_provider_ends_the_session_that_it_names_or_all_of_a_subject() -> Result<()> {
    let house = House::open()?;
    let to = house.place("logout", "corp");
    let mut browsers = Vec::new();
    for session in ["s-1", "s-2", "s-3"] {
        let mut browser = house.browser();
        house.sign_in(&mut browser, &house.said(session))?;
        browsers.push(browser);
    }
    let mut bob = house.browser();
    // A provider may number the sessions of each subject.
    house.sign_in(&mut bob, &Said { name: "bob".to_owned(), ..house.said("s-1") })?;

    // In a frame of the provider's page, where no cookie of ours comes.
    let url = house.corp.sign_out("_1", &to, &house.said("s-1"), true)?;
    let reply = house.browser().get(&url)?;
    let answer = reply.field("location").context("expected the answer to the provider")?;
    ensure!(answer.starts_with("https://idp.test/slo?SAMLResponse="), "{answer}");
    ensure!(answer.contains("&RelayState=their-state&SigAlg="), "{answer}");
    let told = message(answer)?;
    ensure!(told.contains("InResponseTo=\"_1\"") && told.contains("status:Success"), "{told}");
    let let_in = |browsers: &mut Vec<testbed::Browser>| -> Result<Vec<bool>> {
        browsers.iter_mut().map(|browser| house.is_let_in(browser)).collect()
    };
    within_a_second(|| Ok(let_in(&mut browsers)? == [false, true, true]))?;
    ensure!(house.is_let_in(&mut bob)?, "another subject's session with the same index has ended");

    let url = house.corp.sign_out("_2", &to, &house.said("s-1"), false)?;
    let reply = house.browser().get(&url)?;
    let told = message(reply.field("location").context("expected an answer")?)?;
    ensure!(told.contains("status:Success"), "{told}");
    within_a_second(|| Ok(let_in(&mut browsers)? == [false, false, false]))?;
    ensure!(house.is_let_in(&mut bob)?, "another subject's session has ended");
    Ok(())
}

#[test]
fn a_request_to_sign_out_counts_once_and_is_the_providers() -> Result<()> {
    let house = House::open()?;
    let (to, said) = (house.place("logout", "corp"), house.said("s-1"));
    let mut browser = house.browser();
    house.sign_in(&mut browser, &said)?;

    let stranger = SamlParty::new(house.corp.issuer())?.sign_out("_1", &to, &said, false)?;
    let unsigned = {
        let url = house.corp.sign_out("_1", &to, &said, false)?;
        url.split_once("&SigAlg=").context("expected a signature")?.0.to_owned()
    };
    let elsewhere = house.place("logout", "other");
    let elsewhere = house.corp.sign_out("_1", &elsewhere, &said, false)?;
    let cases = [
        (stranger, "signature_forged"),
        (unsigned, "saml_unsigned"),
        (elsewhere, "signature_forged"),
        (to.clone(), "saml_unreadable"),
    ];
    for (url, code) in cases {
        let reply = house.browser().get(&url)?;
        is_refused(&house, &reply, code).map_err(|error| error.context(url))?;
    }
    ensure!(house.is_let_in(&mut browser)?, "somebody else has signed her out");

    let url = house.corp.sign_out("_1", &to, &said, false)?;
    house.browser().get(&url)?;
    within_a_second(|| Ok(!house.is_let_in(&mut browser)?))?;
    house.sign_in(&mut browser, &house.said("s-2"))?;
    let reply = house.browser().get(&url)?;
    let told = message(reply.field("location").context("expected an answer")?)?;
    ensure!(told.contains("status:Responder"), "{told}");
    assert_eq!(house.recorded(&reply)?.1, "logout_request_replayed");
    ensure!(house.is_let_in(&mut browser)?, "the same request has signed her out again");
    Ok(())
}

#[test]
fn whoever_signs_out_here_is_sent_to_sign_out_there_and_comes_back() -> Result<()> {
    let house = House::open()?;
    let mut browser = house.browser();
    house.sign_in(&mut browser, &house.said("s-1"))?;
    let page = browser.url("orders.localhost", "/.doorward/sign-out");
    let reply = browser.post(&page, &browser.url("orders.localhost", ""), "")?;
    let there = browser.to(&page, &reply)?;
    ensure!(there.starts_with("https://idp.test/slo?SAMLRequest="), "{there}");
    let asked = message(&there)?;
    for part in [">alice</saml:NameID>", ">s-1</samlp:SessionIndex>"] {
        ensure!(asked.contains(part), "{part}: {asked}");
    }
    within_a_second(|| Ok(!house.is_let_in(&mut browser)?))?;
    let to = house.place("logout", "corp");
    let reply = browser.get(&house.corp.signed_out(&there, &to)?)?;
    ensure!(
        reply.status == 200 && reply.text().contains("You are signed out."),
        "{}",
        reply.text()
    );

    // Anybody can bring it anywhere: nobody is told that they are signed out who is not.
    let mut other = house.browser();
    house.sign_in(&mut other, &house.said("s-9"))?;
    let reply = other.get(&house.corp.signed_out(&there, &to)?)?;
    ensure!(reply.status == 200 && reply.text().contains("You are signed in"), "{}", reply.text());

    // Another's word that she is signed out there counts for nothing; here she is all the same.
    let stranger = SamlParty::new(house.corp.issuer())?;
    let reply = browser.get(&stranger.signed_out(&there, &to)?)?;
    is_refused(&house, &reply, "signature_forged")
}

/// Expects the page that says that nothing has ended, and `code` on record.
fn is_refused(house: &House, reply: &Reply, code: &str) -> Result<()> {
    let text = reply.text();
    let title = "<h1>The sign-out did not work</h1>";
    ensure!(reply.status == 400 && text.contains(title) && !text.contains(code), "{text}");
    assert_eq!(house.recorded(reply)?.1, code);
    Ok(())
}

#[test]
fn an_answer_from_before_an_end_begins_no_session_after_it() -> Result<()> {
    let house = House::open()?;
    let to = house.place("logout", "corp");
    for one in [true, false] {
        let mut browser = house.browser();
        let url = house.request(&mut browser, "corp")?;
        let said = house.said("s-1");
        let answer = house.corp.answer(&url, &said)?;
        let out = house.corp.sign_out(&format!("_{one}"), &to, &said, one)?;
        ensure!(house.browser().get(&out)?.status == 303, "expected the answer to the provider");
        let brought = house.bring(&answer, "corp")?;
        let reply = browser.get(&browser.to(&house.place("callback", "corp"), &brought)?)?;
        house.is_refused(&reply, "ended_meanwhile")?;
        ensure!(!house.is_let_in(&mut browser)?, "she is signed in");
        // What is asked for since is another matter.
        house.sign_in(&mut browser, &house.said("s-2"))?;
    }
    Ok(())
}
