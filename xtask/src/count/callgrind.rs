//! What Callgrind writes: the cost of each function.

use std::collections::{BTreeMap, HashMap};
use std::ops::{AddAssign, Sub};

use anyhow::{Context, Result, ensure};

/// What something costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) instructions: u64,
    /// Misses of the first instruction cache, as Valgrind simulates it.
    pub(super) misses: u64,
}

impl Cost {
    /// Of one, where it is that of so many.
    pub(super) const fn each(self, many: u64) -> Self {
        Self { instructions: self.instructions / many, misses: self.misses / many }
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.instructions += other.instructions;
        self.misses += other.misses;
    }
}

/// What was spent since; nothing where that is less.
impl Sub for Cost {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            instructions: self.instructions.saturating_sub(before.instructions),
            misses: self.misses.saturating_sub(before.misses),
        }
    }
}

/// The cost of each function by its name, without that of those it calls: what was inlined into it is its own.
///
/// The format is that of Valgrind's manual, "Callgrind Format Specification": lines of costs stand below the function that
/// they belong to, but for the one behind `calls=`, which is the cost of a call.
pub(super) fn functions(dump: &str) -> Result<BTreeMap<String, Cost>> {
    let mut names: HashMap<&str, &str> = HashMap::new();
    let mut functions: BTreeMap<String, Cost> = BTreeMap::new();
    let mut columns = None;
    let (mut current, mut is_call) = ("", false);
    for line in dump.lines() {
        if let Some(events) = line.strip_prefix("events: ") {
            let column = |name| events.split(' ').position(|event| event == name);
            columns = column("Ir").zip(column("I1mr"));
        } else if let Some(name) = line.strip_prefix("fn=") {
            current = named(name, &mut names)?;
        } else if let Some(name) = line.strip_prefix("cfn=") {
            named(name, &mut names)?;
        } else if line.starts_with("calls=") {
            is_call = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first))
            && !std::mem::take(&mut is_call)
        {
            let (instructions, misses) = columns.context("costs before `events:`")?;
            let costs: Vec<&str> = line.split(' ').skip(1).collect();
            // Zeros at the end are left out.
            let cost = |column: usize| costs.get(column).map_or(Ok(0), |cost| cost.parse());
            let cost = Cost { instructions: cost(instructions)?, misses: cost(misses)? };
            *functions.entry(current.to_owned()).or_default() += cost;
        }
    }
    ensure!(!functions.is_empty(), "Callgrind has written no function");
    Ok(functions)
}

/// The name in `(12) name`, and from then on in `(12)`.
fn named<'a>(text: &'a str, names: &mut HashMap<&'a str, &'a str>) -> Result<&'a str> {
    let (number, name) = text.split_once(' ').unwrap_or((text, ""));
    if !name.is_empty() {
        names.insert(number, name);
    }
    names.get(number).copied().with_context(|| format!("the function {number} has no name"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_those_of_the_function_above_and_not_of_its_calls() {
        let dump = "version: 1\nevents: Ir Dr I1mr\n\nfl=(1) a.c\nfn=(1) main\n16 400 7 2\ncfn=(2) work\n\
                    calls=1 50\n16 9000 9 9\n+3 5\nfn=(2)\n50 9000 9 9\nfe=(2) b.h\n* 1\nsummary: 9406 16 11\n";
        let found = functions(dump).unwrap();
        let expected = [
            ("main", Cost { instructions: 405, misses: 2 }),
            ("work", Cost { instructions: 9001, misses: 9 }),
        ];
        assert_eq!(found, expected.map(|(name, cost)| (name.to_owned(), cost)).into());
    }

    #[test]
    fn what_is_no_dump_is_an_error() {
        assert!(functions("").is_err());
        assert!(functions("fn=(1)\n1 2\n").is_err());
        assert!(functions("events: Ir I1mr\nfn=(1) main\n1 many\n").is_err());
    }
}
