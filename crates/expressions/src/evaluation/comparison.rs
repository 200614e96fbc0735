//! Which values are equal, and which come before which.

use std::cmp::Ordering;

use super::{Run, all_told, mistyped};
use crate::fault::{Fault, FaultKind};
use crate::value::Value;

impl Run<'_> {
    /// Values of different types are not equal, but that numbers are compared as numbers.
    pub(super) fn equal(&mut self, at: usize, left: &Value, right: &Value) -> Result<bool, Fault> {
        self.spend(at, 1)?;
        Ok(match (left, right) {
            (Value::Withheld, _) | (_, Value::Withheld) => {
                return Err(Fault { at, kind: FaultKind::Withheld });
            }
            (Value::Null, Value::Null) => true,
            (Value::Bool(left), Value::Bool(right)) => left == right,
            (Value::Int(_) | Value::Double(_), Value::Int(_) | Value::Double(_)) => {
                numeric(left, right) == Some(Ordering::Equal)
            }
            (Value::String(left), Value::String(right)) => {
                self.spend_text(at, left)?;
                left == right
            }
            (Value::List(left), Value::List(right)) => {
                if left.len() != right.len() {
                    return Ok(false);
                }
                for (left, right) in left.iter().zip(right.iter()) {
                    if !self.equal(at, left, right)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Value::Map(left), Value::Map(right)) => {
                self.spend(at, (left.len() + right.len()) as u64)?;
                all_told(at, left)?;
                all_told(at, right)?;
                if left.len() != right.len() {
                    return Ok(false);
                }
                for ((name, left), (other, right)) in left.iter().zip(right.iter()) {
                    self.spend_text(at, name)?;
                    if name != other || !self.equal(at, left, right)? {
                        return Ok(false);
                    }
                }
                true
            }
            _ => false,
        })
    }

    /// How two numbers, two texts or two booleans are ordered.
    pub(super) fn order(
        &mut self,
        at: usize,
        left: &Value,
        right: &Value,
    ) -> Result<Option<Ordering>, Fault> {
        match (left, right) {
            (Value::Int(_) | Value::Double(_), Value::Int(_) | Value::Double(_)) => {
                Ok(numeric(left, right))
            }
            (Value::String(left), Value::String(right)) => {
                self.spend_text(at, left)?;
                Ok(Some(left.cmp(right)))
            }
            (Value::Bool(left), Value::Bool(right)) => Ok(Some(left.cmp(right))),
            (Value::Int(_) | Value::Double(_), other) => Err(mistyped(at, "a number", other)),
            (Value::String(_), other) => Err(mistyped(at, "a text", other)),
            (Value::Bool(_), other) => Err(mistyped(at, "a boolean", other)),
            (other, _) => Err(mistyped(at, "a number, a text or a boolean", other)),
        }
    }

    /// `left in right`: an element of a list, or the name of a member.
    pub(super) fn within(&mut self, at: usize, left: &Value, right: &Value) -> Result<bool, Fault> {
        match right {
            Value::List(elements) => {
                for element in elements.iter() {
                    if self.equal(at, left, element)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Value::Map(_) => match left {
                Value::String(name) => Ok(self.member(at, right, name)?.is_some()),
                other => Err(mistyped(at, "a text", other)),
            },
            other => Err(mistyped(at, "a list or a map", other)),
        }
    }
}

/// The order of two numbers, exactly: a whole number is not rounded to be compared with a fraction.
fn numeric(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(right)),
        (Value::Double(left), Value::Double(right)) => left.partial_cmp(right),
        (Value::Int(left), Value::Double(right)) => Some(against(*left, *right)),
        (Value::Double(left), Value::Int(right)) => Some(against(*right, *left).reverse()),
        _ => None,
    }
}

/// `number` against the finite `fraction`.
fn against(number: i128, fraction: f64) -> Ordering {
    // Exact: every finite fraction within the range of `i128` is cut to its whole part, and one beyond it saturates.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the part behind the point is compared below"
    )]
    let cut = fraction as i128;
    number.cmp(&cut).then_with(|| 0.0_f64.partial_cmp(&fraction.fract()).unwrap_or(Ordering::Equal))
}
