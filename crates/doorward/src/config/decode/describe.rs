//! What the keys mean, from the same doc comments that the JSON Schema carries.

use std::sync::LazyLock;

use serde_json::Value;

/// What to say about a key that `structure` misses.
pub(super) fn missing(structure: &str, key: &str) -> String {
    match meaning(structure, key) {
        Some(meaning) => format!("add `{key}: …`: {meaning}"),
        None => format!("add `{key}: …`"),
    }
}

/// The first sentence of a key's description, as the continuation of a sentence.
fn meaning(structure: &str, key: &str) -> Option<String> {
    static SCHEMA: LazyLock<Value> = LazyLock::new(crate::config::schema::schema);
    let description = SCHEMA
        .get("$defs")?
        .get(structure)?
        .get("properties")?
        .get(key)?
        .get("description")?
        .as_str()?;
    let sentence = description.split(". ").next()?.trim_end_matches('.').replace('\n', " ");
    let mut characters = sentence.chars();
    let first = characters.next()?;
    Some(first.to_lowercase().chain(characters).collect())
}
