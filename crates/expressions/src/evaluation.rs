//! From an expression and claims to a value, within a budget.

mod calls;
mod comparison;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::fault::{Fault, FaultKind};
use crate::node::{Comprehension, Kind, Node, Operator, Purpose};
use crate::value::Value;

const INTEGERS: std::ops::RangeInclusive<i128> = i64::MIN as i128..=u64::MAX as i128;

/// What `root` says of `claims`, if that costs no more than what is `left`.
pub(crate) fn evaluate(root: &Node, claims: &Value, left: &mut u64) -> Result<Value, Fault> {
    Run { variables: vec![claims.clone()], left }.value(root)
}

struct Run<'b> {
    variables: Vec<Value>,
    left: &'b mut u64,
}

impl Run<'_> {
    fn value(&mut self, node: &Node) -> Result<Value, Fault> {
        let at = node.at;
        self.spend(at, 1)?;
        match &node.kind {
            Kind::All(parts) => self.decides(parts, false).map(Value::Bool),
            Kind::Any(parts) => self.decides(parts, true).map(Value::Bool),
            Kind::Binary(operator, sides) => {
                let [left, right] = &**sides;
                let (left, right) = (self.value(left)?, self.value(right)?);
                self.binary(at, *operator, &left, &right)
            }
            Kind::Call(function, arguments) => {
                let arguments: Vec<_> =
                    arguments.iter().map(|it| self.value(it)).collect::<Result<_, _>>()?;
                self.call(at, *function, &arguments)
            }
            Kind::Comprehension(comprehension) => self.comprehension(at, comprehension),
            Kind::Conditional(parts) => {
                let [condition, yes, no] = &**parts;
                let holds = self.truth(condition)?;
                self.value(if holds { yes } else { no })
            }
            Kind::Has(of, name) => {
                let of = self.value(of)?;
                Ok(Value::Bool(self.member(at, &of, name)?.is_some()))
            }
            Kind::Index(sides) => {
                let [of, index] = &**sides;
                let (of, index) = (self.value(of)?, self.value(index)?);
                self.element(at, &of, &index)
            }
            Kind::List(parts) => {
                self.spend(at, parts.len() as u64)?;
                parts
                    .iter()
                    .map(|part| self.value(part))
                    .collect::<Result<Vec<_>, _>>()
                    .map(Value::from_iter)
            }
            Kind::Literal(value) => Ok(value.clone()),
            Kind::Map(members) => self.map(members),
            Kind::Matches(of, pattern) => {
                let of = self.value(of)?;
                let text = text(at, &of)?;
                self.spend(at, (text.len() as u64 + 1).saturating_mul(pattern.weight))?;
                Ok(Value::Bool(pattern.regex.is_match(text)))
            }
            Kind::Negative(of) => match self.value(of)? {
                Value::Int(number) => whole(at, number.checked_neg()),
                Value::Double(number) => Ok(Value::Double(-number)),
                other => Err(mistyped(at, "a number", &other)),
            },
            Kind::Not(of) => Ok(Value::Bool(!self.truth(of)?)),
            Kind::Select(of, name) => {
                let of = self.value(of)?;
                self.member(at, &of, name)?.ok_or(Fault { at, kind: FaultKind::NoMember })
            }
            Kind::Variable(number) => match self.variables.get(*number) {
                Some(value) => Ok(value.clone()),
                // The parser numbers them as they are pushed here.
                None => Err(Fault { at, kind: FaultKind::NoElement }),
            },
        }
    }

    fn truth(&mut self, node: &Node) -> Result<bool, Fault> {
        match self.value(node)? {
            Value::Bool(value) => Ok(value),
            other => Err(mistyped(node.at, "a boolean", &other)),
        }
    }

    /// Whether one of `parts` is `wanted`, as `||` and `&&` ask: one that is decides, even beside one that fails.
    fn decides(&mut self, parts: &[Node], wanted: bool) -> Result<bool, Fault> {
        let mut failed = None;
        for part in parts {
            match self.truth(part) {
                Ok(value) if value == wanted => return Ok(wanted),
                Ok(_) => {}
                Err(fault) if fault.is_fatal() => return Err(fault),
                Err(fault) => failed = failed.or(Some(fault)),
            }
        }
        failed.map_or(Ok(!wanted), Err)
    }

    fn binary(
        &mut self,
        at: usize,
        operator: Operator,
        left: &Value,
        right: &Value,
    ) -> Result<Value, Fault> {
        match operator {
            Operator::Equal => self.equal(at, left, right).map(Value::Bool),
            Operator::NotEqual => self.equal(at, left, right).map(|equal| Value::Bool(!equal)),
            Operator::Less => {
                Ok(Value::Bool(self.order(at, left, right)?.is_some_and(|it| it.is_lt())))
            }
            Operator::LessOrEqual => {
                Ok(Value::Bool(self.order(at, left, right)?.is_some_and(|it| it.is_le())))
            }
            Operator::Greater => {
                Ok(Value::Bool(self.order(at, left, right)?.is_some_and(|it| it.is_gt())))
            }
            Operator::GreaterOrEqual => {
                Ok(Value::Bool(self.order(at, left, right)?.is_some_and(|it| it.is_ge())))
            }
            Operator::In => self.within(at, left, right).map(Value::Bool),
            Operator::Add => self.sum(at, left, right),
            Operator::Subtract => {
                arithmetic(at, left, right, i128::checked_sub, |left, right| left - right)
            }
            Operator::Multiply => {
                arithmetic(at, left, right, i128::checked_mul, |left, right| left * right)
            }
            Operator::Divide | Operator::Remainder if matches!(right, Value::Int(0)) => {
                Err(Fault { at, kind: FaultKind::DivisionByZero })
            }
            Operator::Divide => {
                arithmetic(at, left, right, i128::checked_div, |left, right| left / right)
            }
            Operator::Remainder => match (left, right) {
                (Value::Int(left), Value::Int(right)) => whole(at, left.checked_rem(*right)),
                (Value::Int(_), other) | (other, _) => Err(mistyped(at, "whole numbers", other)),
            },
        }
    }

    fn sum(&mut self, at: usize, left: &Value, right: &Value) -> Result<Value, Fault> {
        match (left, right) {
            (Value::String(left), Value::String(right)) => {
                self.spend_text(at, left)?;
                self.spend_text(at, right)?;
                Ok(Value::from(format!("{left}{right}")))
            }
            (Value::List(left), Value::List(right)) => {
                self.spend(at, (left.len() + right.len()) as u64)?;
                Ok(left.iter().chain(right.iter()).cloned().collect())
            }
            (Value::String(_), other) => Err(mistyped(at, "a text", other)),
            (Value::List(_), other) => Err(mistyped(at, "a list", other)),
            _ => arithmetic(at, left, right, i128::checked_add, |left, right| left + right),
        }
    }

    fn map(&mut self, members: &[[Node; 2]]) -> Result<Value, Fault> {
        let mut map = BTreeMap::new();
        for [name, value] in members {
            let at = name.at;
            let name = self.value(name)?;
            let name: Arc<str> = text(at, &name)?.into();
            self.spend_text(at, &name)?;
            if map.insert(name, self.value(value)?).is_some() {
                return Err(Fault { at, kind: FaultKind::Repeated });
            }
        }
        Ok(Value::Map(Arc::new(map)))
    }

    fn member(&mut self, at: usize, of: &Value, name: &str) -> Result<Option<Value>, Fault> {
        let Value::Map(members) = of else { return Err(mistyped(at, "a map", of)) };
        self.spend_text(at, name)?;
        told(at, members.get(name))
    }

    fn element(&mut self, at: usize, of: &Value, index: &Value) -> Result<Value, Fault> {
        match of {
            Value::Map(_) => {
                let name = text(at, index)?;
                self.member(at, of, name)?.ok_or(Fault { at, kind: FaultKind::NoMember })
            }
            Value::List(elements) => {
                let Value::Int(index) = index else {
                    return Err(mistyped(at, "a whole number", index));
                };
                let found = usize::try_from(*index).ok().and_then(|index| elements.get(index));
                told(at, found)?.ok_or(Fault { at, kind: FaultKind::NoElement })
            }
            _ => Err(mistyped(at, "a list or a map", of)),
        }
    }

    /// However it ends, what it called its element is forgotten: an error can be hidden by `||`, and what is evaluated
    /// after it must not take one variable for another.
    fn comprehension(&mut self, at: usize, it: &Comprehension) -> Result<Value, Fault> {
        let elements = self.elements(it)?;
        let outer = self.variables.len();
        let value = self.over(at, it, &elements);
        self.variables.truncate(outer);
        value
    }

    /// The elements of a list, or the names of a map.
    fn elements(&mut self, it: &Comprehension) -> Result<Arc<[Value]>, Fault> {
        let at = it.over.at;
        match self.value(&it.over)? {
            Value::List(elements) => Ok(elements),
            Value::Map(members) => {
                all_told(at, &members)?;
                self.spend(at, members.len() as u64)?;
                Ok(members.keys().map(|name| Value::String(Arc::clone(name))).collect())
            }
            other => Err(mistyped(at, "a list or a map", &other)),
        }
    }

    fn over(&mut self, at: usize, it: &Comprehension, elements: &[Value]) -> Result<Value, Fault> {
        let mut kept = Vec::new();
        let mut held = 0_usize;
        let mut failed = None;
        for element in elements {
            self.spend(at, 1)?;
            self.variables.push(element.clone());
            let holds = it.condition.as_ref().map_or(Ok(true), |condition| self.truth(condition));
            match (it.purpose, holds) {
                (Purpose::All, Ok(false)) => return Ok(Value::Bool(false)),
                (Purpose::Exists, Ok(true)) => return Ok(Value::Bool(true)),
                (Purpose::All | Purpose::Exists, Err(fault)) if !fault.is_fatal() => {
                    failed = failed.or(Some(fault));
                }
                (_, Err(fault)) => return Err(fault),
                (_, Ok(false)) => {}
                (_, Ok(true)) => {
                    held += 1;
                    match (it.purpose, &it.transform) {
                        (Purpose::Filter, _) => kept.push(element.clone()),
                        (_, Some(transform)) => kept.push(self.value(transform)?),
                        _ => {}
                    }
                }
            }
            self.variables.pop();
        }
        match (it.purpose, failed) {
            (_, Some(fault)) => Err(fault),
            (Purpose::All, None) => Ok(Value::Bool(true)),
            (Purpose::Exists, None) => Ok(Value::Bool(false)),
            (Purpose::ExistsOne, None) => Ok(Value::Bool(held == 1)),
            (Purpose::Filter | Purpose::Map, None) => Ok(kept.into_iter().collect()),
        }
    }

    fn spend(&mut self, at: usize, steps: u64) -> Result<(), Fault> {
        let left = self.left.checked_sub(steps).ok_or(Fault { at, kind: FaultKind::Cost });
        // Who spent too much has nothing left, so that nothing cheaper gets through behind it.
        *self.left = left.as_ref().copied().unwrap_or_default();
        left.map(|_| ())
    }

    fn spend_text(&mut self, at: usize, text: &str) -> Result<(), Fault> {
        self.spend(at, text.len() as u64 / 16 + 1)
    }
}

/// Whether everything in a map is told: what is withheld is neither there nor not there.
fn all_told(at: usize, members: &BTreeMap<Arc<str>, Value>) -> Result<(), Fault> {
    let told = !members.values().any(|member| matches!(member, Value::Withheld));
    told.then_some(()).ok_or(Fault { at, kind: FaultKind::Withheld })
}

/// What was found, unless it is withheld.
fn told(at: usize, found: Option<&Value>) -> Result<Option<Value>, Fault> {
    match found {
        Some(Value::Withheld) => Err(Fault { at, kind: FaultKind::Withheld }),
        found => Ok(found.cloned()),
    }
}

fn arithmetic(
    at: usize,
    left: &Value,
    right: &Value,
    whole_numbers: fn(i128, i128) -> Option<i128>,
    fractions: fn(f64, f64) -> f64,
) -> Result<Value, Fault> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => whole(at, whole_numbers(*left, *right)),
        (Value::Double(left), Value::Double(right)) => {
            let number = fractions(*left, *right);
            let finite = number.is_finite().then_some(Value::Double(number));
            finite.ok_or(Fault { at, kind: FaultKind::Overflow })
        }
        (Value::Int(_), other) => Err(mistyped(at, "a whole number", other)),
        (Value::Double(_), other) => Err(mistyped(at, "a fraction", other)),
        (other, _) => Err(mistyped(at, "a number", other)),
    }
}

fn whole(at: usize, number: Option<i128>) -> Result<Value, Fault> {
    let number = number.filter(|number| INTEGERS.contains(number));
    number.map(Value::Int).ok_or(Fault { at, kind: FaultKind::Overflow })
}

fn text(at: usize, value: &Value) -> Result<&str, Fault> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(mistyped(at, "a text", other)),
    }
}

fn mistyped(at: usize, expected: &'static str, found: &Value) -> Fault {
    Fault { at, kind: FaultKind::Type { expected, found: found.kind() } }
}
