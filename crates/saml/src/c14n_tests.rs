use roxmltree::Document;
use serde_json::Value;

use super::*;

/// 400 documents with the octets that libxml2 writes; tests/data/c14n_cases.py made them.
#[test]
fn the_octets_are_those_of_libxml2() {
    let cases: Value = serde_json::from_str(include_str!("../tests/data/c14n-cases.json")).unwrap();
    let cases = cases.as_array().unwrap();
    assert_eq!(cases.len(), 400);
    for case in cases {
        let document = Document::parse(case["document"].as_str().unwrap()).unwrap();
        let mut apex = document.root_element();
        for index in case["apex"].as_array().unwrap() {
            let index = usize::try_from(index.as_u64().unwrap()).unwrap();
            apex = apex.children().filter(Node::is_element).nth(index).unwrap();
        }
        let prefixes =
            case["prefix_list"].as_array().unwrap().iter().map(|prefix| prefix.as_str().unwrap());
        let prefixes: Vec<_> =
            prefixes.map(|prefix| if prefix == "#default" { "" } else { prefix }).collect();
        let octets = String::from_utf8(canonical(apex, None, &prefixes)).unwrap();
        assert_eq!(octets, case["expected"].as_str().unwrap(), "{}", case["name"]);
    }
}

#[test]
fn what_is_omitted_leaves_nothing_behind() {
    let document =
        Document::parse("<a xmlns:b='urn:b'> <b:s><t/></b:s> <t b:x='1' x='&amp;2'>é&#13;</t></a>")
            .unwrap();
    let root = document.root_element();
    let omitted = root.children().find(Node::is_element);
    let octets = canonical(root, omitted, &[]);
    let expected = "<a>  <t xmlns:b=\"urn:b\" x=\"&amp;2\" b:x=\"1\">é&#xD;</t></a>";
    assert_eq!(String::from_utf8(octets).unwrap(), expected);
}

#[test]
fn a_namespace_is_written_with_its_references() {
    let document = Document::parse("<a xmlns='urn:x?a&amp;b=&quot;'/>").unwrap();
    let octets = canonical(document.root_element(), None, &[]);
    assert_eq!(String::from_utf8(octets).unwrap(), "<a xmlns=\"urn:x?a&amp;b=&quot;\"></a>");
}
