use std::os::unix::fs::PermissionsExt;

use aws_lc_rs::rand::SystemRandom;

use super::*;

#[expect(clippy::disallowed_methods, reason = "tests make keys of their own")]
fn random() -> SystemRandom {
    SystemRandom::new()
}

#[test]
fn a_key_is_32_bytes_in_base64_of_either_alphabet() {
    let expected = OperatorKey::new(&[0xfb; 32]).check_value();
    let plain = "-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s";
    let key = |text: &str| OperatorKey::parse(text).unwrap().check_value();
    assert_eq!(key(plain), expected);
    assert_eq!(key(&format!(" {}=\n", plain.replace('-', "+").replace('_', "/"))), expected);
    for text in ["", "AAAA", plain.trim_start_matches('-'), &format!("{plain}AA"), "not base64!"] {
        let error = OperatorKey::parse(text).unwrap_err().to_string();
        assert_eq!(
            error,
            "the operator key cannot be read; expected 32 bytes in base64, as `openssl rand -base64 32` prints"
        );
    }
}

#[test]
fn a_key_file_is_made_once_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.key");
    assert!(OperatorKey::in_file(&path).unwrap().is_none());
    let made = OperatorKey::make_file(&path, &random()).unwrap().check_value();
    assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    assert_eq!(OperatorKey::in_file(&path).unwrap().unwrap().check_value(), made);
    assert_eq!(OperatorKey::make_file(&path, &random()).unwrap().check_value(), made);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing unfinished stays");
}

#[test]
fn a_key_file_that_others_can_read_or_that_holds_no_key_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.key");
    OperatorKey::make_file(&path, &random()).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let shown = path.display();
    assert_eq!(
        OperatorKey::in_file(&path).unwrap_err().to_string(),
        format!(
            "operator key file `{shown}` has mode 0640; expected 0600, so that nobody else can read it"
        )
    );
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&path, "c2hvcnQ\n").unwrap();
    assert_eq!(
        OperatorKey::in_file(&path).unwrap_err().to_string(),
        format!("operator key file `{shown}` holds no key; expected 32 bytes in base64")
    );
}
