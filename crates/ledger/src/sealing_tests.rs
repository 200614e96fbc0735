use aws_lc_rs::rand::SystemRandom;
use proptest::prelude::*;

use super::*;

#[expect(clippy::disallowed_methods, reason = "tests seal with real randomness")]
fn random() -> SystemRandom {
    SystemRandom::new()
}

fn sealer(secret: u8, label: &'static str) -> Sealer {
    Sealer::new(root(&[secret; 32]), label)
}

#[test]
fn what_was_sealed_is_opened_and_sealing_twice_gives_two_texts() {
    let state = sealer(7, "sign-in");
    let sealed = state.seal(b"/orders?a=1", b"orders.test", &random()).unwrap();
    assert_eq!(state.open(&sealed, b"orders.test").unwrap(), b"/orders?a=1");
    assert_ne!(sealed, state.seal(b"/orders?a=1", b"orders.test", &random()).unwrap());
    assert_eq!(URL_SAFE_NO_PAD.decode(&sealed).unwrap().len(), b"/orders?a=1".len() + SEAL_BYTES);
}

#[test]
fn another_key_another_label_and_another_place_open_nothing() {
    let sealed = sealer(7, "sign-in").seal(b"x", b"orders.test", &random()).unwrap();
    assert_eq!(sealer(8, "sign-in").open(&sealed, b"orders.test"), None);
    assert_eq!(sealer(7, "handoff").open(&sealed, b"orders.test"), None);
    assert_eq!(sealer(7, "sign-in").open(&sealed, b"billing.test"), None);
    for text in ["", "A", "AQ", "=", "\u{e9}", &"A".repeat(200)] {
        assert_eq!(sealer(7, "sign-in").open(text, b""), None, "{text}");
    }
}

#[test]
fn nothing_of_the_key_is_shown() {
    assert_eq!(format!("{:?}", sealer(7, "sign-in")), "Sealer { label: \"sign-in\", .. }");
}

proptest! {
    #[test]
    fn a_changed_bit_anywhere_opens_nothing(
        plain in prop::collection::vec(any::<u8>(), 0..64),
        at in any::<prop::sample::Index>(),
        bit in 0..8u8,
    ) {
        let sealer = sealer(7, "sign-in");
        let mut sealed = sealer.seal_bytes(&plain, b"aad", &random()).unwrap();
        prop_assert_eq!(sealer.open_bytes(&sealed, b"aad").unwrap(), plain);
        let at = at.index(sealed.len());
        sealed[at] ^= 1 << bit;
        prop_assert_eq!(sealer.open_bytes(&sealed, b"aad"), None);
        prop_assert_eq!(sealer.open_bytes(&sealed[..at], b"aad"), None);
    }
}
