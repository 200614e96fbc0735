//! From what a provider says about somebody who signed in to facts.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use expressions::Expression;
use thiserror::Error;

use crate::claim::{Absence, ClaimKind, ClaimSpec};
use crate::computed::{COMPUTED, ComputedRefusal, MAX_COMPUTED, completed};
use crate::facts::Facts;
use crate::json::{Number, Object, Value};
use crate::limits::{MAX_FACTS_BYTES, MAX_GROUPS};
use crate::pointed::{Pointed, missing, mistyped};
use crate::pointer::JsonPointer;
use crate::profile::SubjectRule;
use crate::refusal::TokenRefusal;
use crate::registered::identifier;
use crate::time::Timestamp;

#[cfg(test)]
#[path = "mapping_tests.rs"]
mod tests;

/// Where in a provider's document the facts stand. The document is the claims of the ID token with those of the userinfo
/// endpoint, or, without OpenID Connect, an object of what each endpoint answered, as in `/user/id`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mapping {
    subject: JsonPointer,
    kind: SubjectRule,
    groups: Vec<GroupSource>,
    claims: Vec<ClaimSpec>,
    computed: BTreeMap<Arc<str>, Expression>,
}

/// One place where groups stand.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GroupSource {
    /// The place.
    pub place: GroupPlace,
    /// What is put before each name, so that groups of two places stay apart. May be empty.
    pub prefix: Arc<str>,
    /// Whether a document without the place is refused.
    pub required: bool,
}

/// The shape of what stands there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum GroupPlace {
    /// An array of strings, or one string.
    At(JsonPointer),
    /// An array of objects. Each is a group, called by the texts at `name` within it, with `/` between them: GitHub's
    /// teams are `/organization/login` and `/slug`, for anybody can make an organization with a team `admins`.
    Each {
        /// The array.
        list: JsonPointer,
        /// Where in an element its name stands. At least one place.
        name: Vec<JsonPointer>,
    },
}

/// How sure a provider is, and since when: from an ID token, and from nowhere else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assurance {
    /// `acr`.
    pub acr: Option<String>,
    /// `amr`.
    pub amr: Vec<String>,
    /// `auth_time`.
    pub auth_time: Option<Timestamp>,
}

impl Mapping {
    /// Checks the places.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn new(
        subject: JsonPointer,
        kind: SubjectRule,
        groups: Vec<GroupSource>,
        claims: Vec<ClaimSpec>,
    ) -> Result<Self, MappingError> {
        let nameless = |source: &&GroupSource| matches!(&source.place, GroupPlace::Each { name, .. } if name.is_empty());
        if let Some(source) = groups.iter().find(nameless) {
            return Err(MappingError::Nameless { list: source.place.pointer().clone() });
        }
        let mut names = BTreeSet::new();
        for claim in &claims {
            let name = Arc::clone(&claim.name);
            if !names.insert(&claim.name) {
                return Err(MappingError::RepeatedClaim { name });
            }
            if let Absence::Default(value) = &claim.absent
                && value.kind() != claim.kind
            {
                return Err(MappingError::Default { name, expected: claim.kind.expected() });
            }
        }
        Ok(Self { subject, kind, groups, claims, computed: BTreeMap::new() })
    }

    /// Has these values computed from each document, which then stand at `/computed/…` in it. Where nothing is computed,
    /// nothing stands there: no provider says by itself what the operator would have computed.
    ///
    /// # Errors
    /// If they are too many, or a place leads to one that is not among them.
    pub fn computing(self, computed: BTreeMap<Arc<str>, Expression>) -> Result<Self, MappingError> {
        if computed.len() > MAX_COMPUTED {
            return Err(MappingError::ManyComputed { computed: computed.len() });
        }
        let unknown = |place: &&JsonPointer| {
            let name = place.steps().get(1);
            place.first_step() == COMPUTED
                && name.is_none_or(|name| !computed.contains_key(name.as_str()))
        };
        if let Some(place) = self.places().find(unknown) {
            return Err(MappingError::NotComputed { place: place.clone() });
        }
        Ok(Self { computed, ..self })
    }

    /// Every place that is looked at in a document.
    fn places(&self) -> impl Iterator<Item = &JsonPointer> {
        let kind = match &self.kind {
            SubjectRule::User | SubjectRule::Workload => [None, None],
            SubjectRule::WorkloadWhen(test) => test.places(),
        };
        let groups = self.groups.iter().map(|source| source.place.pointer());
        let claims = self.claims.iter().map(|claim| &claim.from);
        [&self.subject].into_iter().chain(kind.into_iter().flatten()).chain(groups).chain(claims)
    }

    /// What is computed, by name.
    #[must_use]
    pub fn computed(&self) -> &BTreeMap<Arc<str>, Expression> {
        &self.computed
    }

    /// Whether subjects are people or workloads.
    #[must_use]
    pub fn kind(&self) -> &SubjectRule {
        &self.kind
    }

    /// Where groups stand.
    #[must_use]
    pub fn groups(&self) -> &[GroupSource] {
        &self.groups
    }

    /// The claims.
    #[must_use]
    pub fn claims(&self) -> &[ClaimSpec] {
        &self.claims
    }

    /// Where the subject stands.
    #[must_use]
    pub fn subject(&self) -> &JsonPointer {
        &self.subject
    }

    /// The facts in `document`. A subject that is a whole number is that number in decimal digits.
    ///
    /// # Errors
    /// If something is missing that must be there, is of another type, or is too much.
    pub fn facts(&self, document: &Object, assurance: Assurance) -> Result<Facts, MappingRefusal> {
        let document = if self.computed.is_empty() {
            Cow::Borrowed(document)
        } else {
            Cow::Owned(completed(document, &self.computed)?)
        };
        let whole = Value::Object(document.clone().into_owned());
        let pointed = Pointed::of(&whole, &document);
        let mut groups = Vec::new();
        for source in &self.groups {
            groups.extend(source.read(&pointed)?);
        }
        if groups.len() > MAX_GROUPS {
            return Err(MappingRefusal::Groups { groups: groups.len() });
        }
        let Assurance { acr, amr, auth_time } = assurance;
        let facts = Facts {
            subject: self.subject_in(&pointed)?,
            kind: pointed.subject_kind(&self.kind)?,
            groups,
            claims: pointed.claims(&self.claims)?,
            acr,
            amr,
            auth_time,
        };
        match facts.to_json().len() {
            bytes if bytes > MAX_FACTS_BYTES => Err(MappingRefusal::Long { bytes }),
            _ => Ok(facts),
        }
    }

    fn subject_in(&self, pointed: &Pointed<'_>) -> Result<String, TokenRefusal> {
        let from = &self.subject;
        match pointed.find(from)? {
            Some(Value::String(text)) => identifier(text, || from.as_str().into()),
            Some(Value::Number(Number::Integer(number))) => Ok(number.to_string()),
            Some(_) => Err(TokenRefusal::MistypedClaim {
                name: from.as_str().into(),
                expected: "a string, or a whole number",
            }),
            None => Err(missing(from)),
        }
    }
}

impl GroupSource {
    /// Groups at this place, as they are called there, which may be absent.
    #[must_use]
    pub fn at(place: JsonPointer) -> Self {
        Self { place: GroupPlace::At(place), prefix: "".into(), required: false }
    }

    fn read(&self, pointed: &Pointed<'_>) -> Result<Vec<String>, TokenRefusal> {
        let names = match &self.place {
            GroupPlace::At(from) => pointed.groups(Some(from), self.required)?,
            GroupPlace::Each { list, name } => match pointed.find(list)? {
                Some(Value::Array(elements)) => {
                    let named = elements.iter().map(|element| group_name(element, list, name));
                    named.collect::<Result<_, _>>()?
                }
                Some(_) => return Err(not_objects(list)),
                None if self.required => return Err(missing(list)),
                None => Vec::new(),
            },
        };
        if self.prefix.is_empty() {
            return Ok(names);
        }
        Ok(names.into_iter().map(|name| format!("{}{name}", self.prefix)).collect())
    }
}

impl GroupPlace {
    fn pointer(&self) -> &JsonPointer {
        match self {
            Self::At(place) | Self::Each { list: place, .. } => place,
        }
    }
}

/// Where there are several parts, one with a `/` is refused: `a/b` of `c` must not pass for `a` of `b/c`.
fn group_name(
    element: &Value,
    list: &JsonPointer,
    name: &[JsonPointer],
) -> Result<String, TokenRefusal> {
    if element.as_object().is_none() {
        return Err(not_objects(list));
    }
    let mut parts = Vec::with_capacity(name.len());
    for from in name {
        let found = from.apply(element).ok_or_else(|| missing(from))?;
        let part = found.as_str().ok_or_else(|| mistyped(from, ClaimKind::String))?;
        if name.len() > 1 && part.contains('/') {
            let expected = "a text without `/`, which is put between the parts of a name";
            return Err(TokenRefusal::ClaimForm { name: from.as_str().into(), expected });
        }
        parts.push(part);
    }
    Ok(parts.join("/"))
}

fn not_objects(list: &JsonPointer) -> TokenRefusal {
    TokenRefusal::MistypedClaim { name: list.as_str().into(), expected: "an array of objects" }
}

/// Why places are not a mapping.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum MappingError {
    /// The default of a claim is of another kind than the claim.
    #[error("the default of claim `{name}` is not {expected}")]
    Default {
        /// The claim.
        name: Arc<str>,
        /// What the claim is.
        expected: &'static str,
    },
    /// Too much is computed.
    #[error("{computed} values are computed, more than {MAX_COMPUTED}")]
    ManyComputed {
        /// How many.
        computed: usize,
    },
    /// Nothing says what the groups of a list are called.
    #[error("expected at least one place for the names of the groups in `{list}`")]
    Nameless {
        /// The list.
        list: JsonPointer,
    },
    /// A place leads to something that is not computed.
    #[error("nothing computes `{place}`")]
    NotComputed {
        /// The place.
        place: JsonPointer,
    },
    /// Two claims have the same name.
    #[error("claim `{name}` is declared twice")]
    RepeatedClaim {
        /// The claim.
        name: Arc<str>,
    },
}

/// Why a document gives no facts.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum MappingRefusal {
    /// A claim is not as it must be.
    #[error(transparent)]
    Claim(#[from] TokenRefusal),
    /// Something cannot be computed.
    #[error(transparent)]
    Computed(#[from] ComputedRefusal),
    /// The subject is in too many groups; to leave some out could leave out one that is denied.
    #[error("the subject is in {groups} groups, more than {MAX_GROUPS}")]
    Groups {
        /// How many.
        groups: usize,
    },
    /// The facts are too long to be kept.
    #[error("the facts have {bytes} bytes, more than {MAX_FACTS_BYTES}")]
    Long {
        /// Their length.
        bytes: usize,
    },
}

impl MappingRefusal {
    /// A label for metrics and records that never changes.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Claim(refusal) => refusal.code(),
            Self::Computed(refusal) => refusal.code(),
            Self::Groups { .. } => "too_many_groups",
            Self::Long { .. } => "long_facts",
        }
    }
}
