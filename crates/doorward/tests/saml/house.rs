//! A Doorward where people sign in with SAML, and a service behind it that records.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use testbed::client::Reply;
use testbed::saml_party::body;
use testbed::{Browser, Demo, Recorder, Said, SamlParty, audit, clock};

const CONFIG: &str = include_str!("config.yaml");
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct House {
    pub(crate) service: Recorder,
    pub(crate) demo: Demo,
    pub(crate) corp: SamlParty,
    pub(crate) other: SamlParty,
}

impl House {
    pub(crate) fn open() -> Result<Self> {
        let service = Recorder::start()?;
        let corp = SamlParty::new("https://idp.test/corp")?;
        let other = SamlParty::new("https://idp.test/other")?;
        let files = [
            ("corp.xml", corp.metadata(&[])),
            ("other.xml", other.metadata(&[])),
            ("saml.pem", SamlParty::new("us")?.pem().to_owned()),
        ];
        let binary = Path::new(env!("CARGO_BIN_EXE_doorward"));
        let demo = Demo::start_with(binary, CONFIG, service.address(), &files)?;
        Ok(Self { service, demo, corp, other })
    }

    pub(crate) fn browser(&self) -> Browser {
        self.demo.browser()
    }

    /// An address of ours for a provider.
    pub(crate) fn place(&self, what: &str, provider: &str) -> String {
        self.browser().url("localhost", &format!("/.doorward/{what}/{provider}"))
    }

    /// What corp says of alice.
    pub(crate) fn said(&self, session: &str) -> Said {
        Said {
            name: "alice".to_owned(),
            session: session.to_owned(),
            groups: vec!["support".to_owned()],
            audience: self.place("saml", "corp"),
            recipient: self.place("callback", "corp"),
        }
    }

    /// Where the browser is sent with a request to a provider.
    pub(crate) fn request(&self, browser: &mut Browser, provider: &str) -> Result<String> {
        browser.at_provider(&browser.url("orders.localhost", "/1"), provider)
    }

    /// Brings a form to our place for answers, as a page of the provider does it: without our cookies.
    pub(crate) fn bring(
        &self,
        fields: &std::collections::BTreeMap<&'static str, String>,
        provider: &str,
    ) -> Result<Reply> {
        self.browser().post(&self.place("callback", provider), "https://idp.test", &body(fields))
    }

    /// Signs somebody in.
    pub(crate) fn sign_in(&self, browser: &mut Browser, said: &Said) -> Result<()> {
        let url = self.request(browser, "corp")?;
        let brought = self.bring(&self.corp.answer(&url, said)?, "corp")?;
        let callback = self.place("callback", "corp");
        let landing = browser.to(&callback, &brought)?;
        let enter = browser.sent_on(&landing)?;
        let back = browser.sent_on(&enter)?;
        ensure!(back == browser.url("orders.localhost", "/1"), "it came back to {back}");
        ensure!(self.is_let_in(browser)?, "nobody is signed in");
        Ok(())
    }

    /// Whether the browser is let in.
    pub(crate) fn is_let_in(&self, browser: &mut Browser) -> Result<bool> {
        Ok(browser.at_host("orders.localhost", "/1")?.status == 200)
    }

    /// What is on record of a request: its event and its code; waited for.
    pub(crate) fn recorded(&self, reply: &Reply) -> Result<(String, String)> {
        let id = reply.field("x-request-id").context("expected a request id")?;
        clock::until(&format!("the record of {id}"), PATIENCE, || {
            audit::sign_in_of(&self.demo.path("audit"), id)
        })
    }

    /// Expects the page that tells nothing, and `code` on record.
    pub(crate) fn is_refused(&self, reply: &Reply, code: &str) -> Result<()> {
        let text = reply.text();
        let title = "<h1>The sign-in did not work</h1>";
        ensure!(reply.status == 400 && text.contains(title) && !text.contains(code), "{text}");
        ensure!(reply.message.head.values("set-cookie").is_empty(), "a cookie was set");
        let recorded = self.recorded(reply)?;
        ensure!(recorded == ("sign_in_refused".to_owned(), code.to_owned()), "{recorded:?}");
        Ok(())
    }
}
