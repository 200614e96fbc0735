//! The configuration of a gate of the house.

use std::net::SocketAddr;

use super::house::{CLIENT, SIGN_IN};
use crate::live::providers::github::Github;
use crate::live::providers::lemonldap::Lemonldap;
use crate::live::providers::openid::Openid;
use crate::live::stage::ISSUER;

/// What it is made of.
pub(super) struct Parts<'a> {
    pub(super) https: SocketAddr,
    pub(super) admin: SocketAddr,
    /// Where a proxy in front sends what is for the gate itself, and the line of the door where it asks about the rest.
    pub(super) asked: Option<(SocketAddr, String)>,
    /// The URL of a database, with its password; a file of SQLite without.
    pub(super) ledger: Option<&'a str>,
    pub(super) staff: &'a Openid,
    pub(super) staff_more: &'a str,
    pub(super) code: &'a Github,
    pub(super) partner: Option<&'a Lemonldap>,
    /// `orders`, `billing` and `chat`.
    pub(super) services: [SocketAddr; 3],
}

pub(super) fn configuration(parts: &Parts<'_>) -> String {
    let Parts { https, admin, code, services: [orders, billing, chat], .. } = parts;
    let ledger = match parts.ledger {
        Some(url) => {
            let (before, after) = url.split_once('@').unwrap_or(("", url));
            let user = before.rsplit_once(':').map_or(before, |(user, _)| user);
            format!("{{ postgres: \"{user}:${{file:password}}@{after}\", key: \"${{file:key}}\" }}")
        }
        None => "{ sqlite: ledger/ledger.db }".to_owned(),
    };
    let doors = match &parts.asked {
        Some((own, asked)) => format!("  http: {own}\n{asked}trusted_peers: [127.0.0.1/32]\n"),
        None => {
            let certificates = "[id.pem, orders.pem, billing.pem]";
            format!("  https: {{ address: \"{https}\", certificates: {certificates} }}\n")
        }
    };
    let partner = parts.partner.map(partner).unwrap_or_default();
    let routes = match parts.partner {
        Some(_) => ROUTES
            .replace("[staff, code]", "[staff, code, partner]")
            .replace("[staff/support]", "[staff/support, partner/timelords]"),
        None => ROUTES.to_owned(),
    };
    format!(
        "listen:
  admin: {admin}
{doors}audit: {{ directory: audit }}
data_threads: 1
ledger: {ledger}
sign_in:
  url: {SIGN_IN}
  page: {{ title: Example Inc. }}
issuers:
  machines: {{ issuer: {ISSUER}, keys: {{ file: machines.json }}, algorithms: [ES256], token_types: [at+jwt] }}
providers:
  staff:
    openid: {issuer}
    title: Example staff
    domains: [corp.test]
    client_id: {CLIENT}
    client_secret: ${{file:secret}}
    algorithms: [ES256]
    scopes: [openid, email, profile, groups, offline_access]
    groups: /groups
    claims: {{ email: {{ from: /email, type: string, absent: ignore }} }}
{staff_more}  code:
    oauth:
      authorization: {authorize}
      token: {token}
      userinfo: {{ user: {user}, orgs: {orgs} }}
    title: Code hosting
    client_authentication: post
    client_id: {CLIENT}
    client_secret: ${{file:secret}}
    scopes: [read:user, read:org]
    subject: /user/id
{partner}services:
  orders:
    audience: orders
    endpoints: [\"http://{orders}\"]
    identity: {{ headers: {{ X-Forwarded-User: subject, X-Forwarded-Groups: groups, X-Forwarded-Issuer: issuer }} }}
  billing:
    audience: billing
    endpoints: [\"http://{billing}\"]
    identity: {{ headers: {{ X-Forwarded-User: subject, X-Forwarded-Issuer: issuer }} }}
  chat:
    audience: chat
    endpoints: [\"http://{chat}\"]
routes:
{routes}",
        issuer = parts.staff.issuer(),
        staff_more = parts.staff_more,
        authorize = code.url("/login/oauth/authorize"),
        token = code.url("/login/oauth/access_token"),
        user = code.url("/user"),
        orgs = code.url("/user/orgs"),
    )
}

fn partner(partner: &Lemonldap) -> String {
    format!(
        "  partner:
    openid: {issuer}
    title: The partner
    client_id: {CLIENT}
    client_secret: ${{file:secret}}
    algorithms: [RS256]
    scopes: [openid, email, profile, groups]
    groups: /groups
",
        issuer = partner.issuer(),
    )
}

const ROUTES: &str = r#"  - name: orders
    match: { host: orders.example.test, path: "/**", methods: [GET, POST] }
    service: orders
    accept: [staff, code]
    allow: [{ groups: [staff/support] }, { users: [code/583231] }]
  - name: finance
    match: { host: orders.example.test, path: "/finance/**", methods: [GET, POST] }
    service: orders
    accept: [staff]
    allow: [{ groups: [finance] }]
  - name: vault
    match: { host: orders.example.test, path: "/vault/**", methods: [GET, POST] }
    service: orders
    accept: [staff]
    allow: [{ groups: [support] }]
    step_up: { acr: ["urn:example:mfa"], max_age: 10m }
  - name: bills
    match: { host: billing.example.test, path: "/**", methods: [GET, POST] }
    service: billing
    accept: [staff]
    allow: [{ authenticated: true }]
  - name: chat
    match: { host: billing.example.test, path: "/chat", methods: [GET] }
    service: chat
    accept: [staff]
    websocket: true
    allow: [{ authenticated: true }]
  - name: reports
    match: { host: billing.example.test, path: "/reports/**", methods: [GET] }
    service: billing
    accept: [machines]
    allow: [{ users: [reporter] }]
  - name: home
    match: { host: billing.example.test, path: "/public", methods: [GET, POST] }
    service: billing
    allow: [{ anyone: true }]
"#;
