//! Whatever stands in a configuration, reading it never panics.

use std::path::Path;

use doorward::config::{Loaded, Nowhere, fuzz::fuzz_config};
use proptest::prelude::*;

const GOOD: [&str; 3] = [
    include_str!("config/ok/everything.yaml"),
    include_str!("config/ok/minimal.yaml"),
    include_str!("config/ok/aliases.yaml"),
];

/// What an editor's hand puts in.
const SLIPS: [&str; 24] = [
    "",
    " ",
    "\n",
    "\t",
    ":",
    "-",
    "[",
    "]",
    "{",
    "}",
    "&a ",
    "*a",
    "<<: *a",
    "!!binary ",
    "~",
    "\"",
    "'",
    "| ",
    "#",
    "${env:X}",
    "${",
    "-1",
    "99999999999999999999",
    "é\u{0}",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        fuzz_config(&bytes);
    }

    #[test]
    fn any_text_of_yaml_letters_is_read_or_refused(text in "[a-c:\\-\\[\\]{}&*<>|'\"#!~ \\n$]{0,200}") {
        fuzz_config(text.as_bytes());
    }

    #[test]
    fn a_good_configuration_with_slips_is_read_or_refused(
        which in 0..GOOD.len(),
        slips in proptest::collection::vec((any::<prop::sample::Index>(), 0..8usize, 0..SLIPS.len()), 1..6),
    ) {
        let mut text: Vec<char> = GOOD[which].chars().collect();
        for (index, cut, slip) in slips {
            let at = index.index(text.len() + 1);
            let end = (at + cut).min(text.len());
            text.splice(at..end, SLIPS[slip].chars());
        }
        let text: String = text.into_iter().collect();
        fuzz_config(text.as_bytes());
    }

    #[test]
    fn every_problem_stands_inside_the_file(
        line in any::<prop::sample::Index>(),
        slip in 0..SLIPS.len(),
    ) {
        let mut lines: Vec<&str> = GOOD[0].lines().collect();
        let at = line.index(lines.len());
        lines[at] = SLIPS[slip];
        let text = lines.join("\n");
        if let Err(report) = Loaded::parse("x.yaml", &text, Path::new("."), &Nowhere) {
            prop_assert!(!report.problems().is_empty());
            for problem in report.problems() {
                if let Some(location) = problem.location() {
                    prop_assert!(location.offset() + location.length() <= text.len());
                    prop_assert!(location.line() <= text.lines().count() + 1);
                    prop_assert!(text.is_char_boundary(location.offset()));
                }
            }
        }
    }
}
