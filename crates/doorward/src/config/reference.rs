//! The reference of all keys in docs/configuration.md, from the JSON Schema and so from the doc comments.

use serde_json::Value;

/// The line of docs/configuration.md behind which the reference begins.
pub const BEGIN: &str =
    "<!-- reference: generated from the schema; `BLESS=1 cargo test -p doorward` renews it -->";
/// The line before which it ends.
pub const END: &str = "<!-- end of the reference -->";

/// The reference in Markdown: one table per mapping, in the order in which a reader meets them.
#[must_use]
pub fn markdown() -> String {
    let schema = super::schema();
    let mut page = Page { schema: &schema, text: String::new(), told: Vec::new() };
    page.mapping("", &schema);
    page.text
}

struct Page<'a> {
    schema: &'a Value,
    text: String,
    /// Definitions that have a table already.
    told: Vec<&'a str>,
}

impl<'a> Page<'a> {
    /// A table for `mapping`, which stands at `path`, then tables for what is inside it.
    fn mapping(&mut self, path: &str, mapping: &'a Value) {
        let Some(properties) = mapping.get("properties").and_then(Value::as_object) else { return };
        let title = if path.is_empty() { "At the top" } else { path };
        let title = if path.is_empty() { title.to_owned() } else { format!("`{title}`") };
        self.text.push_str(&format!("\n### {title}\n\n{}\n\n", text_of(mapping, "description")));
        self.text.push_str("| key | value | default | bounds | meaning |\n|---|---|---|---|---|\n");
        let required = mapping.get("required").and_then(Value::as_array);
        for (key, value) in properties {
            let needed = required.is_some_and(|keys| keys.iter().any(|name| name == key));
            self.row(key, value, needed);
        }
        for (key, value) in properties {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            self.inside(&path, value);
        }
    }

    fn row(&mut self, key: &str, value: &'a Value, needed: bool) {
        let resolved = self.resolve(value);
        let default = match (needed, value.get("default").or_else(|| resolved.get("default"))) {
            (true, _) => "required".to_owned(),
            (false, Some(Value::Null) | None) => String::new(),
            (false, Some(Value::Array(items))) if items.is_empty() => String::new(),
            (false, Some(Value::Array(items))) => {
                let item = |item: &Value| {
                    item.as_str().map_or_else(|| item.to_string(), ToOwned::to_owned)
                };
                let items: Vec<_> = items.iter().map(item).collect();
                format!("`[{}]`", items.join(", "))
            }
            (false, Some(Value::Object(members))) if members.is_empty() => String::new(),
            (false, Some(Value::Object(members))) => {
                let members = members
                    .iter()
                    .map(|(key, value)| format!("{key}: {}", value.as_str().unwrap_or("…")));
                format!("`{}`", members.collect::<Vec<_>>().join(", "))
            }
            (false, Some(Value::String(text))) => format!("`{text}`"),
            (false, Some(other)) => format!("`{other}`"),
        };
        let bounds = match (bound(value, "x-least"), bound(value, "x-most")) {
            (Some(least), Some(most)) => format!("{least} to {most}"),
            _ => String::new(),
        };
        let meaning = text_of(value, "description").replace('\n', " ").replace('|', "\\|");
        let kind = self.kind(value);
        self.text.push_str(&format!("| `{key}` | {kind} | {default} | {bounds} | {meaning} |\n"));
    }

    /// The tables for the mappings inside `value`, unless they have been told.
    fn inside(&mut self, path: &str, value: &'a Value) {
        for key in ["anyOf", "oneOf"] {
            for choice in value.get(key).and_then(Value::as_array).into_iter().flatten() {
                self.inside(path, choice);
            }
        }
        if let Some(name) = definition(value) {
            if self.told.contains(&name) {
                return;
            }
            self.told.push(name);
            let mapping = self.resolve(value);
            match mapping.get("oneOf").and_then(Value::as_array) {
                Some(choices) => self.choices(path, choices),
                None => self.mapping(path, mapping),
            }
        }
        if let Some(items) = value.get("items") {
            self.inside(&format!("{path}[]"), items);
        }
        let patterns = value.get("patternProperties").and_then(Value::as_object);
        let named = patterns.into_iter().flat_map(|patterns| patterns.values());
        for named in
            named.chain(value.get("additionalProperties").filter(|value| value.is_object()))
        {
            self.inside(&format!("{path}.<name>"), named);
        }
    }

    /// What is inside the choices of an enum that carry a value.
    fn choices(&mut self, path: &str, choices: &'a [Value]) {
        for choice in choices {
            let properties = choice.get("properties").and_then(Value::as_object);
            for (key, value) in properties.into_iter().flatten() {
                self.inside(&format!("{path}.{key}"), value);
            }
        }
    }

    /// What a value is, in a word or two.
    fn kind(&self, value: &'a Value) -> String {
        let resolved = self.resolve(value);
        if let Some(title) = value.get("title").and_then(Value::as_str) {
            return title.to_owned();
        }
        if let Some(choices) = resolved.get("oneOf").and_then(Value::as_array) {
            let words = choices.iter().flat_map(|choice| self.words(choice));
            return words.collect::<Vec<_>>().join(", ");
        }
        if let Some(choices) = resolved.get("anyOf").and_then(Value::as_array) {
            let kinds =
                choices.iter().filter(|choice| !is_null(choice)).map(|choice| self.kind(choice));
            return kinds.collect::<Vec<_>>().join(" or ");
        }
        match types(resolved).as_slice() {
            ["array"] => match resolved.get("items") {
                Some(items) => format!("list of {}s", self.kind(items)),
                None => "list".to_owned(),
            },
            ["boolean"] => "`true` or `false`".to_owned(),
            ["integer"] => "whole number".to_owned(),
            ["object"] => "mapping".to_owned(),
            ["string"] => "text".to_owned(),
            types => types.join(" or "),
        }
    }

    /// The words, or the keys, of one choice of an enum.
    fn words(&self, choice: &Value) -> Vec<String> {
        let word = |value: &Value| value.as_str().map(|word| format!("`{word}`"));
        if let Some(words) = choice.get("enum").and_then(Value::as_array) {
            return words.iter().filter_map(word).collect();
        }
        if let Some(word) = choice.get("const").and_then(word) {
            return vec![word];
        }
        let properties = choice.get("properties").and_then(Value::as_object);
        properties.into_iter().flat_map(|map| map.keys().map(|key| format!("`{key}: …`"))).collect()
    }

    fn resolve(&self, value: &'a Value) -> &'a Value {
        let definition = definition(value).and_then(|name| self.schema.get("$defs")?.get(name));
        definition.unwrap_or(value)
    }
}

/// The name of the definition that a schema refers to, alone or beside `null`.
fn definition(value: &Value) -> Option<&str> {
    value.get("$ref")?.as_str()?.strip_prefix("#/$defs/")
}

fn is_null(value: &Value) -> bool {
    value.get("type").is_some_and(|kind| kind == "null")
}

fn types(value: &Value) -> Vec<&str> {
    match value.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => {
            many.iter().filter_map(Value::as_str).filter(|t| *t != "null").collect()
        }
        _ => vec!["any value"],
    }
}

fn bound(value: &Value, key: &str) -> Option<String> {
    match value.get(key)? {
        Value::String(text) => Some(format!("`{text}`")),
        other => Some(format!("`{other}`")),
    }
}

fn text_of<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or("")
}
