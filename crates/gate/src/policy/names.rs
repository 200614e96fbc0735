//! The names of things in Cedar: entity types and ids, the same in generated policies, written ones and decisions.

use cedar_policy::{EntityId, EntityTypeName, EntityUid};
use tokens::SubjectKind;

/// The entity types that policies can speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntityType {
    Action,
    Anonymous,
    Group,
    Issuer,
    Names,
    Route,
    Service,
    User,
    Workload,
}

impl EntityType {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Action => "Action",
            Self::Anonymous => "Anonymous",
            Self::Group => "Group",
            Self::Issuer => "Issuer",
            Self::Names => "Names",
            Self::Route => "Route",
            Self::Service => "Service",
            Self::User => "User",
            Self::Workload => "Workload",
        }
    }

    /// The entity of this type with this id.
    pub(crate) fn named(self, id: &str) -> EntityUid {
        #[expect(
            clippy::expect_used,
            reason = "INVARIANT: every name above is an identifier; a test parses them all"
        )]
        let name: EntityTypeName = self.as_str().parse().expect("an identifier");
        EntityUid::from_type_name_and_id(name, EntityId::new(id))
    }
}

impl From<SubjectKind> for EntityType {
    fn from(kind: SubjectKind) -> Self {
        match kind {
            SubjectKind::User => Self::User,
            SubjectKind::Workload => Self::Workload,
        }
    }
}

/// A subject or group of an issuer: `corp/alice`. Issuer names hold no `/`, so that no two pairs share an id.
pub(crate) fn scoped(issuer: &str, value: &str) -> String {
    format!("{issuer}/{value}")
}

/// A text as a Cedar string literal.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.escape_debug())
}
