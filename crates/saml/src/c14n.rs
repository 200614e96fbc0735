//! Exclusive XML Canonicalization 1.0 without comments ([exc-c14n]), of an element and everything in it.
//!
//! What the reading of documents keeps out is not treated here: processing instructions, CDATA, entities.

use roxmltree::{Attribute, Node};

use crate::namespace;

#[cfg(test)]
#[path = "c14n_tests.rs"]
mod tests;

/// The octets of `apex`, without `omitted` and everything in it. `prefixes` are those of an InclusiveNamespaces
/// PrefixList, `#default` as the empty one ([exc-c14n] §3).
pub(crate) fn canonical<'a>(
    apex: Node<'a, 'a>,
    omitted: Option<Node<'a, 'a>>,
    prefixes: &'a [&'a str],
) -> Vec<u8> {
    let omitted = omitted.map(|node| node.id());
    let mut writer = Writer { out: Vec::new(), omitted, prefixes, rendered: Vec::new() };
    writer.element(apex);
    writer.out
}

struct Writer<'a> {
    out: Vec<u8>,
    omitted: Option<roxmltree::NodeId>,
    prefixes: &'a [&'a str],
    /// The declarations that were written around where the writer is, by prefix, the innermost last.
    rendered: Vec<(&'a str, &'a str)>,
}

impl<'a> Writer<'a> {
    /// Recurses as deep as the document nests, which is bounded where documents are read.
    fn element(&mut self, node: Node<'a, 'a>) {
        let name = written_name(node);
        let own = name.split_once(':').map_or("", |(prefix, _)| prefix);
        let mut attributes: Vec<_> = node.attributes().collect();
        attributes
            .sort_by_key(|attribute| (attribute.namespace().unwrap_or_default(), attribute.name()));
        let mut used = vec![own];
        used.extend(attributes.iter().filter_map(|attribute| prefix_of(node, *attribute)));
        // Of the listed prefixes, those that are in scope ([exc-c14n] §3, step 2).
        let listed = |prefix: &str| prefix.is_empty() || in_scope(node, prefix).is_some();
        used.extend(self.prefixes.iter().copied().filter(|prefix| listed(prefix)));
        used.sort_unstable();
        used.dedup();

        let outer = self.rendered.len();
        self.put("<");
        self.put(name);
        for prefix in used {
            if prefix == "xml" {
                continue;
            }
            let uri = in_scope(node, prefix).unwrap_or_default();
            let known = self.rendered.iter().rev().find(|(known, _)| *known == prefix);
            if known.map_or("", |(_, uri)| *uri) == uri {
                continue;
            }
            self.rendered.push((prefix, uri));
            self.put(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
            self.put(prefix);
            self.put("=\"");
            self.value(uri);
            self.put("\"");
        }
        for attribute in attributes {
            self.put(" ");
            self.put(written_attribute(node, attribute));
            self.put("=\"");
            self.value(attribute.value());
            self.put("\"");
        }
        self.put(">");
        for child in node.children() {
            if child.is_element() {
                if self.omitted != Some(child.id()) {
                    self.element(child);
                }
            } else if child.is_text() {
                self.text(child.text().unwrap_or_default());
            }
        }
        self.put("</");
        self.put(name);
        self.put(">");
        self.rendered.truncate(outer);
    }

    /// Canonical XML 1.0 §2.3, text nodes.
    fn text(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                b'&' => self.put("&amp;"),
                b'<' => self.put("&lt;"),
                b'>' => self.put("&gt;"),
                b'\r' => self.put("&#xD;"),
                other => self.out.push(other),
            }
        }
    }

    /// Canonical XML 1.0 §2.3, attribute nodes.
    fn value(&mut self, value: &str) {
        for byte in value.bytes() {
            match byte {
                b'&' => self.put("&amp;"),
                b'<' => self.put("&lt;"),
                b'"' => self.put("&quot;"),
                b'\t' => self.put("&#x9;"),
                b'\n' => self.put("&#xA;"),
                b'\r' => self.put("&#xD;"),
                other => self.out.push(other),
            }
        }
    }

    fn put(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }
}

/// The name of an element with its prefix, as it was written: the tree keeps the namespace alone.
fn written_name<'a>(node: Node<'a, 'a>) -> &'a str {
    let text = node.document().input_text().get(node.range()).unwrap_or_default();
    let name = text.strip_prefix('<').unwrap_or_default();
    let end = name.find([' ', '\t', '\r', '\n', '/', '>']).unwrap_or(name.len());
    name.get(..end).unwrap_or_default()
}

fn written_attribute<'a>(node: Node<'a, 'a>, attribute: Attribute<'a, 'a>) -> &'a str {
    node.document().input_text().get(attribute.range_qname()).unwrap_or_default()
}

/// The prefix of an attribute, if it has one. Without, it is in no namespace, and uses none.
fn prefix_of<'a>(node: Node<'a, 'a>, attribute: Attribute<'a, 'a>) -> Option<&'a str> {
    written_attribute(node, attribute).split_once(':').map(|(prefix, _)| prefix)
}

/// The namespace that a prefix stands for at an element; nothing for one that is not declared, or for none.
fn in_scope<'a>(node: Node<'a, 'a>, prefix: &str) -> Option<&'a str> {
    if prefix == "xml" {
        return Some(namespace::XML);
    }
    let found = node.namespaces().find(|space| space.name().unwrap_or_default() == prefix);
    found.map(|space| space.uri()).filter(|uri| !uri.is_empty())
}
