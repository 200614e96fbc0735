use std::path::Path;

use super::*;
use crate::config::{Loaded, Nowhere};

/// The service `orders` with these routes, and what it is asked.
fn asked(routes: &[(&str, &str, &str, &str)]) -> Option<Vec<String>> {
    let routes = routes.iter().enumerate().map(|(index, (host, path, methods, allow))| {
        format!(
            "  - {{ name: route-{index}, match: {{ host: \"{host}\", path: \"{path}\", methods: [{methods}] }}, service: orders, accept: [corp], allow: [{{ {allow} }}] }}\n"
        )
    });
    let text = format!(
        "listen: {{ http: 127.0.0.1:8080 }}
issuers: {{ corp: {{ issuer: https://idp.test, groups: /groups }} }}
services:
  orders: {{ audience: orders, endpoints: [http://127.0.0.1:1] }}
  other: {{ audience: other, endpoints: [http://127.0.0.1:2] }}
routes:
  - {{ name: other, match: {{ host: other.test, path: /a, methods: [GET] }}, service: other, accept: [corp], allow: [{{ authenticated: true }}] }}
{}",
        routes.collect::<String>()
    );
    let loaded = Loaded::parse("doorward.yaml", &text, Path::new("."), &Nowhere);
    let loaded = loaded.unwrap_or_else(|report| panic!("{}", report.render(false)));
    let questions = of_service(&loaded.gate, &loaded.config.gate, "orders")?;
    Some(questions.asked.iter().map(ToString::to_string).collect())
}

const ONE: &str = "authenticated: true";
const ANYONE: &str = "anyone: true";

#[test]
fn what_a_route_leaves_open_is_filled_in() {
    let all = asked(&[
        ("orders.test", "/orders/{id}/lines", "GET", ONE),
        ("*.orders.test", "/files/**", "GET, POST", ONE),
        ("*", "/h", "HEAD", ONE),
    ]);
    let expected =
        ["`GET /orders/0/lines` at `orders.test`", "`GET /files/` at `0.orders.test`", "`HEAD /h`"];
    assert_eq!(all.unwrap(), expected);
}

#[test]
fn no_method_that_has_an_effect_is_ever_used() {
    let all = asked(&[("a.test", "/a", "POST", ONE), ("a.test", "/b", "DELETE", ONE)]);
    assert_eq!(all.unwrap(), ["`GET /a` at `a.test`", "`GET /b` at `a.test`"]);
    let all = asked(&[("a.test", "/a", "POST", ONE), ("a.test", "/b", "GET", ONE)]);
    assert_eq!(all.unwrap(), ["`GET /b` at `a.test`"]);
}

#[test]
fn what_is_open_to_anyone_is_not_asked_for() {
    let public = ("a.test", "/", "GET", ANYONE);
    assert_eq!(asked(&[public]), None);
    let all = asked(&[public, ("a.test", "/**", "GET", ONE)]);
    assert_eq!(all.unwrap(), ["`GET /0` at `a.test`"], "`/` is the public route's");
}

#[test]
fn a_service_without_routes_is_asked_for_its_root() {
    assert_eq!(asked(&[]).unwrap(), ["`GET /`"]);
}

#[test]
fn of_many_routes_the_first_eight_are_asked_for() {
    let paths: Vec<_> = (0..9).map(|number| format!("/{number}")).collect();
    let routes: Vec<_> = paths.iter().map(|path| ("a.test", path.as_str(), "GET", ONE)).collect();
    assert_eq!(asked(&routes).unwrap().len(), 8);
    assert_eq!(asked(routes.get(..8).unwrap()).unwrap().len(), 8);
}

#[test]
fn a_group_is_told_without_the_issuer_that_scopes_it() {
    let text = "listen: { http: 127.0.0.1:8080 }
issuers: { corp: { issuer: https://idp.test, groups: /groups } }
services: { orders: { audience: orders, endpoints: [http://127.0.0.1:1] } }
routes:
  - name: a
    match: { host: a.test, path: /a, methods: [GET] }
    service: orders
    accept: [corp]
    allow: [{ groups: [corp/support, admins], scopes: [\"orders:read\"] }]
";
    let loaded = Loaded::parse("doorward.yaml", text, Path::new("."), &Nowhere).unwrap();
    let questions = of_service(&loaded.gate, &loaded.config.gate, "orders").unwrap();
    let [question] = questions.asked.as_slice() else { panic!("{questions:?}") };
    assert_eq!(question.groups, ["support", "admins"]);
    assert_eq!(
        (question.scopes.as_slice(), question.issuer.as_str()),
        (&["orders:read".to_owned()][..], "corp")
    );
}
