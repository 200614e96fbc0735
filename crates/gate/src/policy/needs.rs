//! Which facts about a request a policy reads, so that only those are told to it.

use serde_json::Value;

use super::names::EntityType;
use super::tree::is_variable;

/// The members of `context`, as a set of bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs(u16);

/// One member of `context`; see the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContextMember {
    Certificate,
    Client,
    Door,
    Headers,
    Host,
    Method,
    Parameters,
    Path,
    Peer,
    Query,
    Scheme,
    Time,
}

impl ContextMember {
    pub(crate) const ALL: [Self; 12] = [
        Self::Certificate,
        Self::Client,
        Self::Door,
        Self::Headers,
        Self::Host,
        Self::Method,
        Self::Parameters,
        Self::Path,
        Self::Peer,
        Self::Query,
        Self::Scheme,
        Self::Time,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Client => "client",
            Self::Door => "door",
            Self::Headers => "headers",
            Self::Host => "host",
            Self::Method => "method",
            Self::Parameters => "parameters",
            Self::Path => "path",
            Self::Peer => "peer",
            Self::Query => "query",
            Self::Scheme => "scheme",
            Self::Time => "time",
        }
    }
}

impl Needs {
    /// All members.
    pub(crate) const ALL: Self = Self(u16::MAX);

    /// One member.
    pub(crate) const fn one(member: ContextMember) -> Self {
        Self(1 << member as u16)
    }

    pub(crate) const fn has(self, member: ContextMember) -> bool {
        self.0 & (1 << member as u16) != 0
    }

    /// Whether nothing of the request is read but its method.
    pub(crate) const fn is_method_at_most(self) -> bool {
        self.0 & !Self::one(ContextMember::Method).0 == 0
    }

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What a policy in Cedar's JSON form reads. A use of `context` that is not a plain member access counts as all.
    pub(crate) fn of_policy(policy: &Value) -> Self {
        match policy {
            Value::Object(members) => {
                for operator in [".", "has"] {
                    if let Some(access) = members.get(operator)
                        && access.get("left").is_some_and(|left| is_variable(left, "context"))
                        && let Some(attribute) = access.get("attr").and_then(Value::as_str)
                    {
                        let named = ContextMember::ALL.into_iter().find(|m| m.name() == attribute);
                        return named.map_or(Self::ALL, Self::one);
                    }
                }
                if is_variable(policy, "context") {
                    return Self::ALL;
                }
                if let Some(named) = members.get("__entity") {
                    return Self::of_entity(named);
                }
                members.values().map(Self::of_policy).fold(Self::default(), Self::and)
            }
            Value::Array(items) => {
                items.iter().map(Self::of_policy).fold(Self::default(), Self::and)
            }
            _ => Self::default(),
        }
    }

    /// What an entity is told with: `context.headers` and `context.query` point at some that can be named instead.
    fn of_entity(entity: &Value) -> Self {
        let text = |name| entity.get(name).and_then(Value::as_str);
        match (text("type"), text("id")) {
            (Some(kind), Some(id)) if kind == EntityType::Names.as_str() => match id {
                "headers" => Self::one(ContextMember::Headers),
                "query" => Self::one(ContextMember::Query),
                _ => Self::ALL,
            },
            _ => Self::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use cedar_policy::Policy;

    use super::*;

    fn needs(condition: &str) -> Needs {
        let text = format!("permit(principal, action, resource) when {{ {condition} }};");
        Needs::of_policy(&Policy::parse(None, text).unwrap().to_json().unwrap())
    }

    #[test]
    fn a_policy_is_told_what_it_reads_and_no_more() {
        let bit = Needs::one;
        assert_eq!(needs("true"), Needs::default());
        assert_eq!(needs("principal.scopes.contains(\"context\")"), Needs::default());
        assert_eq!(
            needs("context.client.isInRange(ip(\"10.0.0.0/8\"))"),
            bit(ContextMember::Client)
        );
        let two = bit(ContextMember::Headers).and(bit(ContextMember::Path));
        assert_eq!(needs("context.headers.hasTag(\"a\") && context.path like \"/a*\""), two);
        assert_eq!(needs("context.parameters has id"), bit(ContextMember::Parameters));
        assert_eq!(needs("context has time"), bit(ContextMember::Time));
        assert_eq!(needs("context == principal"), Needs::ALL);
        assert_eq!(needs("context[\"path\"] == \"/\""), bit(ContextMember::Path));
    }

    #[test]
    fn headers_and_query_are_read_under_their_own_names_too() {
        let bit = Needs::one;
        assert_eq!(needs("Names::\"headers\".hasTag(\"a\")"), bit(ContextMember::Headers));
        assert_eq!(needs("Names::\"query\".hasTag(\"a\")"), bit(ContextMember::Query));
        assert_eq!(needs("Names::\"other\".hasTag(\"a\")"), Needs::ALL);
        assert_eq!(needs("[Names::\"query\"].isEmpty()"), bit(ContextMember::Query));
        assert_eq!(needs("principal in Group::\"headers\""), Needs::default());
    }
}
