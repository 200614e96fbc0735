//! Entry points for fuzzing: bytes of any kind go in; a broken invariant panics.

use std::time::Duration;

use tokens::Timestamp;

use crate::binding::read_redirect;
use crate::logout::{LogoutExpectations, read_logout_request};
use crate::metadata::read_metadata;
use crate::response::{Answers, Expectations, read_response};

/// Reads bytes as an answer, of a provider without keys. Nobody is believed.
///
/// # Panics
/// If an invariant is broken.
pub fn fuzz_response(bytes: &[u8]) {
    let expected = Expectations {
        issuer: "https://idp.example.org/saml/metadata",
        audience: "https://sp.example.com/saml/metadata",
        recipient: "https://sp.example.com/saml/acs",
        answers: Answers::Request("_b6f1a0c2e4d84a6f9a3e5c7d9b1f2e30"),
        certificates: &[],
        keys: &[],
        danger_cbc: true,
        skew: Duration::from_secs(30),
        max_age: Duration::MAX,
    };
    let read = read_response(bytes, &expected, Timestamp::from_secs(1_793_491_260));
    assert!(read.is_err(), "somebody without keys was believed");
}

/// Reads bytes as the query of a redirect, and what is in it as a request for logout that the binding has not verified.
///
/// # Panics
/// If an invariant is broken.
pub fn fuzz_logout_request(bytes: &[u8]) {
    let Ok(query) = str::from_utf8(bytes) else { return };
    let Ok(redirected) = read_redirect(query, &[]) else { return };
    assert!(!redirected.message.signed, "a signature without a key was believed");
    let expected = LogoutExpectations {
        issuer: "https://idp.example.org/saml/metadata",
        audience: "https://sp.example.com/saml/metadata",
        recipient: "https://sp.example.com/saml/slo",
        certificates: &[],
        keys: &[],
        danger_cbc: false,
        skew: Duration::from_secs(30),
        max_age: Duration::MAX,
    };
    let read =
        read_logout_request(&redirected.message, &expected, Timestamp::from_secs(1_793_491_260));
    assert!(read.is_err(), "somebody without keys was believed");
}

/// Reads bytes as metadata, unsigned. Where it must be signed, nothing is.
///
/// # Panics
/// If an invariant is broken.
pub fn fuzz_metadata(bytes: &[u8]) {
    if let Ok(metadata) = read_metadata(bytes, None) {
        assert!(!metadata.providers.is_empty(), "metadata without a provider were read");
    }
    assert!(read_metadata(bytes, Some(&[])).is_err(), "metadata were believed without a key");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed(target: &str, name: &str) -> Vec<u8> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds/");
        std::fs::read(format!("{folder}{target}/{name}")).unwrap()
    }

    #[test]
    fn the_targets_take_their_seeds() {
        fuzz_response(&seed("saml_response", "both"));
        fuzz_response(&seed("saml_response", "encrypted"));
        fuzz_logout_request(&seed("saml_logout_request", "unsigned"));
        fuzz_metadata(&seed("saml_metadata", "simplesamlphp"));
        assert!(read_metadata(&seed("saml_metadata", "simplesamlphp"), None).is_ok());
    }
}
