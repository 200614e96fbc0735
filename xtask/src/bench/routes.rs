//! Routes: whether finding one costs more, the more of them there are.

use anyhow::Result;
use tokens::Algorithm;

use super::contestant::Contestant;
use super::field::Field;
use super::gates::Gate;
use super::section::{Goal, Section};
use super::wrk::{Wrk, by_turns};
use super::{FEW, Sections};

/// How long a run takes, in seconds.
const SECONDS: u64 = 3;

/// The contestants, by how many routes each has.
const CASES: [(&str, usize); 3] =
    [("10 routes", 10), ("1,000 routes", 1_000), ("10,000 routes", 10_000)];

/// Measures Doorward with each number of routes.
pub(super) fn measure(field: &Field) -> Sections {
    let tokens = field.tokens(Algorithm::Es256, FEW)?;
    let entered = CASES
        .into_iter()
        .map(|(name, routes)| {
            let gate = Gate { routes: so_many(routes), ..Gate::usual(field) };
            let path = |user| path(user * routes.div_ceil(FEW) % routes, user);
            let wrk = Wrk::at(&field.folder, &format!("routes-{routes}"), &tokens, path)?;
            Ok((gate.start(field, name)?, wrk))
        })
        .collect::<Result<Vec<(Contestant, Wrk)>>>()?;
    let pairs: Vec<_> = entered.iter().map(|(contestant, wrk)| (contestant, wrk)).collect();
    let samples = by_turns(field, &pairs, SECONDS)?;
    let about = format!(
        "Doorward alone, {FEW} tokens (ES256), each at a route of its own as far as there are so many. All routes are of \
         one host and one service, told apart by the second segment of the path, and each allows a scope."
    );
    let goal = Goal {
        number: 5,
        what: "10,000 routes: CPU per request against 10".to_owned(),
        most: 1.1,
        unit: "×",
        measured: samples.compared("10,000 routes", "10 routes")?,
    };
    let section = Section::of_runs(("routes", "Routes"), &about, &samples, &["10 routes"]);
    Ok(vec![section.with([goal])])
}

/// So many routes, as a list in YAML.
pub(super) fn so_many(routes: usize) -> String {
    (0..routes).map(one).collect()
}

/// The route of this number.
pub(super) fn one(number: usize) -> String {
    format!(
        "  - name: route-{number}
    match: {{ host: orders.test, path: \"/orders/{number}/{{id}}\", methods: [GET] }}
    service: orders
    accept: [corp]
    allow: [{{ scopes: [\"orders:read\"] }}]
"
    )
}

/// A path of the route of this number.
pub(super) fn path(route: usize, id: usize) -> String {
    format!("/orders/{route}/{id}")
}
