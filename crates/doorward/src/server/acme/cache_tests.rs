use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn cache(place: &Path) -> Cache {
    let server = Destination::configured("https://acme.test/directory").unwrap();
    Cache::open(&place.join("acme"), &server).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn what_is_kept_is_for_this_user_alone_and_is_read_back() {
    let place = tempfile::tempdir().unwrap();
    let cache = cache(place.path());
    assert!(cache.account().unwrap().is_none());
    assert!(cache.certificate("one.test").unwrap().is_none());
    cache.keep_account(b"first").unwrap();
    cache.keep_account(b"second").unwrap();
    cache.keep_certificate("one.test", b"chain").unwrap();
    assert_eq!(cache.account().unwrap().unwrap(), b"second");
    assert_eq!(cache.certificate("one.test").unwrap().unwrap().bytes, b"chain");
    assert_eq!(mode(&place.path().join("acme")), 0o700);
    assert_eq!(mode(&cache.directory), 0o700);
    for entry in fs::read_dir(&cache.directory).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        assert!(!path.to_string_lossy().ends_with(UNFINISHED), "{}", path.display());
    }
}

#[test]
fn another_server_has_a_directory_of_its_own() {
    let place = tempfile::tempdir().unwrap();
    let one = cache(place.path());
    one.keep_certificate("one.test", b"chain").unwrap();
    let staging = Destination::configured("https://staging.acme.test/directory").unwrap();
    let other = Cache::open(&place.path().join("acme"), &staging).unwrap();
    assert!(other.certificate("one.test").unwrap().is_none());
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let cache = cache(place.path());
    cache.keep_certificate("one.test", b"chain").unwrap();
    let path = cache.certificate_path("one.test");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let error = cache.certificate("one.test").unwrap_err().to_string();
    let expected = format!(
        "`{}` has mode 0640; expected 0600, so that nobody else can read it",
        path.display()
    );
    assert_eq!(error, expected);
}

#[test]
fn only_one_process_at_a_time_has_the_right_to_order() {
    let place = tempfile::tempdir().unwrap();
    let (one, other) = (cache(place.path()), cache(place.path()));
    let held = one.lock().unwrap();
    assert!(held.is_some());
    assert!(other.lock().unwrap().is_none());
    drop(held);
    assert!(other.lock().unwrap().is_some());
}
