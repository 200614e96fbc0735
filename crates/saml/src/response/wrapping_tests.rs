//! Signature wrapping (XSW): a signed response, taken apart and put together in every way, never names anybody but the
//! subject that was signed.

#![expect(clippy::string_slice, reason = "elements begin and end where characters do")]

use std::collections::BTreeMap;
use std::ops::Range;

use proptest::prelude::*;

use super::*;
use crate::test_idp::{RESPONSE, Signed, TestIdp, certificate, expectations, now};
use crate::xml::{Element, parse};

/// Where a piece is put, seen from an element.
#[derive(Clone, Copy, Debug)]
enum Position {
    After,
    Before,
    First,
    Instead,
    Last,
    /// Around the element, which becomes the last child of the piece.
    Around,
}

const POSITIONS: [Position; 6] = [
    Position::After,
    Position::Before,
    Position::First,
    Position::Instead,
    Position::Last,
    Position::Around,
];

/// An element in a text: all of it, and what is between its tags; nothing for one that closes itself.
#[derive(Clone)]
struct Place {
    whole: Range<usize>,
    within: Option<Range<usize>>,
}

fn places(text: &str) -> Vec<Place> {
    let document = parse(text).unwrap();
    Element(document.root_element()).all().map(|element| place(text, element)).collect()
}

fn place(text: &str, element: Element<'_>) -> Place {
    let whole = element.0.range();
    let tag = &text[whole.clone()];
    let within = (!tag.ends_with("/>")).then(|| {
        let mut quote = None;
        let open = tag.char_indices().find(|(_, character)| {
            match (quote, character) {
                (Some(open), close) if open == *close => quote = None,
                (None, '"' | '\'') => quote = Some(*character),
                (None, '>') => return true,
                _ => {}
            }
            false
        });
        whole.start + open.unwrap().0 + 1..whole.start + tag.rfind("</").unwrap()
    });
    Place { whole, within }
}

/// `text` with `piece` put somewhere; nothing if there is no such place.
fn put(text: &str, piece: &str, at: &Place, position: Position) -> Option<String> {
    let (range, piece) = match position {
        Position::After => (at.whole.end..at.whole.end, piece.to_owned()),
        Position::Before => (at.whole.start..at.whole.start, piece.to_owned()),
        Position::Instead => (at.whole.clone(), piece.to_owned()),
        Position::First => (at.within.as_ref()?.start..at.within.as_ref()?.start, piece.to_owned()),
        Position::Last => (at.within.as_ref()?.end..at.within.as_ref()?.end, piece.to_owned()),
        Position::Around => {
            let (before, end) = piece.rsplit_once("</")?;
            (at.whole.clone(), format!("{before}{}</{end}", &text[at.whole.clone()]))
        }
    };
    Some(format!("{}{piece}{}", &text[..range.start], &text[range.end..]))
}

/// What an attacker has: what was signed, and the same with another subject, under the same ID, another, and none, with
/// the signature and without.
fn pieces(text: &str) -> Vec<String> {
    let document = parse(text).unwrap();
    let mut pieces = Vec::new();
    for element in Element(document.root_element()).all() {
        let name = element.0.tag_name().name();
        if !["Response", "Assertion", "Signature", "Subject", "NameID", "AttributeStatement"]
            .contains(&name)
        {
            continue;
        }
        // Alone, it needs the prefixes that are declared around it.
        let own = declared(&text[element.0.range()]);
        let forged = own.replace("u-7f3a9c", "admin").replace(">staff<", ">admins<");
        let renamed = forged.replace("ID=\"_", "ID=\"_new-");
        let nameless =
            forged.replace(" ID=\"_assertion-1\"", "").replace(" ID=\"_response-1\"", "");
        for piece in [own, forged, renamed, nameless] {
            pieces.push(unsigned(&piece));
            pieces.push(piece);
        }
    }
    pieces.push("<samlp:Extensions xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\"></samlp:Extensions>".to_owned());
    pieces
        .push("<ds:Object xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"></ds:Object>".to_owned());
    pieces.push(
        "<saml:Advice xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"></saml:Advice>"
            .to_owned(),
    );
    pieces.sort();
    pieces.dedup();
    pieces
}

fn declared(element: &str) -> String {
    let end = element.find([' ', '>', '/']).unwrap();
    let mut tag = element[..end].to_owned();
    for (prefix, uri) in [
        ("samlp", "urn:oasis:names:tc:SAML:2.0:protocol"),
        ("saml", "urn:oasis:names:tc:SAML:2.0:assertion"),
        ("xs", "http://www.w3.org/2001/XMLSchema"),
        ("xsi", "http://www.w3.org/2001/XMLSchema-instance"),
    ] {
        let first = &element[..=element.find('>').unwrap()];
        if !first.contains(&format!("xmlns:{prefix}=")) {
            tag.push_str(&format!(" xmlns:{prefix}=\"{uri}\""));
        }
    }
    format!("{tag}{}", &element[end..])
}

/// Without its first signature.
fn unsigned(text: &str) -> String {
    let end = "</ds:Signature>";
    match (text.find("<ds:Signature "), text.find(end)) {
        (Some(from), Some(to)) if !text.starts_with("<ds:Signature") => {
            format!("{}{}", &text[..from], &text[to + end.len()..])
        }
        _ => text.to_owned(),
    }
}

/// Whether a message is believed; if it is, it must be of whom the provider signed.
fn believed(text: &str, certificates: &[tokens::SignerCertificate]) -> Result<(), &'static str> {
    let assertion = match read_response(text.as_bytes(), &expectations(certificates, &[]), now()) {
        Ok(assertion) => assertion,
        Err(refusal) => return Err(refusal.code()),
    };
    assert_eq!(assertion.name_id.unwrap().value, "u-7f3a9c", "{text}");
    assert_eq!(assertion.attributes["groups"][0].as_deref(), Some("staff"), "{text}");
    Ok(())
}

#[test]
fn no_single_move_forges_a_subject() {
    let certificates = [certificate("rsa2048")];
    let (mut tried, mut let_in) = (0, 0);
    let mut codes = BTreeMap::<&str, usize>::new();
    for signed in [Signed::Assertion, Signed::Response, Signed::Both] {
        let text = TestIdp::new().sign(RESPONSE, signed);
        assert_eq!(believed(&text, &certificates), Ok(()));
        let places = places(&text);
        for piece in pieces(&text) {
            for place in &places {
                for position in POSITIONS {
                    let Some(changed) = put(&text, &piece, place, position) else { continue };
                    tried += 1;
                    match believed(&changed, &certificates) {
                        Ok(()) => let_in += 1,
                        Err(code) => *codes.entry(code).or_default() += 1,
                    }
                }
            }
        }
    }
    println!("{tried} variants, {let_in} let in, refused: {codes:?}");
    assert!(tried >= 10_000, "{tried} variants");
    // Refused for many reasons, and not by the parser alone; and what was put where it says nothing is let in.
    assert!(codes.len() >= 8, "{codes:?}");
    assert!(let_in > 0 && let_in < tried / 50, "{let_in} of {tried}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// The moves of the literature (XSW 1 to 8) are two: a forged element comes in, and what was signed goes elsewhere.
    #[test]
    fn no_moves_in_a_row_forge_a_subject(
        signed in prop::sample::select(vec![Signed::Assertion, Signed::Response, Signed::Both]),
        moves in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..POSITIONS.len()), 2..5),
    ) {
        let original = TestIdp::new().sign(RESPONSE, signed);
        let pieces = pieces(&original);
        let certificates = [certificate("rsa2048")];
        let mut text = original;
        for (piece, place, position) in moves {
            let Ok(document) = parse(&text) else { break };
            let elements: Vec<_> = Element(document.root_element()).all().collect();
            let at = super::wrapping::place(&text, elements[place.index(elements.len())]);
            let Some(changed) = put(&text, &pieces[piece.index(pieces.len())], &at, POSITIONS[position]) else { continue };
            let _ = believed(&changed, &certificates);
            text = changed;
        }
    }

    #[test]
    fn no_change_of_a_few_bytes_forges_a_subject(
        signed in prop::sample::select(vec![Signed::Assertion, Signed::Response, Signed::Both]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), "[ -~]{0,3}", 0_usize..4), 1..4),
    ) {
        let mut text = TestIdp::new().sign(RESPONSE, signed);
        for (at, new, removed) in changes {
            let at = at.index(text.len());
            let end = (at + removed).min(text.len());
            if text.is_char_boundary(at) && text.is_char_boundary(end) {
                text.replace_range(at..end, &new);
            }
        }
        let _ = believed(&text, &[certificate("rsa2048")]);
    }
}

/// The named moves, so that each is there whatever the generator finds.
#[test]
fn the_moves_of_the_literature_are_refused() {
    let certificates = [certificate("rsa2048")];
    let by_assertion = TestIdp::new().sign(RESPONSE, Signed::Assertion);
    let by_response = TestIdp::new().sign(RESPONSE, Signed::Response);
    let element = |text: &str, name: &str| {
        let document = parse(text).unwrap();
        let found = Element(document.root_element())
            .all()
            .find(|element| element.0.tag_name().name() == name);
        text[found.unwrap().0.range()].to_owned()
    };
    let assertion = element(&by_assertion, "Assertion");
    let signature = element(&by_assertion, "Signature");
    let bare = unsigned(&assertion);
    let forge = |text: &str, id: &str| {
        let text = text.replace("u-7f3a9c", "admin").replace(" ID=\"_assertion-1\"", id);
        text.replace(" ID=\"_response-1\"", id)
    };
    let within = |outer: &str, inner: &str| {
        let (before, end) = outer.rsplit_once("</").unwrap();
        format!("{before}{inner}</{end}")
    };
    let object = |inner: &str| within(&signature, &format!("<ds:Object>{inner}</ds:Object>"));
    let whole = element(&by_response, "Response");
    let outer = element(&by_response, "Signature");
    let unsigned_whole = unsigned(&whole);
    for id in [" ID=\"_assertion-1\"", " ID=\"_evil\"", " ID=\"\"", ""] {
        let evil = forge(&bare, id);
        let signed_evil = evil.replacen("</saml:Issuer>", &format!("</saml:Issuer>{signature}"), 1);
        let response = |content: &str| by_assertion.replacen(&assertion, content, 1);
        let evil_response = forge(&unsigned_whole, &id.replace("assertion", "response"));
        for (name, text) in [
            ("XSW1", within(&evil_response, &within(&outer, &format!("<ds:Object>{unsigned_whole}</ds:Object>")))),
            ("XSW1, signature behind the issuer", evil_response.replacen("</saml:Issuer>", &format!("</saml:Issuer>{}", within(&outer, &format!("<ds:Object>{unsigned_whole}</ds:Object>"))), 1)),
            ("XSW2", evil_response.replacen("</saml:Issuer>", &format!("</saml:Issuer>{unsigned_whole}{outer}"), 1)),
            ("XSW2, the signed response whole", evil_response.replacen("</saml:Issuer>", &format!("</saml:Issuer><samlp:Extensions>{whole}</samlp:Extensions>"), 1)),
            ("XSW3", response(&format!("{evil}{assertion}"))),
            ("XSW3, behind", response(&format!("{assertion}{evil}"))),
            ("XSW4", response(&within(&evil, &assertion))),
            ("XSW5", response(&format!("{signed_evil}{bare}"))),
            ("XSW6", response(&evil.replacen("</saml:Issuer>", &format!("</saml:Issuer>{}", object(&bare)), 1))),
            ("XSW7", by_assertion.replacen("<samlp:Status>", &format!("<samlp:Extensions>{evil}</samlp:Extensions><samlp:Status>"), 1)),
            ("XSW7, the signed one in the extensions", response(&evil).replacen("<samlp:Status>", &format!("<samlp:Extensions>{assertion}</samlp:Extensions><samlp:Status>"), 1)),
            ("XSW8", response(&evil.replacen("</saml:Issuer>", &format!("</saml:Issuer>{}", object(&assertion)), 1))),
            ("in an advice", response(&evil.replacen("</saml:Conditions>", &format!("</saml:Conditions><saml:Advice>{assertion}</saml:Advice>"), 1))),
            ("in a value", response(&evil.replacen(">staff<", &format!(">{assertion}<"), 1))),
            ("in the status", response(&evil).replacen("</samlp:Status>", &format!("<samlp:StatusDetail>{assertion}</samlp:StatusDetail></samlp:Status>"), 1)),
            ("in the confirmation", response(&evil.replacen("<saml:SubjectConfirmationData", &format!("<saml:SubjectConfirmationData>{assertion}</saml:SubjectConfirmationData><saml:SubjectConfirmationData"), 1))),
            ("an element around", format!("<x>{}{by_assertion}</x>", response(&evil))),
        ] {
            assert!(believed(&text, &certificates).is_err(), "{name} with{id}");
        }
    }
}
