//! For tests: what Cedar makes of an expression.

use cedar_policy::{Context, Entities, EvalResult, Expression, Request, eval_expression};

use super::names::EntityType;

/// The value of an expression that reads nothing of the request.
pub(crate) fn evaluated(text: &str) -> EvalResult {
    let uid = |kind: EntityType| kind.named("any");
    let (principal, action) = (uid(EntityType::User), uid(EntityType::Action));
    let request = Request::new(principal, action, uid(EntityType::Route), Context::empty(), None);
    let expression: Expression = text.parse().unwrap();
    eval_expression(&request.unwrap(), &Entities::empty(), &expression).unwrap()
}
