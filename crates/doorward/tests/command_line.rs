//! What the binary says about itself: help, completions, manual, health.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use testbed::{Client, Place, Recorder};

const SHELLS: [&str; 5] = ["bash", "elvish", "fish", "powershell", "zsh"];

#[test]
fn each_shell_is_told_every_command() -> Result<()> {
    let commands = commands()?;
    for shell in SHELLS {
        let script = said(&["completions", shell])?;
        for command in &commands {
            ensure!(script.contains(command.as_str()), "{shell} does not know `{command}`");
        }
        ensure!(script.contains("take-over"), "{shell} knows no options");
    }
    let refused = doorward().args(["completions", "dash"]).output()?;
    assert_eq!(refused.status.code(), Some(2));
    Ok(())
}

#[test]
fn the_completions_of_bash_complete() -> Result<()> {
    let script = said(&["completions", "bash"])?
        + "COMP_WORDS=(doorward run --ta); COMP_CWORD=2; _doorward doorward --ta run\n"
        + "echo \"${COMPREPLY[*]}\"\n";
    let mut bash = Command::new("bash").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    bash.stdin.take().context("a piped input")?.write_all(script.as_bytes())?;
    let output = bash.wait_with_output()?;
    assert_eq!(String::from_utf8(output.stdout)?, "--take-over\n");
    Ok(())
}

#[test]
fn the_manual_has_every_command_and_its_options() -> Result<()> {
    let page = said(&["man"])?;
    ensure!(page.contains(".TH doorward 1"), "no title");
    for command in commands()? {
        let heading = format!(".SH \"DOORWARD {}\"", command.to_uppercase());
        ensure!(page.contains(&heading), "`{command}` is not in the manual: {heading}");
    }
    for told in ["\\-\\-take\\-over", ".SH \"DOORWARD AUDIT VERIFY\"", "Exit status:", "Signals:"] {
        ensure!(page.contains(told), "`{told}` is not in the manual");
    }
    ensure!(!page.contains("EXTRA"), "a heading that says nothing");
    Ok(())
}

#[test]
fn every_command_that_help_shows_is_one() -> Result<()> {
    let mut shown = 0;
    let mut helps = vec![said(&["--help"])?];
    for command in commands()? {
        helps.push(said(&[&command, "--help"])?);
    }
    for line in helps.iter().flat_map(|help| help.lines()) {
        let Some((_, words)) = line.split_once("  doorward ") else { continue };
        let words: Vec<_> = words
            .split("   ")
            .next()
            .unwrap_or_default()
            .split(' ')
            .take_while(|word| !matches!(*word, ">" | "|" | "<"))
            .collect();
        let output = doorward().args(&words).arg("--help").output()?;
        ensure!(output.status.success(), "`doorward {}`: {output:?}", words.join(" "));
        shown += 1;
    }
    ensure!(shown >= 12, "only {shown} examples were found");
    Ok(())
}

#[test]
fn health_tells_the_living_from_the_ready_and_the_dead() -> Result<()> {
    let service = Recorder::start()?;
    let place = Place::new()?;
    place.configure(&format!(
        "services:
  orders: {{ audience: orders, endpoints: [\"http://{}\"] }}
routes:
  - name: orders
    match: {{ host: orders.test, path: \"/**\", methods: [\"*\"] }}
    service: orders
    allow: [{{ anyone: true }}]
",
        service.address()
    ))?;
    let admin = place.admin().to_string();
    let health = |words: &[&str]| -> Result<(Option<i32>, String, String)> {
        let output = doorward().arg("health").args(words).arg(&admin).output()?;
        let (said, error) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
        Ok((output.status.code(), said, error))
    };
    let gateway = place.start(env!("CARGO_BIN_EXE_doorward").as_ref())?;
    assert_eq!(health(&[])?, (Some(0), "alive\n".to_owned(), String::new()));
    let (status, said, _) = health(&["--ready"])?;
    ensure!(status == Some(0) && said.contains("\"status\": \"ready\""), "{status:?}: {said}");
    // A caller that may still ask keeps it, and it wants no others.
    let _silent = Client::connect(place.http())?;
    gateway.terminate()?;
    place.until_status("/readyz", 503)?;
    let (status, said, _) = health(&["--ready"])?;
    ensure!(status == Some(1) && said.contains("\"draining\""), "{status:?}: {said}");
    assert_eq!(health(&[])?.0, Some(0));
    gateway.end()?;
    let expected = format!(
        "doorward: no answer from `{}` (`listen.admin`): Connection refused (os error 111)\n",
        place.admin()
    );
    assert_eq!(health(&[])?, (Some(1), String::new(), expected));
    Ok(())
}

/// The commands that help lists.
fn commands() -> Result<BTreeSet<String>> {
    let help = said(&["--help"])?;
    let listed = help.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next());
    let lines = listed.context("a list of commands")?.lines();
    let names = lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names: BTreeSet<_> =
        names.filter(|name| !name.is_empty() && *name != "help").map(str::to_owned).collect();
    ensure!(names.len() >= 11, "{names:?}");
    Ok(names)
}

/// What the binary prints.
fn said(words: &[&str]) -> Result<String> {
    let output = doorward().args(words).output()?;
    ensure!(output.status.success() && output.stderr.is_empty(), "{words:?}: {output:?}");
    Ok(String::from_utf8(output.stdout)?)
}

fn doorward() -> Command {
    Command::new(env!("CARGO_BIN_EXE_doorward"))
}

#[test]
fn the_audit_log_is_found_where_a_configuration_has_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let config = "listen: { http: \"127.0.0.1:8080\" }
audit: { directory: log }
issuers: {}
services: { app: { audience: app, endpoints: [\"http://127.0.0.1:9001\"] } }
routes:
  - { name: app, match: { host: \"*\", path: /, methods: [GET] }, service: app, allow: [{ anyone: true }] }
";
    std::fs::write(folder.path().join("doorward.yaml"), config)?;
    let tail = |arguments: &[&str]| -> Result<String> {
        let mut command = doorward();
        command.args(["audit", "tail"]).args(arguments).current_dir(folder.path());
        Ok(String::from_utf8(command.output()?.stderr)?)
    };
    let missing = |directory| {
        format!("doorward: cannot read `{directory}`: No such file or directory (os error 2)\n")
    };
    assert_eq!(tail(&["--config", "doorward.yaml"])?, missing("./log"));
    assert_eq!(tail(&[])?, missing("audit"));
    Ok(())
}
