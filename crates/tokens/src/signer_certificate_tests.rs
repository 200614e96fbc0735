use rcgen::{
    CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519,
};

use super::*;

fn certificate(algorithm: &'static rcgen::SignatureAlgorithm) -> (Vec<u8>, KeyPair) {
    let key = KeyPair::generate_for(algorithm).unwrap();
    let params = CertificateParams::new(vec!["idp.example".to_owned()]).unwrap();
    (params.self_signed(&key).unwrap().der().to_vec(), key)
}

#[test]
fn the_key_verifies_what_was_signed_with_it_and_nothing_else() {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
    let (der, key) = certificate(&PKCS_ECDSA_P256_SHA256);
    let signer =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.serialized_der()).unwrap();
    #[expect(clippy::disallowed_methods, reason = "a test signs")]
    let signature = signer.sign(&SystemRandom::new(), b"message").unwrap();
    let certificate = SignerCertificate::from_der(&der).unwrap();
    assert!(certificate.verifies(Algorithm::Es256, b"message", signature.as_ref()));
    assert!(!certificate.verifies(Algorithm::Es256, b"messagE", signature.as_ref()));
    assert!(!certificate.verifies(Algorithm::Es384, b"message", signature.as_ref()));
    assert!(!certificate.verifies(Algorithm::Rs256, b"message", signature.as_ref()));
    assert!(certificate.fits(Algorithm::Es256) && !certificate.fits(Algorithm::Es384));
    let (from, until) = certificate.times();
    assert!(from < until);
    assert_eq!(certificate.fingerprint(), sha256(&der));
}

#[test]
fn what_is_no_certificate_or_has_no_such_key_is_refused() {
    let refused = |der: &[u8]| SignerCertificate::from_der(der).unwrap_err().to_string();
    let (p384, _) = certificate(&PKCS_ECDSA_P384_SHA384);
    assert!(SignerCertificate::from_der(&p384).is_ok());
    assert_eq!(refused(b""), "the certificate cannot be read");
    assert_eq!(refused(&[p384.as_slice(), b"x"].concat()), "the certificate cannot be read");
    let (ed25519, _) = certificate(&PKCS_ED25519);
    let unsuitable = "the key of the certificate is neither RSA nor on P-256, P-384 or P-521";
    assert_eq!(refused(&ed25519), unsuitable);
}
