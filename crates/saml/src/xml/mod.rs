//! From bytes to one tree, or nothing: what two parsers could read differently never gets as far as a parser.

mod scan;
mod tree;

#[cfg(test)]
#[path = "xml_tests.rs"]
mod tests;

use roxmltree::{Document, ParsingOptions};
use thiserror::Error;

pub(crate) use scan::{scan, scan_fragment};
pub(crate) use tree::{Element, base64};

/// The longest message, in bytes, before it is encoded and after it is decoded and inflated.
pub const MAX_BYTES: usize = 256 * 1024;
/// The longest metadata, in bytes: those of a federation name thousands of providers.
pub const MAX_METADATA_BYTES: usize = 128 * 1024 * 1024;
/// How deep elements may nest.
pub const MAX_DEPTH: usize = 48;
/// How many elements a message may have.
pub(crate) const MAX_ELEMENTS: usize = 8 * 1024;
/// How many attributes and namespace declarations a tag may have.
pub(crate) const MAX_ATTRIBUTES: usize = 64;
/// How many namespace declarations may be in force at once, counting those that others hide.
pub(crate) const MAX_DECLARATIONS: usize = 32;
/// How long the name of a namespace may be, in bytes.
pub(crate) const MAX_NAMESPACE: usize = 512;
/// How long a tag may be without the values of its attributes, in bytes.
pub(crate) const MAX_TAG: usize = 8 * 1024;

/// How large a document may be, and what may be in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    bytes: usize,
    elements: usize,
    /// Whether comments may stand between elements. Within a text, they are refused where the text is read.
    comments: bool,
}

impl Limits {
    /// For what a browser brings.
    pub(crate) const MESSAGE: Self =
        Self { bytes: MAX_BYTES, elements: MAX_ELEMENTS, comments: false };
    /// For what an operator names.
    pub(crate) const METADATA: Self =
        Self { bytes: MAX_METADATA_BYTES, elements: 2_500_000, comments: true };
}

/// Parses a document that [`scan`] has let through.
pub(crate) fn parse(text: &str) -> Result<Document<'_>, XmlRefusal> {
    let options = ParsingOptions { allow_dtd: false, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).map_err(|_| XmlRefusal::Malformed)
}

/// Why bytes are not a document that is read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum XmlRefusal {
    /// A tag has too many attributes.
    #[error("a tag has more than {MAX_ATTRIBUTES} attributes")]
    Attributes,
    /// It declares another version or encoding than XML 1.0 in UTF-8.
    #[error("the document declares another version than XML 1.0 or another encoding than UTF-8")]
    Declaration,
    /// Too many namespaces are declared.
    #[error("more than {MAX_DECLARATIONS} namespace declarations are in force at once")]
    Declarations,
    /// Elements nest too deep.
    #[error("elements nest more than {MAX_DEPTH} deep")]
    Depth,
    /// There are too many elements.
    #[error("there are more than {limit} elements, or twice as many `<` or `=`")]
    Elements {
        /// The limit.
        limit: usize,
    },
    /// It is too long.
    #[error("the document has {bytes} bytes, more than {limit}")]
    Long {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// It is not well-formed, or holds a prefix that is not declared.
    #[error("the document is not well-formed XML")]
    Malformed,
    /// It holds a DTD, a comment, CDATA or a processing instruction.
    #[error("the document holds a DTD, a comment, CDATA or a processing instruction")]
    Markup,
    /// An attribute holds a line break or a tabulator that is not written as a reference, or a carriage return stands alone.
    #[error("an attribute holds a line break or a tabulator, or a carriage return stands alone")]
    RawSpace,
    /// The names in a tag are too long.
    #[error("the names in a tag have more than {MAX_TAG} bytes")]
    Names,
    /// The name of a namespace is too long.
    #[error("the name of a namespace has more than {MAX_NAMESPACE} bytes")]
    Namespace,
    /// It is not UTF-8.
    #[error("the document is not UTF-8")]
    Utf8,
}

impl XmlRefusal {
    /// A label for metrics and records that never changes.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Attributes => "xml_attributes",
            Self::Declaration => "xml_declaration",
            Self::Declarations => "xml_declarations",
            Self::Depth => "xml_depth",
            Self::Elements { .. } => "xml_elements",
            Self::Long { .. } => "xml_long",
            Self::Malformed => "xml_malformed",
            Self::Markup => "xml_markup",
            Self::Namespace => "xml_namespace",
            Self::Names => "xml_names",
            Self::RawSpace => "xml_raw_space",
            Self::Utf8 => "xml_utf8",
        }
    }
}
