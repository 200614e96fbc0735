//! What decides for others to enforce: its schema from what is declared, its policies checked against that.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cedar_policy::Schema;

use super::Builder;
use crate::evaluation::{Evaluator, Family, Kind, Kinds, schema_text};
use crate::policy::{LoadedPolicy, PolicyIndex};
use crate::spec::{KindSpec, Place};

impl Builder<'_> {
    pub(super) fn evaluator(&mut self) -> Option<Evaluator> {
        let spec = self.spec.evaluation.as_ref()?;
        let key = Place::key("authzen");
        let before = self.errors.len();
        let kinds = Kinds {
            subjects: self.kinds(Family::Subject, &spec.subjects, &key.then("subjects")),
            resources: self.kinds(Family::Resource, &spec.resources, &key.then("resources")),
            actions: self.kinds(Family::Action, &spec.actions, &key.then("actions")),
            context: spec.context.clone(),
        };
        (self.errors.len() == before).then_some(())?;
        let text = schema_text(&kinds);
        let policies = key.then("policies");
        let mut loaded = Vec::new();
        let mut ids = HashSet::new();
        for (id, policy) in
            self.read_policies(&spec.policies, &policies, &text).into_iter().flatten()
        {
            if !ids.insert(Arc::clone(&id)) {
                self.push(policies.clone(), &format!("two policies have the id `{id}`"), "");
            }
            loaded.push(LoadedPolicy::written(id, policy));
        }
        (self.errors.len() == before).then_some(())?;
        let (schema, _) = Schema::from_cedarschema_str(&text).ok()?;
        Some(Evaluator::new(kinds, schema, text, PolicyIndex::new(loaded)))
    }

    /// The kinds of a family by their names in questions. Each has a name of its own in policies too.
    fn kinds(
        &mut self,
        family: Family,
        specs: &[KindSpec],
        place: &Place,
    ) -> HashMap<String, Kind> {
        if specs.is_empty() {
            let message = "there is none, so nothing could be permitted";
            self.push(place.clone(), message, "name at least one");
        }
        let mut kinds = HashMap::new();
        let mut names: HashMap<String, &str> = HashMap::new();
        for spec in specs {
            let place = place.then(&spec.name);
            match Kind::new(family, &spec.name, &spec.properties) {
                Ok(kind) => {
                    if let Some(other) = names.insert(kind.cedar_name(), &spec.name) {
                        let message = format!(
                            "`{}` and `{other}` are both `{}` in policies",
                            spec.name,
                            kind.cedar_name()
                        );
                        self.push(place.clone(), &message, "declare one of them only");
                    }
                    kinds.insert(spec.name.clone(), kind);
                }
                Err(message) => {
                    let help = "write a name such as `document`";
                    self.push(place, &message, help);
                }
            }
        }
        kinds
    }
}
