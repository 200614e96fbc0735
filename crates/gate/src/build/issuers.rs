//! Issuers: whose tokens are believed, each under a name of its own.

use std::collections::{HashMap, HashSet};

use tokens::Profile;

use super::{BuildError, Builder};
use crate::policy::is_issuer_name;
use crate::spec::{IssuerSpec, Place};

impl Builder<'_> {
    pub(super) fn issuers(&mut self) {
        let mut names: HashSet<&str> = HashSet::new();
        let mut identifiers: HashMap<&str, &str> = HashMap::new();
        for issuer in &self.spec.issuers {
            let name = issuer.name();
            let place = Place::key("issuers").then(name);
            if !is_issuer_name(name) {
                let message = format!("`{name}` is not a name for an issuer");
                let help = "write lower-case letters, digits, `.`, `_` and `-`, a letter or digit first: subjects and groups are named `issuer/name`";
                self.push(place.clone(), &message, help);
            }
            if !names.insert(&**name) {
                self.push(place.clone(), &format!("there are two issuers named `{name}`"), "");
            }
            if let Err(claim) = self.schema.add_issuer(issuer) {
                let message =
                    format!("the claim `{claim}` is declared with another type by another issuer");
                self.errors.push(
                    BuildError::new(place.then("claims").then(&claim).then("type"), &message)
                        .with_help(
                            "declare it with one type everywhere, or under another name here",
                        ),
                );
            }
            let Some(identifier) = issuer.tokens().map(Profile::issuer) else {
                self.authorities(issuer, &place);
                continue;
            };
            if let Some(other) = identifiers.insert(identifier, name) {
                let message =
                    format!("`{identifier}` is pinned twice, as `{other}` and as `{name}`");
                self.errors.push(
                    BuildError::new(place.then("issuer"), &message)
                        .and(Place::key("issuers").then(other).then("issuer")),
                );
            }
        }
    }

    /// A certificate must be of one issuer: two that read the same names may not believe the same authority.
    fn authorities(&mut self, issuer: &IssuerSpec, place: &Place) {
        let Some(profile) = issuer.certificates() else { return };
        let before = self.spec.issuers.iter().take_while(|other| !std::ptr::eq(*other, issuer));
        let twin = before.filter_map(IssuerSpec::certificates).find(|other| {
            let same = |one: &[u8]| other.certificates().any(|another| one == another);
            other.subject() == profile.subject() && profile.certificates().any(same)
        });
        if let Some(twin) = twin {
            let message =
                format!("`{}` and `{}` believe the same authority", twin.name(), issuer.name());
            self.errors.push(
                BuildError::new(place.then("certificates").then("ca"), &message)
                    .with_help("give each authority to one issuer, or each issuer a trust domain of its own")
                    .and(Place::key("issuers").then(twin.name()).then("certificates").then("ca")),
            );
        }
    }
}
