//! What a decoder says when a value is not what it should be.

use std::fmt;

use gate::spec::{Place, Step};

/// Parts the message from the help in an error that has to travel as one text, through serde.
const HELP_FOLLOWS: char = '\u{1f}';

/// A value that cannot be read, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct Complaint {
    pub(in crate::config) message: String,
    pub(in crate::config) help: Option<String>,
    pub(super) aim: Aim,
    /// The steps from where it was noticed up to the top: the nearest first.
    steps_up: Vec<Step>,
}

/// What a complaint is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Aim {
    /// A key that should not be there or is badly named.
    Key,
    /// Nothing new: what was there has been complained about.
    Consequence,
    /// A key that should be there and is not.
    Missing(&'static str),
    /// A value that nobody is to be shown.
    Secret,
    /// A value.
    Value,
}

impl Complaint {
    pub(in crate::config) fn new(message: impl Into<String>) -> Self {
        let message = message.into();
        Self { message, help: None, aim: Aim::Value, steps_up: Vec::new() }
    }

    pub(in crate::config) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(super) fn of(mut self, aim: Aim) -> Self {
        self.aim = aim;
        self
    }

    /// The same, noticed one step further down.
    pub(super) fn within(mut self, step: Step) -> Self {
        self.steps_up.push(step);
        self
    }

    /// Where it was noticed.
    pub(super) fn place(&self) -> Place {
        self.steps_up.iter().rev().fold(Place::default(), |place, step| match step {
            Step::Index(index) => place.at(*index),
            Step::Key(key) => place.then(key),
        })
    }

    pub(super) fn map_text(mut self, hide: impl Fn(&str) -> String) -> Self {
        self.message = hide(&self.message);
        self.help = self.help.map(|help| hide(&help));
        self
    }
}

/// As one text, the help behind a separator, which `custom` takes apart again.
impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "{HELP_FOLLOWS}{help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Complaint {}

impl serde::de::Error for Complaint {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let text = message.to_string();
        match text.split_once(HELP_FOLLOWS) {
            Some((message, help)) => Self::new(message).help(help),
            None => Self::new(text),
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("the key `{field}` is missing")).of(Aim::Missing(field))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let help = crate::config::suggest::help(variant, expected.iter().copied(), "choice");
        Self::new(format!("unknown value `{}`", crate::config::tree::shortened(variant))).help(help)
    }
}
