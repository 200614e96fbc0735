//! The expressions of the short form, built as trees: nothing is written out to be parsed again, so no name, however
//! odd, can break out of its quotes, and building ten thousand rules takes no longer than it must.

use std::sync::Arc;

use cedar_policy::pst::{BinaryOp, EntityUID, Expr, Literal, NonEmpty, UnaryOp, Var};

use super::names::EntityType;
use crate::request::Network;
use crate::spec::MatchValue;

/// `!(principal is Anonymous)`.
pub(super) fn is_known() -> Expr {
    let anonymous =
        Expr::Is { expr: principal(), entity_type: EntityType::Anonymous.in_tree(), in_expr: None };
    unary(UnaryOp::Not, anonymous)
}

/// `principal == uid`.
pub(super) fn principal_is(uid: EntityUID) -> Expr {
    binary(BinaryOp::Eq, principal(), entity(uid))
}

/// `principal in uid`.
pub(super) fn principal_in(uid: EntityUID) -> Expr {
    binary(BinaryOp::In, principal(), entity(uid))
}

/// `action in [uids]`.
pub(super) fn action_in(uids: Vec<EntityUID>) -> Expr {
    let set = Expr::Set(uids.into_iter().map(|uid| Arc::new(entity(uid))).collect());
    binary(BinaryOp::In, Arc::new(Expr::Var(Var::Action)), set)
}

/// `principal.scopes.contains(scope)`.
pub(super) fn has_scope(scope: &str) -> Expr {
    binary(BinaryOp::Contains, member(principal(), "scopes"), text(scope))
}

/// `context.client.isInRange(ip(network))`.
pub(super) fn client_in(network: Network) -> Expr {
    let context = Arc::new(Expr::Var(Var::Context));
    let range = unary(UnaryOp::Ip, text(&network.to_string()));
    binary(BinaryOp::IsInRange, member(context, "client"), range)
}

/// `principal.claims has name`.
pub(super) fn has_claim(name: &str) -> Expr {
    Expr::HasAttr { expr: member(principal(), "claims"), attrs: NonEmpty::new(name.into()) }
}

/// `principal.claims.name == value`.
pub(super) fn claim_is(name: &str, value: &MatchValue) -> Expr {
    binary(BinaryOp::Eq, claim(name), literal(value))
}

/// `principal.claims.name.contains(value)`.
pub(super) fn claim_contains(name: &str, value: &MatchValue) -> Expr {
    binary(BinaryOp::Contains, claim(name), literal(value))
}

/// `a || b || …`; nothing of nothing.
pub(super) fn any_of(tests: impl IntoIterator<Item = Expr>) -> Option<Expr> {
    tests.into_iter().reduce(|left, right| binary(BinaryOp::Or, Arc::new(left), right))
}

/// `a && b && …`; nothing of nothing.
pub(super) fn all_of(tests: impl IntoIterator<Item = Expr>) -> Option<Expr> {
    tests.into_iter().reduce(|left, right| binary(BinaryOp::And, Arc::new(left), right))
}

fn principal() -> Arc<Expr> {
    Arc::new(Expr::Var(Var::Principal))
}

fn claim(name: &str) -> Arc<Expr> {
    member(member(principal(), "claims"), name)
}

fn member(expr: Arc<Expr>, name: &str) -> Arc<Expr> {
    Arc::new(Expr::GetAttr { expr, attr: name.into() })
}

fn unary(op: UnaryOp, expr: Expr) -> Expr {
    Expr::UnaryOp { op, expr: Arc::new(expr) }
}

fn binary(op: BinaryOp, left: Arc<Expr>, right: Expr) -> Expr {
    Expr::BinaryOp { op, left, right: Arc::new(right) }
}

fn entity(uid: EntityUID) -> Expr {
    Expr::Literal(Literal::EntityUID(uid))
}

fn text(text: &str) -> Expr {
    Expr::Literal(Literal::String(text.into()))
}

fn literal(value: &MatchValue) -> Expr {
    Expr::Literal(match value {
        MatchValue::Bool(value) => Literal::Bool(*value),
        MatchValue::Long(value) => Literal::Long(*value),
        MatchValue::String(value) => Literal::String(value.as_str().into()),
    })
}
