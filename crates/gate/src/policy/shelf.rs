//! The policies about one resource key, by the paths and by the callers that they can concern.

use std::collections::HashMap;

use cedar_policy::EntityUid;

use super::PrincipalKeys;

/// Policies, by the paths that they can concern.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    anywhere: Audience,
    /// Those that concern paths with one of these beginnings alone.
    beneath: HashMap<Box<str>, Audience>,
    /// How long the beginnings are, each length once.
    lengths: Vec<usize>,
}

/// Policies, by the callers that they can concern.
#[derive(Debug, Default)]
pub(crate) struct Audience {
    anyone: Vec<usize>,
    keyed: HashMap<EntityUid, Vec<usize>>,
}

impl Shelf {
    /// Files a policy under each of its beginnings of paths; under none where it can concern any path.
    pub(crate) fn file(
        &mut self,
        index: usize,
        keys: &PrincipalKeys,
        beginnings: Option<&[String]>,
    ) {
        let Some(beginnings) = beginnings else { return self.anywhere.file(index, keys) };
        for beginning in beginnings {
            if !self.lengths.contains(&beginning.len()) {
                self.lengths.push(beginning.len());
            }
            self.beneath.entry(beginning.as_str().into()).or_default().file(index, keys);
        }
    }

    /// Whether any policy here is about some paths alone.
    pub(crate) fn tells_paths(&self) -> bool {
        !self.beneath.is_empty()
    }

    /// The policies about any path.
    pub(crate) const fn anywhere(&self) -> &Audience {
        &self.anywhere
    }

    /// The policies about this path among others, but for those about any.
    pub(crate) fn beneath<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a Audience> {
        let beginnings = self.lengths.iter().filter_map(|length| path.get(..*length));
        beginnings.filter_map(|beginning| self.beneath.get(beginning))
    }
}

impl Audience {
    fn file(&mut self, index: usize, keys: &PrincipalKeys) {
        match keys {
            PrincipalKeys::Anyone => self.anyone.push(index),
            PrincipalKeys::AnyOf(uids) => {
                for uid in uids {
                    self.keyed.entry(uid.clone()).or_default().push(index);
                }
            }
        }
    }

    /// The policies that can concern a caller with these keys.
    pub(crate) fn concerning<'a>(
        &'a self,
        principal: &'a [EntityUid],
    ) -> impl Iterator<Item = usize> + 'a {
        // Nothing is hashed where nothing is keyed.
        let principal = if self.keyed.is_empty() { &[] } else { principal };
        let keyed = principal.iter().filter_map(|uid| self.keyed.get(uid)).flatten();
        self.anyone.iter().chain(keyed).copied()
    }
}
