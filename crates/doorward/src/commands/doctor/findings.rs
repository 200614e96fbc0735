//! What was found, told line by line as it is found.

use gate::spec::{Place, Step};

use crate::commands::printed;
use crate::config::Config;

/// What was found so far.
pub(super) struct Findings<'a> {
    pub(super) config: &'a Config,
    failures: usize,
}

impl<'a> Findings<'a> {
    pub(super) const fn new(config: &'a Config) -> Self {
        Self { config, failures: 0 }
    }

    /// Whether nothing failed.
    pub(super) const fn are_good(&self) -> bool {
        self.failures == 0
    }

    pub(super) fn ok(&self, what: impl std::fmt::Display) {
        printed(format_args!("ok    {what}\n"));
    }

    pub(super) fn note(&self, what: impl std::fmt::Display) {
        printed(format_args!("note  {what}\n"));
    }

    pub(super) fn warn(&self, what: impl std::fmt::Display, remedy: &str) {
        printed(format_args!("warn  {what}{}\n", after(remedy)));
    }

    pub(super) fn fail(&mut self, what: impl std::fmt::Display, remedy: &str) {
        self.failures = self.failures.saturating_add(1);
        printed(format_args!("FAIL  {what}{}\n", after(remedy)));
    }

    /// `doorward.yaml:7`: where something of an issuer is written, or else the issuer itself.
    pub(super) fn line(&self, issuer: &str, key: &str) -> String {
        let mut place = Place::key("issuers").then(issuer);
        key.split('.').filter(|key| !key.is_empty()).for_each(|key| place = place.then(key));
        self.line_of(&place)
    }

    /// `doorward.yaml:7`: where something is written, or else the nearest thing around it.
    pub(super) fn line_of(&self, place: &Place) -> String {
        let name = self.config.source().name();
        let mut steps = place.steps();
        while !steps.is_empty() {
            let around = steps.iter().fold(Place::default(), |place, step| match step {
                Step::Index(index) => place.at(*index),
                Step::Key(key) => place.then(key),
            });
            if let Some(location) = self.config.locate(&around) {
                return format!("{name}:{}", location.line());
            }
            steps = steps.split_last().map_or(&[], |(_, rest)| rest);
        }
        name.to_owned()
    }
}

/// `1 key`, `2 keys`.
pub(super) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn after(remedy: &str) -> String {
    if remedy.is_empty() { String::new() } else { format!("; {remedy}") }
}
