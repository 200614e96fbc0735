//! Answers of a provider that are not what we asked for.

use anyhow::{Result, ensure};
use testbed::client::Reply;

use crate::house::House;
use crate::refused::{Attack, all_are_refused, begins_no_session};
use testbed::browser::{SESSION, replaced, value};

const ALICE: (&str, &str) = ("staff", "alice");

/// The address that alice's browser brings a good answer to, and that browser has gone to in `change`.
fn brought(house: &House, change: impl Fn(&str) -> Result<String>) -> Result<Reply> {
    let mut browser = house.browser();
    let callback = browser.answered(&browser.url("orders.localhost", "/1"), ALICE)?;
    browser.get(&change(&callback)?)
}

#[test]
fn no_answer_is_believed_that_is_not_the_one_we_asked_for_in_this_browser() -> Result<()> {
    all_are_refused(&[
        Attack {
            name: "a state that we have not sealed",
            code: "state_forged",
            act: |house| brought(house, |url| replaced(url, "state", &"A".repeat(300))),
        },
        Attack {
            name: "a state that was changed",
            code: "state_forged",
            act: |house| {
                brought(house, |url| {
                    let state = value(url, "state")?;
                    let first = if state.starts_with('A') { "B" } else { "A" };
                    let rest = state.get(1..).unwrap_or_default();
                    replaced(url, "state", &format!("{first}{rest}"))
                })
            },
        },
        Attack {
            name: "a request in the place of a state",
            code: "state_forged",
            act: |house| {
                let mut browser = house.browser();
                let url = browser.url("orders.localhost", "/1");
                let callback = browser.answered(&url, ALICE)?;
                let request = value(&browser.asked(&url)?, "request")?;
                browser.get(&replaced(&callback, "state", &request)?)
            },
        },
        Attack {
            name: "no state",
            code: "answer_unreadable",
            act: |house| brought(house, |url| Ok(url.replace("&state=", "&was="))),
        },
        Attack {
            name: "nothing at all",
            code: "answer_unreadable",
            act: |house| brought(house, |url| Ok(url.split('?').take(1).collect())),
        },
        Attack {
            name: "two states",
            code: "answer_unreadable",
            act: |house| brought(house, |url| Ok(format!("{url}&state=1"))),
        },
        Attack {
            name: "two codes, one of them in disguise",
            code: "answer_unreadable",
            act: |house| brought(house, |url| Ok(format!("{url}&%63ode=1"))),
        },
        Attack {
            name: "a code and an error",
            code: "answer_unreadable",
            act: |house| brought(house, |url| Ok(format!("{url}&error=access_denied"))),
        },
        Attack {
            name: "a code that is too long",
            code: "answer_unreadable",
            act: |house| brought(house, |url| replaced(url, "code", &"1".repeat(4097))),
        },
        Attack {
            name: "an answer that another browser asked for",
            code: "browser_other",
            act: |house| {
                let mut browser = house.browser();
                let url = browser.url("orders.localhost", "/1");
                let callback = browser.answered(&url, ALICE)?;
                let mut victim = house.browser();
                victim.at_provider(&url, "staff")?;
                victim.get(&callback)
            },
        },
        Attack {
            name: "an answer in a browser that has begun nothing",
            code: "browser_other",
            act: |house| {
                let mut browser = house.browser();
                let callback = browser.answered(&browser.url("orders.localhost", "/1"), ALICE)?;
                house.browser().get(&callback)
            },
        },
        Attack {
            name: "an answer that was brought before",
            code: "state_replayed",
            act: |house| {
                let mut browser = house.browser();
                let callback = browser.answered(&browser.url("orders.localhost", "/1"), ALICE)?;
                browser.sent_on(&callback)?;
                browser.get(&callback)
            },
        },
        Attack {
            name: "an answer at the place of another provider",
            code: "provider_other",
            act: |house| brought(house, |url| Ok(url.replace("/staff?", "/guests?"))),
        },
        Attack {
            name: "an answer at the place of a provider that there is not",
            code: "provider_other",
            act: |house| brought(house, |url| Ok(url.replace("/staff?", "/nobody?"))),
        },
        Attack {
            name: "an answer by another issuer",
            code: "issuer_other",
            act: |house| brought(house, |url| replaced(url, "iss", "https://evil.test")),
        },
        Attack {
            name: "an answer by nobody, where answers say by whom they are",
            code: "issuer_missing",
            act: |house| brought(house, |url| Ok(url.replace("&iss=", "&was="))),
        },
        Attack {
            name: "a code that the provider has not given",
            code: "invalid_grant",
            act: |house| brought(house, |url| replaced(url, "code", "made-up")),
        },
        Attack {
            name: "the code of somebody else's sign-in",
            code: "invalid_grant",
            act: |house| {
                brought(house, |url| {
                    let mut other = house.browser();
                    let page = other.url("orders.localhost", "/1");
                    let code = value(&other.answered(&page, ("staff", "bob"))?, "code")?;
                    replaced(url, "code", &code)
                })
            },
        },
    ])
}

#[test]
fn who_is_told_no_by_the_provider_is_not_signed_in_and_may_try_again() -> Result<()> {
    let house = House::open()?;
    for (error, status, title) in [
        ("access_denied", 403, "You are not signed in"),
        ("login_required", 403, "You are not signed in"),
        ("%3Cb%3Eno%3C/b%3E", 403, "You are not signed in"),
        ("server_error", 503, "This does not work at the moment"),
        ("temporarily_unavailable", 503, "This does not work at the moment"),
    ] {
        let mut browser = house.browser();
        let url = browser.url("orders.localhost", "/1?a=1");
        let callback = browser.answered(&url, ALICE)?;
        let code = value(&callback, "code")?;
        let reply =
            browser.get(&callback.replace(&format!("code={code}"), &format!("error={error}")))?;
        let text = reply.text();
        ensure!(reply.status == status && text.contains(title), "{error}: {text}");
        ensure!(text.contains(&format!("href=\"{url}\"")), "{error}: {text}");
        ensure!(!text.contains("<b>no"), "{error}: {text}");
        begins_no_session(&reply)?;
        assert_eq!(house.recorded(&reply)?.0, "sign_in_refused", "{error}");
    }
    Ok(())
}

#[test]
fn an_answer_is_taken_where_people_sign_in_and_on_no_other_host() -> Result<()> {
    let house = House::open()?;
    let mut browser = house.browser();
    let callback = browser.answered(&browser.url("orders.localhost", "/1"), ALICE)?;
    let reply = browser.get(&callback.replace("//localhost:", "//orders.localhost:"))?;
    assert_eq!(reply.status, 404, "{}", reply.text());
    begins_no_session(&reply)?;
    // It was not used up by that.
    browser.sent_on(&callback)?;
    ensure!(browser.cookie("localhost", SESSION).is_some());
    Ok(())
}
