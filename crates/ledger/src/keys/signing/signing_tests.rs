use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use tokens::KeySet;

use super::*;
use crate::Clock;
use crate::keys::test_issuer::TokioClock;

const START: Timestamp = Timestamp::from_secs(1_700_000_000);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

#[test]
fn what_signs_is_published_through_every_rotation() {
    let keys = open(&SigningStore::Memory, START).unwrap();
    let first = keys.current(START).thumbprint();
    assert_eq!(published(&keys, START), [first]);

    let ahead = keys.maintain(START).unwrap();
    assert_eq!(ahead, START.plus(DAY - MINUTE * 5));
    keys.maintain(ahead).unwrap();
    assert_eq!(keys.current(ahead).thumbprint(), first);
    let both = published(&keys, ahead);
    assert_eq!(both.len(), 2);

    let change = START.plus(DAY);
    let second = keys.current(change).thumbprint();
    assert_eq!(both, [first, second]);
    let over = change.plus(MINUTE * 10);
    assert_eq!(published(&keys, over.minus(Duration::from_millis(1))), both);
    assert_eq!(published(&keys, over), [second], "even if maintenance is late");
    keys.maintain(over).unwrap();
    assert_eq!(published(&keys, over), [second]);
}

#[test]
fn the_published_document_is_made_once() {
    let keys = open(&SigningStore::Memory, START).unwrap();
    let later = START.plus(MINUTE);
    assert!(Arc::ptr_eq(&keys.jwks(START), &keys.jwks(later)));
}

#[test]
fn keys_that_were_let_go_of_sign_on_while_another_process_keeps_them() {
    let directory = tempfile::tempdir().unwrap();
    let store = SigningStore::Directory(directory.path().join("keys"));
    let old = open(&store, START).unwrap();
    let key = old.current(START).thumbprint();
    assert!(open(&store, START).is_err());
    old.let_go();
    let new = open(&store, START).unwrap();
    assert_eq!(new.current(START).thumbprint(), key);
    // No key that the other does not publish.
    let due = START.plus(DAY);
    old.maintain(due).unwrap();
    assert_eq!(old.current(due).thumbprint(), key);
}

#[test]
fn keys_in_a_directory_outlive_the_process() {
    let directory = tempfile::tempdir().unwrap();
    let store = SigningStore::Directory(directory.path().join("keys"));
    let keys = open(&store, START).unwrap();
    let ahead = START.plus(DAY - MINUTE * 5);
    keys.maintain(ahead).unwrap();
    let both = published(&keys, ahead);
    drop(keys);

    let keys = open(&store, ahead).unwrap();
    assert_eq!(published(&keys, ahead), both);
    let over = START.plus(DAY).plus(MINUTE * 10);
    keys.maintain(over).unwrap();
    assert_eq!(files(&directory.path().join("keys")).len(), 1);
    let file = &files(&directory.path().join("keys"))[0];
    assert_eq!(file.file_name().unwrap(), "1700086100000-1700086400000.es256.p8");
    assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_directory_serves_one_process_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let store = SigningStore::Directory(directory.path().to_owned());
    let _first = open(&store, START).unwrap();
    let error = open(&store, START).unwrap_err().to_string();
    let expected = format!(
        "signing key directory `{}` is in use by another process",
        directory.path().display()
    );
    assert_eq!(error, expected);
}

#[test]
fn a_key_file_that_cannot_be_used_is_named_and_left_alone() {
    let cases: [(&str, &[u8], u32, &str); 4] = [
        (
            "1-1.es256.p8",
            b"garbage",
            0o600,
            "is not usable: expected a PKCS #8 document with a private key for ES256; restore it, or move it away",
        ),
        (
            "1-1.es256.p8",
            b"",
            0o600,
            "is not usable: expected a PKCS #8 document with a private key for ES256; restore it, or move it away",
        ),
        (
            "1-1.es256.p8",
            b"",
            0o640,
            "has mode 0640; expected 0600, so that nobody else can read it",
        ),
        (
            "mine.es256.p8",
            b"",
            0o600,
            "is not named `<published>-<signs>.es256.p8`, both in milliseconds",
        ),
    ];
    for (name, content, mode, expected) in cases {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = open(&SigningStore::Directory(directory.path().to_owned()), START).unwrap_err();
        assert_eq!(error.to_string(), format!("signing key file `{}` {expected}", path.display()));
        assert_eq!(fs::read(&path).unwrap(), content);
        assert_eq!(files(directory.path()), [path]);
    }
}

#[test]
fn a_key_that_was_not_written_to_its_end_is_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let cut = directory.path().join("1-1.es256.p8.unfinished");
    fs::write(&cut, b"cut").unwrap();
    let keys = open(&SigningStore::Directory(directory.path().to_owned()), START).unwrap();
    assert!(!cut.exists());
    assert_eq!(published(&keys, START).len(), 1);
}

#[test]
fn when_no_key_can_be_stored_the_keys_at_hand_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys");
    let keys = open(&SigningStore::Directory(path.clone()), START).unwrap();
    let first = keys.current(START).thumbprint();
    fs::remove_dir_all(&path).unwrap();
    let ahead = START.plus(DAY - MINUTE * 5);
    let error = keys.maintain(ahead).unwrap_err().to_string();
    let file = path.join("1700086100000-1700086400000.es256.p8");
    assert_eq!(
        error,
        format!("`{}` fails: No such file or directory (os error 2)", file.display())
    );
    assert_eq!(keys.current(START.plus(DAY * 2)).thumbprint(), first);
    assert_eq!(published(&keys, START.plus(DAY * 2)), [first]);
}

#[tokio::test(start_paused = true)]
async fn a_keeper_rotates_the_keys_until_it_is_dropped() {
    let clock: Arc<dyn Clock> = TokioClock::start();
    let keys = Arc::new(open(&SigningStore::Memory, clock.now()).unwrap());
    let keeper = SigningKeeper::start(Arc::clone(&keys), Arc::clone(&clock));
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(keys.current(clock.now()).thumbprint());
        tokio::time::sleep(DAY).await;
    }
    let signing = keys.current(clock.now()).thumbprint();
    assert!(!seen.contains(&signing));
    seen.dedup();
    assert_eq!(seen.len(), 4);
    drop(keeper);
    tokio::time::sleep(DAY * 3).await;
    assert_eq!(published(&keys, clock.now()), [signing]);
}

fn open(store: &SigningStore, now: Timestamp) -> Result<SigningKeys, SigningKeysError> {
    SigningKeys::open(store, RotationOptions::default(), entropy(), now)
}

#[expect(clippy::disallowed_methods, reason = "real keys need real randomness")]
fn entropy() -> Entropy {
    Arc::new(SystemRandom::new())
}

fn published(keys: &SigningKeys, now: Timestamp) -> Vec<tokens::Thumbprint> {
    let parsed = KeySet::parse(keys.jwks(now).as_bytes()).unwrap();
    assert_eq!(parsed.skipped, []);
    parsed.set.thumbprints().collect()
}

fn files(directory: &Path) -> Vec<PathBuf> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect()
}
