//! Policies that operators write in Cedar.

use std::collections::HashSet;
use std::sync::Arc;

use cedar_policy::{Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator};

use super::Builder;
use crate::policy::LoadedPolicy;
use crate::spec::Place;

impl Builder<'_> {
    pub(super) fn files(&mut self) {
        if self.spec.policies.is_empty() {
            return;
        }
        let schema = match Schema::from_cedarschema_str(&self.schema.text()) {
            Ok((schema, _)) => schema,
            Err(error) => {
                let message =
                    format!("no schema can be generated from this configuration: {error}");
                self.push(Place::key("policies"), &message, "");
                return;
            }
        };
        let routes = self.spec.routes.iter().map(|route| route.name.as_str()).collect();
        let validator = Validator::new(schema);
        for (index, file) in self.spec.policies.iter().enumerate() {
            let place = Place::key("policies").at(index);
            let set: PolicySet = match file.text.parse() {
                Ok(set) => set,
                Err(error) => {
                    self.push(place, &format!("`{}` is not Cedar: {}", file.name, error), "");
                    continue;
                }
            };
            if set.templates().next().is_some() {
                let message =
                    format!("`{}` holds a template, and nothing links templates", file.name);
                self.push(
                    place.clone(),
                    &message,
                    "write a policy without `?principal` and `?resource`",
                );
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
                        self.push(
                            place,
                            &format!("`{}`: {error}", file.name),
                            "give each policy an `@id` of its own",
                        );
                        continue;
                    }
                };
            let result = validator.validate(&renamed, ValidationMode::Strict);
            let errors: Vec<_> = result.validation_errors().map(ToString::to_string).collect();
            for error in errors {
                self.push(
                    place.clone(),
                    &format!("`{}`: {error}", file.name),
                    "see the generated schema: `doorward schema --policies`",
                );
            }
            self.check_names(&routes, &loaded, &file.name, &place);
            self.policies
                .extend(loaded.into_iter().map(|(id, policy)| LoadedPolicy::written(id, policy)));
        }
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
