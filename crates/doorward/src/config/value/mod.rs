//! Single values: how each is written, and what it is then.

mod acr;
mod address;
mod algorithm;
mod bounded;
mod caption;
mod carried;
mod color;
mod digest;
mod domain;
mod door_address;
mod duration;
mod expression;
mod header_name;
mod metadata_place;
mod name;
mod name_format;
mod network;
mod path;
mod pointer;
mod sealing_key;
mod secret;
mod site;
mod size;
mod socket_path;
mod text;
mod url;

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, Visitor};

use super::decode::{Complaint, MAY_REFER, MUST_REFER};

pub(super) use self::acr::Acr;
pub(super) use self::address::Address;
pub(super) use self::algorithm::SignatureAlgorithm;
pub(super) use self::bounded::{Bound, Bounded, Count, Quantity, bound};
pub(super) use self::caption::Caption;
pub(super) use self::carried::Carried;
pub(super) use self::color::Color;
pub(super) use self::digest::TokenDigest;
pub(super) use self::domain::Domain;
pub(super) use self::door_address::DoorAddress;
pub(super) use self::duration::Time;
pub(super) use self::expression::Expression;
pub(super) use self::header_name::HeaderName;
pub(super) use self::metadata_place::MetadataPlace;
pub(super) use self::name::Name;
pub(super) use self::name_format::NameFormat;
pub(super) use self::network::{PeerNetwork, RuleNetwork};
pub(super) use self::path::FilePath;
pub(super) use self::pointer::Pointer;
pub(super) use self::sealing_key::SealingKey;
pub(super) use self::secret::Secret;
pub(super) use self::site::Site;
pub(super) use self::size::Size;
pub(super) use self::text::Text;
pub(super) use self::url::{EndpointUrl, FetchUrl};

pub use self::network::Network;

/// A value that is written as one text.
pub(super) trait Written: Sized {
    /// What it is called in the JSON Schema.
    const TITLE: &'static str;
    /// What to expect, as in "expected …, found …".
    const EXPECTED: &'static str;
    /// What to write, when something else than a text stands there.
    const HELP: &'static str;
    /// Whether `${env:NAME}` and `${file:path}` are followed in it.
    const MAY_REFER: bool;
    /// Whether it must hold one: the file is no place for the value itself.
    const MUST_REFER: bool = false;
    /// The grammar as a regular expression, where the JSON Schema shall check it.
    const PATTERN: Option<&'static str> = None;

    /// Reads the text.
    fn read(text: &str) -> Result<Self, Complaint>;

    /// Reads the value where serde is.
    fn deserialize_written<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Self::MAY_REFER {
            true if Self::MUST_REFER => {
                deserializer.deserialize_newtype_struct(MUST_REFER, TextOf(PhantomData))
            }
            true => deserializer.deserialize_newtype_struct(MAY_REFER, TextOf(PhantomData)),
            // Not `deserialize_str`: what is no text shall be met by the value's own help.
            false => deserializer.deserialize_any(TextOf(PhantomData)),
        }
    }
}

struct TextOf<T>(PhantomData<T>);

impl<'de, T: Written> Visitor<'de> for TextOf<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Complaint::new(T::EXPECTED).help(T::HELP), f)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        T::read(text).map_err(E::custom)
    }
}

/// Derives serde and JSON Schema for types that are [`Written`].
macro_rules! written {
    ($($type:ty)*) => {$(
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <Self as crate::config::value::Written>::deserialize_written(deserializer)
            }
        }

        impl schemars::JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                <Self as crate::config::value::Written>::TITLE.into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                crate::config::value::text_schema::<Self>()
            }
        }
    )*};
}
pub(crate) use written;

/// The JSON Schema of a value that is written as one text.
fn text_schema<T: Written>() -> schemars::Schema {
    let mut schema = schemars::json_schema!({ "type": "string", "title": T::TITLE });
    if let Some(pattern) = T::PATTERN {
        schema.insert("pattern".to_owned(), pattern.into());
    }
    schema
}
