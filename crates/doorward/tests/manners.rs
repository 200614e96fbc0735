//! Manners towards browsers, services and callers, through the real binary: cross-origin requests, the way that a request
//! has come, pages for people, and rates.

#[path = "manners/house.rs"]
mod house;

use anyhow::Result;
use testbed::client::Reply;

use house::House;

const ORIGIN: &str = "Origin: https://app.test";

fn values<'a>(reply: &'a Reply, name: &str) -> Vec<&'a str> {
    reply.message.head.values(name)
}

/// The names of an answer's fields that are about sharing it.
fn sharing(reply: &Reply) -> Vec<&str> {
    let names = reply.message.head.fields.iter().map(|(name, _)| name.as_str());
    names.filter(|name| name.to_ascii_lowercase().starts_with("access-control-")).collect()
}

#[test]
fn a_preflight_is_answered_here_without_a_credential_and_is_on_record() -> Result<()> {
    let house = House::open(&[])?;
    let fields = [
        ORIGIN,
        "Access-Control-Request-Method: PUT",
        "Access-Control-Request-Headers: authorization,content-type",
    ];
    let reply = house.ask("OPTIONS", "/shared/a", &fields)?;
    assert_eq!((reply.status, reply.text().as_str()), (204, ""));
    for (name, value) in [
        ("access-control-allow-origin", "https://app.test"),
        ("access-control-allow-methods", "PUT"),
        ("access-control-allow-headers", "authorization, content-type"),
        ("access-control-allow-credentials", "true"),
        ("access-control-max-age", "600"),
        ("vary", "Origin"),
    ] {
        assert_eq!(values(&reply, name), [value], "{name}");
    }
    assert!(house.told().is_empty(), "expected nothing at the service");
    let (decision, records) = house.decision(&reply)?;
    assert_eq!(records, 1, "a decision, and no outcome");
    assert_eq!(decision.pointer("/http_response/code"), Some(&204.into()));
    let recorded = house.recorded(&reply)?;
    assert_eq!(recorded, ("answer".to_owned(), "preflight".to_owned(), Vec::new()));
    Ok(())
}

#[test]
fn a_preflight_that_may_not_is_told_apart_on_record_and_reads_nothing() -> Result<()> {
    let house = House::open(&[])?;
    let method = "Access-Control-Request-Method: PUT";
    let other = "Access-Control-Request-Headers: x-other";
    for (target, fields, status, code) in [
        ("/shared/a", &["Origin: https://evil.test", method][..], 403, "preflight_origin"),
        ("/shared/a", &["Origin: null", method], 403, "preflight_origin"),
        ("/shared/a", &[ORIGIN, method, other], 403, "preflight_header"),
        ("/shared/a", &[ORIGIN, "Access-Control-Request-Method: POST"], 405, "method_not_allowed"),
        (
            "/by-identity/a",
            &[ORIGIN, "Access-Control-Request-Method: GET"],
            405,
            "method_not_allowed",
        ),
        ("/nowhere", &[ORIGIN, method], 404, "no_route"),
    ] {
        let reply = house.ask("OPTIONS", target, fields)?;
        assert_eq!((reply.status, sharing(&reply)), (status, Vec::new()), "{target} {fields:?}");
        assert_eq!(house.recorded(&reply)?.1, code, "{target} {fields:?}");
    }
    assert!(house.told().is_empty());
    // A route that takes OPTIONS and has no `cors` passes it on.
    let passed = house.ask("OPTIONS", "/open/a", &[ORIGIN, method])?;
    assert_eq!((passed.status, house.told().len()), (200, 1));
    assert_eq!(values(&passed, "access-control-allow-origin"), ["https://evil.test"]);
    Ok(())
}

#[test]
fn answers_and_denials_and_failures_can_be_read_by_the_pages_that_may_call() -> Result<()> {
    let house = House::open(&[])?;
    let (alice, mallory) = (house.bearer("alice")?, house.bearer("mallory")?);
    for (target, credential, status) in [
        ("/shared/a", Some(&alice), 200),
        ("/shared/a", Some(&mallory), 403),
        ("/shared/a", None, 401),
        ("/shared/broken", Some(&alice), 502),
    ] {
        for (origin, told) in
            [(ORIGIN, vec!["https://app.test"]), ("Origin: https://evil.test", vec![])]
        {
            let fields: Vec<_> =
                [origin].into_iter().chain(credential.map(String::as_str)).collect();
            let reply = house.ask("GET", target, &fields)?;
            assert_eq!(reply.status, status, "{target}");
            assert_eq!(values(&reply, "access-control-allow-origin"), told, "{target} {origin}");
            let credentials = values(&reply, "access-control-allow-credentials");
            let exposed = values(&reply, "access-control-expose-headers");
            assert_eq!((credentials.len(), exposed.len()), (told.len(), told.len()));
            assert!(values(&reply, "vary").contains(&"Origin"), "{target} {origin}");
        }
    }
    Ok(())
}

#[test]
fn a_service_is_told_the_way_as_configured_and_the_answer_says_it_too() -> Result<()> {
    let house = House::open(&[])?;
    let fields = ["X-Forwarded-For: 2001:db8::7", "X-Forwarded-Proto: https", "Via: 2 edge"];
    let reply = house.ask("GET", "/open/a", &fields)?;
    assert_eq!(values(&reply, "via"), ["1.1 inner", "1.1 gate"]);
    let seen = house.told();
    let [head] = seen.as_slice() else { anyhow::bail!("expected one request") };
    assert_eq!(head.values("via"), ["2 edge", "1.1 gate"]);
    assert_eq!(head.values("forwarded"), ["for=\"[2001:db8::7]\";host=app.test;proto=https"]);
    assert_eq!(head.values("x-forwarded-for"), ["2001:db8::7"]);
    for (headers, forwarded, family) in [("x_forwarded", 0, 1), ("forwarded", 1, 0), ("none", 0, 0)]
    {
        let to = format!("forwarding: {{ headers: {headers} }}");
        house.change(&[("forwarding: { headers: both, via: gate }", &to)])?;
        let reply = house.ask("GET", "/open/a", &["Via: 2 edge"])?;
        assert_eq!(values(&reply, "via"), ["1.1 inner"], "{headers}");
        let seen = house.told();
        let [head] = seen.as_slice() else { anyhow::bail!("expected one request") };
        assert_eq!(head.values("via"), ["2 edge"], "{headers}");
        assert_eq!(head.values("forwarded").len(), forwarded, "{headers}");
        for name in ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"] {
            assert_eq!(head.values(name).len(), family, "{headers} {name}");
        }
    }
    Ok(())
}

#[test]
fn forwarded_is_read_from_a_trusted_peer_and_must_not_disagree() -> Result<()> {
    let house = House::open(&[])?;
    let read = house.ask("GET", "/open/a", &["Forwarded: for=192.0.2.7;proto=https;by=_x"])?;
    assert_eq!(read.status, 200);
    let seen = house.told();
    let told: Vec<_> = seen.iter().flat_map(|head| head.values("forwarded")).collect();
    assert_eq!(told, ["for=192.0.2.7;host=app.test;proto=https"]);
    for (fields, code) in [
        (&["Forwarded: for=192.0.2.7", "X-Forwarded-For: 192.0.2.8"][..], "forwarded_disagrees"),
        (
            &["Forwarded: for=192.0.2.7;proto=https", "X-Forwarded-For: 192.0.2.7"],
            "forwarded_disagrees",
        ),
        (&["Forwarded: for=unknown"], "forwarded_header"),
        (&["Forwarded: for=192.0.2.7, for=\"_a"], "forwarded_header"),
    ] {
        let reply = house.ask("GET", "/open/a", fields)?;
        assert_eq!(reply.status, 400, "{fields:?}");
        assert_eq!(house.recorded(&reply)?.1, code, "{fields:?}");
    }
    assert!(house.told().is_empty());
    Ok(())
}

#[test]
fn a_request_that_goes_in_circles_is_ended() -> Result<()> {
    let house = House::open(&[])?;
    for via in ["Via: 1.1 gate", "Via: 1.1 edge, HTTP/2.0 GATE (x)"] {
        let reply = house.ask("GET", "/open/a", &[via])?;
        assert_eq!((reply.status, house.recorded(&reply)?.1.as_str()), (508, "loop"), "{via}");
    }
    assert_eq!(house.ask("GET", "/open/a", &["Via: 1.1 gates, 1.1 x (gate)"])?.status, 200);
    Ok(())
}

const BROWSER: &str =
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8";

#[test]
fn who_comes_with_a_browser_gets_a_page_and_all_others_a_problem() -> Result<()> {
    let house = House::open(&[])?;
    let mallory = house.bearer("mallory")?;
    for (target, fields, status) in [
        ("/nowhere?q=%3Cb%3Eevil", &[BROWSER, "Sec-Fetch-Mode: navigate", "X-Evil: evil"][..], 404),
        ("/shared/a", &[BROWSER], 401),
        ("/shared/a", &[BROWSER, &mallory], 403),
        ("/open/..", &[BROWSER], 400),
        ("/open/broken", &[BROWSER], 502),
    ] {
        let reply = house.ask("GET", target, fields)?;
        assert_eq!(reply.status, status, "{target}");
        assert_eq!(values(&reply, "content-type"), ["text/html; charset=utf-8"], "{target}");
        assert_eq!(values(&reply, "x-content-type-options"), ["nosniff"]);
        assert_eq!(values(&reply, "cache-control"), ["no-store"]);
        let policy = values(&reply, "content-security-policy").concat();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        let (page, id) = (reply.text(), values(&reply, "x-request-id").concat());
        assert!(
            page.contains(&format!("<code>{id}</code>")) && page.contains("<html lang=\"en\">")
        );
        assert!(!page.contains("evil") && !page.contains("<script"), "{page}");
    }
    for fields in [
        &["Accept: */*"][..],
        &[],
        &["Accept: application/json"],
        &[BROWSER, "Sec-Fetch-Mode: cors"],
    ] {
        let reply = house.ask("GET", "/nowhere", fields)?;
        assert_eq!(values(&reply, "content-type"), ["application/problem+json"], "{fields:?}");
        assert_eq!(values(&reply, "x-content-type-options"), ["nosniff"]);
    }
    Ok(())
}

#[test]
fn an_address_that_asks_too_often_is_told_when_to_come_back() -> Result<()> {
    let house = House::open(&[])?;
    for _ in 0..2 {
        assert_eq!(house.ask_from("192.0.2.1", "/by-address/a", &[])?.status, 200);
    }
    let reply = house.ask_from("192.0.2.1", "/by-address/b", &[BROWSER])?;
    assert_eq!(reply.status, 429);
    // One hundred in a day is one in 864 seconds; some of the first has passed.
    let wait: u32 = values(&reply, "retry-after").concat().parse()?;
    assert!((850..=864).contains(&wait), "{wait}");
    assert_eq!(values(&reply, "ratelimit-policy"), ["\"address\";q=100;w=86400"]);
    assert_eq!(values(&reply, "ratelimit"), [format!("\"address\";r=0;t={wait}")]);
    assert!(reply.text().contains("Try again in"));
    let by_rule =
        ("deny".to_owned(), "rate_limited".to_owned(), vec!["by-address/rates/0".to_owned()]);
    assert_eq!(house.recorded(&reply)?, by_rule);
    assert_eq!(house.told().len(), 2);
    // Another address, and another route, have what is theirs; a preflight counts like the request.
    assert_eq!(house.ask_from("192.0.2.2", "/by-address/a", &[])?.status, 200);
    assert_eq!(house.ask_from("192.0.2.1", "/open/a", &[])?.status, 200);
    let preflight = [ORIGIN, "Access-Control-Request-Method: GET", "X-Forwarded-For: 192.0.2.2"];
    assert_eq!(house.ask("OPTIONS", "/by-address/a", &preflight)?.status, 204);
    let late = house.ask("OPTIONS", "/by-address/a", &preflight)?;
    assert_eq!((late.status, values(&late, "access-control-allow-origin")), (429, vec!["*"]));
    let metrics = house.place.until_status("/metrics", 200)?;
    for line in [
        "doorward_rate_limited_total{rate=\"by-address/rates/0\"} 2",
        "doorward_rate_keys{by=\"address\"} 2",
        "doorward_decisions_total{door=\"proxy\",route=\"by-address\",verdict=\"deny\",code=\"rate_limited\"} 2",
    ] {
        assert!(metrics.contains(line), "expected {line} in {metrics}");
    }
    Ok(())
}

#[test]
fn an_identity_is_counted_by_who_it_is_and_not_by_its_token() -> Result<()> {
    let house = House::open(&[])?;
    let ask = |credential: &str, from: &str| house.ask_from(from, "/by-identity/a", &[credential]);
    // Credentials that are refused count for nobody.
    let elsewhere = house.issuer.token("alice", "another", serde_json::json!({}))?;
    for _ in 0..3 {
        let refused = ask(&format!("Authorization: Bearer {elsewhere}"), "192.0.2.1")?;
        assert_eq!(refused.status, 401);
    }
    assert_eq!(ask(&house.bearer("alice")?, "192.0.2.1")?.status, 200);
    assert_eq!(ask(&house.bearer("alice")?, "192.0.2.2")?.status, 200);
    let late = ask(&house.bearer("alice")?, "192.0.2.3")?;
    assert_eq!(late.status, 429);
    assert!(!late.text().contains("alice") && !late.text().contains("corp"), "{}", late.text());
    assert_eq!(values(&late, "ratelimit-policy"), ["\"identity\";q=100;w=86400"]);
    let (decision, _) = house.decision(&late)?;
    assert_eq!(decision.pointer("/actor/user/uid"), Some(&"alice".into()));
    assert_eq!(house.recorded(&late)?.2, ["by-identity/rates/0"]);
    assert_eq!(ask(&house.bearer("bob")?, "192.0.2.3")?.status, 200);
    // Who is known and denied is counted too.
    let mallory = house.bearer("mallory")?;
    let statuses = (0..3).map(|_| Ok(ask(&mallory, "192.0.2.3")?.status));
    assert_eq!(statuses.collect::<Result<Vec<_>>>()?, [403, 403, 429]);
    Ok(())
}

#[test]
fn a_route_is_counted_whoever_asks_and_a_reload_forgets_nothing() -> Result<()> {
    let house = House::open(&[])?;
    let status = |n: u32| Ok(house.ask_from(&format!("192.0.2.{n}"), "/by-route/a", &[])?.status);
    let statuses: Result<Vec<u16>> = (1..4).map(status).collect();
    assert_eq!(statuses?, [200, 200, 429]);
    // The same rate goes on counting; one that was changed begins anew.
    house.change(&[("via: gate", "via: gate2")])?;
    assert_eq!(status(5)?, 429);
    let rate = "by: route, requests: 100, per: 1d, burst: 2";
    house.change(&[(rate, "by: route, requests: 100, per: 1d, burst: 1")])?;
    assert_eq!((status(6)?, status(7)?), (200, 429));
    Ok(())
}

#[test]
fn the_defaults_count_what_no_route_takes() -> Result<()> {
    let defaults =
        "defaults: { rates: [{ by: address, requests: 100, per: 1d, burst: 2 }] }\nroutes:\n";
    let house = House::open(&[("routes:\n", defaults)])?;
    let statuses = ["/nowhere", "/open/a", "/nowhere", "/open/a", "/shared/a"]
        .map(|target| house.ask_from("192.0.2.1", target, &[]).map(|reply| reply.status));
    let statuses: Result<Vec<_>> = statuses.into_iter().collect();
    assert_eq!(statuses?, [404, 200, 429, 429, 429]);
    assert_eq!(house.ask_from("192.0.2.2", "/open/a", &[])?.status, 200);
    Ok(())
}
