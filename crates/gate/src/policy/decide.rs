//! The decision: which policies hold for a caller, a route and a request, and what follows.

use std::sync::Arc;

use cedar_policy::{
    AuthorizationError, Authorizer, Context, Decision as CedarDecision, Effect, Entities, Entity,
    PolicyId, Request, Response,
};
use tokens::Timestamp;

use super::entities::{self, Principal};
use super::names::EntityType;
use super::slice::{PolicyIndex, Selection};
use crate::identity::Identity;
use crate::request::CanonicalRequest;
use crate::route::Route;

/// Who asks for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    pub(crate) principal: &'a Principal,
    pub(crate) request: &'a CanonicalRequest,
    /// Whose client certificate the connection has shown.
    pub(crate) certificate: Option<&'a Identity>,
    pub(crate) route: &'a Route,
    pub(crate) route_entity: &'a Entity,
    pub(crate) now: Timestamp,
}

/// What the policies say, and which ones say it. What every judgement reads comes first.
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Decision {
    pub(crate) outcome: Outcome,
    /// The policies that determine the outcome; sorted.
    pub(crate) policies: Vec<Arc<str>>,
    /// The policies that could not be evaluated, each with why; sorted.
    pub(crate) errors: Vec<(Arc<str>, String)>,
}

/// Why the policies permit or deny.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A `permit` holds, and no `forbid`.
    Allow,
    /// A `forbid` holds.
    Forbidden,
    /// A `forbid` could not be evaluated.
    ForbidUnknown,
    /// No `permit` holds.
    NoPermit,
    /// The question could not be put.
    Unaskable,
}

impl Decision {
    /// The decision on a question that could not be put.
    pub(crate) fn unaskable(why: String) -> Self {
        let errors = vec![(Arc::from("gate"), why)];
        Self { outcome: Outcome::Unaskable, policies: Vec::new(), errors }
    }

    /// What the authorizer's answer comes to: a `forbid` that could not be evaluated denies.
    pub(crate) fn of(response: &Response, index: &PolicyIndex) -> Self {
        let diagnostics = response.diagnostics();
        let name = |id: &PolicyId| {
            let id: &str = id.as_ref();
            index.by_id(id).map_or_else(|| Arc::from(id), |policy| Arc::clone(&policy.id))
        };
        let mut policies: Vec<_> = diagnostics.reason().map(name).collect();
        policies.sort();
        let mut errors: Vec<_> = diagnostics
            .errors()
            .map(|error| match error {
                AuthorizationError::PolicyEvaluationError(error) => {
                    (name(error.policy_id()), error.inner().to_string())
                }
            })
            .collect();
        errors.sort();
        let unknown: Vec<_> = errors
            .iter()
            .filter(|(id, _)| index.by_id(id).is_none_or(|policy| policy.effect == Effect::Forbid))
            .map(|(id, _)| Arc::clone(id))
            .collect();
        let forbidden = response.decision() == CedarDecision::Deny && !policies.is_empty();
        if !forbidden && !unknown.is_empty() {
            return Self { outcome: Outcome::ForbidUnknown, policies: unknown, errors };
        }
        let outcome = match response.decision() {
            CedarDecision::Allow => Outcome::Allow,
            CedarDecision::Deny if forbidden => Outcome::Forbidden,
            CedarDecision::Deny => Outcome::NoPermit,
        };
        Self { outcome, policies, errors }
    }
}

impl Question<'_> {
    /// The decision over these policies.
    pub(crate) fn decide(&self, index: &PolicyIndex, selection: &Selection) -> Decision {
        let (request, entities) = match self.put(selection) {
            Ok(put) => put,
            Err(why) => return Decision::unaskable(why),
        };
        let response = Authorizer::new().is_authorized(&request, &selection.set, &entities);
        Decision::of(&response, index)
    }

    /// The question as Cedar takes it.
    pub(super) fn put(&self, selection: &Selection) -> Result<(Request, Entities), String> {
        let (context, pointed_at): (Context, _) = entities::context(
            self.request,
            self.certificate,
            self.route,
            self.now,
            selection.needs,
        )?;
        let action = EntityType::Action.named(self.request.method().as_str());
        let request = Request::new(
            self.principal.membership.uid.clone(),
            action,
            self.route_entity.uid(),
            context,
            None,
        )
        .map_err(|error| error.to_string())?;
        let beside = [self.route_entity.clone()].into_iter().chain(pointed_at);
        let entities = self.principal.entities.clone().add_entities(beside, None);
        let entities = entities.map_err(|error| error.to_string())?;
        Ok((request, entities))
    }
}
