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

/// The cost of each place without that of what it calls: a file of a crate, as in `hyper-1.12.0/src/proto/h1/role.rs`, or else
/// a function by its name. What was inlined counts where it was written; what is the standard library's and was inlined, with
/// what stands before it.
///
/// The format is that of Valgrind's manual, "Callgrind Format Specification": lines of costs stand below the file and the
/// function that they belong to, but for the one behind `calls=`, which is the cost of a call.
pub(super) fn places(dump: &str) -> Result<BTreeMap<String, Cost>> {
    let (mut functions, mut files) = (Names::default(), Names::default());
    let mut places: BTreeMap<String, Cost> = BTreeMap::new();
    let (mut columns, mut is_call) = (None, false);
    let (mut file, mut place) = ("", "");
    for line in dump.lines() {
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        match key {
            "fl" | "fi" | "fe" => file = files.of(value)?,
            "fn" => place = functions.of(value)?,
            "cfl" | "cfi" => drop(files.of(value)?),
            "cfn" => drop(functions.of(value)?),
            "calls" => is_call = true,
            _ if let Some(events) = line.strip_prefix("events: ") => {
                let column = |name| events.split(' ').position(|event| event == name);
                columns = column("Ir").zip(column("I1mr"));
            }
            _ if line
                .starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) =>
            {
                if std::mem::take(&mut is_call) {
                    continue;
                }
                let (instructions, misses) =
                    columns.context("costs before `events:` with Ir and I1mr")?;
                let costs: Vec<&str> = line.split(' ').skip(1).collect();
                // Zeros at the end are left out.
                let cost = |column: usize| costs.get(column).map_or(Ok(0), |cost| cost.parse());
                let cost = Cost { instructions: cost(instructions)?, misses: cost(misses)? };
                place = of_crate(file).unwrap_or(place);
                *places.entry(place.to_owned()).or_default() += cost;
            }
            _ => {}
        }
    }
    ensure!(!places.is_empty(), "Callgrind has written no function");
    Ok(places)
}

/// A file from its crate on: one of ours, or of the registry.
fn of_crate(file: &str) -> Option<&str> {
    let root = crate::command::root();
    if let Some(ours) = root.to_str().and_then(|root| file.strip_prefix(root)) {
        return Some(ours.trim_start_matches('/'));
    }
    let (_, below) = file.split_once("/registry/src/")?;
    below.split_once('/').map(|(_, file)| file)
}

/// Names that stand as `(12) name` once, and from then on as `(12)`.
#[derive(Default)]
struct Names<'a>(HashMap<&'a str, &'a str>);

impl<'a> Names<'a> {
    fn of(&mut self, text: &'a str) -> Result<&'a str> {
        let (number, name) = text.split_once(' ').unwrap_or((text, ""));
        if !name.is_empty() {
            self.0.insert(number, name);
        }
        self.0.get(number).copied().with_context(|| format!("{number} has no name"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_those_of_the_place_above_and_not_of_its_calls() {
        let ours = crate::command::root().join("crates/gate/src/judge.rs");
        let dump = format!(
            "version: 1
events: Ir Dr I1mr

fl=(1) a.c
fn=(1) main
16 400 7 2
cfi=(2) {}
cfn=(2) work
calls=1 50
16 9000 9 9
+3 5
fl=(2)
fn=(2)
50 9000 9 9
fi=(3) /home/.cargo/registry/src/index-1/hyper-1.12.0/src/role.rs
* 10
fi=(4) /rustc/0/library/core/src/slice.rs
* 1
fn=(3) memcpy
* 3
summary: 9419 16 11
",
            ours.display()
        );
        let expected = [
            ("main", Cost { instructions: 405, misses: 2 }),
            ("crates/gate/src/judge.rs", Cost { instructions: 9000, misses: 9 }),
            ("hyper-1.12.0/src/role.rs", Cost { instructions: 11, misses: 0 }),
            ("memcpy", Cost { instructions: 3, misses: 0 }),
        ];
        let expected = expected.map(|(name, cost)| (name.to_owned(), cost)).into();
        assert_eq!(places(&dump).unwrap(), expected);
    }

    #[test]
    fn what_is_no_dump_is_an_error() {
        assert!(places("").is_err());
        assert!(places("fn=(1)\n").is_err());
        assert!(places("fn=(1) main\n1 2\n").is_err());
        assert!(places("events: Ir I1mr\nfn=(1) main\n1 many\n").is_err());
    }
}
