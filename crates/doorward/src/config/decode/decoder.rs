//! The tree as serde sees it.

use gate::spec::Step;
use serde::Deserializer;
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Unexpected, Visitor};

use super::choice::Choice;
use super::complaint::{Aim, Complaint};
use super::reference::References;
use super::{MAY_REFER, MUST_REFER, describe};
use crate::config::suggest;
use crate::config::tree::{Entry, Node, Value, shortened};

/// Decodes one node.
#[derive(Clone, Copy)]
pub(super) struct Decoder<'a> {
    pub(super) node: &'a Node,
    pub(super) references: &'a References<'a>,
}

impl<'a> Decoder<'a> {
    pub(super) fn child(self, node: &'a Node) -> Self {
        Self { node, ..self }
    }

    /// What to say when the node is of another kind than the visitor takes.
    fn unexpected<'de>(self, visitor: &impl Visitor<'de>) -> Complaint {
        Complaint::invalid_type(Unexpected::Other(&self.node.describe()), &Words(visitor))
            .rephrased(&self.node.describe())
    }

    fn expected(self, what: &str) -> Complaint {
        let help = match (&self.node.value, what) {
            (Value::Nothing, _) => "write a value, or remove the key".to_owned(),
            (Value::Text(text), "true or false") => match text.to_ascii_lowercase().as_str() {
                "yes" | "on" | "y" | "true" => "write `true`, without quotes".to_owned(),
                "no" | "off" | "n" | "false" => "write `false`, without quotes".to_owned(),
                _ => "write `true` or `false`".to_owned(),
            },
            (Value::Text(text), "a list") if text == "authenticated" => {
                "write `[{ authenticated: true }]`".to_owned()
            }
            (Value::Text(text), "a mapping") if text == "authenticated" => {
                "write `{ authenticated: true }`".to_owned()
            }
            (Value::Text(text), "a list") if text.contains(' ') => {
                let items: Vec<_> = text.split_whitespace().map(|one| format!("{one:?}")).collect();
                format!("write `[{}]`", shortened(&items.join(", ")))
            }
            (Value::Text(text), "a list") => format!("write `[{}]`", shortened(text)),
            (Value::Mapping(_), "a list") => "put `- ` before each item".to_owned(),
            (Value::Integer(number), "a text") => format!("put it in quotes: `\"{number}\"`"),
            (Value::Bool(value), "a text") => format!("put it in quotes: `\"{value}\"`"),
            (Value::List(_), "a text") => "write one text, not a list".to_owned(),
            (_, "a mapping") => "write `key: value` pairs below the key".to_owned(),
            _ => return Complaint::new(format!("expected {what}, found {}", self.node.describe())),
        };
        Complaint::new(format!("expected {what}, found {}", self.node.describe())).help(help)
    }

    fn text(self) -> Result<&'a str, Complaint> {
        let Value::Text(text) = &self.node.value else { return Err(self.expected("a text")) };
        if References::are_in(text) {
            let message =
                format!("`{}` holds a reference, which has no effect here", shortened(text));
            return Err(Complaint::new(message).help(
                "rules and names are read as they stand in the file; write the value itself",
            ));
        }
        Ok(text)
    }

    fn entries(self) -> Result<&'a [Entry], Complaint> {
        match &self.node.value {
            Value::Mapping(entries) => Ok(entries),
            _ => Err(self.expected("a mapping")),
        }
    }
}

/// Lets a visitor's `expecting` be read as serde's `Expected`.
struct Words<'v, V>(&'v V);

impl<'de, V: Visitor<'de>> serde::de::Expected for Words<'_, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.expecting(f)
    }
}

impl Complaint {
    /// serde says "invalid type: …, expected …"; the house says "expected …, found …".
    fn rephrased(mut self, found: &str) -> Self {
        if let Some((_, expected)) = self.message.split_once(", expected ") {
            self.message = format!("expected {expected}, found {found}");
        }
        self
    }
}

macro_rules! numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Complaint> {
            match self.node.value {
                Value::Integer(_) | Value::Float(_) => self.deserialize_any(visitor),
                _ => Err(self.unexpected(&visitor)),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Decoder<'_> {
    type Error = Complaint;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Complaint> {
        match &self.node.value {
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Float(value) => visitor.visit_f64(*value),
            Value::Integer(value) => match (i64::try_from(*value), u64::try_from(*value)) {
                (Ok(value), _) => visitor.visit_i64(value),
                (_, Ok(value)) => visitor.visit_u64(value),
                _ => Err(self.unexpected(&visitor)),
            },
            Value::List(_) => self.deserialize_seq(visitor),
            Value::Mapping(_) => self.deserialize_map(visitor),
            Value::Nothing => visitor.visit_unit(),
            Value::Text(_) => visitor.visit_str(self.text()?),
        }
        .map_err(|complaint: Complaint| complaint.rephrased(&self.node.describe()))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Complaint> {
        match self.node.value {
            Value::Bool(value) => visitor.visit_bool(value),
            _ => Err(self.expected("true or false")),
        }
    }

    numbers! { deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
    deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
    deserialize_f32 deserialize_f64 }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Complaint> {
        visitor.visit_str(self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Complaint> {
        self.deserialize_str(visitor)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Complaint> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Complaint> {
        self.deserialize_str(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Complaint> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Complaint> {
        self.deserialize_str(visitor)
    }

    /// A key that is written has a value; one without is a slip.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Complaint> {
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Complaint> {
        self.deserialize_any(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Complaint> {
        self.deserialize_any(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Complaint> {
        if name != MAY_REFER && name != MUST_REFER {
            return visitor.visit_newtype_struct(self);
        }
        let Value::Text(text) = &self.node.value else { return Err(self.unexpected(&visitor)) };
        if name == MUST_REFER && !References::are_in(text) {
            let complaint = Complaint::new("a secret stands in the configuration itself");
            return Err(complaint.of(Aim::Secret).help(
                "put it into a file or a variable, and write `${file:path}` or `${env:NAME}` here",
            ));
        }
        let resolved = self.references.follow(text)?;
        // Whatever is complained about here, a short secret too, is called what the file calls it.
        let hide = |message: &str| message.replace(&resolved, text);
        let value = visitor.visit_str::<Complaint>(&resolved);
        value.map_err(
            |complaint| if resolved == *text { complaint } else { complaint.map_text(hide) },
        )
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Complaint> {
        let Value::List(items) = &self.node.value else { return Err(self.expected("a list")) };
        visitor.visit_seq(Items { decoder: self, items: items.iter(), index: 0 })
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Complaint> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Complaint> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Complaint> {
        visitor.visit_map(Entries { decoder: self, entries: self.entries()?.iter(), current: None })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Complaint> {
        let entries = self.entries()?;
        let unknown = |entry: &&Entry| !entry.node.cut && !fields.contains(&entry.key.as_str());
        if let Some(entry) = entries.iter().find(unknown) {
            let key = shortened(&entry.key);
            return Err(Complaint::new(format!("unknown key `{key}`"))
                .help(suggest::help(&entry.key, fields.iter().copied(), "key"))
                .of(Aim::Key)
                .within(Step::Key(entry.key.clone())));
        }
        self.deserialize_map(visitor).map_err(|complaint| match complaint.aim {
            Aim::Missing(field) if complaint.help.is_none() => {
                complaint.help(describe::missing(name, field))
            }
            _ => complaint,
        })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Complaint> {
        let live = |entry: &&Entry| !entry.node.cut;
        match &self.node.value {
            Value::Text(_) => {
                visitor.visit_enum(Choice { name: self.text()?, content: None, decoder: self })
            }
            Value::Mapping(entries) if entries.iter().filter(live).count() == 1 => {
                let Some(entry) = entries.iter().find(live) else {
                    return Err(self.expected("a choice"));
                };
                visitor.visit_enum(Choice {
                    name: &entry.key,
                    content: Some(&entry.node),
                    decoder: self,
                })
            }
            Value::Mapping(entries) if entries.iter().any(|entry| entry.node.cut) => {
                Err(Complaint::new("the choice has been complained about").of(Aim::Consequence))
            }
            Value::Mapping(entries) => {
                let found: Vec<_> = entries.iter().map(|entry| shortened(&entry.key)).collect();
                let found = match found.is_empty() {
                    true => "an empty mapping".to_owned(),
                    false => format!("`{}`", found.join("` and `")),
                };
                Err(Complaint::new(format!("expected one choice, found {found}"))
                    .help(format!("keep one of {}", listed(variants))))
            }
            _ => Err(Complaint::new(format!("expected a choice, found {}", self.node.describe()))
                .help(format!("write one of {}", listed(variants)))),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Complaint> {
        visitor.visit_unit()
    }
}

fn listed(variants: &[&str]) -> String {
    variants.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

struct Items<'a> {
    decoder: Decoder<'a>,
    items: std::slice::Iter<'a, Node>,
    index: usize,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Complaint;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Complaint> {
        let Some(item) = self.items.find(|item| !item.cut) else { return Ok(None) };
        let index = self.index;
        self.index = index.saturating_add(1);
        let value = seed.deserialize(self.decoder.child(item));
        value.map(Some).map_err(|complaint| complaint.within(Step::Index(index)))
    }
}

struct Entries<'a> {
    decoder: Decoder<'a>,
    entries: std::slice::Iter<'a, Entry>,
    current: Option<&'a Entry>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Complaint;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Complaint> {
        self.current = self.entries.find(|entry| !entry.node.cut);
        let Some(entry) = self.current else { return Ok(None) };
        let key = seed.deserialize(StrDeserializer::new(&entry.key));
        key.map(Some).map_err(|complaint: Complaint| {
            complaint.of(Aim::Key).within(Step::Key(entry.key.clone()))
        })
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Complaint> {
        let Some(entry) = self.current else { return Err(Complaint::new("a value without a key")) };
        let value = seed.deserialize(self.decoder.child(&entry.node));
        value.map_err(|complaint| complaint.within(Step::Key(entry.key.clone())))
    }
}
