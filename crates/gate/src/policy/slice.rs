//! Which policies can concern a request, found without walking them all.
//!
//! A policy is filed under the resources that its scope can match, and within those under the paths that its first words
//! say, and the principals and groups that it can match. What is left out could not have matched. The property test beside
//! this file holds this against the authorizer over all policies, in verdict, determining policies and errors.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use cedar_policy::{Effect, EntityUid, Policy, PolicySet, PrincipalConstraint, ResourceConstraint};

use super::PrincipalKeys;
use super::compile::CompiledRule;
use super::decide::Decision;
use super::entities::Membership;
use super::first_words::beginnings;
use super::likeness::{CallerReads, Likeness};
use super::needs::{ContextMember, Needs};
use super::shelf::{Audience, Shelf};

/// The most distinct selections of policies that are kept ready per route.
const MAX_SELECTIONS: usize = 256;
/// The most decisions over one selection that are shared.
const MAX_SHARED: usize = 32;
/// The most likenesses of callers whose decision over one selection is known.
const MAX_ALIKE: usize = 256;

/// A policy, ready to be judged by.
#[derive(Clone, Debug)]
pub(crate) struct LoadedPolicy {
    pub(crate) id: Arc<str>,
    pub(crate) policy: Policy,
    pub(crate) effect: Effect,
    keys: PrincipalKeys,
    resource: ResourceKey,
    /// The beginnings of the paths that it can concern; nothing if any.
    beginnings: Option<Vec<String>>,
    needs: Needs,
    reads: CallerReads,
}

/// Which resources a policy's scope can match.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum ResourceKey {
    Any,
    Exactly(EntityUid),
    Under(EntityUid),
}

impl LoadedPolicy {
    /// A policy of the short form, filed by what its author's words say.
    pub(crate) fn of_rule(rule: CompiledRule) -> Self {
        let CompiledRule { id, policy, keys, needs, reads } = rule;
        let resource = ResourceKey::of(&policy);
        Self { id, effect: policy.effect(), policy, keys, resource, beginnings: None, needs, reads }
    }

    /// A policy that an operator wrote, filed by its scope.
    pub(crate) fn written(id: Arc<str>, policy: Policy) -> Self {
        let keys = match policy.principal_constraint() {
            PrincipalConstraint::Any | PrincipalConstraint::Is(_) => PrincipalKeys::Anyone,
            PrincipalConstraint::In(uid)
            | PrincipalConstraint::Eq(uid)
            | PrincipalConstraint::IsIn(_, uid) => PrincipalKeys::AnyOf(vec![uid]),
        };
        let json = policy.to_json().ok();
        let needs = json.as_ref().map_or(Needs::ALL, Needs::of_policy);
        let reads = json.as_ref().map_or(CallerReads::All, CallerReads::of_policy);
        let beginnings = json.as_ref().and_then(beginnings);
        let resource = ResourceKey::of(&policy);
        Self { effect: policy.effect(), id, policy, keys, resource, beginnings, needs, reads }
    }
}

impl ResourceKey {
    fn of(policy: &Policy) -> Self {
        match policy.resource_constraint() {
            ResourceConstraint::Any | ResourceConstraint::Is(_) => Self::Any,
            ResourceConstraint::Eq(uid) => Self::Exactly(uid),
            ResourceConstraint::In(uid) | ResourceConstraint::IsIn(_, uid) => Self::Under(uid),
        }
    }
}

/// All policies, by whom and what they can concern.
#[derive(Debug, Default)]
pub(crate) struct PolicyIndex {
    policies: Vec<LoadedPolicy>,
    by_id: HashMap<Arc<str>, usize>,
    shelves: HashMap<ResourceKey, Arc<Shelf>>,
    reads_headers: bool,
}

/// The shelves that concern one route, and the selections from them that were needed so far. What every judgement reads
/// comes first, as with [`Route`](crate::route::Route).
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct RouteSlices {
    /// Those shelves on which anything is about some paths alone.
    by_path: Vec<Arc<Shelf>>,
    shelves: Vec<(ResourceKey, Arc<Shelf>)>,
    selections: RwLock<HashMap<Box<[usize]>, Arc<Selection>>>,
}

/// The policies that concern a route under some paths alone, among them that of a request.
#[derive(Debug)]
pub(crate) struct Nearby<'a>(Vec<&'a Audience>);

/// The policies that can concern one caller on one route.
#[derive(Debug)]
pub(crate) struct Selection {
    pub(crate) set: PolicySet,
    pub(crate) needs: Needs,
    pub(crate) reads: CallerReads,
    /// Decisions that many callers have in common.
    shared: Mutex<Vec<Arc<Decision>>>,
    /// Decisions about callers that are alike.
    alike: RwLock<HashMap<Likeness, Arc<Decision>>>,
}

impl Selection {
    /// Policies that read this much of a request and of its caller.
    pub(crate) fn new(set: PolicySet, needs: Needs, reads: CallerReads) -> Self {
        // Where they read more of a request than its method, callers that are alike may differ in that.
        let reads = if needs.is_method_at_most() { reads } else { CallerReads::All };
        Self { set, needs, reads, shared: Mutex::default(), alike: RwLock::default() }
    }

    /// The decision about callers of this likeness, if it is known.
    pub(crate) fn known(&self, likeness: &Likeness) -> Option<Arc<Decision>> {
        self.alike.read().unwrap_or_else(PoisonError::into_inner).get(likeness).cloned()
    }

    /// The same decision, as others have it: those that remember it remember one. It holds for all of this likeness.
    pub(crate) fn share(&self, decision: Decision, likeness: Option<Likeness>) -> Arc<Decision> {
        let decision = self.same(decision);
        if let Some(likeness) = likeness {
            let mut alike = self.alike.write().unwrap_or_else(PoisonError::into_inner);
            if alike.len() < MAX_ALIKE {
                alike.insert(likeness, Arc::clone(&decision));
            }
        }
        decision
    }

    fn same(&self, decision: Decision) -> Arc<Decision> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(same) = shared.iter().find(|one| ***one == decision) {
            return Arc::clone(same);
        }
        let decision = Arc::new(decision);
        if shared.len() < MAX_SHARED {
            shared.push(Arc::clone(&decision));
        }
        decision
    }
}

impl RouteSlices {
    /// Whether the policy's scope can match this route, whoever asks.
    pub(crate) fn can_concern(&self, policy: &LoadedPolicy) -> bool {
        self.shelves.iter().any(|(key, _)| *key == policy.resource)
    }

    /// What concerns this path, and not every path of the route.
    pub(crate) fn nearby<'a>(&'a self, path: &'a str) -> Nearby<'a> {
        Nearby(self.by_path.iter().flat_map(|shelf| shelf.beneath(path)).collect())
    }
}

impl Nearby<'_> {
    /// Whether the path makes no difference.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl PolicyIndex {
    pub(crate) fn new(policies: Vec<LoadedPolicy>) -> Self {
        let mut shelves: HashMap<ResourceKey, Shelf> = HashMap::new();
        for (index, policy) in policies.iter().enumerate() {
            let shelf = shelves.entry(policy.resource.clone()).or_default();
            shelf.file(index, &policy.keys, policy.beginnings.as_deref());
        }
        let shelves = shelves.into_iter().map(|(key, shelf)| (key, Arc::new(shelf))).collect();
        let by_id = policies.iter().enumerate().map(|(i, p)| (Arc::clone(&p.id), i)).collect();
        let reads_headers = policies.iter().any(|policy| policy.needs.has(ContextMember::Headers));
        Self { policies, by_id, shelves, reads_headers }
    }

    pub(crate) fn policies(&self) -> &[LoadedPolicy] {
        &self.policies
    }

    /// Whether any policy reads the headers of requests.
    pub(crate) const fn reads_headers(&self) -> bool {
        self.reads_headers
    }

    pub(crate) fn by_id(&self, id: &str) -> Option<&LoadedPolicy> {
        self.by_id.get(id).and_then(|index| self.policies.get(*index))
    }

    /// The shelves for a route that stands under `above` (broader routes and its service).
    pub(crate) fn slices_for(&self, route: &EntityUid, above: &[EntityUid]) -> RouteSlices {
        let own = [
            ResourceKey::Any,
            ResourceKey::Exactly(route.clone()),
            ResourceKey::Under(route.clone()),
        ];
        let under = above.iter().map(|uid| ResourceKey::Under(uid.clone()));
        let found = |key| self.shelves.get(&key).map(|shelf| (key, Arc::clone(shelf)));
        let shelves: Vec<_> = own.into_iter().chain(under).filter_map(found).collect();
        let by_path = shelves.iter().map(|(_, shelf)| shelf).filter(|shelf| shelf.tells_paths());
        RouteSlices { by_path: by_path.cloned().collect(), shelves, selections: RwLock::default() }
    }

    /// The policies that can concern a caller on the route of these slices, ready to be evaluated.
    pub(crate) fn select(
        &self,
        route: &RouteSlices,
        nearby: &Nearby<'_>,
        caller: &Membership,
    ) -> Arc<Selection> {
        let anywhere = route.shelves.iter().map(|(_, shelf)| shelf.anywhere());
        let audiences = anywhere.chain(nearby.0.iter().copied());
        let mut candidates: Vec<_> =
            audiences.flat_map(|audience| audience.concerning(&caller.keys)).collect();
        // In the order of loading.
        candidates.sort_unstable();
        candidates.dedup();
        let ready = route.selections.read().ok();
        if let Some(selection) = ready.as_ref().and_then(|ready| ready.get(candidates.as_slice())) {
            return Arc::clone(selection);
        }
        drop(ready);
        let selection = Arc::new(self.selection(&candidates));
        if let Ok(mut ready) = route.selections.write() {
            if ready.len() >= MAX_SELECTIONS {
                ready.clear();
            }
            ready.insert(candidates.into_boxed_slice(), Arc::clone(&selection));
        }
        selection
    }

    /// All policies, for an authorizer that knows nothing of slices.
    pub(crate) fn everything(&self) -> Selection {
        self.selection(&(0..self.policies.len()).collect::<Vec<_>>())
    }

    fn selection(&self, candidates: &[usize]) -> Selection {
        let chosen = || candidates.iter().filter_map(|index| self.policies.get(*index));
        let policies = chosen().map(|loaded| loaded.policy.clone());
        #[expect(
            clippy::expect_used,
            reason = "INVARIANT: the ids of loaded policies were checked to be distinct"
        )]
        let set = PolicySet::from_policies(policies).expect("distinct ids");
        let needs = chosen().map(|loaded| loaded.needs).fold(Needs::default(), Needs::and);
        Selection::new(set, needs, CallerReads::together(chosen().map(|loaded| &loaded.reads)))
    }
}

#[cfg(test)]
#[path = "slice_tests.rs"]
mod tests;
