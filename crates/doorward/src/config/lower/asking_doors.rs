//! Where proxies ask. Whoever asks says whose a request is and what certificate its caller has shown.

use std::collections::BTreeSet;

use doors::proxy::{ClientCertificates, ServerTls};
use doors::relay::{Asking, Caller};
use gate::spec::Place;
use tokens::{CertificateProfile, CertificateSubject, TrustDomain};

use super::Lowering;
use super::listen::loopback;
use crate::config::file;
use crate::config::model::{AskingDoor, AskingTls, ListenAt};
use crate::config::tree::shortened;
use crate::config::value::Text;

impl Lowering<'_> {
    pub(super) fn ext_authz(&mut self, door: file::ExtAuthz, place: &Place) -> AskingDoor {
        self.asking_door(door.address.0, door.tls.as_ref(), place)
    }

    pub(super) fn forward_auth(
        &mut self,
        door: file::ForwardAuth,
        place: &Place,
    ) -> (AskingDoor, Asking) {
        let asking = Asking {
            caller: caller(door.proxy),
            takes_cookies: door.cookies == file::AskingCookies::FromAnswer,
        };
        (self.asking_door(door.address.0, door.tls.as_ref(), place), asking)
    }

    fn asking_door(
        &mut self,
        at: ListenAt,
        tls: Option<&file::AskingTls>,
        place: &Place,
    ) -> AskingDoor {
        let tls_place = place.then("tls");
        let written = self.tree.find(&tls_place).is_some();
        match &at {
            ListenAt::Address(address) if !loopback(*address) && !written => {
                let message = format!("whoever reaches `{address}` is believed to be your proxy");
                let problem = self.problem(&place.then("address"), message).help(format!(
                    "write `127.0.0.1:{}` and run Doorward beside the proxy, or add `tls` and say which proxies may ask",
                    address.port()
                ));
                self.report(problem);
            }
            ListenAt::Socket(path) if written => {
                let message = format!("there is no TLS at a Unix socket (`{}`)", path.display());
                let problem = self.key_problem(&tls_place, message);
                self.report(
                    problem.help("drop it: the mode of the socket's directory says who may ask"),
                );
            }
            _ => {}
        }
        AskingDoor { at, tls: tls.and_then(|tls| self.asking_tls(tls, &tls_place)) }
    }

    fn asking_tls(&mut self, tls: &file::AskingTls, place: &Place) -> Option<AskingTls> {
        let certificates = place.then("certificates");
        if tls.certificates.is_empty() {
            let problem = self.problem(&certificates, "expected at least one certificate");
            self.report(problem.help("write `certificates: [tls/doorward.pem]`"));
        }
        let files = self.pems(&tls.certificates, &certificates);
        if files.len() == tls.certificates.len()
            && let Err(error) = ServerTls::new(&files, &ClientCertificates::default(), None)
        {
            self.tls_problem(&error, &tls.certificates, &certificates);
        }
        let proxies = self.proxies(&tls.proxies, &place.then("proxies"));
        let ca = place.then("ca");
        let authorities = self.authorities(&tls.ca, &ca)?;
        let (subject, proxies) = proxies?;
        match CertificateProfile::new("proxies", authorities, subject) {
            Ok(profile) => Some(AskingTls {
                certificates: tls.certificates.iter().map(|path| self.path(path)).collect(),
                profile,
                proxies,
            }),
            Err(error) => {
                self.no_authorities(&ca, error.to_string());
                None
            }
        }
    }

    /// Who may ask, and what their certificates call them.
    fn proxies(
        &mut self,
        proxies: &[Text],
        place: &Place,
    ) -> Option<(CertificateSubject, BTreeSet<String>)> {
        let help = "write SPIFFE IDs of one trust domain, such as `spiffe://corp.example/envoy`, or DNS names, such as `envoy.corp.example`";
        let Some(first) = proxies.first() else {
            let problem = self.problem(place, "expected at least one proxy");
            self.report(problem.help(help));
            return None;
        };
        let domain = TrustDomain::of(&first.0);
        for (index, proxy) in proxies.iter().enumerate() {
            let fits = match &domain {
                Some(domain) => TrustDomain::of(&proxy.0).as_ref() == Some(domain),
                None => is_dns_name(&proxy.0),
            };
            if !fits {
                let message = match &domain {
                    Some(_) => format!(
                        "`{}` is no SPIFFE ID of the trust domain of `{}`",
                        shortened(&proxy.0),
                        shortened(&first.0)
                    ),
                    None => {
                        format!("`{}` is neither a SPIFFE ID nor a DNS name", shortened(&proxy.0))
                    }
                };
                let problem = self.problem(&place.at(index), message);
                self.report(problem.help(help));
                return None;
            }
        }
        let subject = domain.map_or(CertificateSubject::DnsName, CertificateSubject::SpiffeId);
        Some((subject, proxies.iter().map(|proxy| proxy.0.clone()).collect()))
    }
}

/// Whether a certificate can have it: in lower case, for that is how it is compared.
fn is_dns_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

const fn caller(proxy: file::AskingProxy) -> Caller {
    match proxy {
        file::AskingProxy::Caddy => Caller::Caddy,
        file::AskingProxy::Haproxy => Caller::Haproxy,
        file::AskingProxy::Nginx => Caller::Nginx,
        file::AskingProxy::Traefik => Caller::Traefik,
    }
}
