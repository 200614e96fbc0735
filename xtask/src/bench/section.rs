//! What a scenario adds to the document.

use std::fmt::{self, Write as _};

use super::measure::{Sample, Samples, Spread};
use super::picture::{Bar, Picture};

/// A section.
#[derive(Debug)]
pub(super) struct Section {
    /// Its name in file names.
    pub(super) name: &'static str,
    pub(super) title: String,
    /// What is done, and the table.
    pub(super) text: String,
    pub(super) picture: Option<Picture>,
    /// The goals that it can judge.
    pub(super) goals: Vec<Goal>,
}

impl Section {
    /// A section of runs: a table with the ratios to `rivals`, and a picture of the processor time.
    pub(super) fn of_runs(
        (name, title): (&'static str, impl Into<String>),
        about: &str,
        samples: &Samples,
        rivals: &[&str],
    ) -> Self {
        let title = title.into();
        let picture = Picture {
            title: format!("{title}: CPU µs per request, median and range"),
            bars: samples
                .names()
                .into_iter()
                .filter_map(|name| Bar::new(name, samples.spread(name, |one| one.micros)?))
                .collect(),
        };
        let text = format!("{about}\n\n{}", table(samples, rivals));
        Self { name, title, text, picture: Some(picture), goals: Vec::new() }
    }

    /// The same with goals.
    pub(super) fn with(mut self, goals: impl IntoIterator<Item = Goal>) -> Self {
        self.goals.extend(goals);
        self
    }
}

/// A table of runs: medians, and the ratios of processor time to `rivals` with their spread.
fn table(samples: &Samples, rivals: &[&str]) -> String {
    let names = samples.names();
    let asking = names.iter().any(|name| samples.asked(name).is_some());
    let mut head = vec!["".to_owned(), "CPU µs per request".to_owned()];
    head.extend(asking.then(|| "of it in Doorward, where it is asked".to_owned()));
    head.extend(rivals.iter().map(|rival| format!("× {rival}")));
    head.extend(["req/s", "p50 µs", "p99 µs", "p99.9 µs", "RSS MB"].map(str::to_owned));
    let mut rows = Table::new(head);
    for name in names {
        let middle = |figure| samples.spread(name, figure).map_or(f64::NAN, |one| one.middle);
        let mut row = vec![name.to_owned(), format!("{:.1}", middle(|one| one.micros))];
        if asking {
            row.push(
                samples.asked(name).map_or("–".to_owned(), |own| format!("{:.1}", own.middle)),
            );
        }
        row.extend(rivals.iter().map(|rival| match samples.ratio(name, rival) {
            _ if name == *rival => "1".to_owned(),
            Some(ratio) => ratio.to_string(),
            None => "–".to_owned(),
        }));
        let figures: [fn(&Sample) -> f64; 4] =
            [|one| one.rate, |one| one.p50, |one| one.p99, |one| one.p999];
        row.extend(figures.map(|figure| format!("{:.0}", middle(figure))));
        let most = samples.spread(name, |one| one.resident).map_or(f64::NAN, |one| one.most);
        row.push(format!("{most:.1}"));
        rows.row(row);
    }
    rows.text
}

/// A table of Markdown.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) text: String,
}

impl Table {
    /// One with this head.
    pub(super) fn new(head: impl IntoIterator<Item = impl fmt::Display>) -> Self {
        let mut table = Self { text: String::new() };
        let columns = table.line(head);
        table.line(std::iter::repeat_n("---", columns));
        table
    }

    /// One row more.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = impl fmt::Display>) {
        self.line(cells);
    }

    fn line(&mut self, cells: impl IntoIterator<Item = impl fmt::Display>) -> usize {
        self.text.push('|');
        let mut columns = 0;
        for cell in cells {
            // Writing to a string never fails.
            let _ = write!(self.text, " {cell} |");
            columns += 1;
        }
        self.text.push('\n');
        columns
    }
}

/// What was to be reached, and what was.
#[derive(Debug)]
pub(super) struct Goal {
    /// Its number in the document.
    pub(super) number: u8,
    pub(super) what: String,
    /// The most that it may be.
    pub(super) most: f64,
    /// What is counted.
    pub(super) unit: &'static str,
    pub(super) measured: Spread,
}

impl Goal {
    /// The cells of its row.
    pub(super) fn cells(&self) -> [String; 5] {
        let Self { number, what, most, unit, measured } = self;
        let met = if measured.middle <= *most { "yes" } else { "**no**" };
        [
            number.to_string(),
            what.clone(),
            format!("{most} {unit}"),
            format!("{measured} {unit}"),
            met.to_owned(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::super::measure::tests::two_rounds;
    use super::*;

    #[test]
    fn a_table_has_medians_and_ratios_with_their_spread() {
        let expected = "\
|  | CPU µs per request | × nginx | × envoy | req/s | p50 µs | p99 µs | p99.9 µs | RSS MB |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
| nginx | 15.0 | 1 | – | 20000 | 900 | 1800 | 2500 | 8.2 |
| doorward | 20.0 | 1.35 (1.30–1.40) | – | 20000 | 900 | 1800 | 2500 | 8.2 |
";
        assert_eq!(table(&two_rounds(), &["nginx", "envoy"]), expected);
    }

    #[test]
    fn a_goal_is_met_when_the_median_is_no_more_than_it() {
        let goal = |middle| Goal {
            number: 1,
            what: "warm".to_owned(),
            most: 1.4,
            unit: "×",
            measured: Spread { middle, least: 1.2, most: 1.5 },
        };
        assert_eq!(goal(1.4).cells(), ["1", "warm", "1.4 ×", "1.40 (1.20–1.50) ×", "yes"]);
        assert_eq!(goal(1.41).cells(), ["1", "warm", "1.4 ×", "1.41 (1.20–1.50) ×", "**no**"]);
    }
}
