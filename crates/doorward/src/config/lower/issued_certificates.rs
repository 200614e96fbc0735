use gate::spec::{IssuerSpec, Place};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokens::{CertificateProfile, CertificateSubject, TrustDomain};

use super::Lowering;
use crate::config::tree::shortened;
use crate::config::value::FilePath;
use crate::config::{file, model};

impl Lowering<'_> {
    pub(super) fn issued_certificates(
        &mut self,
        name: &str,
        issued: &file::IssuedCertificates,
        place: &Place,
    ) -> Option<CertificateProfile> {
        self.only_certificates(place);
        let place = place.then("certificates");
        let subject = self.certificate_subject(issued, &place);
        let ca = place.then("ca");
        let certificates = self.authorities(&issued.ca, &ca)?;
        match CertificateProfile::new(name, certificates, subject?) {
            Ok(profile) => Some(profile),
            Err(error) => {
                self.no_authorities(&ca, error.to_string());
                None
            }
        }
    }

    /// The certificates in DER of authorities, in a PEM file.
    pub(super) fn authorities(&mut self, file: &FilePath, place: &Place) -> Option<Vec<Vec<u8>>> {
        let path = self.certificates(&file.0, place)?;
        let bytes = self.surroundings.read(&path, super::MAX_FILE_BYTES).ok()?;
        let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
        match parsed {
            Ok(certificates) => Some(certificates.iter().map(|der| der.to_vec()).collect()),
            Err(error) => {
                let message = format!("`{}` is not a PEM file: {error}", shortened(&file.0));
                self.no_authorities(place, message);
                None
            }
        }
    }

    pub(super) fn no_authorities(&mut self, place: &Place, message: String) {
        let problem = self.problem(place, message);
        self.report(problem.help("name a PEM file with the certificates of your authorities"));
    }

    /// What an issuer of client certificates says about tokens would hold for nothing.
    fn only_certificates(&mut self, place: &Place) {
        let keys = self.tree.find(place).into_iter().flat_map(|node| node.keys());
        let about_tokens = keys.filter(|key| !["certificates", "disabled"].contains(key));
        for key in about_tokens.map(ToOwned::to_owned).collect::<Vec<_>>() {
            let message =
                format!("`{key}` is about tokens, and this issuer issues client certificates");
            let problem = self.key_problem(&place.then(&key), message);
            self.report(
                problem.help("drop it, or make two issuers of them, each with a name of its own"),
            );
        }
    }

    fn certificate_subject(
        &mut self,
        issued: &file::IssuedCertificates,
        place: &Place,
    ) -> Option<CertificateSubject> {
        let domain = place.then("trust_domain");
        match (issued.subject, &issued.trust_domain) {
            (file::CertificateSubject::DnsName, None) => Some(CertificateSubject::DnsName),
            (file::CertificateSubject::DnsName, Some(_)) => {
                let problem = self.key_problem(&domain, "a DNS name is of no trust domain");
                self.report(problem.help("drop it, or write `subject: spiffe_id`"));
                None
            }
            (file::CertificateSubject::SpiffeId, Some(text)) => match text.0.parse::<TrustDomain>()
            {
                Ok(trust_domain) => Some(CertificateSubject::SpiffeId(trust_domain)),
                Err(error) => {
                    let message = format!("`{}`: {error}", shortened(&text.0));
                    let problem = self.problem(&domain, message);
                    self.report(problem.help(
                        "write what stands between `spiffe://` and the next `/`, such as `corp.example`",
                    ));
                    None
                }
            },
            (file::CertificateSubject::SpiffeId, None) => {
                if self.tree.find(&domain).is_none() {
                    let problem = self.key_problem(place, "the key `trust_domain` is missing");
                    self.report(problem.help(
                        "add the trust domain of its SPIFFE IDs, such as `trust_domain: corp.example`; or write `subject: dns_name`",
                    ));
                }
                None
            }
        }
    }

    /// Certificates can be shown where TLS ends alone, and are asked for when there is an issuer of some.
    pub(super) fn client_certificates(
        &mut self,
        asked: Option<file::ClientCertificates>,
        issuers: &[IssuerSpec],
        listen: &model::Listen,
    ) {
        let issuer = issuers.iter().find(|issuer| issuer.certificates().is_some());
        if let Some(issuer) =
            issuer.filter(|_| listen.https.is_none() && listen.ext_authz.is_none())
        {
            let place = Place::key("issuers").then(issuer.name()).then("certificates");
            let problem = self.key_problem(
                &place,
                "nobody can show a client certificate: there is no `listen.https`",
            );
            self.report(problem.help("add `listen.https`, where TLS ends"));
        }
        let any = self.tree.entry("issuers").is_some_and(|issuers| {
            issuers.node.children().any(|issuer| issuer.find(&Place::key("certificates")).is_some())
        });
        if asked.is_some() && !any {
            let place = Place::key("listen").then("https").then("client_certificates");
            let problem = self
                .key_problem(&place, "no issuer issues client certificates, so none is believed");
            self.report(problem.help(
                "add one: `issuers: { mesh: { certificates: { ca: tls/clients.pem, trust_domain: corp.example } } }`",
            ));
        }
    }
}
