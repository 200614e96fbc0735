//! What shapes the facts of a provider, as a text: facts that were found under one are no facts under another.

use serde_json::{Value, json};
use tokens::{
    Absence, Algorithm, ClaimKind, ClaimSpec, ClaimTest, ClaimValue, Digest, GroupPlace,
    GroupSource, JsonPointer, Mapping, SubjectRule,
};

use super::options::{OAuth, Openid, Protocol, ProviderOptions};

/// Changes with what the text says and how, so that no text of one form is one of another.
const FORM: &str = "doorward-provider-1";
/// Changes with what expressions mean.
const COMPUTED_FORM: &str = "cel-1";

impl ProviderOptions {
    /// The SHA-256 of everything in the options that shapes facts: whom they are asked of and as which client, what is
    /// asked for, what of the answer is believed, and where the facts stand. The same in every process.
    #[must_use]
    pub fn revision(&self) -> String {
        Digest::of(&self.shape()).to_string()
    }

    /// All of that, without secrets.
    fn shape(&self) -> String {
        let protocol = match &self.protocol {
            Protocol::OAuth(oauth) => of_oauth(oauth),
            Protocol::Openid(openid) => of_openid(openid),
        };
        let mapping = of_mapping(&self.mapping);
        // Lists alone: the members of an object have no order of their own.
        json!([FORM, protocol, self.client_id, self.scopes, mapping]).to_string()
    }
}

fn of_oauth(oauth: &OAuth) -> Value {
    let userinfo: Vec<_> = oauth.userinfo.iter().collect();
    json!(["oauth", oauth.issuer, oauth.authorization, oauth.token, userinfo])
}

fn of_openid(openid: &Openid) -> Value {
    let mut algorithms: Vec<_> =
        openid.algorithms.iter().map(|algorithm| Algorithm::name(*algorithm)).collect();
    algorithms.sort_unstable();
    let own = &openid.endpoints;
    let endpoints = [&own.authorization, &own.token, &own.userinfo];
    json!(["openid", openid.issuer, endpoints, algorithms, openid.userinfo])
}

pub(super) fn of_mapping(mapping: &Mapping) -> Value {
    let kind = match mapping.kind() {
        SubjectRule::User => json!(["user"]),
        SubjectRule::Workload => json!(["workload"]),
        SubjectRule::WorkloadWhen(test) => json!(["workload_when", of_test(test)]),
    };
    let groups: Vec<_> = mapping.groups().iter().map(of_groups).collect();
    let mut claims: Vec<_> = mapping.claims().iter().collect();
    claims.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    let claims: Vec<_> = claims.into_iter().map(of_claim).collect();
    let places = json!([mapping.subject().as_str(), kind, groups, claims]);
    match mapping.computed() {
        computed if computed.is_empty() => places,
        computed => {
            let computed = computed.iter().map(|(name, it)| json!([**name, it.as_str()]));
            json!([places, COMPUTED_FORM, computed.collect::<Vec<_>>()])
        }
    }
}

fn of_test(test: &ClaimTest) -> Value {
    match test {
        ClaimTest::Equals(claim, text) => json!(["equals", claim.as_str(), text]),
        ClaimTest::Present(claim) => json!(["present", claim.as_str()]),
        ClaimTest::Same(one, other) => json!(["same", one.as_str(), other.as_str()]),
    }
}

fn of_groups(source: &GroupSource) -> Value {
    let place = match &source.place {
        GroupPlace::At(place) => json!(["at", place.as_str()]),
        GroupPlace::Each { list, name } => {
            let name: Vec<_> = name.iter().map(JsonPointer::as_str).collect();
            json!(["each", list.as_str(), name])
        }
    };
    json!([place, &*source.prefix, source.required])
}

fn of_claim(claim: &ClaimSpec) -> Value {
    let absent = match &claim.absent {
        Absence::Default(ClaimValue::Bool(value)) => json!(["default", value]),
        Absence::Default(ClaimValue::Long(value)) => json!(["default", value]),
        Absence::Default(ClaimValue::String(value)) => json!(["default", value]),
        Absence::Default(ClaimValue::Strings(value)) => json!(["default", value]),
        Absence::Ignore => json!(["ignore"]),
        Absence::Required => json!(["required"]),
    };
    let kind = match claim.kind {
        ClaimKind::Bool => "bool",
        ClaimKind::Long => "long",
        ClaimKind::String => "string",
        ClaimKind::Strings => "strings",
    };
    json!([&*claim.name, claim.from.as_str(), kind, absent])
}

#[cfg(test)]
mod tests {
    use super::super::client_auth::ClientAuth;
    use super::super::secret::Secret;
    use super::*;
    use expressions::Expression;

    fn pointer(text: &str) -> JsonPointer {
        JsonPointer::parse(text).unwrap()
    }

    fn mapping(groups: &str) -> Mapping {
        let email = ClaimSpec {
            name: "email".into(),
            from: pointer("/email"),
            kind: ClaimKind::String,
            absent: Absence::Ignore,
        };
        let groups = vec![GroupSource::at(pointer(groups))];
        Mapping::new(pointer("/sub"), SubjectRule::User, groups, vec![email]).unwrap()
    }

    fn computing(text: &str) -> Mapping {
        let expression = Expression::parse(text).unwrap();
        mapping("/groups").computing([("it".into(), expression)].into()).unwrap()
    }

    fn options() -> ProviderOptions {
        let openid = Openid::new("https://idp.example", vec![Algorithm::Rs256, Algorithm::Es256]);
        let back = "https://id.example/.doorward/callback/corp";
        ProviderOptions::new("corp", Protocol::Openid(openid), "door", back, mapping("/groups"))
    }

    #[test]
    fn the_text_is_this_and_stays_so() {
        assert_eq!(
            options().shape(),
            concat!(
                r#"["doorward-provider-1",["openid","https://idp.example",[null,null,null],["ES256","RS256"],false],"door","#,
                r#"["openid"],["/sub",["user"],[[["at","/groups"],"",false]],[["email","/email","string",["ignore"]]]]]"#,
            )
        );
    }

    /// It stands in every session, and in the URL of every sign-in under way.
    #[test]
    fn the_revision_is_short_whatever_shapes_it() {
        let long = computing(&format!("'{}'", "x".repeat(4_000)));
        let revision = ProviderOptions { mapping: long, ..options() }.revision();
        assert_eq!((revision.len(), options().revision().len()), (64, 64));
    }

    #[test]
    fn what_shapes_no_facts_is_not_in_it() {
        let secret = ClientAuth::SecretBasic(Secret::new("hunter2"));
        let changed = ProviderOptions {
            client_auth: secret,
            redirect_uri: "https://other.example/".into(),
            ..options()
        };
        assert_eq!(changed.revision(), options().revision());
    }

    #[test]
    fn what_shapes_facts_changes_it() {
        let openid = |issuer: &str, algorithms| Protocol::Openid(Openid::new(issuer, algorithms));
        let both = vec![Algorithm::Rs256, Algorithm::Es256];
        for changed in [
            ProviderOptions { protocol: openid("https://b.example", both), ..options() },
            ProviderOptions {
                protocol: openid("https://idp.example", vec![Algorithm::Rs256]),
                ..options()
            },
            ProviderOptions { client_id: "other".into(), ..options() },
            ProviderOptions { scopes: vec!["openid".into(), "groups".into()], ..options() },
            ProviderOptions { mapping: mapping("/roles"), ..options() },
            ProviderOptions { mapping: computing("claims.sub"), ..options() },
        ] {
            assert_ne!(changed.revision(), options().revision(), "{changed:?}");
        }
        let [one, other] = ["claims.sub", "claims.email"]
            .map(|text| ProviderOptions { mapping: computing(text), ..options() });
        assert_ne!(one.revision(), other.revision());
    }
}
