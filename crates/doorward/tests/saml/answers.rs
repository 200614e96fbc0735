//! Answers of a provider: the one that we asked for, and all others.

use anyhow::{Result, ensure};
use testbed::client::Reply;
use testbed::saml_party::{body, message};

use crate::house::House;

#[test]
fn who_signs_in_with_saml_is_let_in_by_their_groups() -> Result<()> {
    let house = House::open()?;
    let mut browser = house.browser();
    house.sign_in(&mut browser, &house.said("s-1"))?;
    assert_eq!(browser.at_host("orders.localhost", "/support/1")?.status, 200);
    let log = house.service.take();
    let seen = log.requests.last().map(|seen| {
        (seen.values("x-forwarded-user").join(","), seen.values("x-forwarded-issuer").join(","))
    });
    assert_eq!(seen, Some(("alice".to_owned(), "corp".to_owned())));

    let mut bob = house.browser();
    let said = testbed::Said { name: "bob".to_owned(), groups: Vec::new(), ..house.said("s-2") };
    house.sign_in(&mut bob, &said)?;
    assert_eq!(bob.at_host("orders.localhost", "/support/1")?.status, 403);
    Ok(())
}

#[test]
fn the_provider_reads_in_our_metadata_what_stands_in_our_requests() -> Result<()> {
    let house = House::open()?;
    let mut browser = house.browser();
    let reply = browser.get(&house.place("saml", "corp"))?;
    assert_eq!(reply.field("content-type"), Some("application/samlmetadata+xml"));
    let (ours, request) = (reply.text(), message(&house.request(&mut browser, "corp")?)?);
    for (in_metadata, in_request) in [
        (format!("entityID=\"{}\"", house.place("saml", "corp")), house.place("saml", "corp")),
        (
            format!("Location=\"{}\"", house.place("callback", "corp")),
            format!("AssertionConsumerServiceURL=\"{}\"", house.place("callback", "corp")),
        ),
    ] {
        ensure!(ours.contains(&in_metadata), "{in_metadata}: {ours}");
        ensure!(request.contains(&in_request), "{in_request}: {request}");
    }
    ensure!(ours.contains(&format!("Location=\"{}\"", house.place("logout", "corp"))), "{ours}");
    for (host, name) in
        [("localhost", "plain"), ("localhost", "none"), ("orders.localhost", "corp")]
    {
        let reply = browser.at_host(host, &format!("/.doorward/saml/{name}"))?;
        assert_eq!(reply.status, 404, "{host} {name}");
    }
    Ok(())
}

/// One way to attack, and the code by which it is on record.
struct Attack {
    name: &'static str,
    code: &'static str,
    act: fn(&House) -> Result<Reply>,
}

/// Somebody's browser has asked, and this is brought instead of the answer.
fn brought(
    house: &House,
    make: impl Fn(&str) -> Result<std::collections::BTreeMap<&'static str, String>>,
) -> Result<Reply> {
    let url = house.request(&mut house.browser(), "corp")?;
    house.bring(&make(&url)?, "corp")
}

#[test]
fn no_answer_is_believed_that_is_not_the_one_we_asked_for_in_this_browser() -> Result<()> {
    let house = House::open()?;
    let attacks = [
        Attack {
            name: "an answer that nobody has signed",
            code: "saml_unsigned",
            act: |house| brought(house, |url| house.corp.unsigned(url, &house.said("s"))),
        },
        Attack {
            name: "an answer that another provider has signed",
            code: "signature_forged",
            act: |house| {
                brought(house, |url| {
                    let stranger = testbed::SamlParty::new(house.corp.issuer())?;
                    stranger.answer(url, &house.said("s"))
                })
            },
        },
        Attack {
            name: "the good answer of another provider",
            code: "signature_forged",
            act: |house| brought(house, |url| house.other.answer(url, &house.said("s"))),
        },
        Attack {
            name: "an answer for another service provider",
            code: "saml_audience",
            act: |house| {
                let audience = "https://elsewhere.test/saml".to_owned();
                let said = testbed::Said { audience, ..house.said("s") };
                brought(house, |url| house.corp.answer(url, &said))
            },
        },
        Attack {
            name: "an answer that was sent to our place for another provider",
            code: "saml_destination",
            act: |house| {
                let recipient = house.place("callback", "other");
                let said = testbed::Said { recipient, ..house.said("s") };
                brought(house, |url| house.corp.answer(url, &said))
            },
        },
        Attack {
            name: "an answer to another request than the state is of",
            code: "saml_request",
            act: |house| {
                let other = house.request(&mut house.browser(), "corp")?;
                let other = house.corp.answer(&other, &house.said("s"))?;
                brought(house, |url| {
                    let mut fields = house.corp.answer(url, &house.said("s"))?;
                    fields.insert(
                        "SAMLResponse",
                        other.get("SAMLResponse").cloned().unwrap_or_default(),
                    );
                    Ok(fields)
                })
            },
        },
        Attack {
            name: "an answer that was changed",
            code: "saml_unreadable",
            act: |house| {
                brought(house, |url| {
                    let mut fields = house.corp.answer(url, &house.said("s"))?;
                    fields.entry("SAMLResponse").and_modify(|field| field.insert(0, '!'));
                    Ok(fields)
                })
            },
        },
        Attack {
            name: "a state that we have not sealed",
            code: "state_forged",
            act: |house| {
                brought(house, |url| {
                    let mut fields = house.corp.answer(url, &house.said("s"))?;
                    fields.insert("RelayState", "A".repeat(300));
                    Ok(fields)
                })
            },
        },
        Attack {
            name: "no state, though it answers a request",
            code: "state_missing",
            act: |house| {
                brought(house, |url| {
                    let mut fields = house.corp.answer(url, &house.said("s"))?;
                    fields.remove("RelayState");
                    Ok(fields)
                })
            },
        },
        Attack {
            name: "no state: the provider began by itself",
            code: "answer_unasked",
            act: |house| {
                let place = house.place("callback", "corp");
                house.browser().post(&place, "https://idp.test", "SAMLResponse=bm90aGluZw")
            },
        },
        Attack {
            name: "no answer",
            code: "answer_unreadable",
            act: |house| {
                brought(house, |url| {
                    let mut fields = house.corp.answer(url, &house.said("s"))?;
                    fields.remove("SAMLResponse");
                    Ok(fields)
                })
            },
        },
        Attack {
            name: "two answers",
            code: "answer_unreadable",
            act: |house| {
                let url = house.request(&mut house.browser(), "corp")?;
                let form = body(&house.corp.answer(&url, &house.said("s"))?);
                let place = house.place("callback", "corp");
                house.browser().post(
                    &place,
                    "https://idp.test",
                    &format!("{form}&SAMLResponse=PGEvPg"),
                )
            },
        },
        Attack {
            name: "a good answer at the place of another provider",
            code: "state_forged",
            act: |house| {
                let url = house.request(&mut house.browser(), "corp")?;
                house.bring(&house.corp.answer(&url, &house.said("s"))?, "other")
            },
        },
        Attack {
            name: "a good answer that another browser fetches",
            code: "browser_other",
            act: |house| {
                let url = house.request(&mut house.browser(), "corp")?;
                let brought = house.bring(&house.corp.answer(&url, &house.said("s"))?, "corp")?;
                let mut victim = house.browser();
                house.request(&mut victim, "corp")?;
                let landing = victim.to(&house.place("callback", "corp"), &brought)?;
                victim.get(&landing)
            },
        },
        // Who begins, and has somebody else bring an answer, knows all but what that browser alone is told.
        Attack {
            name: "fetching what another browser has brought to a request of ours",
            code: "answer_gone",
            act: |house| {
                let (mut attacker, mut victim) = (house.browser(), house.browser());
                let url = house.request(&mut attacker, "corp")?;
                let brought = house.bring(&house.corp.answer(&url, &house.said("s"))?, "corp")?;
                let place = house.place("callback", "corp");
                let landing = victim.to(&place, &brought)?;
                let state = testbed::browser::value(&url, "RelayState")?;
                for ticket in ["", "&ticket=", "&ticket=A"] {
                    let reply = attacker.get(&format!("{place}?RelayState={state}{ticket}"))?;
                    ensure!(reply.status == 400, "{}", reply.text());
                }
                // Once the other browser has come, it is there no longer.
                house.is_refused(&victim.get(&landing)?, "browser_other")?;
                attacker.get(&landing)
            },
        },
        Attack {
            name: "fetching an answer twice",
            code: "browser_other",
            act: |house| {
                let mut browser = house.browser();
                let url = house.request(&mut browser, "corp")?;
                let brought = house.bring(&house.corp.answer(&url, &house.said("s"))?, "corp")?;
                let landing = browser.to(&house.place("callback", "corp"), &brought)?;
                browser.sent_on(&landing)?;
                browser.get(&landing)
            },
        },
        Attack {
            name: "an answer that is brought twice",
            code: "answer_replayed",
            act: |house| {
                let url = house.request(&mut house.browser(), "corp")?;
                let fields = house.corp.answer(&url, &house.said("s"))?;
                house.bring(&fields, "corp")?;
                house.bring(&fields, "corp")
            },
        },
        Attack {
            name: "another answer to a request that was answered",
            code: "state_replayed",
            act: |house| {
                let mut browser = house.browser();
                let url = house.request(&mut browser, "corp")?;
                let kept = browser.clone();
                let place = house.place("callback", "corp");
                let land = |mut browser: testbed::Browser| {
                    let brought =
                        house.bring(&house.corp.answer(&url, &house.said("s"))?, "corp")?;
                    let landing = browser.to(&place, &brought)?;
                    browser.get(&landing)
                };
                ensure!(land(browser)?.status == 303, "the first is not taken");
                land(kept)
            },
        },
    ];
    for Attack { name, code, act } in attacks {
        let reply = act(&house).map_err(|error| error.context(name))?;
        house.is_refused(&reply, code).map_err(|error| error.context(name))?;
    }
    Ok(())
}

#[test]
fn tabs_sign_in_side_by_side_and_a_fifth_takes_the_place_of_the_first() -> Result<()> {
    let house = House::open()?;
    let mut browser = house.browser();
    let begun: Vec<_> =
        (0..5).map(|_| house.request(&mut browser, "corp")).collect::<Result<_>>()?;
    for (number, url) in begun.iter().enumerate().rev() {
        let state = testbed::browser::value(url, "RelayState")?;
        ensure!(state.len() <= 80, "{state}");
        let brought = house.bring(&house.corp.answer(url, &house.said("s"))?, "corp")?;
        let landing = browser.to(&house.place("callback", "corp"), &brought)?;
        let reply = browser.get(&landing)?;
        assert_eq!(reply.status, if number == 0 { 400 } else { 303 }, "{number}");
        if number == 0 {
            house.is_refused(&reply, "browser_other")?;
        }
    }
    Ok(())
}

#[test]
fn who_says_that_the_provider_declines_uses_nothing_up() -> Result<()> {
    let house = House::open()?;
    let mut browser = house.browser();
    let url = house.request(&mut browser, "corp")?;
    let said = house.said("s-1");
    let reply = house.bring(&house.corp.declined(&url, &said)?, "corp")?;
    ensure!(
        reply.status == 403 && reply.text().contains("You are not signed in"),
        "{}",
        reply.text()
    );
    assert_eq!(house.recorded(&reply)?.1, "saml_declined");
    let brought = house.bring(&house.corp.answer(&url, &said)?, "corp")?;
    let landing = browser.to(&house.place("callback", "corp"), &brought)?;
    let enter = browser.sent_on(&landing)?;
    browser.sent_on(&enter)?;
    ensure!(house.is_let_in(&mut browser)?, "nobody is signed in");
    Ok(())
}

#[test]
fn a_provider_that_may_begin_makes_us_ask_and_signs_nobody_in_by_itself() -> Result<()> {
    let house = House::open()?;
    let bring = |state: &str| {
        let form = format!("SAMLResponse=bm90aGluZw&RelayState={state}");
        house.browser().post(&house.place("callback", "other"), "https://idp.test", &form)
    };
    let mut browser = house.browser();
    let ours = browser.url("orders.localhost", "/support/1?a=b");
    let reply = bring(&ours.replace(':', "%3A").replace('/', "%2F").replace('?', "%3F"))?;
    let begun = browser.to(&house.place("callback", "other"), &reply)?;
    let asked = browser.sent_on(&begun)?;
    ensure!(asked.ends_with("&provider=other"), "{asked}");
    // Of the providers there it is the one that began.
    let there = browser.sent_on(&asked)?;
    ensure!(there.starts_with("https://idp.test/sso?SAMLRequest="), "{there}");
    let said = testbed::Said {
        audience: house.place("saml", "other"),
        recipient: house.place("callback", "other"),
        ..house.said("s-1")
    };
    let brought = house.bring(&house.other.answer(&there, &said)?, "other")?;
    let landing = browser.to(&house.place("callback", "other"), &brought)?;
    let enter = browser.sent_on(&landing)?;
    assert_eq!(browser.sent_on(&enter)?, ours);

    // Where no route of ours is, people land where the configuration says.
    for elsewhere in [
        "",
        "https%3A%2F%2Fevil.test%2F",
        "%2F%2Fevil.test%2F",
        "http%3A%2F%2Forders.localhost%3A1%2F1",
        "http%3A%2F%2Forders.localhost%40evil.test%2F1",
        "javascript%3Aalert(1)",
    ] {
        let reply = bring(elsewhere)?;
        let begun = browser.to(&house.place("callback", "other"), &reply)?;
        let landing =
            browser.url("orders.localhost", "/.doorward/sign-in?to=%2Flanding&provider=other");
        assert_eq!(begun, landing, "{elsewhere}");
    }
    Ok(())
}

#[test]
fn an_answer_has_room_and_other_forms_have_less() -> Result<()> {
    let house = House::open()?;
    let send = |place: &str, length: usize| {
        let form = format!("a={}", "x".repeat(length - 2));
        house.browser().post(&house.place(place, "corp"), "https://idp.test", &form)
    };
    for (place, limit) in [("callback", 768 * 1024), ("logout", 64 * 1024)] {
        assert_eq!(send(place, limit)?.status, 400, "{place}");
        let reply = send(place, limit + 1)?;
        let text = reply.text();
        let detail = format!("a form has at most {} KiB here", limit / 1024);
        ensure!(reply.status == 413 && text.contains(&detail), "{place}: {text}");
    }
    let form = "SAMLResponse=PGEvPg&RelayState=x";
    let plain =
        house.browser().post(&house.place("callback", "plain"), "https://idp.test", form)?;
    assert_eq!(plain.status, 405);
    Ok(())
}
