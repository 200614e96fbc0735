//! A configuration as a tree of values that know where they stand.

mod yaml;

use gate::spec::{Place, Step};

use super::source::Location;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) value: Value,
    /// Where it is written.
    pub(super) location: Location,
    /// Where it is used, when that is elsewhere: the `*alias` or the `<<`.
    pub(super) used: Option<Location>,
    /// Whether a problem with it has been reported already; it is then passed over.
    pub(super) cut: bool,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Bool(bool),
    Float(f64),
    Integer(i128),
    List(Vec<Node>),
    Mapping(Vec<Entry>),
    Nothing,
    Text(String),
}

/// One entry of a mapping.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_location: Location,
    pub(super) node: Node,
}

impl Node {
    /// The node at `place`. An index counts the items that are not cut.
    pub(super) fn find(&self, place: &Place) -> Option<&Self> {
        place.steps().iter().try_fold(self, |node, step| node.child(step))
    }

    /// Where the thing at `place` stands: a scalar itself; a list or mapping by its key, or else by what it begins
    /// with.
    pub(super) fn locate(&self, place: &Place) -> Option<Location> {
        let node = self.find(place)?;
        match node.value {
            Value::List(_) | Value::Mapping(_) => {
                self.locate_key(place).or_else(|| Some(node.beginning()))
            }
            _ => Some(node.location),
        }
    }

    /// Where the key at `place` stands; none for an item of a list.
    pub(super) fn locate_key(&self, place: &Place) -> Option<Location> {
        let (last, before) = place.steps().split_last()?;
        let Step::Key(key) = last else { return None };
        let parent = before.iter().try_fold(self, |node, step| node.child(step))?;
        parent.entry(key).map(|entry| entry.key_location)
    }

    /// Marks the node at `place` as reported. Says whether it was there.
    pub(super) fn cut(&mut self, place: &Place) -> bool {
        let found = place.steps().iter().try_fold(self, |node, step| node.child_mut(step));
        found.map(|node| node.cut = true).is_some()
    }

    /// Whether `key` is written in this mapping, even if a problem with it has been reported.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }

    /// Every key of this mapping, even those that a problem has been reported with.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        let entries = match &self.value {
            Value::Mapping(entries) => entries.as_slice(),
            _ => &[],
        };
        entries.iter().map(|entry| entry.key.as_str())
    }

    /// The values of this mapping, or the items of this list, that no problem has been reported with.
    pub(super) fn children(&self) -> impl Iterator<Item = &Self> {
        let (items, entries) = match &self.value {
            Value::List(items) => (items.as_slice(), &[][..]),
            Value::Mapping(entries) => (&[][..], entries.as_slice()),
            _ => (&[][..], &[][..]),
        };
        items.iter().chain(entries.iter().map(|entry| &entry.node)).filter(|node| !node.cut)
    }

    /// Whether no problem has been reported with anything directly in it.
    pub(super) fn is_whole(&self) -> bool {
        match &self.value {
            Value::List(items) => items.iter().all(|item| !item.cut),
            Value::Mapping(entries) => entries.iter().all(|entry| !entry.node.cut),
            _ => true,
        }
    }

    /// Whether no problem has been reported with anything in it, however deep.
    pub(super) fn is_sound(&self) -> bool {
        self.is_whole() && self.children().all(Self::is_sound)
    }

    /// Whether nothing is written in it.
    pub(super) fn is_empty(&self) -> bool {
        match &self.value {
            Value::List(items) => items.is_empty(),
            Value::Mapping(entries) => entries.is_empty(),
            _ => false,
        }
    }

    /// What it is, in words, with its value.
    pub(super) fn describe(&self) -> String {
        match &self.value {
            Value::Bool(value) => format!("`{value}`"),
            Value::Float(value) => format!("the number `{value}`"),
            Value::Integer(value) => format!("the number `{value}`"),
            Value::List(_) => "a list".to_owned(),
            Value::Mapping(_) => "a mapping".to_owned(),
            Value::Nothing => "nothing".to_owned(),
            Value::Text(text) => format!("the text `{}`", shortened(text)),
        }
    }

    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Mapping(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    fn child(&self, step: &Step) -> Option<&Self> {
        match (step, &self.value) {
            (Step::Key(key), Value::Mapping(_)) => self.entry(key).map(|entry| &entry.node),
            (Step::Index(index), Value::List(items)) => {
                items.iter().filter(|item| !item.cut).nth(*index)
            }
            _ => None,
        }
    }

    fn child_mut(&mut self, step: &Step) -> Option<&mut Self> {
        match (step, &mut self.value) {
            (Step::Key(key), Value::Mapping(entries)) => {
                entries.iter_mut().find(|entry| entry.key == *key).map(|entry| &mut entry.node)
            }
            (Step::Index(index), Value::List(items)) => {
                items.iter_mut().filter(|item| !item.cut).nth(*index)
            }
            _ => None,
        }
    }

    /// The first thing that is written in it.
    fn beginning(&self) -> Location {
        match &self.value {
            Value::List(items) => items.first().map(Self::beginning),
            Value::Mapping(entries) => entries.first().map(|entry| entry.key_location),
            _ => None,
        }
        .unwrap_or(self.location)
    }
}

/// The first characters of a text, fit for a message of one line.
pub(super) fn shortened(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut short: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    // `escape_debug` also escapes quotes, which need none between backticks.
    short.replace("\\\"", "\"").replace("\\'", "'")
}
