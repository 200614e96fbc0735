//! systemd's own tool over our units, the commands of the image recipe in a root as bare as the image's, and what the binary
//! that ships is laid out by.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use testbed::clock::until;
use testbed::{Gateway, Port, Recorder, client};

use super::{Listed, Stage};
use crate::command::{Run, program, root};
use crate::dist::paces::put_through;
use crate::install::debian;

pub(super) const SCENARIOS: Listed = &[
    ("systemd_takes_the_units", verify),
    ("systemd_finds_the_service_little_exposed", security),
    ("the_commands_of_the_image_run_in_a_bare_root_as_nobody_in_particular", bare_root),
    ("man_shows_the_manual", manual),
    ("what_ships_is_seen_to_serve_and_to_refuse_at_each_of_its_doors", paces),
];

/// The most exposure that `systemd-analyze security` may find, in its tenths: 0 is none, 100 all. It is of one version
/// of the tool; a setting that is lost costs 1 or more.
const EXPOSURE: u32 = 15;

/// What systemd before 253 says of the unit, and goes on.
const OLD_SYSTEMD: &str = "Failed to parse service type, ignoring: notify-reload";

/// The units, with a binary that is there.
fn units(stage: &Stage) -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    for name in ["doorward.service", "doorward-https.socket", "doorward-http.socket"] {
        let text = fs::read_to_string(root().join("packaging/systemd").join(name))?;
        let binary = stage.binary().display().to_string();
        fs::write(folder.path().join(name), text.replace("/usr/bin/doorward", &binary))?;
    }
    Ok(folder)
}

fn verify(stage: &Stage) -> Result<()> {
    let (analyze, folder) = (debian::tool(&debian::SYSTEMD_ANALYZE)?, units(stage)?);
    let output = program(analyze)
        .args(["verify", "--man=no"])
        .args(
            ["doorward.service", "doorward-https.socket", "doorward-http.socket"]
                .map(|name| folder.path().join(name)),
        )
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let problems: Vec<_> = said.lines().filter(|line| !line.contains(OLD_SYSTEMD)).collect();
    ensure!(problems.is_empty(), "{said}");
    ensure!(output.status.success() || !said.is_empty(), "{}", output.status);
    Ok(())
}

fn security(stage: &Stage) -> Result<()> {
    let (analyze, folder) = (debian::tool(&debian::SYSTEMD_ANALYZE)?, units(stage)?);
    let table = program(analyze)
        .args(["security", "--offline=yes", "--no-pager"])
        .arg(format!("--threshold={EXPOSURE}"))
        .arg(folder.path().join("doorward.service"))
        .output_text()?;
    let level = table.lines().rfind(|line| line.contains("exposure level"));
    println!("  {}", level.context("no exposure level")?.trim());
    Ok(())
}

/// Runs what the recipe runs, as its user and in its environment, where there is nothing but the binary, the libraries that it is linked with,
/// and its configuration. Only its state is its own: everywhere else it cannot write.
fn bare_root(stage: &Stage) -> Result<()> {
    let recipe = fs::read_to_string(root().join("packaging/container/Containerfile"))?;
    let words = |instruction: &str| -> Result<Vec<String>> {
        let line = recipe.lines().rfind(|line| line.starts_with(instruction));
        let list = line.and_then(|line| line.find('[').and_then(|begin| line.get(begin..)));
        Ok(serde_json::from_str(list.with_context(|| format!("no {instruction}"))?)?)
    };
    let user = recipe.lines().find_map(|line| line.strip_prefix("USER ")).context("no USER")?;
    let folder = tempfile::tempdir()?;
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
    let put = |from: &Path, to: &str| -> Result<()> {
        let to = folder.path().join(to.trim_start_matches('/'));
        fs::create_dir_all(to.parent().context("a file is in a folder")?)?;
        fs::copy(from, &to).with_context(|| format!("cannot copy {}", from.display())).map(drop)
    };
    put(stage.binary(), "/usr/bin/doorward")?;
    let linked = program("ldd").arg(stage.binary()).output_text()?;
    for library in linked.split_whitespace().filter(|word| word.starts_with('/')) {
        put(Path::new(library), library)?;
    }
    let state = folder.path().join("var/lib/doorward");
    fs::create_dir_all(&state)?;
    let id = user.split(':').next().and_then(|id| id.parse().ok());
    chown(&state, id, id)?;
    let (http, admin, service) = (Port::reserve()?, Port::reserve()?, Recorder::start()?);
    let config = folder.path().join("doorward.yaml");
    fs::write(
        &config,
        format!(
            "listen: {{ http: {}, admin: {} }}
audit: {{ directory: /var/lib/doorward/audit }}
services:
  orders: {{ audience: orders, endpoints: [\"http://{}\"] }}
routes:
  - name: orders
    match: {{ host: orders.test, path: \"/**\", methods: [GET] }}
    service: orders
    allow: [{{ anyone: true }}]
",
            http.address(),
            admin.address(),
            service.address()
        ),
    )?;
    put(&config, "/etc/doorward/doorward.yaml")?;
    let inside = |words: &[String]| {
        let mut command = program("chroot");
        command.arg(format!("--userspec={user}")).arg(folder.path()).args(words);
        let set = recipe.lines().filter_map(|line| line.strip_prefix("ENV ")?.split_once('='));
        command.envs(set);
        command
    };
    let run = [words("ENTRYPOINT")?, words("CMD")?].concat();
    let child = inside(&run).stdin(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let gateway = Gateway::from(child);
    let check = [words("HEALTHCHECK")?, vec![admin.address().to_string()]].concat();
    until("the health check to pass", Duration::from_secs(20), || {
        Ok(inside(&check).output_text().ok())
    })?;
    let ask = "GET /a HTTP/1.1\r\nHost: orders.test\r\nConnection: close\r\n\r\n";
    let reply = client::ask(http.address(), ask)?;
    ensure!(reply.status == 200, "{} {}", reply.status, reply.text());
    gateway.stop()?;
    ensure!(inside(&check).output_text().is_err(), "the health check passes with nobody there");
    Ok(())
}

fn paces(stage: &Stage) -> Result<()> {
    put_through(stage.binary(), tempfile::tempdir()?.path())
}

fn manual(stage: &Stage) -> Result<()> {
    let groff = debian::tool(&debian::GROFF)?;
    let folder = tempfile::tempdir()?;
    let page = folder.path().join("doorward.1");
    fs::write(&page, program(stage.binary()).arg("man").output_text()?)?;
    // Each warning of the formatter is an error of the page.
    let output = program(groff).args(["-man", "-Tutf8", "-ww", "-z"]).arg(&page).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success() && said.is_empty(), "{said}");
    let text = program("groff").args(["-man", "-Tutf8"]).arg(&page).output_text()?;
    ensure!(text.contains("take-over"), "{text}");
    Ok(())
}
