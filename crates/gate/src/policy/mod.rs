//! Policies: Cedar, sliced at load so that a decision looks only at those that can concern it.
//!
//! Empty denies, deny wins, an error never opens: a `forbid` that cannot be evaluated denies (Cedar alone would skip
//! it), a `permit` that cannot be evaluated does not match.

mod compile;
mod decide;
mod entities;
#[cfg(test)]
mod evaluation;
mod explain;
mod expression;
mod first_words;
mod likeness;
mod memo;
mod names;
mod needs;
mod schema;
mod scope;
mod shelf;
mod slice;
mod tree;

use cedar_policy::EntityUid;

pub use explain::{ConditionTrace, PolicyTrace, TraceResult};

pub(crate) use compile::{RuleSite, compile};
pub(crate) use decide::{Decision, Outcome, Question};
pub(crate) use entities::{Membership, Principal, claim, datetime, record, route_entity, text};
pub(crate) use memo::{Memo, Stamp};
pub(crate) use names::{EntityType, quoted, scoped};
pub(crate) use schema::{SchemaInput, kind_name};
pub(crate) use scope::{ScopedNames, is_issuer_name};
pub(crate) use slice::{LoadedPolicy, PolicyIndex, RouteSlices, Selection};

/// The methods that `*` stands for, and that policies can always name.
pub const STANDARD_METHODS: [&str; 7] =
    ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

/// What a short-form rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RuleKind {
    Allow,
    Deny,
    Require,
}

impl RuleKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Require => "require",
        }
    }
}

/// Whom a policy can concern, as far as its words say so without being evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PrincipalKeys {
    /// Only principals that are, or are in, one of these.
    AnyOf(Vec<EntityUid>),
    /// Anyone.
    Anyone,
}
