use std::collections::BTreeMap;

use gate::spec::Place;
use tokens::{Absence, ClaimKind, ClaimSpec, ClaimValue};

use super::Lowering;
use crate::config::file::{ClaimType, DeclaredClaim, StandIn};
use crate::config::suggest;
use crate::config::value::Name;

impl Lowering<'_> {
    pub(super) fn declared_claims(
        &mut self,
        claims: BTreeMap<Name, DeclaredClaim>,
        place: &Place,
    ) -> Option<Vec<ClaimSpec>> {
        let claims: Vec<_> = claims
            .into_iter()
            .map(|(name, claim)| self.declared_claim(&name, claim, &place.then(name.as_str())))
            .collect();
        // A claim that could not be read is declared all the same; without it, rules would be blamed for naming it.
        let whole = self.tree.find(place).is_none_or(|node| node.is_whole());
        claims.into_iter().collect::<Option<_>>().filter(|_| whole)
    }

    fn declared_claim(
        &mut self,
        name: &Name,
        claim: DeclaredClaim,
        place: &Place,
    ) -> Option<ClaimSpec> {
        let kind = match claim.kind {
            ClaimType::Bool => ClaimKind::Bool,
            ClaimType::Long => ClaimKind::Long,
            ClaimType::String => ClaimKind::String,
            ClaimType::Strings => ClaimKind::Strings,
        };
        let absent = match (claim.absent, claim.required, claim.default) {
            (Some(_), None, None) => Absence::Ignore,
            (None, Some(true), None) => Absence::Required,
            (None, None, Some(value)) => {
                Absence::Default(self.stand_in(claim.kind, value, &place.then("default"))?)
            }
            (None, Some(false), None) => {
                let problem = self.problem(
                    &place.then("required"),
                    format!("`required: false` does not say what it means when `{name}` is absent"),
                );
                self.report(problem.help(SAY_ABSENCE));
                return None;
            }
            (None, None, None) => {
                if self.tree.find(place).is_some_and(|node| node.is_whole()) {
                    let message = format!("nothing says what it means when `{name}` is absent");
                    let problem = self.problem(place, message);
                    self.report(problem.help(SAY_ABSENCE));
                }
                return None;
            }
            _ => {
                let message = format!("the absence of `{name}` is given two meanings");
                let problem = self.problem(place, message);
                self.report(problem.help("keep one of `absent`, `required` and `default`"));
                return None;
            }
        };
        Some(ClaimSpec { name: name.as_str().into(), from: claim.from.0, kind, absent })
    }

    fn stand_in(&mut self, kind: ClaimType, value: StandIn, place: &Place) -> Option<ClaimValue> {
        let (expected, help) = match (kind, value) {
            (ClaimType::Bool, StandIn::Bool(value)) => return Some(ClaimValue::Bool(value)),
            (ClaimType::Long, StandIn::Long(value)) => return Some(ClaimValue::Long(value)),
            (ClaimType::String, StandIn::String(value)) => return Some(ClaimValue::String(value)),
            (ClaimType::Strings, StandIn::Strings(list)) => return Some(ClaimValue::Strings(list)),
            (ClaimType::Bool, _) => ("`true` or `false`", "write `default: false`"),
            (ClaimType::Long, _) => ("a whole number", "write `default: 0`"),
            (ClaimType::String, _) => ("a text", "write `default: \"…\"`"),
            (ClaimType::Strings, _) => ("a list of texts", "write `default: []`"),
        };
        let found = self.tree.find(place).map(|node| node.describe()).unwrap_or_default();
        let problem =
            self.problem(place, format!("expected {expected} by its `type`, found {found}"));
        self.report(problem.help(help));
        None
    }

    /// What to say about the claim `name` and what to do, when no issuer declares it.
    pub(super) fn undeclared_claim(&self, name: &str) -> Option<(String, String)> {
        let whose = ["issuers", "providers"];
        let issuers = whose.iter().filter_map(|kind| Some(&self.tree.entry(kind)?.node));
        let claims = issuers
            .flat_map(|issuers| issuers.children())
            .filter_map(|issuer| issuer.entry("claims"));
        let declared: Vec<_> = claims.flat_map(|claims| claims.node.keys()).collect();
        let unknown = !declared.contains(&name);
        let message = || format!("no issuer declares a claim `{name}`");
        let declare = || {
            format!(
                "declare it in an issuer: `claims: {{ {name}: {{ from: /{name}, type: string, absent: ignore }} }}`"
            )
        };
        let help = || match suggest::nearest(name, declared.iter().copied()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => declare(),
        };
        unknown.then(|| (message(), help()))
    }
}

const SAY_ABSENCE: &str = "add `absent: ignore`, `required: true` or `default: …`";
