use super::*;

#[test]
fn a_digest_is_the_sha_256_of_the_whole_text() {
    assert_eq!(Digest::of("abc.x").as_bytes(), &sha256(b"abc.x"));
}

#[test]
fn a_fingerprint_is_the_sha_256_of_what_is_signed() {
    let fingerprint = Fingerprint::of("abc.signature");
    assert_eq!(fingerprint, Fingerprint::of("abc.another"));
    let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; // FIPS 180-2 B.1
    assert_eq!(fingerprint.to_string(), hex);
    assert_eq!(fingerprint.short(), "ba7816bf8f01");
    assert_eq!(format!("{fingerprint:?}"), format!("Fingerprint({hex})"));
    assert_eq!(fingerprint.as_bytes()[0], 0xba);
    assert_eq!(leading_128_bits(fingerprint.as_bytes()), 0xba78_16bf_8f01_cfea_4141_40de_5dae_2223);
}
