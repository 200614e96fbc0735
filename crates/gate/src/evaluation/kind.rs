use cedar_policy::{EntityId, EntityTypeName, EntityUid};
use tokens::ClaimSpec;

/// What a kind is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Action,
    Resource,
    Subject,
}

/// A kind of subjects or resources, or an action.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    entity_type: EntityTypeName,
    pub(crate) properties: Vec<ClaimSpec>,
    /// The action's name, for an action.
    action: Option<String>,
}

impl Kind {
    /// How long a name may be.
    const MAX_NAME_BYTES: usize = 128;

    /// The kind that questions call `name`. Policies call it by the same name, with `_` for what a name in Cedar cannot
    /// hold: the type `todo-item` of resources is `Resource::todo_item`. Actions are named as they are.
    ///
    /// # Errors
    /// What is wrong with the name.
    pub(crate) fn new(
        family: Family,
        name: &str,
        properties: &[ClaimSpec],
    ) -> Result<Self, String> {
        if name.is_empty()
            || name.len() > Self::MAX_NAME_BYTES
            || name.chars().any(char::is_control)
        {
            return Err(format!(
                "expected a name of 1 to {} bytes without control characters",
                Self::MAX_NAME_BYTES
            ));
        }
        let full = match family {
            Family::Action => "Action".to_owned(),
            Family::Resource => format!("Resource::{}", identifier(name)),
            Family::Subject => format!("Subject::{}", identifier(name)),
        };
        let entity_type =
            full.parse().map_err(|_| format!("`{name}` means something else in policies"))?;
        let action = (family == Family::Action).then(|| name.to_owned());
        Ok(Self { entity_type, properties: properties.to_vec(), action })
    }

    /// What policies call it.
    pub(crate) fn cedar_name(&self) -> String {
        match &self.action {
            Some(name) => self.entity(name).to_string(),
            None => self.entity_type.to_string(),
        }
    }

    /// The entity of this kind with this id, whatever characters that has.
    pub(crate) fn entity(&self, id: &str) -> EntityUid {
        EntityUid::from_type_name_and_id(self.entity_type.clone(), EntityId::new(id))
    }
}

/// A name as Cedar can have it.
fn identifier(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let begins = name.chars().next().is_some_and(|first| first.is_ascii_digit());
    let before = if begins { "_" } else { "" };
    before.chars().chain(name.chars().map(plain)).collect()
}
