use std::net::IpAddr;

use gate::spec::Place;
use rustls::pki_types::DnsName;

use super::{Lowering, time};
use crate::config::tree::shortened;
use crate::config::{file, model};

/// Where certificates are ordered unless the configuration says otherwise.
const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// The most names to obtain certificates for.
const MAX_DOMAINS: usize = 100;

impl Lowering<'_> {
    pub(super) fn acme(&mut self, acme: &file::Acme, place: &Place) -> model::Acme {
        if !acme.accept_terms {
            let terms = place.then("accept_terms");
            let written = self.tree.find(&terms).is_some();
            let message = "the terms of service of the ACME server are not accepted";
            let problem = if written {
                self.problem(&terms, message)
            } else {
                self.key_problem(place, message)
            };
            self.report(problem.help("read them, then write `accept_terms: true`"));
        }
        if let Some(url) = &acme.directory
            && url.is_plain_beyond_loopback()
        {
            let message = format!("`{}` is plain HTTP, and ACME is not", shortened(url.as_str()));
            let https = url.as_str().replacen("http:", "https:", 1);
            let problem = self.problem(&place.then("directory"), message);
            self.report(problem.help(format!("write `{https}`")));
        }
        let ca = acme.ca.as_ref().and_then(|ca| self.certificates(&ca.0, &place.then("ca")));
        for (index, contact) in acme.contact.iter().enumerate() {
            if !contact.0.starts_with("mailto:") || !contact.0.contains('@') {
                let message = format!("`{}` is no address to write to", shortened(&contact.0));
                let problem = self.problem(&place.then("contact").at(index), message);
                self.report(problem.help("write it as in `mailto:ops@example.com`"));
            }
        }
        model::Acme {
            directory: acme.directory.as_ref().map_or(LETS_ENCRYPT, |url| url.as_str()).to_owned(),
            domains: self.domains(acme, &place.then("domains")),
            contact: acme.contact.iter().map(|contact| contact.0.clone()).collect(),
            cache: self.path(&acme.cache.0),
            ca,
            renew_before: time(&acme.renew_before),
        }
    }

    fn domains(&mut self, acme: &file::Acme, place: &Place) -> Vec<String> {
        if acme.domains.is_empty() || acme.domains.len() > MAX_DOMAINS {
            let message =
                format!("expected 1 to {MAX_DOMAINS} names, found {}", acme.domains.len());
            let problem = self.problem(place, message);
            self.report(problem.help("write the names that callers ask for: `[example.com]`"));
        }
        let mut domains: Vec<String> = Vec::with_capacity(acme.domains.len());
        for (index, domain) in acme.domains.iter().enumerate() {
            let (written, domain) = (shortened(&domain.0), domain.0.to_ascii_lowercase());
            let wrong = if domain.contains('*') {
                Some((
                    format!("`{written}` is a wildcard, which takes `dns-01`, which is not spoken"),
                    "list each name; or put a wildcard certificate into `certificates`",
                ))
            } else if domain.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
                Some((
                    format!("`{written}` is an IP address, and certificates are ordered for names"),
                    "write the name that callers ask for, such as `example.com`",
                ))
            } else if domain.ends_with('.') || DnsName::try_from(domain.as_str()).is_err() {
                Some((
                    format!("`{written}` is not a name that a certificate can have"),
                    "write a name such as `example.com`, without port and final dot, in A-labels (`xn--…`)",
                ))
            } else if domains.contains(&domain) {
                Some((format!("`{written}` is listed twice"), "remove one of the two"))
            } else {
                None
            };
            match wrong {
                Some((message, help)) => {
                    let problem = self.problem(&place.at(index), message).help(help);
                    self.report(problem);
                }
                None => domains.push(domain),
            }
        }
        domains
    }
}
