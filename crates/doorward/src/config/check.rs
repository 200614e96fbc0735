//! `doorward check`: is a configuration good, and if not, what is wrong with it?

use std::fmt;
use std::path::Path;

use super::{Config, Exception, Loaded, Report, Surroundings};

/// Reads the configuration at `path` and builds everything that it describes, short of listening.
///
/// # Errors
/// Everything that is wrong with it.
pub fn check(path: &Path, surroundings: &dyn Surroundings) -> Result<Summary, Report> {
    Loaded::read(path, surroundings).map(|loaded| Summary::of(&loaded.config))
}

/// What a good configuration holds, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    name: String,
    counts: Vec<(usize, &'static str)>,
    exceptions: Vec<Exception>,
}

impl Summary {
    fn of(config: &Config) -> Self {
        let spec = &config.gate;
        let evaluated = spec.evaluation.as_ref().map_or(0, |evaluation| evaluation.policies.len());
        let providers = config.sign_in.as_ref().map_or(0, |sign_in| sign_in.providers.len());
        let provided = (providers > 0).then_some((providers, "provider"));
        let counts = [
            (spec.services.len(), "service"),
            (spec.routes.len(), "route"),
            (spec.policies.len() + evaluated, "policy file"),
        ];
        let issuers = (spec.issuers.len().saturating_sub(providers), "issuer");
        Self {
            name: config.source().name().to_owned(),
            counts: std::iter::once(issuers).chain(provided).chain(counts).collect(),
            exceptions: config.exceptions().to_vec(),
        }
    }
}

impl fmt::Display for Summary {
    /// One line, and one more for each exception to a safe default.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is good:", self.name)?;
        for (position, (count, what)) in self.counts.iter().enumerate() {
            let comma = if position == 0 { "" } else { "," };
            let plural = if *count == 1 { "" } else { "s" };
            write!(f, "{comma} {count} {what}{plural}")?;
        }
        for Exception { key, meaning } in &self.exceptions {
            write!(f, "\nexception: {key}: {meaning}")?;
        }
        Ok(())
    }
}
