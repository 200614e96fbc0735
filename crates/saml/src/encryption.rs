//! Encrypted assertions ([xmlenc], [core] §6): the key is unwrapped with ours, the element decrypted, and nothing of it
//! believed for that: whoever knows our certificate can encrypt for us.

mod keys;
mod structure;

#[cfg(test)]
#[path = "encryption_tests.rs"]
mod tests;

use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{self, DecryptingKey, DecryptionContext, UnboundCipherKey};

use crate::xml::{self, Element, Limits};

pub use keys::{DecryptionKey, DecryptionKeyError};
pub(crate) use structure::Encrypted;

/// How the content is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// [xmlenc] §5.2.2: nothing says that it was not changed, and who may try changes learns the plaintext.
    Cbc { key: usize },
    /// [xmlenc] §5.2.4.
    Gcm { key: usize },
}

/// [xmlenc] §5.2.4: the nonce stands before the content, the tag behind it.
const NONCE: usize = 12;
/// [xmlenc] §5.2.2: the initialization vector stands before the content.
const BLOCK: usize = 16;

impl Encrypted {
    /// The plaintext, if one of `ours` unwraps its key. There is but one way for this to fail: what went wrong would help
    /// who tries keys and paddings.
    pub(crate) fn decrypt(&self, ours: &[DecryptionKey]) -> Option<Vec<u8>> {
        let unwrap = |key: &DecryptionKey| {
            self.keys.iter().find_map(|wrapped| key.unwrap(wrapped, self.content.key()))
        };
        let key = ours.iter().find_map(unwrap)?;
        match self.content {
            Content::Cbc { .. } => cbc(&key, &self.value),
            Content::Gcm { .. } => gcm(&key, &self.value),
        }
    }
}

/// The one element that is encrypted in `encrypted`, which a signature that was verified covers, for `read`; nothing if it
/// cannot be decrypted, holds something else, or is encrypted with CBC and that is not taken.
pub(crate) fn covered<T>(
    encrypted: Element<'_>,
    (keys, danger_cbc): (&[DecryptionKey], bool),
    read: impl FnOnce(Element<'_>) -> Option<T>,
) -> Option<T> {
    let data = Encrypted::read(encrypted)?;
    if matches!(data.content, Content::Cbc { .. }) && !danger_cbc {
        return None;
    }
    let plain = data.decrypt(keys)?;
    let text = format!("<decrypted>{}</decrypted>", xml::scan_fragment(&plain).ok()?);
    let document = xml::parse(xml::scan(text.as_bytes(), &Limits::MESSAGE).ok()?).ok()?;
    let children = Element(document.root_element()).elements()?;
    let [one] = *children.as_slice() else { return None };
    read(one)
}

impl Content {
    /// How long its key is, in bytes.
    const fn key(self) -> usize {
        match self {
            Self::Cbc { key } | Self::Gcm { key } => key,
        }
    }
}

fn gcm(key: &[u8], value: &[u8]) -> Option<Vec<u8>> {
    let algorithm = match key.len() {
        16 => &aead::AES_128_GCM,
        24 => &aead::AES_192_GCM,
        _ => &aead::AES_256_GCM,
    };
    let (nonce, sealed) = value.split_at_checked(NONCE)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let key = LessSafeKey::new(UnboundKey::new(algorithm, key).ok()?);
    let mut text = sealed.to_vec();
    let length = key.open_in_place(nonce, Aad::empty(), &mut text).ok()?.len();
    text.truncate(length);
    Some(text)
}

fn cbc(key: &[u8], value: &[u8]) -> Option<Vec<u8>> {
    let algorithm = match key.len() {
        16 => &cipher::AES_128,
        24 => &cipher::AES_192,
        _ => &cipher::AES_256,
    };
    let (vector, sealed) = value.split_at_checked(BLOCK)?;
    let vector: [u8; BLOCK] = vector.try_into().ok()?;
    let key = DecryptingKey::cbc(UnboundCipherKey::new(algorithm, key).ok()?).ok()?;
    let mut text = sealed.to_vec();
    key.decrypt(&mut text, DecryptionContext::Iv128(vector.into())).ok()?;
    // §5.2: the last byte says how many there are too many.
    let padding = usize::from(*text.last()?);
    let length = text.len().checked_sub(padding).filter(|_| (1..=BLOCK).contains(&padding))?;
    text.truncate(length);
    Some(text)
}
