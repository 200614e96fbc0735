use super::*;

#[test]
fn the_challenge_is_that_of_the_standard() {
    // RFC 7636 appendix B.
    assert_eq!(
        challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    );
}

#[test]
fn a_request_uri_is_taken_up_to_its_limit() {
    let answer = |uri: &str| format!(r#"{{"request_uri":"{uri}","expires_in":60}}"#);
    let read = |text: &str| request_uri(text.as_bytes());
    let longest = "u".repeat(MAX_REQUEST_URI_BYTES);
    assert_eq!(read(&answer(&longest)), Ok(longest));
    for uri in ["", "a b", "ü", &"u".repeat(MAX_REQUEST_URI_BYTES + 1)] {
        assert_eq!(read(&answer(uri)), Err(PushedAnswerError::NoRequestUri));
    }
    assert_eq!(read("{}"), Err(PushedAnswerError::NoRequestUri));
    assert!(matches!(read("request_uri=x"), Err(PushedAnswerError::Json(_))));
}
