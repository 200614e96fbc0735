use std::collections::BTreeMap;

use gate::spec::{IssuerSpec, Place};

use super::{Lowering, time};
use crate::config::value::{FilePath, Name};
use crate::config::{file, model};

/// How large the image of the pages may be.
const MAX_LOGO_BYTES: usize = 64 * 1024;

/// What a file in PNG begins with (W3C PNG §5.2).
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Where people sign in as long as nothing says so, that the rest can be looked at.
const NOWHERE: &str = "https://sign-in.invalid";

impl Lowering<'_> {
    pub(super) fn sign_in(
        &mut self,
        sign_in: Option<file::SignIn>,
        providers: BTreeMap<Name, file::Provider>,
    ) -> (Option<model::SignIn>, Vec<IssuerSpec>) {
        let place = Place::key("sign_in");
        let named = !self.names("providers").is_empty();
        if named && !self.tree.has("sign_in") {
            let place = Place::key("providers");
            let problem = self.key_problem(&place, "nothing says where people sign in");
            self.report(problem.help("add `sign_in: { url: https://id.example.com }` at the top"));
        }
        if !named && self.tree.has("sign_in") {
            let problem = self.key_problem(&place, "there is no provider to sign in with");
            self.report(problem.help(
                "add one: `providers: { corp: { openid: https://idp.example.com, client_id: doorward, client_secret: \"${file:secrets/corp}\" } }`",
            ));
        }
        let url = sign_in.as_ref().map_or(NOWHERE, |sign_in| sign_in.url.as_str()).to_owned();
        let (specs, providers): (Vec<_>, Vec<_>) =
            self.providers(providers, &url).into_iter().unzip();
        self.domains_lead_to_one(&providers);
        let Some(sign_in) = sign_in else { return (None, specs) };
        let session = self.session_limits(&sign_in.session, &place.then("session"));
        let page = self.page(sign_in.page, &place.then("page"));
        (Some(model::SignIn { url, session, page, providers }), specs)
    }

    fn session_limits(
        &mut self,
        limits: &file::SessionLimits,
        place: &Place,
    ) -> model::SessionLimits {
        let (idle, lifetime) = (limits.idle.value(), limits.lifetime.value());
        let written = place.then("idle");
        if idle > lifetime && self.tree.find(&written).is_some() {
            let message =
                format!("`idle` is `{idle}`, more than `lifetime`, which is `{lifetime}`");
            let problem = self.problem(&written, message);
            self.report(problem.help(format!("write at most `{lifetime}` for `idle`")));
        }
        let lifetime = time(&limits.lifetime);
        model::SessionLimits { idle: time(&limits.idle).min(lifetime), lifetime }
    }

    fn page(&mut self, page: file::Page, place: &Place) -> model::Page {
        let logo = page.logo.and_then(|logo| self.logo(&logo, &place.then("logo")));
        model::Page {
            title: page.title.map(|title| title.0),
            color: page.color.map(|color| color.0),
            logo,
        }
    }

    fn logo(&mut self, file: &FilePath, place: &Place) -> Option<model::Logo> {
        let bytes = self.read(&file.0, place)?;
        if bytes.len() > MAX_LOGO_BYTES {
            let message = format!("the image has {} bytes", bytes.len());
            let problem = self.problem(place, message);
            self.report(problem.help("it stands in every page; make it 64 KiB at most"));
            return None;
        }
        let drawn = std::str::from_utf8(&bytes).is_ok_and(|text| text.contains("<svg"));
        let media_type = if bytes.starts_with(PNG) {
            "image/png"
        } else if drawn {
            "image/svg+xml"
        } else {
            let problem = self.problem(place, "the file is no image in PNG or SVG");
            self.report(problem.help("name a file in one of these formats"));
            return None;
        };
        Some(model::Logo { media_type, bytes })
    }

    /// Complains about a domain that leads to two providers.
    fn domains_lead_to_one(&mut self, providers: &[model::Provider]) {
        let mut led: BTreeMap<&str, (&str, Place)> = BTreeMap::new();
        for provider in providers {
            let name = &**provider.name();
            let place = Place::key("providers").then(name).then("domains");
            for (index, domain) in provider.domains.iter().enumerate() {
                let place = place.at(index);
                match led.get(domain.as_str()) {
                    Some((other, first)) => {
                        let message = if *other == name {
                            format!("`{domain}` is listed twice")
                        } else {
                            format!("`{domain}` leads to the provider `{other}` too")
                        };
                        let problem = self
                            .problem(&place, message)
                            .mark(self.tree.locate(first), Some("here"))
                            .help("a domain leads to one provider");
                        self.report(problem);
                    }
                    None => drop(led.insert(domain, (name, place))),
                }
            }
        }
    }
}
