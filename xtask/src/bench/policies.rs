//! Policies: whether a decision costs more, the more of them there are.

use anyhow::Result;
use serde_json::json;
use tokens::Algorithm;

use super::contestant::Contestant;
use super::field::Field;
use super::gates::Gate;
use super::section::{Goal, Section};
use super::wrk::{Wrk, by_turns};
use super::{FEW, Sections};

/// How long a run takes, in seconds.
const SECONDS: u64 = 3;
/// What all are compared with.
pub(super) const FEWEST: &str = "10 policies";

/// So many policies.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    pub(super) name: &'static str,
    pub(super) routes: usize,
    /// How many each route has, told apart by group.
    pub(super) each: usize,
    /// How many there are besides that are about every request.
    pub(super) unscoped: usize,
}

/// The contestants.
pub(super) const CASES: [Rules; 6] = [
    Rules { name: FEWEST, routes: 10, each: 1, unscoped: 0 },
    Rules { name: "1,000 policies", routes: 100, each: 10, unscoped: 0 },
    Rules { name: "10,000 policies", routes: 1_000, each: 10, unscoped: 0 },
    Rules { name: "10,000, on one route", routes: 1, each: 10_000, unscoped: 0 },
    Rules { name: "10,000, 100 of every request", routes: 990, each: 10, unscoped: 100 },
    Rules { name: "100,000 policies", routes: 1_000, each: 100, unscoped: 0 },
];

/// Measures Doorward with each number of policies.
pub(super) fn measure(field: &Field) -> Sections {
    let entered =
        CASES.iter().map(|rules| rules.enter(field)).collect::<Result<Vec<(Contestant, Wrk)>>>()?;
    let pairs: Vec<_> = entered.iter().map(|(contestant, wrk)| (contestant, wrk)).collect();
    let samples = by_turns(field, &pairs, SECONDS)?;
    let about = format!(
        "Doorward alone, {FEW} tokens (ES256), each of which is allowed by one policy, that of its group on its route. \
         1,000 are 10 on each of 100 routes, 10,000 are 10 on each of 1,000, 100,000 are 100 on each of 1,000; or all on \
         one; or 9,900 and 100 without a scope: `forbid (principal, action, resource) when {{ context.path like … }}`. \
         It is the whole request that is measured; the decision alone comes next."
    );
    let goals = ["10,000 policies", "10,000, on one route", "10,000, 100 of every request"]
        .into_iter()
        .map(|name| {
            let measured = samples.compared(name, FEWEST)?;
            let what = format!("Whole request, {name}: CPU per request against 10");
            Ok(Goal { number: 4, what, most: 1.3, unit: "×", measured })
        })
        .collect::<Result<Vec<_>>>()?;
    let title = ("policies", "Policies");
    Ok(vec![Section::of_runs(title, &about, &samples, &[FEWEST]).with(goals)])
}

impl Rules {
    fn enter(&self, field: &Field) -> Result<(Contestant, Wrk)> {
        let Self { name, routes, each, unscoped } = *self;
        let gate = Gate {
            routes: (0..routes).map(|route| self.route(route)).collect(),
            policies: (0..unscoped).map(closed).collect(),
            ..Gate::usual(field)
        };
        let contestant = gate.start(field, name)?;
        let tokens = field.tokens_with(
            Algorithm::Es256,
            FEW,
            |user| json!({ "groups": [group(user % routes, user / routes * 7 % each)] }),
        )?;
        let path = |user| format!("/orders/{}/{user}", user % routes);
        Ok((
            contestant,
            Wrk::at(&field.folder, &format!("policies-{routes}-{each}"), &tokens, path)?,
        ))
    }

    fn route(&self, route: usize) -> String {
        let groups =
            (0..self.each).map(|number| format!("{{ groups: [{}] }}", group(route, number)));
        format!(
            "  - name: route-{route}
    match: {{ host: orders.test, path: \"/orders/{route}/{{id}}\", methods: [GET] }}
    service: orders
    accept: [corp]
    allow: [{}]
",
            groups.collect::<Vec<_>>().join(", ")
        )
    }
}

/// The group that a policy of a route is about.
fn group(route: usize, number: usize) -> String {
    format!("group-{route}-{number}")
}

/// A policy about every request.
fn closed(number: usize) -> String {
    format!(
        "@id(\"closed-{number}\")\nforbid (principal, action, resource)\nwhen {{ context.path like \"/closed/{number}/*\" }};\n"
    )
}
