use gate::spec::{ClaimTest, Condition, MatchValue, Place};

use super::Lowering;
use crate::config::file::{self, ConditionValue};
use crate::config::value::Name;

impl Lowering<'_> {
    pub(super) fn conditions(
        &mut self,
        conditions: Vec<file::Condition>,
        place: &Place,
    ) -> Vec<Condition> {
        let placed = conditions.into_iter().enumerate();
        placed.map(|(index, condition)| self.condition(condition, &place.at(index))).collect()
    }

    fn condition(&mut self, condition: file::Condition, place: &Place) -> Condition {
        for (index, issuer) in condition.issuers.iter().flatten().enumerate() {
            self.resolve_issuer(issuer, &place.then("issuers").at(index));
        }
        for (name, _) in condition.claims.iter().flatten() {
            if let Some((message, help)) = self.undeclared_claim(name.as_str()) {
                let key = place.then("claims").then(name.as_str());
                let problem = self.key_problem(&key, message).help(help);
                self.report(problem);
                self.dangling.push(key);
            }
        }
        let claims =
            condition.claims.iter().flatten().map(|(name, values)| claim_test(name, values));
        let claims = claims.collect();
        self.no_list_is_empty(&condition, place);
        Condition {
            anyone: condition.anyone,
            authenticated: condition.authenticated,
            groups: condition.groups.unwrap_or_default(),
            users: condition.users.unwrap_or_default(),
            workloads: condition.workloads.unwrap_or_default(),
            issuers: condition.issuers.unwrap_or_default(),
            scopes: condition.scopes.unwrap_or_default(),
            claims,
            methods: condition.methods.unwrap_or_default(),
            networks: condition
                .networks
                .iter()
                .flatten()
                .map(|network| network.0.to_string())
                .collect(),
        }
    }

    /// An empty list would read as "no condition" below, and means "none of these" to its reader: it is refused.
    fn no_list_is_empty(&mut self, condition: &file::Condition, place: &Place) {
        let lists = [
            ("groups", &condition.groups),
            ("users", &condition.users),
            ("workloads", &condition.workloads),
            ("issuers", &condition.issuers),
            ("scopes", &condition.scopes),
            ("methods", &condition.methods),
        ];
        for (key, list) in lists {
            if list.as_ref().is_some_and(Vec::is_empty) {
                self.empty_list(key, &place.then(key));
            }
        }
        if condition.networks.as_ref().is_some_and(Vec::is_empty) {
            self.empty_list("networks", &place.then("networks"));
        }
        for (name, values) in condition.claims.iter().flatten() {
            if values.values.is_empty() {
                self.empty_list(name.as_str(), &place.then("claims").then(name.as_str()));
            }
        }
        if condition.claims.as_ref().is_some_and(std::collections::BTreeMap::is_empty) {
            self.empty_list("claims", &place.then("claims"));
        }
    }

    fn empty_list(&mut self, key: &str, place: &Place) {
        // A list whose items were all complained about is not empty as it is written.
        if self.tree.find(place).is_some_and(|node| !node.is_empty()) {
            return;
        }
        let problem =
            self.problem(place, format!("`{key}` is empty, and nothing is one of nothing"));
        self.report(problem.help("name at least one, or remove the key"));
    }
}

fn claim_test(name: &Name, values: &file::OneOrMany<ConditionValue>) -> ClaimTest {
    let any_of = values.values.iter().map(|value| match value {
        ConditionValue::Bool(value) => MatchValue::Bool(*value),
        ConditionValue::Long(value) => MatchValue::Long(*value),
        ConditionValue::String(value) => MatchValue::String(value.clone()),
    });
    ClaimTest { claim: name.to_string(), any_of: any_of.collect() }
}
