//! `doorward init`: a first configuration from what an issuer says about itself.

#[expect(dead_code, reason = "no token is needed here")]
mod web;

use anyhow::Result;
use tempfile::tempdir;
use tokens::Algorithm;
use web::{Web, run};

#[test]
fn an_issuer_makes_a_configuration_that_is_good() -> Result<()> {
    let (issuer, folder) = (Web::start(Algorithm::Es256)?, tempdir()?);
    let url = issuer.url();
    let ran = run(
        folder.path(),
        &["init", "--issuer", &url, "--upstream", "http://127.0.0.1:9001", "--audience", "orders"],
        "",
    )?;
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
    let settings: Vec<_> = ran
        .stdout
        .lines()
        .map(|line| line.split("   # ").next().unwrap_or_default().trim_end())
        .filter(|line| !line.is_empty() && !line.trim_start().starts_with('#'))
        .collect();
    let expected = r#"listen:
  http: 127.0.0.1:8080
issuers:
  main:
    issuer: "{url}"
    algorithms: [ES256]
services:
  app:
    audience: "orders"
    endpoints: ["http://127.0.0.1:9001"]
routes:
  - name: app
    match: { host: "*", path: "/**", methods: ["*"] }
    service: app
    accept: [main]
    allow: [{ authenticated: true }]"#;
    assert_eq!(settings.join("\n"), expected.replace("{url}", &url));
    assert!(ran.stdout.starts_with("# yaml-language-server: $schema="), "{}", ran.stdout);
    // With the health route uncommented it is good as well.
    let health = ["name: health", "  match:", "  service:", "  allow: [{ anyone"];
    let opened: Vec<_> = ran
        .stdout
        .lines()
        .map(|line| match line.strip_prefix("  # ") {
            Some(rest) if rest.starts_with("- name: health") => format!("  {rest}"),
            Some(rest) if health.iter().any(|key| rest.starts_with(key)) => format!("  {rest}"),
            _ => line.to_owned(),
        })
        .collect();
    std::fs::write(folder.path().join("doorward.yaml"), opened.join("\n"))?;
    let checked = run(folder.path(), &["check"], "")?;
    let good = "doorward.yaml is good: 1 issuer, 1 service, 2 routes, 0 policy files\n";
    assert_eq!((checked.status, checked.stdout.as_str()), (Some(0), good), "{}", checked.stderr);
    Ok(())
}

#[test]
fn a_file_that_is_there_is_never_written_over() -> Result<()> {
    let (issuer, folder) = (Web::start(Algorithm::Es256)?, tempdir()?);
    let url = issuer.url();
    let init = ["init", "--issuer", &url, "--upstream", "http://127.0.0.1:9001", "-o", "d.yaml"];
    let first = run(folder.path(), &init, "")?;
    let next = "wrote d.yaml; next: doorward check d.yaml && doorward run d.yaml\n";
    assert_eq!((first.status, first.stdout.as_str()), (Some(0), next), "{}", first.stderr);
    let second = run(folder.path(), &init, "")?;
    let refused = "doorward: `d.yaml` cannot be written: File exists (os error 17)\n";
    assert_eq!((second.status, second.stderr.as_str()), (Some(1), refused));
    Ok(())
}

#[test]
fn an_issuer_that_names_itself_otherwise_is_told() -> Result<()> {
    let (issuer, folder) = (Web::start_as(Algorithm::Es256, "/")?, tempdir()?);
    let url = issuer.url();
    let ran =
        run(folder.path(), &["init", "--issuer", &url, "--upstream", "http://127.0.0.1:9001"], "")?;
    let expected = format!(
        "doorward: `{url}/.well-known/openid-configuration` says that the issuer is called `{url}/`, not `{url}`\n  try again with `--issuer {url}/`\n"
    );
    assert_eq!((ran.status, ran.stdout.as_str(), ran.stderr), (Some(1), "", expected));
    Ok(())
}

#[test]
fn an_issuer_that_is_not_there_is_told() -> Result<()> {
    let folder = tempdir()?;
    let gone = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let url = format!("http://{gone}");
    let ran =
        run(folder.path(), &["init", "--issuer", &url, "--upstream", "http://127.0.0.1:9001"], "")?;
    let expected = format!(
        "doorward: there is no word from the issuer about itself: `{url}/.well-known/openid-configuration` cannot be connected to: {gone}: Connection refused (os error 111)\n  its URL must be exactly as its tokens have it in `iss`, and this machine must be able to reach it\n"
    );
    assert_eq!((ran.status, ran.stderr), (Some(1), expected));
    Ok(())
}

#[test]
fn options_that_make_no_good_configuration_are_told() -> Result<()> {
    let (issuer, folder) = (Web::start(Algorithm::Es256)?, tempdir()?);
    let ran =
        run(folder.path(), &["init", "--issuer", &issuer.url(), "--upstream", "ftp://here"], "")?;
    assert_eq!((ran.status, ran.stdout.as_str()), (Some(1), ""));
    let said = "doorward: these options make no good configuration:\n";
    assert!(ran.stderr.starts_with(said), "{}", ran.stderr);
    Ok(())
}
