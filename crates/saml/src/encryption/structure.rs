//! What an EncryptedAssertion or EncryptedID holds ([xmlenc] §3, [core] §2.3.4), read part by part.

use super::Content;
use super::keys::{Oaep, Wrapped};
use crate::namespace::{DS, XENC, XENC11};
use crate::xml::{Element, base64};

/// How many wrapped keys are looked at: each costs an operation with each private key of ours.
const MAX_KEYS: usize = 2;

/// [xmlenc] §5.1.
const CONTENTS: [(&str, Content); 6] = [
    ("http://www.w3.org/2009/xmlenc11#aes128-gcm", Content::Gcm { key: 16 }),
    ("http://www.w3.org/2009/xmlenc11#aes192-gcm", Content::Gcm { key: 24 }),
    ("http://www.w3.org/2009/xmlenc11#aes256-gcm", Content::Gcm { key: 32 }),
    ("http://www.w3.org/2001/04/xmlenc#aes128-cbc", Content::Cbc { key: 16 }),
    ("http://www.w3.org/2001/04/xmlenc#aes192-cbc", Content::Cbc { key: 24 }),
    ("http://www.w3.org/2001/04/xmlenc#aes256-cbc", Content::Cbc { key: 32 }),
];

/// The hash of the digest, and of the mask where it is named for itself ([xmlenc] §5.5.2). Whoever names neither means
/// SHA-1, which is sound here: OAEP does not lean on collisions.
const HASHES: [(&str, &str, Oaep); 4] = [
    (
        "http://www.w3.org/2000/09/xmldsig#sha1",
        "http://www.w3.org/2009/xmlenc11#mgf1sha1",
        Oaep::Sha1,
    ),
    (
        "http://www.w3.org/2001/04/xmlenc#sha256",
        "http://www.w3.org/2009/xmlenc11#mgf1sha256",
        Oaep::Sha256,
    ),
    (
        "http://www.w3.org/2001/04/xmldsig-more#sha384",
        "http://www.w3.org/2009/xmlenc11#mgf1sha384",
        Oaep::Sha384,
    ),
    (
        "http://www.w3.org/2001/04/xmlenc#sha512",
        "http://www.w3.org/2009/xmlenc11#mgf1sha512",
        Oaep::Sha512,
    ),
];

/// An element that is encrypted for us.
pub(crate) struct Encrypted {
    pub(crate) content: Content,
    pub(super) keys: Vec<Wrapped>,
    pub(super) value: Vec<u8>,
}

impl Encrypted {
    /// Reads an EncryptedAssertion or EncryptedID; `None` if it is of another form or names what is not taken.
    pub(crate) fn read(encrypted: Element<'_>) -> Option<Self> {
        let children = encrypted.elements()?;
        let (data, beside) = children.split_first()?;
        if !data.is(XENC, "EncryptedData") {
            return None;
        }
        let parts = data.elements()?;
        let (method, rest) = parts.split_first()?;
        let content = content(*method)?;
        let (within, cipher) = match rest {
            [key, cipher] if key.is(DS, "KeyInfo") => (keys_in(*key), cipher),
            [cipher] => (Vec::new(), cipher),
            _ => return None,
        };
        let wrapped = within.into_iter().chain(beside.iter().copied());
        // Those that are wrapped for others, in ways of theirs, are not ours to read.
        let keys: Vec<_> = wrapped.filter_map(key).take(MAX_KEYS).collect();
        Some(Self { content, keys, value: value(*cipher)? })
    }
}

fn content(method: Element<'_>) -> Option<Content> {
    if !method.is(XENC, "EncryptionMethod") || !method.elements()?.is_empty() {
        return None;
    }
    let uri = method.attribute("Algorithm")?;
    CONTENTS.iter().find(|(known, _)| *known == uri).map(|(_, content)| *content)
}

/// The wrapped keys in a KeyInfo. What else is there, such as a RetrievalMethod, is not followed.
fn keys_in(info: Element<'_>) -> Vec<Element<'_>> {
    let children = info.elements().unwrap_or_default();
    children.into_iter().filter(|child| child.is(XENC, "EncryptedKey")).collect()
}

fn key(key: Element<'_>) -> Option<Wrapped> {
    if !key.is(XENC, "EncryptedKey") {
        return None;
    }
    let parts = key.elements()?;
    let (method, rest) = parts.split_first()?;
    let oaep = oaep(*method)?;
    let cipher = rest.iter().find(|part| part.is(XENC, "CipherData"))?;
    let known = |part: &Element<'_>| {
        part.is(DS, "KeyInfo")
            || part.is(XENC, "CipherData")
            || part.is(XENC, "ReferenceList")
            || part.is(XENC, "CarriedKeyName")
    };
    if !rest.iter().all(known)
        || rest.iter().filter(|part| part.is(XENC, "CipherData")).count() != 1
    {
        return None;
    }
    Some(Wrapped { oaep, value: value(*cipher)? })
}

/// [xmlenc] §5.5.2. With `rsa-oaep-mgf1p` the mask is made with SHA-1, whatever the digest is: the two must agree here.
fn oaep(method: Element<'_>) -> Option<Oaep> {
    if !method.is(XENC, "EncryptionMethod") {
        return None;
    }
    let uri = method.attribute("Algorithm")?;
    let named = uri == "http://www.w3.org/2009/xmlenc11#rsa-oaep";
    if !named && uri != "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p" {
        return None;
    }
    let (mut digest, mut mask) = (Oaep::Sha1, Oaep::Sha1);
    for part in method.elements()? {
        let uri = part.attribute("Algorithm");
        if part.is(DS, "DigestMethod") {
            digest = HASHES.iter().find(|(known, _, _)| Some(*known) == uri)?.2;
        } else if part.is(XENC11, "MGF") && named {
            mask = HASHES.iter().find(|(_, known, _)| Some(*known) == uri)?.2;
        } else {
            return None;
        }
    }
    (digest == mask).then_some(digest)
}

fn value(cipher: Element<'_>) -> Option<Vec<u8>> {
    let [value] = *cipher.elements()?.as_slice() else { return None };
    let holds = cipher.is(XENC, "CipherData") && value.is(XENC, "CipherValue");
    holds.then(|| base64(&value.text()?))?
}
