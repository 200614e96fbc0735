//! Policies that operators write in Cedar.

use std::collections::HashSet;
use std::sync::Arc;

use cedar_policy::{Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator};

use super::Builder;
use crate::policy::LoadedPolicy;
use crate::spec::{Place, PolicyFile};

impl Builder<'_> {
    pub(super) fn files(&mut self) {
        let spec = self.spec;
        if spec.policies.is_empty() {
            return;
        }
        let key = Place::key("policies");
        let (schema, routes) = (self.schema.text(), &spec.routes);
        let routes = routes.iter().map(|route| route.name.as_str()).collect();
        for (index, loaded) in
            self.read_policies(&spec.policies, &key, &schema).into_iter().enumerate()
        {
            if let Some(file) = spec.policies.get(index) {
                self.check_names(&routes, &loaded, &file.name, &key.at(index));
            }
            self.policies
                .extend(loaded.into_iter().map(|(id, policy)| LoadedPolicy::written(id, policy)));
        }
    }

    /// The policies of each file under `key`, validated strictly against `schema`; what is wrong is noted.
    pub(super) fn read_policies(
        &mut self,
        files: &[PolicyFile],
        key: &Place,
        schema: &str,
    ) -> Vec<Vec<(Arc<str>, Policy)>> {
        let schema = match Schema::from_cedarschema_str(schema) {
            Ok((schema, _)) => schema,
            Err(error) => {
                let message =
                    format!("no schema can be generated from this configuration: {error}");
                self.push(key.clone(), &message, "");
                return Vec::new();
            }
        };
        let validator = Validator::new(schema);
        let placed = files.iter().enumerate();
        placed.map(|(index, file)| self.read_file(file, &key.at(index), &validator)).collect()
    }

    fn read_file(
        &mut self,
        file: &PolicyFile,
        place: &Place,
        validator: &Validator,
    ) -> Vec<(Arc<str>, Policy)> {
        let set: PolicySet = match file.text.parse() {
            Ok(set) => set,
            Err(error) => {
                self.push(place.clone(), &format!("`{}` is not Cedar: {}", file.name, error), "");
                return Vec::new();
            }
        };
        if set.templates().next().is_some() {
            let message = format!("`{}` holds a template, and nothing links templates", file.name);
            let help = "write a policy without `?principal` and `?resource`";
            self.push(place.clone(), &message, help);
        }
        let mut loaded = Vec::new();
        for policy in set.policies() {
            let id = match policy.annotation("id") {
                Some(id) => format!("{}#{id}", file.name),
                None => format!("{}#{}", file.name, policy.id()),
            };
            loaded.push((Arc::<str>::from(id.as_str()), policy.new_id(PolicyId::new(id))));
        }
        let renamed =
            match PolicySet::from_policies(loaded.iter().map(|(_, policy)| policy.clone())) {
                Ok(set) => set,
                Err(error) => {
                    let message = format!("`{}`: {error}", file.name);
                    self.push(place.clone(), &message, "give each policy an `@id` of its own");
                    return Vec::new();
                }
            };
        let result = validator.validate(&renamed, ValidationMode::Strict);
        let errors: Vec<_> = result.validation_errors().map(ToString::to_string).collect();
        for error in errors {
            let message = format!("`{}`: {error}", file.name);
            let help = "see the generated schema: `doorward schema --policies`";
            self.push(place.clone(), &message, help);
        }
        loaded
    }

    /// A policy about a route, service or issuer that does not exist never holds; for a `forbid` that is a hole.
    fn check_names(
        &mut self,
        routes: &HashSet<&str>,
        loaded: &[(Arc<str>, Policy)],
        file: &str,
        place: &Place,
    ) {
        for (id, policy) in loaded {
            for uid in policy.entity_literals() {
                let name: &str = uid.id().unescaped();
                let known = match uid.type_name().to_string().as_str() {
                    "Route" => routes.contains(name),
                    "Service" => self.services.contains_key(name),
                    "Issuer" => self.issuers.iter().any(|one| &**one.name() == name),
                    "Group" | "User" | "Workload" => {
                        name.split_once('/').is_some_and(|(issuer, _)| {
                            self.issuers.iter().any(|one| &**one.name() == issuer)
                        })
                    }
                    _ => true,
                };
                if !known {
                    let message =
                        format!("`{file}`: the policy `{id}` names `{uid}`, which there is not");
                    self.push(place.clone(), &message, "subjects and groups are written with their issuer, as in `Group::\"corp/support\"`");
                }
            }
        }
    }
}
