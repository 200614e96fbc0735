use super::*;

#[test]
fn every_algorithm_is_found_by_its_name() {
    for algorithm in Algorithm::ALL {
        assert_eq!(algorithm.name().parse(), Ok(algorithm));
        assert_eq!(algorithm.to_string(), algorithm.name());
    }
    let unique: std::collections::BTreeSet<_> = Algorithm::ALL.map(Algorithm::name).into();
    assert_eq!(unique.len(), Algorithm::ALL.len());
}

#[test]
fn ed25519_goes_by_both_of_its_names() {
    assert_eq!("EdDSA".parse(), Ok(Algorithm::Ed25519));
    assert_eq!("Ed25519".parse(), Ok(Algorithm::Ed25519));
}

#[test]
fn no_other_name_is_an_algorithm() {
    let names = [
        "none", "None", "NONE", "", "HS256", "HS384", "HS512", "rs256", "RS256 ", "ES256K", "Ed448",
    ];
    for name in names {
        let error = name.parse::<Algorithm>().unwrap_err().to_string();
        let expected = format!(
            "algorithm `{name}` is not accepted; expected one of ES256, ES384, ES512, EdDSA, Ed25519, PS256, PS384, \
             PS512, RS256, RS384, RS512"
        );
        assert_eq!(error, expected);
    }
}

#[test]
fn a_hostile_name_can_neither_flood_nor_forge_a_line() {
    let name = format!("a\nb\u{1b}[0m{}", "x".repeat(1000));
    let error = name.parse::<Algorithm>().unwrap_err().to_string();
    let quoted = format!("algorithm `a\\nb\\u{{1b}}[0m{}…` is not", "x".repeat(57));
    assert!(error.starts_with(&quoted), "{error}");
}
