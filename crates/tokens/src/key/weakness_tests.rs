use aws_lc_rs::signature::{ED25519, ParsedPublicKey};

use super::*;
use crate::algorithm::Algorithm;
use crate::minting::key;

#[test]
fn a_power_of_65537_modulo_every_small_prime_is_roca() {
    assert!(is_roca(&[1]));
    assert!(is_roca(&65537_u32.to_be_bytes()));
    assert!(is_roca(&65537_u64.pow(3).to_be_bytes()));
    assert!(!is_roca(&(65537_u64.pow(3) + 2).to_be_bytes()));
    assert!(!is_roca(&[0xff; 256]));
}

#[test]
fn a_sound_key_is_not_roca() {
    let jwk = key(Algorithm::Rs256).public_jwk();
    let modulus = crate::base64url::decode(jwk["n"].as_str().unwrap()).unwrap();
    assert!(!is_roca(&modulus));
}

#[test]
fn points_of_small_order_are_known_with_either_sign() {
    for mut point in SMALL_ORDER {
        assert!(has_small_order(&point));
        point[31] |= 0x80;
        assert!(has_small_order(&point));
    }
    let jwk = key(Algorithm::Ed25519).public_jwk();
    let sound = crate::base64url::decode_exact(jwk["x"].as_str().unwrap()).unwrap();
    assert!(!has_small_order(&sound));
}

/// The table is right: under each point in it that decodes, the signature with R = 1 and S = 0 verifies for some
/// message, though nobody holds a private key.
#[test]
fn anyone_can_sign_under_a_point_of_small_order() {
    let mut forgery = [0; 64];
    forgery[0] = 1;
    let forged = |point: &[u8; 32]| {
        let key = ParsedPublicKey::new(&ED25519, point).ok()?;
        (0..200_u8).find(|message| key.verify_sig(&[*message], &forgery).is_ok())
    };
    let forgeable = SMALL_ORDER.iter().filter(|point| forged(point).is_some()).count();
    assert!(forgeable >= 5, "only {forgeable} of the canonical points are forgeable");
}
