//! The names of things in Cedar: entity types and ids, the same in generated policies, written ones and decisions.

use std::sync::OnceLock;

use cedar_policy::{EntityId, EntityTypeName, EntityUid, pst};
use tokens::SubjectKind;

/// The entity types that policies can speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    const ALL: [Self; 9] = [
        Self::Action,
        Self::Anonymous,
        Self::Group,
        Self::Issuer,
        Self::Names,
        Self::Route,
        Self::Service,
        Self::User,
        Self::Workload,
    ];

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

    /// The type of this name.
    pub(crate) fn called(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The entity of this type with this id.
    pub(crate) fn named(self, id: &str) -> EntityUid {
        EntityUid::from_type_name_and_id(self.type_name(), EntityId::new(id))
    }

    /// The entity of this type with this id, in a syntax tree.
    pub(crate) fn named_in_tree(self, id: &str) -> pst::EntityUID {
        pst::EntityUID { ty: self.in_tree(), eid: id.into() }
    }

    /// The name in a syntax tree; checked once.
    pub(crate) fn in_tree(self) -> pst::EntityType {
        static CHECKED: [OnceLock<pst::EntityType>; EntityType::ALL.len()] =
            [const { OnceLock::new() }; EntityType::ALL.len()];
        #[expect(
            clippy::expect_used,
            reason = "INVARIANT: every name above is an identifier; a test checks them all"
        )]
        let check =
            || pst::EntityType(pst::Name::unqualified(self.as_str()).expect("an identifier"));
        match CHECKED.get(self as usize) {
            Some(checked) => checked.get_or_init(check).clone(),
            None => check(),
        }
    }

    /// The name as Cedar takes it; parsed once, because that takes longer than a whole decision.
    fn type_name(self) -> EntityTypeName {
        static PARSED: [OnceLock<EntityTypeName>; EntityType::ALL.len()] =
            [const { OnceLock::new() }; EntityType::ALL.len()];
        #[expect(
            clippy::expect_used,
            reason = "INVARIANT: every name above is an identifier; a test parses them all"
        )]
        let parse = || self.as_str().parse().expect("an identifier");
        match PARSED.get(self as usize) {
            Some(parsed) => parsed.get_or_init(parse).clone(),
            None => parse(),
        }
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

#[cfg(test)]
mod tests {
    use cedar_policy::EvalResult;
    use proptest::prelude::*;

    use super::*;
    use crate::policy::evaluation::evaluated;

    #[test]
    fn every_entity_type_is_an_identifier_of_its_own() {
        for (position, kind) in EntityType::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, position);
            let expected = format!("{}::\"a\"", kind.as_str());
            assert_eq!(EntityType::called(kind.as_str()), Some(kind));
            assert_eq!(kind.named("a").to_string(), expected);
            assert_eq!(kind.named_in_tree("a").to_string(), expected);
        }
    }

    proptest! {
        #[test]
        fn cedar_reads_a_quoted_text_and_a_named_entity_as_they_were(
            text in prop_oneof![".*", "[\"'\\\\\n\r\t\0\u{301}\u{7f}\u{202e}*{}u;)(a]{0,12}"],
        ) {
            prop_assert_eq!(evaluated(&quoted(&text)), EvalResult::String(text.clone()));
            let uid = EntityType::Group.named(&text);
            prop_assert_eq!(&uid.to_string().parse::<EntityUid>().unwrap(), &uid);
        }
    }
}
