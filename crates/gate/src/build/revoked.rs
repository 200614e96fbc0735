//! What was revoked by hand.

use super::Builder;
use crate::spec::Place;

impl Builder<'_> {
    pub(super) fn revoked(&mut self) {
        let place = Place::key("revoked");
        for (index, text) in self.spec.revoked.tokens.iter().enumerate() {
            match fingerprint(text) {
                Some(fingerprint) => {
                    self.revoked_tokens.insert(fingerprint);
                }
                None => {
                    let message = format!("`{text}` is not a token fingerprint");
                    self.push(
                        place.then("tokens").at(index),
                        &message,
                        "copy the 64 hexadecimal digits from the audit record's `token`",
                    );
                }
            }
        }
        for (index, (issuer, subject)) in self.spec.revoked.subjects.iter().enumerate() {
            if !self.issuers.iter().any(|one| **one.name() == **issuer) {
                let message = format!("there is no issuer `{issuer}`");
                let help =
                    format!("write the subject with its issuer's name, as in `corp/{subject}`");
                self.push(place.then("subjects").at(index), &message, &help);
            }
            let subjects = self.revoked_subjects.entry(issuer.clone()).or_default();
            subjects.insert(subject.clone());
        }
    }
}

/// SHA-256 in 64 hexadecimal digits.
fn fingerprint(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut fingerprint = [0; 32];
    let pairs = text.as_bytes().chunks(2);
    if text.len() != 2 * fingerprint.len() {
        return None;
    }
    for (byte, pair) in fingerprint.iter_mut().zip(pairs) {
        let [high, low] = pair else { return None };
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(fingerprint)
}
