//! A choice as serde sees it: a word, or a mapping with one key.

use gate::spec::Step;
use serde::Deserializer;
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, EnumAccess, VariantAccess, Visitor};

use super::complaint::{Aim, Complaint};
use super::decoder::Decoder;
use crate::config::tree::Node;

/// An externally tagged enum: a word, or a mapping with one key.
pub(super) struct Choice<'a> {
    pub(super) name: &'a str,
    pub(super) content: Option<&'a Node>,
    pub(super) decoder: Decoder<'a>,
}

impl<'a, 'de> EnumAccess<'de> for Choice<'a> {
    type Error = Complaint;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Complaint> {
        let name = seed.deserialize(StrDeserializer::new(self.name));
        let name = name.map_err(|complaint: Complaint| match self.content {
            Some(_) => complaint.of(Aim::Key).within(Step::Key(self.name.to_owned())),
            None => complaint,
        })?;
        Ok((name, self))
    }
}

impl<'a> Choice<'a> {
    fn content(&self) -> Result<Decoder<'a>, Complaint> {
        let bare = || {
            Complaint::new(format!("`{}` needs a value", self.name))
                .help(format!("write `{{ {}: … }}`", self.name))
        };
        self.content.map(|node| self.decoder.child(node)).ok_or_else(bare)
    }

    fn inside<T>(&self, value: Result<T, Complaint>) -> Result<T, Complaint> {
        value.map_err(|complaint| complaint.within(Step::Key(self.name.to_owned())))
    }
}

impl<'de> VariantAccess<'de> for Choice<'_> {
    type Error = Complaint;

    fn unit_variant(self) -> Result<(), Complaint> {
        match self.content {
            None => Ok(()),
            Some(_) => Err(Complaint::new(format!("`{}` takes no value", self.name))
                .help(format!("write only `{}`", self.name))
                .of(Aim::Key)
                .within(Step::Key(self.name.to_owned()))),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Complaint> {
        let content = self.content()?;
        self.inside(seed.deserialize(content))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Complaint> {
        let content = self.content()?;
        self.inside(content.deserialize_seq(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Complaint> {
        let content = self.content()?;
        self.inside(content.deserialize_struct("", fields, visitor))
    }
}
