//! The configuration, file by file: `config/ok/*.yaml` comes down to the `.normalized` beside it, `config/bad/*.yaml`
//! is refused with the `.stderr` beside it. `BLESS=1` writes what comes out; read the difference before committing it.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use doorward::config::{Loaded, Machine, Surroundings, check, reference, schema, schema_text};

/// The files of this machine, but an environment of our own.
struct Fixed;

impl Surroundings for Fixed {
    fn environment(&self, name: &str) -> Option<String> {
        match name {
            "EMPTY" => Some(String::new()),
            // 32 bytes.
            "KEY" => Some("hunter2hunter2hunter2hunter2hunter2hunter2A=".to_owned()),
            "IDP_HOST" => Some("idp.corp.internal".to_owned()),
            "LINES" => Some("one\ntwo".to_owned()),
            "SECRET" => Some("hunter2-hunter2".to_owned()),
            "SECRET_PORT" => Some("http://10.0.0.1:77777".to_owned()),
            _ => None,
        }
    }

    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        Machine.read(path, limit)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        Machine.list(directory)
    }

    fn processors(&self) -> usize {
        4
    }
}

#[test]
fn every_bad_configuration_is_refused_with_its_report() {
    let reports = cases("bad").map(|path| {
        let report = match Loaded::read(&path, &Fixed) {
            Ok(_) => format!("{} was accepted\n", path.display()),
            Err(report) => report.render(false),
        };
        (path.with_extension("stderr"), report)
    });
    assert!(compare(reports) >= 60, "the corpus is to hold at least 60 cases");
}

#[test]
fn every_good_configuration_comes_down_to_its_normal_form() {
    let dumps = cases("ok").map(|path| {
        let loaded = Loaded::read(&path, &Fixed).unwrap_or_else(|report| panic!("{report}"));
        (path.with_extension("normalized"), loaded.config.normalized())
    });
    compare(dumps);
}

#[test]
fn the_committed_schema_is_the_one_of_this_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schema/doorward.schema.json");
    compare([(path, schema_text())]);
}

#[test]
fn the_committed_reference_is_the_one_of_this_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(reference::BEGIN).expect("a place for the reference");
    let (_, after) = rest.split_once(reference::END).expect("an end of the reference");
    let (begin, end) = (reference::BEGIN, reference::END);
    compare([(path, format!("{before}{begin}\n{}{end}{after}", reference::markdown()))]);
}

#[test]
fn the_schema_takes_every_good_configuration() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    for path in cases("ok") {
        let value = json(&path);
        let errors: Vec<_> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", path.display());
    }
}

#[test]
fn the_schema_refuses_unknown_keys_and_values_at_every_depth() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let good = json(Path::new("tests/config/ok/everything.yaml"));
    assert!(validator.is_valid(&good));
    let mut spoiled = 0;
    for pointer in mappings(&good, String::new()) {
        let mut bad = good.clone();
        let mapping = bad.pointer_mut(&pointer).and_then(serde_json::Value::as_object_mut).unwrap();
        mapping.insert("Not A Key".to_owned(), serde_json::json!([[[]]]));
        assert!(!validator.is_valid(&bad), "an unknown key in `{pointer}` is taken");
        spoiled += 1;
    }
    assert!(spoiled > 20, "{spoiled} mappings are too few to say anything");
}

#[test]
fn what_a_reference_stands_for_is_never_told() {
    for path in cases("bad").chain(cases("ok")) {
        let told = match Loaded::read(&path, &Fixed) {
            Ok(loaded) => {
                format!("{:?}{}{:#?}", loaded.config, loaded.config.normalized(), loaded.config)
            }
            Err(report) => format!("{report}{report:?}{:?}", report.problems()),
        };
        assert!(!told.contains("hunter2"), "{}:\n{told}", path.display());
        assert!(!told.contains("77777"), "{}:\n{told}", path.display());
    }
}

#[test]
fn a_good_configuration_is_summed_up_with_its_exceptions() {
    let summary = check(Path::new("tests/config/ok/exceptions.yaml"), &Fixed).unwrap().to_string();
    assert_eq!(
        summary,
        "tests/config/ok/exceptions.yaml is good: 1 issuer, 1 provider, 1 service, 1 route, 0 policy files\n\
         exception: listen.danger_plain_http_beyond_loopback: requests and their tokens may cross the network in plain HTTP\n\
         exception: listen.danger_admin_beyond_loopback: health, readiness and metrics may be read from other machines\n\
         exception: danger_trust_every_peer: every peer may be trusted to say for whom it forwards\n\
         exception: issuers.lab.danger_plain_http: the keys of this issuer may be fetched over plain HTTP, where they can be exchanged\n\
         exception: providers.wiki.danger_plain_http: this provider may be spoken to over plain HTTP, where who signs in can be exchanged"
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let report = Loaded::read(Path::new("tests/config/nowhere.yaml"), &Fixed).unwrap_err();
    assert_eq!(
        report.problems()[0].to_string(),
        "tests/config/nowhere.yaml: cannot be read: no such file"
    );
}

#[test]
fn aliases_that_stand_for_too_much_are_refused() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let item = format!("*a{}", level - 1);
        let items = vec![item; 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{items}]\n"));
    }
    let report = Loaded::parse("bomb.yaml", &text, Path::new("."), &Fixed).unwrap_err();
    assert_eq!(
        report.problems()[0].message(),
        "not YAML: YAML document too large or too complex: total_replayed_events=200001 > 200000"
    );
}

#[test]
fn a_configuration_nests_64_deep_and_no_deeper() {
    let message = |depth: usize| {
        let text = format!("policies: {}{}\n", "[".repeat(depth), "]".repeat(depth));
        let report = Loaded::parse("deep.yaml", &text, Path::new("."), &Fixed).unwrap_err();
        report.problems()[0].message().to_owned()
    };
    assert!(!message(60).contains("too large"), "{}", message(60));
    assert!(message(70).contains("too large"), "{}", message(70));
}

#[test]
fn a_configuration_of_16_mib_is_read_and_one_byte_more_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("doorward.yaml");
    let head = "listen: { http: 127.0.0.1:8080 }\n#";
    let padded = |bytes: usize| format!("{head}{}", "x".repeat(bytes - head.len()));
    fs::write(&path, padded(16 << 20)).unwrap();
    Loaded::read(&path, &Fixed).unwrap();
    fs::write(&path, padded((16 << 20) + 1)).unwrap();
    let report = Loaded::read(&path, &Fixed).unwrap_err();
    assert!(report.problems()[0].message().contains("larger than 16 MiB"), "{report}");
}

#[test]
fn a_large_configuration_is_read() {
    let mut text = fs::read_to_string("tests/config/ok/minimal.yaml").unwrap();
    text.push_str("defaults:\n  deny:\n");
    for index in 0..2_000 {
        text.push_str(&format!("    - {{ groups: [\"corp/group-{index}\"] }}\n"));
    }
    let loaded = Loaded::parse("large.yaml", &text, Path::new("tests/config/ok"), &Fixed).unwrap();
    assert_eq!(loaded.config.gate.defaults.deny.len(), 2_000);
}

#[test]
fn a_logo_of_64_kib_is_read_and_one_byte_more_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let text = fs::read_to_string("tests/config/ok/sign-in.yaml").unwrap();
    let text = text
        .replace("../files", &fs::canonicalize("tests/config/files").unwrap().to_string_lossy());
    let text = text.replace("  session: {", "  page: { logo: logo.png }\n  session: {");
    let read = |bytes: usize| {
        let mut image = b"\x89PNG\r\n\x1a\n".to_vec();
        image.resize(bytes, 0);
        fs::write(directory.path().join("logo.png"), image).unwrap();
        Loaded::parse("logo.yaml", &text, directory.path(), &Fixed)
    };
    read(64 << 10).unwrap();
    let report = read((64 << 10) + 1).unwrap_err();
    assert_eq!(report.problems()[0].message(), "the image has 65537 bytes");
}

#[test]
fn sixteen_ways_of_being_sure_are_taken() {
    let text = fs::read_to_string("tests/config/bad/a-step-up-takes-too-many-acrs.yaml").unwrap();
    let text = text.replace(", a16]", "]");
    let loaded = Loaded::parse("acrs.yaml", &text, Path::new("."), &Fixed).unwrap();
    assert_eq!(loaded.config.gate.routes[0].step_up.as_ref().unwrap().acr.len(), 16);
}

/// The configurations in a folder of the corpus, in order.
fn cases(folder: &str) -> impl Iterator<Item = PathBuf> + use<> {
    let folder = Path::new("tests/config").join(folder);
    let entries = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|e| e == "yaml")).collect();
    paths.sort();
    paths.into_iter()
}

/// Compares what came out with what is committed, all of it before it complains. Says how many there were.
fn compare(found: impl IntoIterator<Item = (PathBuf, String)>) -> usize {
    let bless = std::env::var_os("BLESS").is_some();
    let mut wrong = BTreeMap::new();
    let mut count = 0;
    for (path, found) in found {
        count += 1;
        if fs::read_to_string(&path).is_ok_and(|expected| expected == found) {
            continue;
        }
        match bless {
            true => fs::write(&path, found).unwrap(),
            false => drop(wrong.insert(path, found)),
        }
    }
    let told: Vec<_> =
        wrong.iter().map(|(path, found)| format!("{}:\n{found}", path.display())).collect();
    assert!(told.is_empty(), "BLESS=1 writes these down:\n{}", told.join("\n"));
    count
}

fn json(path: &Path) -> serde_json::Value {
    serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The JSON pointers of all mappings in a value, but those whose keys are free.
fn mappings(value: &serde_json::Value, at: String) -> Vec<String> {
    let mut found = Vec::new();
    match value {
        serde_json::Value::Object(members) => {
            if !at.contains("/inline/keys/") {
                found.push(at.clone());
            }
            for (key, member) in members {
                let key = key.replace('~', "~0").replace('/', "~1");
                found.extend(mappings(member, format!("{at}/{key}")));
            }
        }
        serde_json::Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                found.extend(mappings(item, format!("{at}/{index}")));
            }
        }
        _ => {}
    }
    found
}
