//! What ships beside the binary fits it: units, image recipe, first configuration.

#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use testbed::Authority;

const CONFIG: &str = "/etc/doorward/doorward.yaml";
const BINARY: &str = "/usr/bin/doorward";

#[test]
fn the_first_configuration_is_good_once_its_certificate_is_there() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |path: &str| directory.path().join(path).display().to_string();
    let pem = Authority::new().and_then(|one| one.sign("doorward.example.com")).expect("a pem");
    let (certificate, key) = pem.split_at(pem.find("-----BEGIN PRIVATE").expect("a key"));
    std::fs::write(at("certificate.pem"), certificate).expect("to be written");
    std::fs::write(at("key.pem"), key).expect("to be written");
    let config = read("packaging/doorward.yaml").replace("/etc/doorward/tls", &at(""));
    std::fs::write(at("doorward.yaml"), config).expect("to be written");
    let output = doorward().args(["check", &at("doorward.yaml")]).output().expect("it runs");
    let said = "doorward.yaml is good: 1 issuer, 1 service, 1 route, 0 policy files\n";
    assert!(String::from_utf8_lossy(&output.stdout).ends_with(said), "{output:?}");
}

#[test]
fn the_service_unit_runs_a_command_that_is_one() {
    let unit = Unit::read("doorward.service");
    let start = unit.one("ExecStart").split(' ').collect::<Vec<_>>();
    assert_eq!(start, [BINARY, "run", CONFIG]);
    takes(start.get(1..).unwrap_or_default());
    assert_eq!(unit.one("ExecReload"), "/bin/kill -HUP $MAINPID");
    // The second for those that know it.
    assert_eq!(unit.all("Type"), ["notify", "notify-reload"]);
}

#[test]
fn the_service_may_write_where_the_configuration_says_and_nowhere_else() {
    let (unit, config) = (Unit::read("doorward.service"), read("packaging/doorward.yaml"));
    let state = format!("/var/lib/{}/", unit.one("StateDirectory"));
    let written: Vec<_> = config
        .split("directory: ")
        .skip(1)
        .filter_map(|rest| rest.split([' ', '\n']).next())
        .collect();
    assert_eq!(written.len(), 2, "{written:?}");
    assert!(written.iter().all(|path| path.starts_with(&state)), "{written:?}");
    assert_eq!(unit.one("ProtectSystem"), "strict");
    assert_eq!(unit.one("UMask"), "0077");
    assert!(unit.all("ReadWritePaths").is_empty());
    assert!(
        read("packaging/systemd/doorward.sysusers")
            .contains(&format!("\nu {} -", unit.one("User")))
    );
}

#[test]
fn the_service_has_the_time_to_drain() {
    let seconds = |text: &str| text.trim_end_matches('s').parse::<u64>().expect("seconds");
    let stop = seconds(Unit::read("doorward.service").one("TimeoutStopSec"));
    let reference = read("docs/configuration.md");
    let drain = reference.lines().find(|line| line.starts_with("| `drain`")).expect("the key");
    let drain = drain.split('|').nth(3).expect("its default").trim().trim_matches('`');
    // Ten seconds for the audit log, two for traces.
    assert!(stop >= seconds(drain) + 12, "{stop} s are less than {drain} and 12 s");
}

#[test]
fn each_socket_unit_opens_what_the_configuration_has_under_a_name_that_the_binary_knows() {
    let config = read("packaging/doorward.yaml");
    let service = Unit::read("doorward.service");
    let units: Vec<_> = service.one("Sockets").split(' ').collect();
    assert_eq!(units, ["doorward-https.socket", "doorward-http.socket"]);
    for name in units {
        let socket = Unit::read(name);
        let called = socket.one("FileDescriptorName");
        assert_eq!(name, format!("doorward-{called}.socket"));
        let key = if called == "https" { "address" } else { called };
        let line = format!("{key}: {}\n", socket.one("ListenStream"));
        assert!(config.contains(&line), "{name}: `{line}` is not in packaging/doorward.yaml");
        assert_eq!(socket.one("Service"), "doorward.service");
        assert!(socket.all("Accept").is_empty(), "a connection is not what is passed");
    }
}

#[test]
fn the_image_recipe_builds_and_runs_what_there_is() {
    let recipe = read("packaging/container/Containerfile");
    let steps: Vec<(&str, &str)> = recipe
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split_once(' ').expect("an instruction and its words"))
        .collect();
    let known = BTreeSet::from([
        "CMD",
        "COPY",
        "ENTRYPOINT",
        "ENV",
        "EXPOSE",
        "FROM",
        "HEALTHCHECK",
        "RUN",
        "STOPSIGNAL",
        "USER",
        "VOLUME",
        "WORKDIR",
    ]);
    assert!(steps.iter().all(|(step, _)| known.contains(step)), "{steps:?}");
    let last = |name: &str| {
        steps.iter().rfind(|(step, _)| *step == name).map(|(_, words)| *words).expect(name)
    };
    let manifest = read("Cargo.toml");
    let chore = read("xtask/src/dist.rs");
    assert!(recipe.contains("cargo xtask dist\n") && chore.contains("\"dist\""));
    assert!(manifest.contains("[profile.dist]"));
    let rust = manifest.split("rust-version = \"").nth(1).and_then(|rest| rest.split('"').next());
    let rust = rust.expect("a version");
    assert!(recipe.contains(&format!("/rust:{rust}-")), "builds with another than {rust}");
    for (step, words) in &steps {
        if let ("COPY", Some(copied)) = (*step, words.strip_prefix("--from=build ")) {
            let source = copied.split(' ').rev().nth(1).expect("a source");
            assert!(recipe.contains(&format!(" {source}\n")), "nothing makes {source}");
        }
    }
    // Nobody in particular, by number, so that a cluster can see that it is not root.
    assert_eq!(last("USER"), "65532:65532");
    assert_eq!(last("STOPSIGNAL"), "SIGTERM");
    let entry = list(last("ENTRYPOINT"));
    assert_eq!(entry, [BINARY]);
    takes(&list(last("CMD")).iter().map(String::as_str).collect::<Vec<_>>());
    let (_, check) = last("HEALTHCHECK").split_once(" CMD ").expect("a command");
    let check = list(check);
    assert_eq!(check.first().map(String::as_str), Some(BINARY));
    takes(&check.iter().skip(1).map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn the_image_and_the_unit_run_the_binary_in_the_same_environment() {
    let recipe = read("packaging/container/Containerfile");
    let set: Vec<_> = recipe.lines().filter_map(|line| line.strip_prefix("ENV ")).collect();
    assert_eq!(set, [Unit::read("doorward.service").one("Environment")]);
}

#[test]
fn the_image_is_built_from_all_that_the_workspace_needs_and_no_more() {
    let list = read("packaging/container/Containerfile.dockerignore");
    let mut lines = list.lines();
    assert_eq!(lines.next(), Some("*"));
    let taken: Vec<_> = lines.map(|line| line.strip_prefix('!').expect("an exception")).collect();
    // The chore that builds is compiled with all others, which have examples in them.
    let whole = ["crates", "examples", "xtask"];
    assert_eq!(taken, [&[".cargo", "Cargo.lock", "Cargo.toml"][..], &whole].concat());
    let manifest = read("Cargo.toml");
    // What comes after `xtask` is below it.
    assert!(manifest.contains(
        r#"members = ["crates/*", "examples/verify/rust", "xtask", "xtask/gate-alone", "xtask/yes-door"]"#
    ));
    for path in taken {
        assert!(root().join(path).exists(), "{path}");
    }
}

/// Whether the binary takes these words.
fn takes(words: &[&str]) {
    // An option that is unknown is an error though help is asked for behind it.
    let output = doorward().args(words).arg("--help").output().expect("the binary runs");
    assert!(output.status.success(), "{words:?}: {output:?}");
    let output = doorward().args(words).args(["--unknown", "--help"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(2), "the check above can fail");
}

/// A unit of systemd: its keys with their values, in order.
struct Unit(Vec<(String, String)>);

impl Unit {
    fn read(name: &str) -> Self {
        let text = read(&format!("packaging/systemd/{name}"));
        let settings = text.lines().filter(|line| !line.starts_with('#'));
        Self(
            settings
                .filter_map(|line| line.split_once('='))
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
        )
    }

    fn all(&self, key: &str) -> Vec<&str> {
        self.0.iter().filter(|(other, _)| other == key).map(|(_, value)| value.as_str()).collect()
    }

    fn one(&self, key: &str) -> &str {
        let [value] = self.all(key).try_into().expect(key);
        value
    }
}

/// The words of an instruction in its JSON form.
fn list(words: &str) -> Vec<String> {
    serde_json::from_str(words).expect("a list of words")
}

fn doorward() -> Command {
    Command::new(env!("CARGO_BIN_EXE_doorward"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).expect("the file is there")
}
