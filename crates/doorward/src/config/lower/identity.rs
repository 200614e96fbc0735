use std::collections::BTreeMap;

use gate::spec::Place;

use super::{Lowering, time};
use crate::config::value::Name;
use crate::config::{file, model};

impl Lowering<'_> {
    pub(super) fn identity(
        &mut self,
        identity: Option<file::Identity>,
        issuers: &BTreeMap<Name, file::Issuer>,
    ) -> Option<model::Identity> {
        let identity = identity?;
        let place = Place::key("identity");
        let issuer = identity.issuer.as_str().to_owned();
        if let Some((name, _)) = issuers
            .iter()
            .find(|(_, other)| other.issuer.as_ref().is_some_and(|other| other.0 == issuer))
        {
            let other = Place::key("issuers").then(name.as_str()).then("issuer");
            let problem = self
                .problem(&place.then("issuer"), format!("`{issuer}` is also the issuer `{name}`"))
                .mark(self.tree.locate(&other), Some("here"))
                .help("give this Doorward a URL of its own: a service could use the identities it is told as tokens");
            self.report(problem);
        }
        let keys = self.identity_keys(&identity.keys, &place.then("keys"))?;
        Some(model::Identity {
            issuer,
            lifetime: time(&identity.lifetime),
            keys,
            rotate_every: time(&identity.keys.rotate_every),
        })
    }

    fn identity_keys(
        &mut self,
        keys: &file::IdentityKeys,
        place: &Place,
    ) -> Option<model::SigningKeys> {
        let written = self.tree.find(place).is_some_and(|node| node.has("directory"));
        match (&keys.directory, keys.memory) {
            (Some(directory), false) => {
                Some(model::SigningKeys::Directory(self.path(&directory.0)))
            }
            (None, true) if !written => Some(model::SigningKeys::Memory),
            (Some(_), true) => {
                let problem = self
                    .problem(
                        &place.then("memory"),
                        "signing keys both in memory and in a directory",
                    )
                    .mark(self.tree.locate(&place.then("directory")), Some("here"))
                    .help("keep one of the two");
                self.report(problem);
                None
            }
            (None, _) => {
                if !written {
                    let problem = self
                        .problem(place, "nothing says where the signing keys are kept")
                        .help("add `directory: keys`; or `memory: true` for keys that every start makes anew");
                    self.report(problem);
                }
                None
            }
        }
    }

    /// Complains about services that ask for a signed identity when there is none.
    pub(super) fn signed_identity_is_configured(
        &mut self,
        services: &BTreeMap<Name, file::Service>,
    ) {
        if self.tree.has("identity") {
            return;
        }
        for (name, service) in services {
            if service.identity.token.is_none() {
                continue;
            }
            let place = Place::key("services").then(name.as_str()).then("identity").then("token");
            let problem = self
                .problem(&place, format!("the service `{name}` asks for the signed identity, and there is none"))
                .help("add `identity: { issuer: https://doorward.example.com, keys: { directory: keys } }` at the top");
            self.report(problem);
        }
    }
}
