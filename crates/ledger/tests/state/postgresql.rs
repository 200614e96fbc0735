//! The ledger's conformance suite on a PostgreSQL that it starts itself, and what only PostgreSQL has. Run by
//! `cargo xtask test --live`; by hand with `cargo test --workspace --test ledger_on_postgresql`.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod outage;
mod suite;

use std::pin::Pin;
use std::process::ExitCode;

use anyhow::Result;
use ledger::state::{LedgerPlace, PostgresUrl};
use suite::House;
use testbed::Postgres;
use tokio::runtime::{Builder, Runtime};

/// A case on a database of its own.
type Case = fn(House) -> Pin<Box<dyn Future<Output = ()> + Send>>;

macro_rules! listed {
    ($($module:ident::$case:ident,)*) => {
        &[$((stringify!($case), |house| Box::pin(suite::$module::$case(house)))),*]
    };
}

const CASES: &[(&str, Case)] = suite::every_case!(listed);

fn main() -> Result<ExitCode> {
    let filter = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let chosen = |name: &str| filter.as_ref().is_none_or(|part| name.contains(part.as_str()));
    let mut postgres = Postgres::start()?;
    let mut tally = [0_u32; 2];
    for (number, (name, case)) in CASES.iter().enumerate().filter(|(_, (name, _))| chosen(name)) {
        let url = postgres.database(&format!("case{number}"))?;
        let runtime = runtime()?;
        let played = runtime.block_on(runtime.spawn(async move {
            let place = LedgerPlace::Postgres(PostgresUrl::parse(&url).unwrap());
            case(House::open(place, &url).await).await;
        }));
        count(&mut tally, name, played.is_ok());
    }
    for (name, case) in outage::CASES.iter().filter(|(name, _)| chosen(name)) {
        // What it has panicked with is printed already.
        let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            case(&mut postgres, &runtime().unwrap());
        }));
        if !postgres.is_running() {
            postgres.recover()?;
        }
        count(&mut tally, name, played.is_ok());
    }
    let [passed, failed] = tally;
    println!("{passed} passed, {failed} failed");
    Ok(if failed == 0 && passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn runtime() -> Result<Runtime> {
    Ok(Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

fn count(tally: &mut [u32; 2], name: &str, passed: bool) {
    println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
    tally[usize::from(!passed)] += 1;
}
