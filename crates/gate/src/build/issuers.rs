//! Issuers: whose tokens are believed, each under a name of its own.

use std::collections::{HashMap, HashSet};

use super::{BuildError, Builder};
use crate::policy::is_issuer_name;
use crate::spec::Place;

impl Builder<'_> {
    pub(super) fn issuers(&mut self) {
        let mut names: HashSet<&str> = HashSet::new();
        let mut identifiers: HashMap<&str, &str> = HashMap::new();
        for issuer in &self.spec.issuers {
            let name = issuer.profile.name();
            let place = Place::key("issuers").then(name);
            if !is_issuer_name(name) {
                let message = format!("`{name}` is not a name for an issuer");
                let help = "write lower-case letters, digits, `.`, `_` and `-`, a letter or digit first: subjects and groups are named `issuer/name`";
                self.push(place.clone(), &message, help);
            }
            if !names.insert(&**name) {
                self.push(place.clone(), &format!("there are two issuers named `{name}`"), "");
            }
            if let Err(claim) = self.schema.add_issuer(&issuer.profile) {
                let message =
                    format!("the claim `{claim}` is declared with another type by another issuer");
                self.errors.push(
                    BuildError::new(place.then("claims").then(&claim).then("type"), &message)
                        .with_help(
                            "declare it with one type everywhere, or under another name here",
                        ),
                );
            }
            if let Some(other) = identifiers.insert(issuer.profile.issuer(), name) {
                let message = format!(
                    "`{}` is pinned twice, as `{other}` and as `{name}`",
                    issuer.profile.issuer()
                );
                self.errors.push(
                    BuildError::new(place.then("issuer"), &message)
                        .and(Place::key("issuers").then(other).then("issuer")),
                );
            }
        }
    }
}
