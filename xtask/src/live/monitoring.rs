//! Prometheus itself over our metrics, and its tool over our alert rules.

use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Result, ensure};
use testbed::clock::until;
use testbed::{Port, Recorder, client};

use super::stage::{expect, house, token};
use super::{Listed, Stage};
use crate::command::{Run, program, root};
use crate::install::debian;

pub(super) const SCENARIOS: Listed = &[
    ("every_alert_rule_does_what_it_says", alerts),
    ("prometheus_reads_the_metrics_under_their_documented_names", metrics),
];

fn alerts(_: &Stage) -> Result<()> {
    let promtool = debian::tool(&debian::PROMTOOL)?;
    let folder = root().join("monitoring");
    for words in [["check", "rules", "alerts.yaml"], ["test", "rules", "alerts_test.yaml"]] {
        let said = program(&promtool).args(words).current_dir(&folder).output_text()?;
        ensure!(said.contains("SUCCESS"), "{said}");
    }
    Ok(())
}

fn metrics(stage: &Stage) -> Result<()> {
    let prometheus = debian::tool(&debian::PROMETHEUS)?;
    let service = Recorder::start()?;
    let (place, issuer) = house(&[format!("http://{}", service.address())])?;
    let gateway = place.start(stage.binary())?;
    expect(&place, "/orders/1", &token(&issuer)?, 200)?;
    expect(&place, "/nowhere", "", 404)?;
    let port = Port::reserve()?;
    place.write(
        "prometheus.yml",
        &format!(
            "scrape_configs:\n- job_name: doorward\n  scrape_interval: 1s\n  static_configs: [{{ targets: [\"{}\"] }}]\n",
            place.admin()
        ),
    )?;
    let child = program(prometheus)
        .arg(format!("--config.file={}", place.path("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", place.path("prometheus").display()))
        .arg(format!("--web.listen-address={}", port.address()))
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let _running = Running(child);
    for (query, expected) in [
        ("up", "\"1\""),
        ("doorward_decisions_total", "\"verdict\":\"deny\""),
        ("doorward_decision_seconds_bucket", "\"le\":\"0.005\""),
        ("doorward_issuer_usable", "\"issuer\":\"corp\""),
        ("doorward_endpoint_up", "\"service\":\"orders\""),
    ] {
        let path = format!("/api/v1/query?query={query}");
        until(&format!("{query} at Prometheus"), Duration::from_secs(30), || {
            let answer = client::get(port.address(), &path).ok().map(|reply| reply.text());
            Ok(answer.filter(|text| text.contains(expected)))
        })?;
    }
    gateway.stop()
}

/// A process that ends when this is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already; either way it is gone after this.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
