use rcgen::{CertificateParams, KeyPair};

use super::*;

fn file(names: &[&str]) -> PemFile {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2030, 1, 1);
    let certificate = params.self_signed(&key).unwrap();
    let bytes = (certificate.pem() + &key.serialize_pem()).into_bytes();
    PemFile { name: "one.pem".to_owned(), bytes }
}

#[test]
fn a_certificate_is_shown_for_the_name_that_it_was_obtained_for() {
    let obtained = Obtained::default();
    assert!(obtained.of(Some("one.test")).is_none());
    assert!(obtained.of(None).is_none());
    let validity = obtained.show("one.test", &file(&["one.test"])).unwrap();
    assert_eq!(validity.from, Timestamp::from_secs(1_577_836_800));
    // Its last second is whole.
    assert_eq!(validity.until, Timestamp::from_secs(1_893_456_001));
    let first = obtained.of(Some("One.Test")).unwrap();
    assert!(obtained.of(Some("two.test")).is_none());
    assert!(Arc::ptr_eq(&obtained.of(None).unwrap(), &first));
    obtained.show("one.test", &file(&["one.test"])).unwrap();
    assert!(!Arc::ptr_eq(&obtained.of(Some("one.test")).unwrap(), &first));
    assert_eq!(obtained.ends(), [("one.test".to_owned(), validity.until)]);
}

#[test]
fn what_is_not_for_the_name_changes_nothing() {
    let obtained = Obtained::default();
    obtained.show("one.test", &file(&["one.test"])).unwrap();
    let before = obtained.of(Some("one.test")).unwrap();
    let error = obtained.show("one.test", &file(&["two.test"])).unwrap_err();
    assert_eq!(error.to_string(), "the certificate in `one.pem` is not for `one.test`");
    let broken = PemFile { name: "one.pem".to_owned(), bytes: b"nothing".to_vec() };
    let error = obtained.show("one.test", &broken).unwrap_err();
    assert_eq!(error.to_string(), "`one.pem` holds neither a certificate nor a private key");
    assert!(Arc::ptr_eq(&obtained.of(Some("one.test")).unwrap(), &before));
}

#[test]
fn a_name_is_proven_for_as_long_as_its_order_is_under_way() {
    let obtained = Arc::new(Obtained::default());
    let prove = || {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["one.test".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        obtained.prove("One.test", certificate.der().clone(), key)
    };
    let proof = prove().unwrap();
    assert!(obtained.challenges.load().contains_key("one.test"));
    let again = prove().unwrap_err();
    assert_eq!(again, TlsError::Setup("an order for `one.test` is under way already".to_owned()));
    drop(proof);
    assert!(obtained.challenges.load().is_empty());
    assert!(obtained.certificates.load().is_empty());
}
