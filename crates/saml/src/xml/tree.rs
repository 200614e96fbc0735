//! How elements are looked at: by their full names, child by child, and never across the document.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roxmltree::Node;

use crate::namespace::XSI;

/// An element of the one tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element<'a>(pub(crate) Node<'a, 'a>);

impl<'a> Element<'a> {
    /// Whether it is called so, in this namespace.
    pub(crate) fn is(self, namespace: &str, name: &str) -> bool {
        let tag = self.0.tag_name();
        tag.namespace() == Some(namespace) && tag.name() == name
    }

    /// The elements in it; `None` if there is text between them, which no element of the standards has that holds others.
    pub(crate) fn elements(self) -> Option<Vec<Element<'a>>> {
        let mut elements = Vec::new();
        for child in self.0.children() {
            if child.is_element() {
                elements.push(Element(child));
            } else if !child.is_comment() && !child.text().is_some_and(is_blank) {
                return None;
            }
        }
        Some(elements)
    }

    /// The text in it, whole; `None` if there is an element or a comment in it.
    pub(crate) fn text(self) -> Option<String> {
        let mut text = String::new();
        for child in self.0.children() {
            if !child.is_text() {
                return None;
            }
            text.push_str(child.text()?);
        }
        Some(text)
    }

    /// Its ID, of 1 to 256 bytes.
    pub(crate) fn id(self) -> Option<&'a str> {
        self.attribute("ID").filter(|id| (1..=256).contains(&id.len()))
    }

    /// The attribute of this name that is in no namespace.
    pub(crate) fn attribute(self, name: &str) -> Option<&'a str> {
        let mut attributes = self.0.attributes();
        let found = attributes.find(|it| it.namespace().is_none() && it.name() == name);
        found.map(|attribute| attribute.value())
    }

    /// Whether it has no attributes but these, in no namespace, and those of XML Schema, which say nothing.
    pub(crate) fn has_only(self, names: &[&str]) -> bool {
        self.0.attributes().all(|attribute| match attribute.namespace() {
            None => names.contains(&attribute.name()),
            Some(namespace) => namespace == XSI,
        })
    }

    /// Every element of the document that it is the root of, itself first.
    pub(crate) fn all(self) -> impl Iterator<Item = Element<'a>> {
        self.0.descendants().filter(Node::is_element).map(Element)
    }
}

/// Whether a text is white space (XML 1.0 §2.3) alone.
fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
}

/// The bytes that a base64 text stands for (XML Schema 2 §3.2.16), with white space anywhere in it.
pub(crate) fn base64(text: &str) -> Option<Vec<u8>> {
    let dense: String =
        text.chars().filter(|other| !matches!(other, ' ' | '\t' | '\r' | '\n')).collect();
    STANDARD.decode(dense).ok()
}
