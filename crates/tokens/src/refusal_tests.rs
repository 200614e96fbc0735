use std::collections::BTreeSet;

use super::*;

fn refusals() -> Vec<TokenRefusal> {
    use TokenRefusal::*;
    let (name, expected): (Arc<str>, _) = ("secret-claim".into(), "a string");
    let (at, limit) = (Timestamp::from_secs(1), 1);
    let algorithm = Algorithm::Es256;
    let (part, source) = (Part::Header, JsonError::Trailing { at: 1 });
    let kid = Some(Excerpt::of("secret-kid"));
    vec![
        AlgorithmNotAllowed { algorithm },
        BadSignature,
        ClaimForm { name: name.clone(), expected },
        Compressed,
        CriticalExtension,
        DistributedClaim { name: name.clone() },
        Encoding { part },
        Expired { expired_at: at },
        ForeignClaim { name: "nonce", token: "a logout token" },
        HeaderNotText { name: "typ" },
        IssuedInFuture { issued_at: at },
        Json { part, source },
        KeyUnfit { algorithm },
        Lifetime { lifetime: Duration::ZERO, limit: Duration::ZERO },
        LongClaim { name: name.clone(), limit },
        LongHeader { bytes: 1, limit },
        MissingClaim { name: name.clone() },
        MistypedClaim { name, expected },
        NoAlgorithm,
        NotAnObject { part },
        NotCompact,
        NotYetValid { not_before: at },
        ScopesDiffer,
        TooManyActors { limit },
        TooManyKeys { limit },
        TooLong { bytes: 1, limit },
        TooOld { issued_at: at, max_age: Duration::ZERO },
        TypeNotAllowed { typ: TypeName::of(Some("secret-typ")) },
        UnencodedPayload,
        UnknownAlgorithm { source: "secret-alg".parse::<Algorithm>().unwrap_err() },
        UnknownKey { kid },
        UnknownKey { kid: None },
        WrongIssuer,
    ]
}

#[test]
fn every_reason_has_a_label_of_its_own() {
    let codes: BTreeSet<_> = refusals().iter().map(TokenRefusal::code).collect();
    assert_eq!(codes.len(), refusals().len() - 1, "UnknownKey is there twice");
    assert!(
        codes.iter().all(|code| code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
    );
}

#[test]
fn what_the_caller_is_told_holds_nothing_of_the_token() {
    for refusal in refusals() {
        assert!(refusal.public_text().starts_with("the token"), "{refusal}");
        assert!(!refusal.public_text().contains("secret"), "{refusal}");
        let quoted =
            refusal.public_text().bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"');
        assert!(quoted, "it must fit into a challenge's quoted string");
    }
}

#[test]
fn fetching_keys_is_the_cure_only_where_the_key_is_unknown() {
    for refusal in refusals() {
        let expected = match &refusal {
            TokenRefusal::Expired { .. } | TokenRefusal::TooOld { .. } => Fault::Expired,
            TokenRefusal::TooManyKeys { .. } | TokenRefusal::UnknownKey { .. } => Fault::Keys,
            _ => Fault::Caller,
        };
        assert_eq!(refusal.fault(), expected, "{refusal}");
    }
}
