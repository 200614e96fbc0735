//! What looks like a function and is not: its arguments are not values.

use regex_lite::RegexBuilder;

use crate::fault::ExpressionError;
use crate::node::{Comprehension, Kind, Node, Pattern, Purpose};
use crate::parser::Parser;
use crate::value::Value;

/// How large a pattern may be when it is compiled, in KiB.
const MAX_PATTERN: usize = 32;

const PURPOSES: [(&str, Purpose); 5] = [
    ("all", Purpose::All),
    ("exists", Purpose::Exists),
    ("exists_one", Purpose::ExistsOne),
    ("filter", Purpose::Filter),
    ("map", Purpose::Map),
];

/// Whether a call is none of a function.
pub(crate) fn is_macro(name: &str, receiver: bool) -> bool {
    if receiver { purpose(name).is_some() } else { name == "has" }
}

fn purpose(name: &str) -> Option<Purpose> {
    PURPOSES.iter().find(|(known, _)| *known == name).map(|(_, purpose)| *purpose)
}

impl Parser<'_> {
    pub(crate) fn macro_call(
        &mut self,
        at: usize,
        name: &str,
        on: Option<Node>,
    ) -> Result<Node, ExpressionError> {
        match (on, purpose(name)) {
            (Some(over), Some(purpose)) => self.comprehension(at, purpose, over),
            _ => self.has(at),
        }
    }

    fn has(&mut self, at: usize) -> Result<Node, ExpressionError> {
        let argument = self.expression()?;
        self.expect(")")?;
        match argument.kind {
            Kind::Select(of, name) => self.node(at, Kind::Has(of, name)),
            _ => {
                let what = "`has` takes a member, as in `has(claims.email)`; for other names write `\"name\" in claims`";
                Err(self.refuse(at, what.to_owned()))
            }
        }
    }

    fn comprehension(
        &mut self,
        at: usize,
        purpose: Purpose,
        over: Node,
    ) -> Result<Node, ExpressionError> {
        let (_, variable) = self.name("a name for the element")?;
        self.expect(",")?;
        self.variables.push(variable);
        let first = self.expression()?;
        let second = if purpose == Purpose::Map && self.takes(",") {
            Some(self.expression()?)
        } else {
            None
        };
        self.variables.pop();
        self.expect(")")?;
        let (condition, transform) = match (purpose, second) {
            (Purpose::Map, None) => (None, Some(first)),
            (_, second) => (Some(first), second),
        };
        let comprehension = Comprehension { purpose, over, condition, transform };
        self.node(at, Kind::Comprehension(Box::new(comprehension)))
    }

    /// `text.matches("pattern")`: whether the pattern is found anywhere in the text.
    pub(crate) fn matches(
        &mut self,
        at: usize,
        arguments: Vec<Node>,
    ) -> Result<Node, ExpressionError> {
        let Ok([on, pattern]) = <[Node; 2]>::try_from(arguments) else {
            return Err(self.refuse(at, "`matches` takes one pattern".to_owned()));
        };
        let Kind::Literal(Value::String(pattern)) = pattern.kind else {
            return Err(self.refuse(at, "the pattern of `matches` must be written out".to_owned()));
        };
        let built = |size: usize| RegexBuilder::new(&pattern).size_limit(size * 1024).build();
        if built(usize::MAX / 1024).is_err() {
            return Err(self.refuse(at, "the pattern is not a regular expression".to_owned()));
        }
        let sizes = (0..=MAX_PATTERN.ilog2()).map(|power| 1_usize << power);
        let found = sizes.into_iter().find_map(|size| Some((built(size).ok()?, size)));
        let Some((regex, size)) = found else {
            return Err(self.refuse(at, "the pattern is too large".to_owned()));
        };
        self.node(at, Kind::Matches(Box::new(on), Pattern { regex, weight: size as u64 }))
    }
}
