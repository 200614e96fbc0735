//! docs/performance.md, and its pictures.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;

use super::FEW;
use super::section::{Section, Table};
use super::wrk::CONNECTIONS;
use crate::command::{Run as _, program};
use crate::install::debian;
use crate::machine::described;
use crate::peer;

/// Where the pictures are, from the document.
const PICTURES: &str = "performance";
/// Where the configurations are, from the document.
const CONFIGURATIONS: &str = "../xtask/bench";

/// Everyone, with the file that configures it.
const CONTESTANTS: [(&str, &str, &str); 9] = [
    ("nginx", "nginx.conf", "`proxy_pass` over kept connections; no authentication at all"),
    (
        "envoy",
        "envoy.yaml",
        "`jwt_authn` with its cache on, and RBAC on method, path and the verified scope",
    ),
    ("envoy-cache-off", "envoy.yaml", "the same without the cache"),
    (
        "haproxy",
        "haproxy.cfg",
        "`jwt_verify`, and comparisons of issuer, audience, end, method, path and scope",
    ),
    (
        "doorward",
        "doorward.yaml",
        "token, route, rule on the scope, two audit records per request, the subject in a header",
    ),
    ("doorward-identity", "doorward.yaml", "the same, and a signed identity for the service"),
    (
        "envoy-asks",
        "envoy-asks.yaml",
        "Envoy that asks Doorward about each request (`ext_authz`, gRPC); both processes are counted",
    ),
    ("nginx-asks", "nginx-asks.conf", "nginx that does (`auth_request`, HTTP)"),
    ("the service", "service.conf", "nginx with one worker, 32 bytes, behind all of them"),
];

/// The programs that were measured and that measured, with their versions.
pub(super) fn versions() -> Result<Vec<String>> {
    let commit = program("git").args(["describe", "--always", "--dirty"]).output_text()?;
    Ok(vec![
        format!("Doorward at {}", commit.trim()),
        peer::nginx_version()?,
        peer::envoy_version()?,
        peer::version("HAProxy", &debian::tool(&debian::HAPROXY)?, "-v")?,
        peer::version("wrk", &debian::tool(&debian::WRK)?, "-v")?,
        peer::version("h2load", &debian::tool(&debian::H2LOAD)?, "--version")?,
    ])
}

/// The document.
pub(super) fn write(sections: &[Section], versions: &[String], rounds: usize) -> Result<String> {
    let mut text = String::from(
        "# Performance\n\n\
         What one request costs the proxy, side by side on one machine in one run. This page is written by\n\n\
         ```\ncargo xtask bench\n```\n\n\
         which installs what it compares with (Debian, root). `--only warm`, or another scenario or contestant, runs a part; \
         `--quick` runs everything briefly; both write nothing. Doorward is built as it ships, by `cargo xtask dist`: laid \
         out by what it is seen to do, and runs in the environment of its service unit. [What a request costs](what-a-request-costs.md) is a profile: what bounds a goal that \
         is not reached.\n\n",
    );
    writeln!(text, "**Machine**: {}. **Versions**: {}.\n", described(), versions.join("; "))?;
    writeln!(
        text,
        "**Method**: one service (nginx, one worker, 32 bytes), one contestant at a time with one worker or thread, one \
         thread of load with {CONNECTIONS} keep-alive connections by wrk, unless a section says otherwise; {FEW} distinct \
         tokens in turn; {rounds} rounds, each contestant once in every round. Figures are medians of the rounds, ratios \
         are between runs of the same round, with the least and the most of the rounds in parentheses. CPU is user and \
         system time of the contestant's process (and of Doorward's, where a proxy asks it) from `/proc/PID/stat`, divided \
         by the requests that the load generator counted. A run in which one answer is wrong counts for nothing: the whole \
         fails. Requests per second and latencies depend on what else the machine does, and are not to be compared across \
         runs. MB are millions of bytes. Audit is always on.\n"
    )?;
    let mut contestants = Table::new(["contestant", "does"]);
    for (name, file, does) in CONTESTANTS {
        contestants.row([format!("[{name}]({CONFIGURATIONS}/{file})"), does.to_owned()]);
    }
    text.push_str(&contestants.text);
    goals(&mut text, sections)?;
    for Section { name, title, text: body, picture, .. } in sections {
        writeln!(text, "\n## {title}\n")?;
        if let Some(picture) = picture {
            writeln!(text, "![{}]({PICTURES}/{name}.svg)\n", picture.title)?;
        }
        text.push_str(body);
    }
    Ok(text)
}

/// The goals that `sections` can judge, in their order.
fn goals(text: &mut String, sections: &[Section]) -> std::fmt::Result {
    let mut goals: Vec<_> = sections.iter().flat_map(|section| &section.goals).collect();
    goals.sort_by_key(|goal| goal.number);
    if goals.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(["", "goal", "at most", "measured", "met"]);
    for goal in goals {
        table.row(goal.cells());
    }
    write!(text, "\n## Goals\n\n{}", table.text)
}

/// Writes the pictures of `sections` to the folder beside the document; those that were there before go.
pub(super) fn draw(sections: &[Section], document: &Path) -> Result<()> {
    let folder = document.with_file_name(PICTURES);
    if folder.is_dir() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    for Section { name, picture, .. } in sections {
        if let Some(picture) = picture {
            std::fs::write(folder.join(format!("{name}.svg")), picture.to_string())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::measure::tests::two_rounds;
    use super::super::section::Goal;
    use super::*;
    use crate::command::root;

    fn section() -> Section {
        let samples = two_rounds();
        let goal = |number, most| Goal {
            number,
            what: "Warm".to_owned(),
            most,
            unit: "×",
            measured: samples.compared("doorward", "nginx").unwrap(),
        };
        Section::of_runs(("warm", "Warm tokens"), "All of them.", &samples, &["nginx"])
            .with([goal(2, 1.3), goal(1, 1.4)])
    }

    #[test]
    fn the_document_has_the_goals_in_their_order_and_each_section_with_its_picture() {
        let text = write(&[section()], &["nginx 1.22.1".to_owned()], 2).unwrap();
        assert!(text.contains("**Versions**: nginx 1.22.1."));
        assert!(text.contains(
            "## Goals

|  | goal | at most | measured | met |
| --- | --- | --- | --- | --- |
| 1 | Warm | 1.4 × | 1.35 (1.30–1.40) × | yes |
| 2 | Warm | 1.3 × | 1.35 (1.30–1.40) × | **no** |

## Warm tokens

![Warm tokens: CPU µs per request, median and range](performance/warm.svg)

All of them.

| "
        ));
        assert!(text.ends_with("|\n"));
    }

    #[test]
    fn pictures_are_written_beside_the_document_and_old_ones_go() {
        let folder = tempfile::tempdir().unwrap();
        let pictures = folder.path().join(PICTURES);
        std::fs::create_dir(&pictures).unwrap();
        std::fs::write(pictures.join("old.svg"), "").unwrap();
        draw(&[section()], &folder.path().join("performance.md")).unwrap();
        let names: Vec<_> =
            std::fs::read_dir(&pictures).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["warm.svg"]);
    }

    #[test]
    fn every_configuration_that_the_document_names_is_there() {
        for (_, file, _) in CONTESTANTS {
            assert!(root().join("docs").join(CONFIGURATIONS).join(file).is_file(), "{file}");
        }
    }
}
