//! What the functions do.

use super::{Run, all_told, mistyped, text, whole};
use crate::fault::{Fault, FaultKind};
use crate::function::Function;
use crate::value::Value;

impl Run<'_> {
    pub(super) fn call(
        &mut self,
        at: usize,
        function: Function,
        arguments: &[Value],
    ) -> Result<Value, Fault> {
        for argument in arguments {
            if let Value::String(text) = argument {
                self.spend_text(at, text)?;
            }
        }
        let (on, rest) = arguments.split_first().unwrap_or((&Value::Null, &[]));
        match function {
            Function::Contains => texts(at, on, rest, |text, part| text.contains(part)),
            Function::EndsWith => texts(at, on, rest, |text, part| text.ends_with(part)),
            Function::StartsWith => texts(at, on, rest, |text, part| text.starts_with(part)),
            Function::LowerAscii => Ok(Value::from(text(at, on)?.to_ascii_lowercase())),
            Function::UpperAscii => Ok(Value::from(text(at, on)?.to_ascii_uppercase())),
            Function::Trim => Ok(Value::from(text(at, on)?.trim())),
            Function::Int => int(at, on),
            Function::Size => size(at, on),
            Function::String => string(at, on),
            Function::Distinct => self.distinct(at, on),
            Function::Flatten => self.flatten(at, on),
            Function::Join => self.join(at, on, rest.first()),
            Function::Replace => self.replace(at, on, rest),
            Function::Split => self.split(at, on, rest),
        }
    }

    fn distinct(&mut self, at: usize, on: &Value) -> Result<Value, Fault> {
        let mut kept: Vec<Value> = Vec::new();
        for element in list(at, on)? {
            let mut known = false;
            for other in &kept {
                known = self.equal(at, other, element)?;
                if known {
                    break;
                }
            }
            if !known {
                kept.push(element.clone());
            }
        }
        Ok(kept.into_iter().collect())
    }

    /// One level of lists within a list becomes part of it.
    fn flatten(&mut self, at: usize, on: &Value) -> Result<Value, Fault> {
        let mut flat = Vec::new();
        for element in list(at, on)? {
            match element {
                Value::List(inner) => {
                    self.spend(at, inner.len() as u64 + 1)?;
                    flat.extend(inner.iter().cloned());
                }
                other => {
                    self.spend(at, 1)?;
                    flat.push(other.clone());
                }
            }
        }
        Ok(flat.into_iter().collect())
    }

    fn join(&mut self, at: usize, on: &Value, between: Option<&Value>) -> Result<Value, Fault> {
        let between = between.map_or(Ok(""), |between| text(at, between))?;
        let mut joined = String::new();
        for (index, element) in list(at, on)?.iter().enumerate() {
            let element = text(at, element)?;
            if index > 0 {
                self.spend_text(at, between)?;
                joined.push_str(between);
            }
            self.spend_text(at, element)?;
            joined.push_str(element);
        }
        Ok(Value::from(joined))
    }

    fn replace(&mut self, at: usize, on: &Value, rest: &[Value]) -> Result<Value, Fault> {
        let [old, new] = rest else { return Err(Fault { at, kind: FaultKind::NoElement }) };
        let (on, old, new) = (text(at, on)?, text(at, old)?, text(at, new)?);
        let times = on.matches(old).count() as u64;
        self.spend(at, times.saturating_mul(new.len() as u64 / 16 + 1))?;
        Ok(Value::from(on.replace(old, new)))
    }

    fn split(&mut self, at: usize, on: &Value, rest: &[Value]) -> Result<Value, Fault> {
        let [separator] = rest else { return Err(Fault { at, kind: FaultKind::NoElement }) };
        let (on, separator) = (text(at, on)?, text(at, separator)?);
        if separator.is_empty() {
            self.spend(at, on.len() as u64)?;
            return Ok(on.chars().map(|character| Value::from(character.to_string())).collect());
        }
        self.spend(at, on.matches(separator).count() as u64 + 1)?;
        Ok(on.split(separator).map(Value::from).collect())
    }
}

fn texts(
    at: usize,
    on: &Value,
    rest: &[Value],
    test: fn(&str, &str) -> bool,
) -> Result<Value, Fault> {
    let [part] = rest else { return Err(Fault { at, kind: FaultKind::NoElement }) };
    Ok(Value::Bool(test(text(at, on)?, text(at, part)?)))
}

fn list(at: usize, value: &Value) -> Result<&[Value], Fault> {
    match value {
        Value::List(elements) => Ok(elements),
        other => Err(mistyped(at, "a list", other)),
    }
}

/// Only what says a whole number exactly.
fn int(at: usize, value: &Value) -> Result<Value, Fault> {
    match value {
        Value::Int(number) => Ok(Value::Int(*number)),
        Value::String(text) => {
            let digits = text.strip_prefix('-').unwrap_or(text);
            let plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
            let number = plain.then(|| text.parse::<i128>().ok()).flatten();
            match number {
                Some(number) => whole(at, Some(number)),
                None if plain => Err(Fault { at, kind: FaultKind::Overflow }),
                None => Err(Fault { at, kind: FaultKind::NotANumber }),
            }
        }
        other => Err(mistyped(at, "a text or a whole number", other)),
    }
}

/// Texts count their characters.
fn size(at: usize, value: &Value) -> Result<Value, Fault> {
    let size = match value {
        Value::String(text) => text.chars().count(),
        Value::List(elements) => elements.len(),
        Value::Map(members) => {
            all_told(at, members)?;
            members.len()
        }
        other => return Err(mistyped(at, "a text, a list or a map", other)),
    };
    Ok(Value::Int(size as i128))
}

/// Not of a fraction: no two ways to write one may be two subjects.
fn string(at: usize, value: &Value) -> Result<Value, Fault> {
    match value {
        Value::String(text) => Ok(Value::String(text.clone())),
        Value::Int(number) => Ok(Value::from(number.to_string())),
        Value::Bool(value) => Ok(Value::from(if *value { "true" } else { "false" })),
        other => Err(mistyped(at, "a text, a whole number or a boolean", other)),
    }
}
