//! Where in the configuration something stands, so that an error can point at it.

use std::fmt;

/// A path into the configuration, such as `routes[2].allow[0].groups[1]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place(Vec<Step>);

/// One step of a [`Place`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// An item of a list, counted from zero.
    Index(usize),
    /// A key of a mapping.
    Key(String),
}

impl Place {
    /// The place named `key` at the top.
    #[must_use]
    pub fn key(key: &str) -> Self {
        Self(vec![Step::Key(key.to_owned())])
    }

    /// The place named `key` inside this one.
    #[must_use]
    pub fn then(&self, key: &str) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Key(key.to_owned()));
        Self(steps)
    }

    /// The item at `index` inside this one.
    #[must_use]
    pub fn at(&self, index: usize) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Index(index));
        Self(steps)
    }

    /// The steps from the top.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.0
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) if position == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
            }
        }
        Ok(())
    }
}
