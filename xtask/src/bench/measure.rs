//! What is measured: one run, and all of them.

use std::fmt;

use anyhow::{Context, Result};

/// What one run against one contestant told.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) contestant: &'static str,
    pub(super) round: usize,
    /// Processor time of the contestant for each request, in microseconds.
    pub(super) micros: f64,
    /// How much of it is Doorward's, where another forwards.
    pub(super) asked: Option<f64>,
    /// Requests in a second.
    pub(super) rate: f64,
    /// Half of all requests took at most this long, in microseconds.
    pub(super) p50: f64,
    /// The same of 99 in 100.
    pub(super) p99: f64,
    /// The same of 999 in 1,000.
    pub(super) p999: f64,
    /// Memory in use after the run, in MB.
    pub(super) resident: f64,
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "round {} {:<22} {:>6.1} µs CPU per request, {:>6.0} req/s, p50 {:>5.0} µs, p99 {:>6.0} µs, p99.9 {:>6.0} µs, {:>5.1} MB",
            self.round + 1,
            self.contestant,
            self.micros,
            self.rate,
            self.p50,
            self.p99,
            self.p999,
            self.resident
        )
    }
}

/// The runs of some contestants, in the order in which they were made.
#[derive(Debug, Default)]
pub(super) struct Samples(Vec<Sample>);

impl Samples {
    /// Adds a run, and shows it.
    pub(super) fn add(&mut self, sample: Sample) {
        println!("{sample}");
        self.0.push(sample);
    }

    /// Everyone, in the order of a round.
    pub(super) fn names(&self) -> Vec<&'static str> {
        let mut names = Vec::new();
        for sample in &self.0 {
            if !names.contains(&sample.contestant) {
                names.push(sample.contestant);
            }
        }
        names
    }

    /// A figure of every run of `name`; none if there was none.
    pub(super) fn spread(&self, name: &str, figure: fn(&Sample) -> f64) -> Option<Spread> {
        Spread::of(self.of(name).map(figure))
    }

    /// What of the processor time of `name` is Doorward's, if another forwards.
    pub(super) fn asked(&self, name: &str) -> Option<Spread> {
        Spread::of(self.of(name).filter_map(|one| one.asked))
    }

    /// The processor time of `to` for that of `from`, round by round.
    pub(super) fn ratio(&self, to: &str, from: &str) -> Option<Spread> {
        let pairs = self.of(to).filter_map(|to| {
            let from = self.of(from).find(|from| from.round == to.round)?;
            Some(to.micros / from.micros)
        });
        Spread::of(pairs)
    }

    /// The same for a goal, where both must have run.
    pub(super) fn compared(&self, to: &str, from: &str) -> Result<Spread> {
        self.ratio(to, from).with_context(|| format!("{to} and {from} have not run together"))
    }

    fn of(&self, name: &str) -> impl Iterator<Item = &Sample> {
        self.0.iter().filter(move |one| one.contestant == name)
    }
}

/// The middle of some figures, and how far they are apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) middle: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

impl Spread {
    /// Of one figure or more.
    pub(super) fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let (least, most) = (*figures.first()?, *figures.last()?);
        let upper = *figures.get(figures.len() / 2)?;
        let lower = *figures.get((figures.len() - 1) / 2)?;
        Some(Self { middle: f64::midpoint(lower, upper), least, most })
    }
}

/// The middle, and in parentheses the least and the most, if there was more than one.
impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { middle, least, most } = self;
        let digits = f.precision().unwrap_or(2);
        write!(f, "{middle:.digits$}")?;
        if least < most { write!(f, " ({least:.digits$}–{most:.digits$})") } else { Ok(()) }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A run that took this much processor time.
    pub(in super::super) fn sample(contestant: &'static str, round: usize, micros: f64) -> Sample {
        Sample {
            contestant,
            round,
            micros,
            asked: None,
            rate: 20_000.0,
            p50: 900.0,
            p99: 1_800.0,
            p999: 2_500.0,
            resident: 8.25,
        }
    }

    /// Two rounds of nginx and Doorward.
    pub(in super::super) fn two_rounds() -> Samples {
        Samples(vec![
            sample("nginx", 0, 10.0),
            sample("doorward", 0, 14.0),
            sample("nginx", 1, 20.0),
            sample("doorward", 1, 26.0),
        ])
    }

    #[test]
    fn the_middle_is_the_middle_or_between_the_two_in_the_middle() {
        let spread = |figures: &[f64]| Spread::of(figures.iter().copied());
        assert_eq!(spread(&[3.0, 1.0, 2.0]), Some(Spread { middle: 2.0, least: 1.0, most: 3.0 }));
        assert_eq!(
            spread(&[4.0, 1.0, 2.0, 3.0]),
            Some(Spread { middle: 2.5, least: 1.0, most: 4.0 })
        );
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[2.0]).unwrap().to_string(), "2.00");
    }

    #[test]
    fn ratios_are_between_runs_of_the_same_round() {
        let ratio = two_rounds().ratio("doorward", "nginx").unwrap();
        assert_eq!(ratio.to_string(), "1.35 (1.30–1.40)");
        assert_eq!(two_rounds().ratio("doorward", "envoy"), None);
    }
}
