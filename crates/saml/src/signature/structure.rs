//! What a signature holds ([xmldsig] §4, as [core] §5.4 narrows it), read part by part.

use tokens::Algorithm;

use super::SignatureRefusal;
use super::algorithm::{self, Digest, ENVELOPED, EXCLUSIVE};
use crate::namespace::{DS, EXC_C14N};
use crate::xml::{Element, base64};

/// How many prefixes an InclusiveNamespaces may list: each is looked up at every element that is signed.
const MAX_PREFIXES: usize = 16;

pub(super) struct Parts<'a> {
    pub(super) signed_info: Element<'a>,
    pub(super) signed_info_prefixes: Vec<&'a str>,
    pub(super) algorithm: Algorithm,
    pub(super) signature_value: Vec<u8>,
    pub(super) reference_prefixes: Vec<&'a str>,
    pub(super) digest: Digest,
    pub(super) digest_value: Vec<u8>,
}

/// §4.1: SignedInfo, SignatureValue and perhaps KeyInfo, which is not read: whose keys count is not for the message to
/// say. No Object, and so no Manifest.
pub(super) fn read<'a>(signature: Element<'a>, id: &str) -> Result<Parts<'a>, SignatureRefusal> {
    attributes(signature, &["Id"])?;
    let (signed_info, value) = match *children(signature)?.as_slice() {
        [info, value] if info.is(DS, "SignedInfo") && value.is(DS, "SignatureValue") => {
            (info, value)
        }
        [info, value, key]
            if info.is(DS, "SignedInfo")
                && value.is(DS, "SignatureValue")
                && key.is(DS, "KeyInfo") =>
        {
            (info, value)
        }
        _ => {
            return Err(structure(
                "it holds more or less than SignedInfo, SignatureValue and KeyInfo",
            ));
        }
    };
    attributes(value, &["Id"])?;
    let signature_value = bytes(value)?;
    // §4.4: how SignedInfo is made octets, what signs it, and one Reference.
    attributes(signed_info, &["Id"])?;
    let [method, signer, reference] = *children(signed_info)?.as_slice() else {
        return Err(structure("SignedInfo holds more or less than two methods and one Reference"));
    };
    named(method, "CanonicalizationMethod")?;
    let signed_info_prefixes = exclusive(method)?;
    named(signer, "SignatureMethod")?;
    let algorithm = algorithm::signature(algorithm_of(signer)?)?;
    no_children(signer)?;
    let (reference_prefixes, digest, digest_value) = read_reference(reference, id)?;
    Ok(Parts {
        signed_info,
        signed_info_prefixes,
        algorithm,
        signature_value,
        reference_prefixes,
        digest,
        digest_value,
    })
}

/// §4.4.3: to the element of this ID ([core] §5.4.2), by the two transforms in their order ([core] §5.4.4).
fn read_reference<'a>(
    reference: Element<'a>,
    id: &str,
) -> Result<(Vec<&'a str>, Digest, Vec<u8>), SignatureRefusal> {
    named(reference, "Reference")?;
    attributes(reference, &["Id", "URI"])?;
    let uri = reference.attribute("URI").and_then(|uri| uri.strip_prefix('#'));
    if uri != Some(id) {
        return Err(SignatureRefusal::Reference);
    }
    let [transforms, method, value] = *children(reference)?.as_slice() else {
        return Err(structure(
            "Reference holds more or less than Transforms, DigestMethod and DigestValue",
        ));
    };
    named(transforms, "Transforms")?;
    attributes(transforms, &[])?;
    let [enveloped, canonical] = *children(transforms)?.as_slice() else {
        return Err(structure("there are other transforms than the two that SAML allows"));
    };
    named(enveloped, "Transform")?;
    named(canonical, "Transform")?;
    let first = algorithm_of(enveloped)?;
    if first != ENVELOPED {
        return Err(algorithm::unknown(first));
    }
    no_children(enveloped)?;
    let prefixes = exclusive(canonical)?;
    named(method, "DigestMethod")?;
    let digest = Digest::named(algorithm_of(method)?)?;
    no_children(method)?;
    named(value, "DigestValue")?;
    attributes(value, &[])?;
    Ok((prefixes, digest, bytes(value)?))
}

/// Exclusive canonicalization ([exc-c14n] §4), and the prefixes that it treats as inclusive.
fn exclusive(of: Element<'_>) -> Result<Vec<&str>, SignatureRefusal> {
    let uri = algorithm_of(of)?;
    if uri != EXCLUSIVE {
        return Err(algorithm::unknown(uri));
    }
    let inclusive = match *children(of)?.as_slice() {
        [] => return Ok(Vec::new()),
        [inclusive] if inclusive.is(EXC_C14N, "InclusiveNamespaces") => inclusive,
        _ => return Err(structure("a canonicalization holds more than InclusiveNamespaces")),
    };
    attributes(inclusive, &["PrefixList"])?;
    no_children(inclusive)?;
    let list = inclusive.attribute("PrefixList").unwrap_or_default();
    let mut prefixes: Vec<_> = list.split_ascii_whitespace().collect();
    if prefixes.len() > MAX_PREFIXES {
        return Err(structure("InclusiveNamespaces lists more than 16 prefixes"));
    }
    for prefix in &mut prefixes {
        if *prefix == "#default" {
            *prefix = "";
        }
    }
    Ok(prefixes)
}

fn algorithm_of(of: Element<'_>) -> Result<&str, SignatureRefusal> {
    attributes(of, &["Algorithm"])?;
    of.attribute("Algorithm").ok_or(structure("a method names no algorithm"))
}

fn named(element: Element<'_>, name: &'static str) -> Result<(), SignatureRefusal> {
    if element.is(DS, name) {
        Ok(())
    } else {
        Err(structure("its parts are others, or in another order"))
    }
}

fn attributes(element: Element<'_>, names: &[&str]) -> Result<(), SignatureRefusal> {
    let only =
        element.0.attributes().all(|it| it.namespace().is_none() && names.contains(&it.name()));
    if only {
        Ok(())
    } else {
        Err(structure("a part of it has an attribute that it must not have"))
    }
}

fn children(element: Element<'_>) -> Result<Vec<Element<'_>>, SignatureRefusal> {
    element.elements().ok_or(structure("there is text between its parts"))
}

fn no_children(element: Element<'_>) -> Result<(), SignatureRefusal> {
    if children(element)?.is_empty() { Ok(()) } else { Err(structure("a method has parameters")) }
}

fn bytes(element: Element<'_>) -> Result<Vec<u8>, SignatureRefusal> {
    let text = element.text().ok_or(structure("a value holds elements"))?;
    base64(&text).ok_or(structure("a value is not base64"))
}

const fn structure(what: &'static str) -> SignatureRefusal {
    SignatureRefusal::Structure { what }
}
