//! Running the case files against the real binary.

mod case;
mod house;
mod verdict;

pub(crate) use house::House;

use case::Case;

/// Runs every row of `<theme>.case` and panics with all that do not hold; `at_least` keeps the table from shrinking.
pub(crate) fn run(theme: &str, at_least: usize) {
    let house = House::open().unwrap_or_else(|error| panic!("{error:#}"));
    let file = format!("{}/tests/raw/{theme}.case", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let cases = Case::read_all(&text, house.meanings()).unwrap_or_else(|error| panic!("{error:#}"));
    assert!(cases.len() >= at_least, "expected at least {at_least} rows, got {}", cases.len());
    let faults: Vec<_> = cases
        .iter()
        .filter_map(|case| {
            let fault = house.try_case(case).err()?;
            Some(format!("== {}\n   {fault:#}", case.name))
        })
        .collect();
    let (wrong, all) = (faults.len(), cases.len());
    assert!(faults.is_empty(), "{wrong} of {all} rows do not hold:\n\n{}\n", faults.join("\n"));
}
