//! Entry points for fuzzing: bytes of any kind go in; a broken invariant panics.

use egress::Destination;
use ledger::keys::IssuerMetadata;

use crate::provider::Answer;
use crate::provider::token_answer::TokenAnswer;

/// Reads bytes as the query that a browser brings back from a provider. What is read has a state, and is either a code
/// or an error; what the operator is told of an error is short and on one line.
///
/// # Panics
/// If an invariant is broken.
pub fn fuzz_answer(bytes: &[u8]) {
    let Ok(query) = str::from_utf8(bytes) else { return };
    let Ok(answer) = Answer::parse(query) else { return };
    assert!(!answer.state().is_empty(), "an answer without a state was read");
    assert_eq!(Answer::parse(query).as_ref(), Ok(&answer), "read twice, the answer differs");
    match &answer.outcome {
        Ok(code) => assert!(!code.is_empty() && !code.contains(char::is_control), "{code:?}"),
        Err((error, text)) => {
            let told =
                format!("{error}{}", text.as_ref().map(ToString::to_string).unwrap_or_default());
            assert!(!told.contains(char::is_control), "an error forges a line: {told:?}");
            assert!(told.len() <= MAX_TOLD_BYTES, "an error floods a log: {} bytes", told.len());
        }
    }
}

/// Reads bytes as what a code buys. What is read has an access token that fits a header, and shows none of its tokens.
///
/// # Panics
/// If an invariant is broken.
pub fn fuzz_token_answer(bytes: &[u8]) {
    let Ok(answer) = TokenAnswer::parse(bytes) else { return };
    let tokens =
        [Some(&answer.access_token), answer.id_token.as_ref(), answer.refresh_token.as_ref()];
    for token in tokens.into_iter().flatten() {
        let fit = token.expose().bytes().all(|byte| byte.is_ascii_graphic());
        assert!(fit && !token.expose().is_empty(), "a token that breaks a header was read");
    }
    assert_eq!(format!("{:?}", answer.access_token), "Secret(…)", "a token is shown");
}

/// Reads bytes as an issuer's metadata. What is read is of the pinned issuer, and no place that it names in the plain is
/// gone to.
///
/// # Panics
/// If an invariant is broken.
pub fn fuzz_discovery(bytes: &[u8]) {
    const ISSUER: &str = "https://idp.example.com";
    let Ok(metadata) = IssuerMetadata::parse(bytes, ISSUER) else { return };
    assert_eq!(metadata.issuer, ISSUER, "the metadata of another issuer was read");
    let Ok(from) = Destination::configured(ISSUER) else { return };
    let named = [&metadata.token_endpoint, &metadata.userinfo_endpoint];
    for url in named.into_iter().flatten() {
        if Destination::learned(url, &from).is_ok() {
            assert!(url.starts_with("https://"), "a place in the plain was learned: {url}");
        }
    }
}

/// Two excerpts, of which each character may be written as ten.
const MAX_TOLD_BYTES: usize = 2 * (64 * 10 + 3);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_are_what_they_are_called() {
        let code = include_str!("../../../fuzz/seeds/authorization_answer/code");
        let error = include_str!("../../../fuzz/seeds/authorization_answer/error");
        let metadata = include_bytes!("../../../fuzz/seeds/discovery/keycloak");
        let tokens = include_bytes!("../../../fuzz/seeds/token_answer/openid");
        assert!(Answer::parse(code).unwrap().outcome.is_ok());
        assert!(Answer::parse(error).unwrap().outcome.is_err());
        assert!(IssuerMetadata::parse(metadata, "https://idp.example.com").is_ok());
        assert!(TokenAnswer::parse(tokens).unwrap().id_token.is_some());
        for seed in [code, error] {
            fuzz_answer(seed.as_bytes());
        }
        fuzz_discovery(metadata);
        fuzz_token_answer(tokens);
    }
}
