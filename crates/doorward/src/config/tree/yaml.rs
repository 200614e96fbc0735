//! YAML, read into a tree. Duplicate keys are problems; aliases and merge keys are followed within bounds.

use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, MessageFormatter, Spanned, UserMessageFormatter};

use super::{Entry, Node, Value};
use crate::config::problem::Problem;
use crate::config::source::{Location, Source};

/// How deep a configuration may nest.
const MAX_DEPTH: usize = 64;
/// How many values it may hold, aliases followed.
const MAX_NODES: usize = 4_000_000;
/// How many values its aliases may stand for, all in all.
const MAX_ALIASED_NODES: usize = 200_000;
/// How many aliases it may use.
const MAX_ALIASES: usize = 50_000;

impl Node {
    /// Reads a text. Problems with single keys are pushed to `problems` and the keys cut.
    pub(in crate::config) fn parse(
        source: &Source,
        problems: &mut Vec<Problem>,
    ) -> Result<Self, Problem> {
        let options = serde_saphyr::options! {
            budget: serde_saphyr::budget! {
                max_depth: MAX_DEPTH,
                max_events: MAX_NODES.saturating_mul(2),
                max_nodes: MAX_NODES,
                max_aliases: MAX_ALIASES,
                max_documents: 2,
            },
            alias_limits: serde_saphyr::alias_limits! {
                max_total_replayed_events: MAX_ALIASED_NODES,
                max_replay_stack_depth: 16,
            },
            duplicate_keys: DuplicateKeyPolicy::PassThrough,
            leading_zero_numbers_as_strings: true,
            underscored_numbers_as_strings: true,
            non_finite_float_policy: serde_saphyr::options::NonFiniteFloatPolicy::AsString,
            strict_booleans: true,
            reject_unsupported_tags: true,
            with_snippet: false,
        };
        let read = serde_saphyr::from_str_with_options::<ReadNode>(source.text(), options);
        let read = read.map_err(|error| refused(source, &error))?;
        Ok(Lines::new(source).place(read, problems))
    }
}

fn refused(source: &Source, error: &serde_saphyr::Error) -> Problem {
    use serde_saphyr::Error;
    let error = error.without_snippet();
    let (message, help) = match error {
        Error::MultipleDocuments { .. } => (
            "expected one YAML document, found a second".to_owned(),
            "remove the `---` and what follows it",
        ),
        Error::UnknownAnchor { .. } => (
            "no anchor of this name stands before it".to_owned(),
            "define it above with `&name`, or quote the value if the `*` is part of it",
        ),
        Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::AliasReplayCounterOverflow { .. } => (
            "the aliases of this file stand for too many values".to_owned(),
            "aliases may nest 16 deep and stand for 200000 values in all; write the values out",
        ),
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            ("an alias stands inside the anchor that it means".to_owned(), "write the value out")
        }
        Error::UnsupportedTag { .. } => (
            UserMessageFormatter.format_message(error).into_owned(),
            "remove it; what is to come from elsewhere is written `${env:NAME}` or `${file:path}`",
        ),
        Error::Budget { .. } => (
            format!("the file is too large: {}", UserMessageFormatter.format_message(error)),
            "a configuration may nest 64 deep and hold 4000000 values",
        ),
        _ => (
            format!("not YAML: {}", UserMessageFormatter.format_message(error)),
            "check the indentation, the brackets and the quotes up to here",
        ),
    };
    let location = error.location().map(|location| Lines::new(source).location(location));
    Problem::new(source, message).help(help).mark(location, None)
}

/// Where the lines of a source begin, to turn the parser's positions into ours.
struct Lines<'a> {
    source: &'a Source,
    begins: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn new(source: &'a Source) -> Self {
        let bytes = source.text().bytes().enumerate();
        let after = bytes.filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at.saturating_add(1));
        Self { source, begins: std::iter::once(0).chain(after).collect() }
    }

    fn place(&self, read: ReadNode, problems: &mut Vec<Problem>) -> Node {
        let Spanned { value, referenced, defined, .. } = read.0;
        let value = match value {
            ReadValue::Bool(value) => Value::Bool(value),
            ReadValue::Float(value) => Value::Float(value),
            ReadValue::Integer(value) => Value::Integer(value),
            ReadValue::List(items) => {
                Value::List(items.into_iter().map(|item| self.place(item, problems)).collect())
            }
            ReadValue::Mapping(entries) => Value::Mapping(self.entries(entries, problems)),
            ReadValue::Nothing => Value::Nothing,
            ReadValue::Text(text) => Value::Text(text),
        };
        let location = self.location(defined);
        let used = Some(self.location(referenced)).filter(|used| *used != location);
        Node { value, location, used, cut: false }
    }

    fn entries(
        &self,
        read: Vec<(Spanned<String>, ReadNode)>,
        problems: &mut Vec<Problem>,
    ) -> Vec<Entry> {
        let mut seen: HashMap<String, Location> = HashMap::new();
        let mut entries = Vec::with_capacity(read.len());
        for (key, node) in read {
            let key_location = self.location(key.defined);
            let node = self.place(node, problems);
            if let Some(first) = seen.get(&key.value) {
                let message = format!("the key `{}` is given twice", super::shortened(&key.value));
                problems.push(
                    Problem::new(self.source, message)
                        .help("keep one of the two")
                        .mark(Some(key_location), Some("again here"))
                        .mark(Some(*first), Some("first here")),
                );
                continue;
            }
            seen.insert(key.value.clone(), key_location);
            entries.push(Entry { key: key.value, key_location, node });
        }
        entries
    }

    fn location(&self, given: serde_saphyr::Location) -> Location {
        let number = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
        let span = given.span();
        if let (Some(offset), Some(length)) = (span.byte_offset(), span.byte_len()) {
            let line = self.begins.partition_point(|begin| *begin <= number(offset));
            let begin = self.begins.get(line.saturating_sub(1)).copied().unwrap_or(0);
            return Location::on_line(self.source, line, begin, number(offset), number(length));
        }
        let line = number(given.line()).max(1);
        let Some(begin) = self.begins.get(line.saturating_sub(1)).copied() else {
            return Location::new(self.source, usize::MAX, 0);
        };
        let rest = self.source.text().get(begin..).unwrap_or("");
        let column = number(given.column()).saturating_sub(1);
        let within = rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at);
        let begins_at = begin.saturating_add(within);
        let length =
            rest.get(within..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        Location::on_line(self.source, line, begin, begins_at, length)
    }
}

/// A value as the parser gives it.
struct ReadNode(Spanned<ReadValue>);

enum ReadValue {
    Bool(bool),
    Float(f64),
    Integer(i128),
    List(Vec<ReadNode>),
    Mapping(Vec<(Spanned<String>, ReadNode)>),
    Nothing,
    Text(String),
}

impl<'de> Deserialize<'de> for ReadNode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::deserialize(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for ReadValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = ReadValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<ReadValue, E> {
        Ok(ReadValue::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<ReadValue, E> {
        Ok(ReadValue::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<ReadValue, E> {
        Ok(ReadValue::Integer(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<ReadValue, E> {
        Ok(ReadValue::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<ReadValue, E> {
        Ok(ReadValue::Text(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<ReadValue, E> {
        Ok(ReadValue::Nothing)
    }

    fn visit_none<E>(self) -> Result<ReadValue, E> {
        Ok(ReadValue::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<ReadValue, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(ReadValue::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<ReadValue, A::Error> {
        let mut mapping = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            mapping.push(entry);
        }
        Ok(ReadValue::Mapping(mapping))
    }
}
