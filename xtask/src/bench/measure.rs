//! One measurement.

use std::fmt;

/// What one run of wrk against one contestant told.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) contestant: &'static str,
    /// The table that it belongs to.
    pub(super) table: &'static str,
    pub(super) round: usize,
    /// Processor time of the contestant for each request, in microseconds.
    pub(super) micros: f64,
    /// How much of it is Doorward's, where another forwards.
    pub(super) asked: Option<f64>,
    /// Requests in a second.
    pub(super) rate: f64,
    /// Half of all requests took at most this long, in microseconds.
    pub(super) p50: f64,
    /// 99 of 100 requests took at most this long, in microseconds.
    pub(super) p99: f64,
    /// Memory in use after the run, in MiB.
    pub(super) resident: u64,
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "round {} {:<8} {:<18} {:>6.1} µs CPU per request, {:>6.0} req/s, p50 {:>5.0} µs, p99 {:>6.0} µs, {:>3} MiB",
            self.round + 1,
            self.table,
            self.contestant,
            self.micros,
            self.rate,
            self.p50,
            self.p99,
            self.resident
        )
    }
}

/// The middle of some figures.
pub(super) fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.into_iter().collect();
    figures.sort_by(f64::total_cmp);
    let upper = figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN);
    if figures.len() % 2 == 1 {
        return upper;
    }
    let lower = figures.len().checked_sub(2).and_then(|index| figures.get(index / 2).copied());
    lower.map_or(upper, |lower| f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_two_in_the_middle() {
        assert!((median([3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median([4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
        assert!(median([]).is_nan());
    }
}
