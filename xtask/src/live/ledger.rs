//! The ledger on a real PostgreSQL.

use anyhow::Result;

use super::{Listed, Stage};
use crate::command::{Run, cargo};
use crate::install::debian;

pub(super) const SCENARIOS: Listed = &[("the_ledger_suite_passes_on_postgresql", suite)];

/// The test target that starts PostgreSQL itself, and ends it under calls.
fn suite(_: &Stage) -> Result<()> {
    debian::postgresql()?;
    cargo().args(["test", "--quiet", "--workspace", "--test", "ledger_on_postgresql"]).done()
}
