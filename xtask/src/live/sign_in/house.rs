//! A house with two providers, two services on hosts of their own, and a place to sign in.

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use serde_json::json;
use testbed::{Authority, Gateway, Place, Port, Recorder};

use crate::live::Stage;
use crate::live::browser::{Browser, Page, Person, Tab};
use crate::live::providers::github::Github;
use crate::live::providers::openid::Openid;

/// Where people sign in.
pub(super) const SIGN_IN: &str = "https://id.example.test";
/// The services.
pub(super) const ORDERS: &str = "https://orders.example.test";
pub(super) const BILLING: &str = "https://billing.example.test";

/// What the gate is to the providers.
const CLIENT: &str = "doorward";
const SECRET: &str = "doorward-secret-of-the-live-test";

/// The house. Everything in it ends when it is dropped.
pub(super) struct House {
    pub(super) staff: Openid,
    pub(super) code: Github,
    pub(super) orders: Recorder,
    pub(super) billing: Recorder,
    pub(super) gateway: Gateway,
    pub(super) browser: Browser,
    pub(super) place: Place,
    https: Port,
}

impl House {
    /// Opens it; `more` is put below the providers and the routes.
    pub(super) fn open(stage: &Stage) -> Result<Self> {
        let (place, authority, https) = (Place::new()?, Authority::new()?, Port::reserve()?);
        place.write("ca.pem", &authority.pem())?;
        for host in ["id", "orders", "billing"] {
            let certificate = authority.sign(&format!("{host}.example.test"))?;
            place.write(&format!("{host}.pem"), &certificate)?;
        }
        place.write("secret", SECRET)?;
        let clients = json!([{
            "client_id": CLIENT,
            "client_secret": SECRET,
            "redirect_uris": [format!("{SIGN_IN}/.doorward/callback/staff")],
            "post_logout_redirect_uris": [format!("{SIGN_IN}/.doorward/signed-out")],
            "backchannel_logout_uri":
                format!("https://id.example.test:{}/.doorward/logout/staff", https.address().port()),
            "backchannel_logout_session_required": true,
        }]);
        let staff = Openid::start(&place, "staff", &clients, place.path("ca.pem"))?;
        let callback = format!("{SIGN_IN}/.doorward/callback/code");
        let code = Github::start(&place, CLIENT, SECRET, &callback)?;
        let (orders, billing) = (Recorder::start()?, Recorder::start()?);
        let text = configuration(&place, https.address(), (&staff, &code), (&orders, &billing));
        place.write("doorward.yaml", &text)?;
        let gateway = place.start(stage.binary())?;
        let hosts = [("*.example.test", https.address())];
        let browser = Browser::start(&place, &hosts, &place.path("ca.pem"))?;
        Ok(Self { staff, code, orders, billing, gateway, browser, place, https })
    }

    /// Someone at the browser.
    pub(super) fn person(&self) -> Result<Person> {
        self.browser.person()
    }

    /// Where the gate is.
    pub(super) fn address(&self) -> SocketAddr {
        self.https.address()
    }

    /// Signs `user` in with `staff`, from a page that needs it.
    pub(super) fn sign_in(&self, tab: &Tab, url: &str, user: &str) -> Result<Page> {
        tab.goto(url)?;
        tab.until_text("Sign in")?;
        tab.click("text=Example staff")?;
        self.staff.sign_in(tab, user)?;
        tab.until_url(url)
    }
}

/// Expects `tab` to show the answer of the recorder.
pub(super) fn is_let_in(page: &Page) -> Result<()> {
    ensure!(page.status == 200, "{page}");
    Ok(())
}

fn configuration(
    place: &Place,
    https: SocketAddr,
    (staff, code): (&Openid, &Github),
    (orders, billing): (&Recorder, &Recorder),
) -> String {
    let route = |name: &str, host: &str, path: &str, service: &str, rest: &str| {
        format!(
            "  - name: {name}
    match: {{ host: {host}.example.test, path: \"{path}\", methods: [GET, POST] }}
    service: {service}
    {rest}
"
        )
    };
    let routes = [
        route(
            "orders",
            "orders",
            "/**",
            "orders",
            "accept: [staff, code]\n    websocket: true\n    allow: [{ groups: [staff/support] }, { users: [code/583231] }]",
        ),
        route(
            "finance",
            "orders",
            "/finance/**",
            "orders",
            "accept: [staff]\n    allow: [{ groups: [finance] }]",
        ),
        route(
            "vault",
            "orders",
            "/vault/**",
            "orders",
            "accept: [staff]\n    allow: [{ groups: [support] }]\n    step_up: { acr: [\"urn:example:mfa\"], max_age: 10m }",
        ),
        route(
            "bills",
            "billing",
            "/**",
            "billing",
            "accept: [staff]\n    allow: [{ authenticated: true }]",
        ),
        route("home", "billing", "/public", "billing", "allow: [{ anyone: true }]"),
    ];
    format!(
        "listen:
  https: {{ address: \"{https}\", certificates: [id.pem, orders.pem, billing.pem] }}
  admin: {admin}
audit: {{ directory: {audit} }}
data_threads: 1
ledger: {{ sqlite: ledger/ledger.db }}
sign_in:
  url: {SIGN_IN}
  page: {{ title: Example Inc. }}
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
  code:
    oauth:
      authorization: {authorize}
      token: {token}
      userinfo: {{ user: {user}, orgs: {orgs} }}
    title: Code hosting
    client_authentication: post
    scopes: [read:user, read:org]
    client_id: {CLIENT}
    client_secret: ${{file:secret}}
    subject: /user/id
services:
  orders:
    audience: orders
    endpoints: [\"http://{orders}\"]
    identity: {{ headers: {{ X-Forwarded-User: subject, X-Forwarded-Groups: groups, X-Forwarded-Issuer: issuer }} }}
  billing:
    audience: billing
    endpoints: [\"http://{billing}\"]
    identity: {{ headers: {{ X-Forwarded-User: subject, X-Forwarded-Issuer: issuer }} }}
routes:
{routes}",
        admin = place.admin(),
        audit = place.path("audit").display(),
        issuer = staff.issuer(),
        authorize = code.url("/login/oauth/authorize"),
        token = code.url("/login/oauth/access_token"),
        user = code.url("/user"),
        orgs = code.url("/user/orgs"),
        orders = orders.address(),
        billing = billing.address(),
        routes = routes.concat(),
    )
}
