use super::*;

#[test]
fn a_ca_file_that_cannot_be_used_is_an_error_and_never_a_reason_to_believe_the_system() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let good = file("good.pem", &certificate());
    let garbage = "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n";
    let not_der = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let cut = certificate().replace("-----END CERTIFICATE-----", "");
    let cases = [
        (file("empty.pem", ""), "has no certificate in PEM"),
        (file("text.pem", "hello"), "has no certificate in PEM"),
        (file("garbage.pem", garbage), "has a certificate that cannot be read: "),
        (file("not_der.pem", not_der), "has a certificate that cannot be read: "),
        (file("cut.pem", &cut), "has a certificate that cannot be read: "),
        (
            directory.path().join("missing.pem"),
            "cannot be read: No such file or directory (os error 2)",
        ),
        (directory.path().to_owned(), "cannot be read: Is a directory (os error 21)"),
    ];
    for (path, expected) in cases {
        for files in [vec![path.clone()], vec![good.clone(), path.clone()]] {
            let error = TrustRoots::Files(files).load().unwrap_err().to_string();
            let expected = format!("CA file `{}` {expected}", path.display());
            assert!(error.starts_with(&expected), "{error}");
        }
    }
    assert_eq!(TrustRoots::Files(vec![good]).load().unwrap().len(), 1);
    assert_eq!(
        TrustRoots::Files(Vec::new()).load().unwrap_err().to_string(),
        "expected at least one CA file"
    );
}

fn certificate() -> String {
    rcgen::generate_simple_self_signed(vec!["ca.test".to_owned()]).unwrap().cert.pem()
}
