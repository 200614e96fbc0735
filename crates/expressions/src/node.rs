//! What an expression is made of.

use std::sync::Arc;

use regex_lite::Regex;

use crate::function::Function;
use crate::value::Value;

/// A part of an expression, and the byte at which it is blamed.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) at: usize,
    pub(crate) depth: usize,
    pub(crate) kind: Kind,
}

#[derive(Debug)]
pub(crate) enum Kind {
    All(Vec<Node>),
    Any(Vec<Node>),
    Binary(Operator, Box<[Node; 2]>),
    Call(Function, Vec<Node>),
    Comprehension(Box<Comprehension>),
    Conditional(Box<[Node; 3]>),
    Has(Box<Node>, Arc<str>),
    Index(Box<[Node; 2]>),
    List(Vec<Node>),
    Literal(Value),
    Map(Vec<[Node; 2]>),
    Matches(Box<Node>, Pattern),
    Negative(Box<Node>),
    Not(Box<Node>),
    Select(Box<Node>, Arc<str>),
    /// The variable with this number: 0 is `claims`, the rest are those of macros, from the outermost.
    Variable(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Divide,
    Equal,
    Greater,
    GreaterOrEqual,
    In,
    Less,
    LessOrEqual,
    Multiply,
    NotEqual,
    Remainder,
    Subtract,
}

/// A pattern that was compiled.
#[derive(Debug)]
pub(crate) struct Pattern {
    pub(crate) regex: Regex,
    /// What each byte costs that it is matched against: the KiB that it takes, for at worst all of it is gone through.
    pub(crate) weight: u64,
}

/// What a macro does with each element of a list, or with each name of a map.
#[derive(Debug)]
pub(crate) struct Comprehension {
    pub(crate) purpose: Purpose,
    pub(crate) over: Node,
    pub(crate) condition: Option<Node>,
    /// What is made of an element. Only for [`Purpose::Map`].
    pub(crate) transform: Option<Node>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
}

impl Kind {
    /// How deep the parts nest.
    pub(crate) fn depth(&self) -> usize {
        let deepest =
            |nodes: &[Node]| nodes.iter().map(|node| node.depth).max().unwrap_or_default();
        match self {
            Self::Literal(_) | Self::Variable(_) => 0,
            Self::Has(node, _)
            | Self::Matches(node, _)
            | Self::Negative(node)
            | Self::Not(node)
            | Self::Select(node, _) => node.depth,
            Self::All(nodes) | Self::Any(nodes) | Self::Call(_, nodes) | Self::List(nodes) => {
                deepest(nodes)
            }
            Self::Binary(_, nodes) | Self::Index(nodes) => deepest(&**nodes),
            Self::Conditional(nodes) => deepest(&**nodes),
            Self::Map(members) => {
                members.iter().map(|member| deepest(member)).max().unwrap_or_default()
            }
            Self::Comprehension(it) => {
                let parts = [Some(&it.over), it.condition.as_ref(), it.transform.as_ref()];
                parts.into_iter().flatten().map(|node| node.depth).max().unwrap_or_default()
            }
        }
    }
}
