//! What the documents show works.

#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use testbed::{Issuer, Place};
use tokens::Algorithm;

#[test]
fn the_readme_configuration_is_good() {
    let readme = read("README.md");
    let [config] = blocks(&readme, "yaml").try_into().expect("one configuration");
    check(&config);
}

#[test]
fn the_configuration_of_identities_is_good() {
    let document = read("docs/identity.md");
    let [part] = blocks(&document, "yaml").try_into().expect("one configuration");
    check(&format!("listen: {{ http: 127.0.0.1:8080 }}\n{part}"));
}

#[test]
fn the_configurations_of_sign_in_are_good() {
    let [house, ledger, computing, saml] =
        blocks(&read("docs/sign-in.md"), "yaml").try_into().expect("configurations");
    let known = house.replace("0.0.0.0:443", "127.0.0.1:8443");
    check(&known);
    check(&format!("{known}{ledger}"));
    let computing = computing.replace("providers:\n", "");
    check(&known.replace("providers:\n", &format!("providers:\n{computing}")));
    let saml = saml.replace("providers:\n", "");
    // What was recorded stands for the metadata of the document's provider.
    let recorded = "http://127.0.0.1:7101/saml2/idp/metadata.php ";
    let saml = saml.replace("https://idp.campus.example/idp/shibboleth ", recorded);
    assert!(saml.contains(recorded));
    check(&known.replace("providers:\n", &format!("providers:\n{saml}")));
}

#[test]
fn the_configurations_of_manners_are_good() {
    let around = "listen: { http: 127.0.0.1:8080 }
issuers: { corp: { issuer: https://idp.example.com, groups: /groups } }
services: { orders: { audience: orders, endpoints: [http://127.0.0.1:9001] } }
";
    let parts = blocks(&read("docs/manners.md"), "yaml");
    assert_eq!(parts.len(), 3);
    for part in parts {
        check(&format!("{around}{part}"));
    }
}

#[test]
fn the_configurations_of_certificates_are_good() {
    let document = read("docs/certificates.md");
    let [files, acme, callers] = blocks(&document, "yaml").try_into().expect("configurations");
    // What the first names is not here.
    assert!(files.contains("certificates: [tls/example.pem, tls/wildcard.pem]"));
    check(&acme);
    check(&callers);
}

/// The doors of the document open, and what is asked by hand is answered.
#[test]
fn the_examples_of_doors_run() -> anyhow::Result<()> {
    let document = read("docs/doors.md");
    let [tls] = blocks(&document, "yaml").try_into().expect("one configuration");
    let [command] = blocks(&document, "sh").try_into().expect("one command");
    let known = tls
        .replace("tls/doorward.pem", "tls/example.pem")
        .replace("tls/mesh.pem", "tls/clients.pem");
    check(&known);
    let (place, door) = (Place::new()?, testbed::Port::reserve()?);
    let issuer = Issuer::new("https://idp.example.com", Algorithm::Es256)?;
    place.write("keys.json", &issuer.key_set().to_string())?;
    place.configure(
        r#"issuers: { corp: { issuer: "https://idp.example.com", keys: { file: keys.json }, subjects: user } }
services: { orders: { audience: orders, endpoints: ["http://127.0.0.1:9001"], identity: { headers: { X-Forwarded-User: subject } } } }
routes: [{ name: read, match: { host: orders.test, path: "/orders/{id}", methods: [GET] }, service: orders, accept: [corp], allow: [{ users: [alice] }] }]
"#,
    )?;
    let text = std::fs::read_to_string(place.path("doorward.yaml"))?;
    let asked =
        format!("  forward_auth: {{ address: \"{}\", proxy: nginx }}\n  http:", door.address());
    place.write("doorward.yaml", &text.replacen("  http:", &asked, 1))?;
    let gateway = place.start(Path::new(env!("CARGO_BIN_EXE_doorward")))?;
    let token = issuer.token("alice", "orders", serde_json::json!({}))?;
    let headers: String = command
        .split(['\'', '"'])
        .filter(|part| part.contains(": "))
        .map(|line| line.replace("$TOKEN", &token) + "\r\n")
        .collect();
    let (_, path) = command.split_once(":9192").expect("the door's address");
    let path = path.split_whitespace().next().expect("a path");
    let question = format!("GET {path} HTTP/1.1\r\nHost: doorward\r\n{headers}\r\n");
    let reply = testbed::client::ask(door.address(), &question)?;
    assert_eq!((reply.status, reply.field("x-forwarded-user")), (200, Some("alice")));
    gateway.stop()
}

/// The example of decisions answers as the document says.
#[test]
fn the_example_of_decisions_runs() -> anyhow::Result<()> {
    let document = read("docs/authzen.md");
    let [config] = blocks(&document, "yaml").try_into().expect("one configuration");
    let [policies] = blocks(&document, "cedar").try_into().expect("policies");
    let [command] = blocks(&document, "sh").try_into().expect("one command");
    let place = Place::new()?;
    let issuer = Issuer::new("https://idp.example.com", Algorithm::Es256)?;
    place.write("keys.json", &issuer.key_set().to_string())?;
    place.write("documents.cedar", &policies)?;
    let config = config.replace("listen: { http: 127.0.0.1:8080 }", "");
    let pinned = "issuer: https://idp.example.com, keys: { file: keys.json },";
    place.configure(&config.replace("issuer: https://idp.example.com,", pinned))?;
    let gateway = place.start(Path::new(env!("CARGO_BIN_EXE_doorward")))?;
    let token = issuer.token("gateway", "pdp", serde_json::json!({}))?;
    let (_, body) = command.split_once("-d '").expect("a body");
    let body = body.trim_end().trim_end_matches('\'');
    let ask = |body: &str| {
        let length = body.len();
        testbed::client::ask(
            place.http(),
            &format!(
                "POST /access/v1/evaluation HTTP/1.1\r\nHost: pdp.example.com\r\nContent-Length: {length}\r\n\
                 Authorization: Bearer {token}\r\nContent-Type: application/json\r\n\r\n{body}"
            ),
        )
    };
    assert_eq!(ask(body)?.text(), r#"{"decision":true}"#);
    assert_eq!(ask(&body.replace("read", "delete"))?.text(), r#"{"decision":false}"#);
    gateway.stop()
}

fn check(config: &str) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("doorward.yaml");
    std::fs::create_dir(directory.path().join("tls")).expect("a directory");
    for (from, to) in [("tls.pem", "example.pem"), ("ca.pem", "clients.pem")] {
        let from = Path::new("tests/config/files").join(from);
        std::fs::copy(from, directory.path().join("tls").join(to)).expect("a file of certificates");
    }
    for name in ["idp.xml", "saml.pem"] {
        let from = Path::new("tests/config/files").join(name);
        std::fs::copy(from, directory.path().join(name)).expect("a file of SAML");
    }
    std::fs::write(&path, config).expect("to be written");
    let secrets = ["CORP_SECRET", "DATABASE_PASSWORD", "FORGE_SECRET", "GITHUB_SECRET"]
        .map(|name| (name, "a-secret"));
    let key = [("LEDGER_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")];
    let output = doorward().arg("check").arg(&path).envs(secrets).envs(key).output();
    let output = output.expect("the binary runs");
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn every_command_that_the_documents_show_is_one() {
    for document in [
        "README.md",
        "docs/audit.md",
        "docs/authzen.md",
        "docs/doors.md",
        "docs/identity.md",
        "docs/operating.md",
        "docs/policies.md",
        "docs/sign-in.md",
    ] {
        for line in read(document).lines().flat_map(|line| line.split('`')) {
            let mut words = line.split_whitespace();
            if words.next() != Some("doorward") {
                continue;
            }
            let commands: Vec<&str> = words
                .take_while(|word| word.bytes().all(|byte| byte.is_ascii_lowercase()))
                .take(2)
                .collect();
            let output =
                doorward().args(&commands).arg("--help").output().expect("the binary runs");
            assert!(output.status.success(), "{document}: `doorward {}`", commands.join(" "));
        }
    }
}

#[test]
fn the_policy_that_the_documents_show_is_the_one_of_the_demo() {
    let [policy] = blocks(&read("docs/policies.md"), "cedar").try_into().expect("one policy");
    assert!(read("crates/doorward/src/demo/invoices.cedar").contains(policy.trim()));
}

/// The metrics that a text names, without what Prometheus makes of them.
fn metrics(text: &str) -> BTreeSet<String> {
    let words = text.split(|sign: char| !sign.is_ascii_lowercase() && sign != '_');
    let metrics = words.filter(|word| word.starts_with("doorward_"));
    metrics.map(|word| word.trim_end_matches("_bucket").to_owned()).collect()
}

#[test]
fn every_metric_that_alerts_and_dashboard_ask_for_is_documented() {
    let documented = metrics(&read("docs/metrics.md"));
    for file in ["monitoring/alerts.yaml", "monitoring/dashboard.json"] {
        let unknown: Vec<_> = metrics(&read(file)).difference(&documented).cloned().collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?}");
    }
}

fn doorward() -> Command {
    Command::new(env!("CARGO_BIN_EXE_doorward"))
}

fn read(path: &str) -> String {
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::read_to_string(root.join(path)).expect("the document is there")
}

/// The fenced blocks of a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let blocks = text.split(&fence).skip(1);
    blocks.filter_map(|block| block.split("```").next().map(str::to_owned)).collect()
}
