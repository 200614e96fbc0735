//! Two data threads beside one.

use tokens::Algorithm;

use super::field::Field;
use super::gates::Gate;
use super::section::{Goal, Section};
use super::wrk::{Wrk, by_turns};
use super::{FEW, Sections};

/// How long a run takes, in seconds.
const SECONDS: u64 = 4;

/// Measures Doorward with one data thread and with two.
pub(super) fn measure(field: &Field) -> Sections {
    let wrk = Wrk::new(&field.folder, "threads", &field.tokens(Algorithm::Es256, FEW)?)?;
    let one = Gate::usual(field).start(field, "1 data thread")?;
    let two = Gate { threads: 2, ..Gate::usual(field) }.start(field, "2 data threads")?;
    let samples = by_turns(field, &[(&one, &wrk), (&two, &wrk)], SECONDS)?;
    let about = format!(
        "Doorward alone, {FEW} warm tokens (ES256), 32 connections. The load generator and the service share the machine's \
         cores with it, so that the rate says little."
    );
    let goal = Goal {
        number: 6,
        what: "Two data threads against one: CPU per request".to_owned(),
        most: 1.05,
        unit: "×",
        measured: samples.compared("2 data threads", "1 data thread")?,
    };
    let title = ("threads", "Data threads");
    Ok(vec![Section::of_runs(title, &about, &samples, &["1 data thread"]).with([goal])])
}
