//! How many tests passed, failed and were skipped.

use std::fmt;
use std::ops::AddAssign;
use std::process::ExitCode;

/// A count of tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Tally {
    /// One test that passed.
    pub(crate) const PASS: Self = Self { passed: 1, failed: 0, skipped: 0 };
    /// One test that failed.
    pub(crate) const FAIL: Self = Self { passed: 0, failed: 1, skipped: 0 };

    /// What one line of `cargo test` adds: its closing lines count, all others add nothing.
    pub(crate) fn of_line(line: &str) -> Self {
        let Some((_, counts)) =
            line.trim().strip_prefix("test result: ").and_then(|rest| rest.split_once(". "))
        else {
            return Self::default();
        };
        let mut tally = Self::default();
        for count in counts.split(';') {
            match count.trim().split_once(' ') {
                Some((number, "passed")) => tally.passed = number.parse().unwrap_or(0),
                Some((number, "failed")) => tally.failed = number.parse().unwrap_or(0),
                Some((number, "ignored")) => tally.skipped = number.parse().unwrap_or(0),
                _ => {}
            }
        }
        tally
    }

    /// Success if nothing failed and, where `strict`, nothing was skipped and something ran.
    pub(crate) fn verdict(self, strict: bool) -> ExitCode {
        let idle = self.passed == 0 || self.skipped > 0;
        if self.failed > 0 || (strict && idle) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_line_of_a_test_binary_is_counted() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 4 filtered out; finished in 0.01s";
        assert_eq!(Tally::of_line(line), Tally { passed: 12, failed: 3, skipped: 1 });
        assert_eq!(Tally::of_line("test a_name ... ok"), Tally::default());
    }

    #[test]
    fn a_skipped_test_fails_where_skips_are_not_allowed() {
        let tally = Tally { passed: 1, failed: 0, skipped: 1 };
        assert_eq!(tally.verdict(false), ExitCode::SUCCESS);
        assert_eq!(tally.verdict(true), ExitCode::FAILURE);
        assert_eq!(Tally::default().verdict(true), ExitCode::FAILURE);
        assert_eq!(tally.to_string(), "1 passed, 0 failed, 1 skipped");
    }
}
