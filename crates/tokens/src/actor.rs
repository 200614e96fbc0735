//! Who acts for the subject (RFC 8693 §4.1).

use crate::json::Value;
use crate::limits::MAX_ACTORS;
use crate::refusal::TokenRefusal;
use crate::registered::Registered;

#[cfg(test)]
#[path = "actor_tests.rs"]
mod tests;

/// One link of a chain of delegation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Actor {
    issuer: Option<String>,
    subject: String,
}

impl Actor {
    /// The issuer that knows the actor; the issuer of the token, if it names none.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// The actor's subject.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The chain in the claim `act`: the present actor first, then who acted before it.
    pub(crate) fn chain(token: Registered<'_>) -> Result<Vec<Self>, TokenRefusal> {
        let mut actors = Vec::new();
        let mut next = token.get("act");
        while let Some(value) = next {
            if actors.len() == MAX_ACTORS {
                return Err(TokenRefusal::TooManyActors { limit: MAX_ACTORS });
            }
            let actor = Self::object(token, value)?;
            let subject = actor.required("sub", actor.identifier("sub")?)?;
            actors.push(Self { issuer: actor.text("iss")?.map(str::to_owned), subject });
            next = actor.get("act");
        }
        Ok(actors)
    }

    fn object<'a>(token: Registered<'a>, value: &'a Value) -> Result<Registered<'a>, TokenRefusal> {
        let object = value.as_object().ok_or_else(|| token.mistyped("act", "an object"))?;
        Ok(Registered::within(object, "act/"))
    }
}
