//! The examples of services that check `Doorward-Identity`, in languages other than ours (examples/verify).

use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use testbed::verifying::{Wanted, play};

use super::{Listed, Stage};
use crate::command::{Run, program, root, target};
use crate::install::{debian, python};

pub(super) const SCENARIOS: Listed = &[
    ("the_go_example_believes_the_gate_and_nobody_else", go),
    ("the_node_example_believes_the_gate_and_nobody_else", node),
    ("the_python_example_believes_the_gate_and_nobody_else", python),
];

fn go(stage: &Stage) -> Result<()> {
    let (go, folder) = (debian::tool(&debian::GO)?, root().join("examples/verify/go"));
    let binary = target("tools/verify-go");
    // Nothing is fetched: the example has no dependencies.
    let inside = |words: &[&str]| {
        let mut command = program(&go);
        command.args(words).current_dir(&folder).env("GOFLAGS", "-mod=mod").env("GOPROXY", "off");
        command.env("GOCACHE", target("tools/go-cache"));
        command
    };
    inside(&["vet", "./..."]).done()?;
    inside(&["build", "-o"]).arg(&binary).arg(".").done()?;
    play(stage.binary(), |wanted| Service::start(Command::new(&binary), wanted))
}

fn node(stage: &Stage) -> Result<()> {
    let script = root().join("examples/verify/node/service.mjs");
    play(stage.binary(), |wanted| {
        let mut command = Command::new("node");
        command.arg(&script);
        Service::start(command, wanted).context("it takes Node 20 or later")
    })
}

fn python(stage: &Stage) -> Result<()> {
    let folder = root().join("examples/verify/python");
    let python = python::python_with(&folder.join("requirements.txt"))?;
    play(stage.binary(), |wanted| {
        let mut command = Command::new(&python);
        command.arg(folder.join("service.py"));
        Service::start(command, wanted)
    })
}

/// An example that runs. It ends when it is dropped.
struct Service(Child);

impl Service {
    fn start(mut command: Command, wanted: &Wanted) -> Result<Self> {
        command
            .arg(wanted.address.port().to_string())
            .args([&wanted.keys, &wanted.issuer, &wanted.audience])
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        Ok(Self(command.spawn().context("it cannot be started")?))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended already; either way it is gone after this.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
