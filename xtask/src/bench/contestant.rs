//! Who is measured: a process with one worker, before a service.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use testbed::clock::until;
use testbed::{Client, Gateway, Place, Port};

use crate::dist;
use crate::machine::{processor_seconds, resident_mb};
use crate::peer::Peer;

/// Someone who is measured. It ends when it is dropped.
pub(super) struct Contestant {
    pub(super) name: &'static str,
    pub(super) address: SocketAddr,
    /// Whether it checks tokens.
    pub(super) checks: bool,
    /// Memory in use when it had started, in MB.
    pub(super) at_first: f64,
    process: Process,
    _ports: Vec<Port>,
}

/// What it runs as.
pub(super) enum Process {
    Peer(Peer),
    Doorward {
        gateway: Gateway,
        place: Place,
    },
    /// A proxy that asks Doorward.
    Asking {
        peer: Peer,
        gateway: Gateway,
        _place: Place,
    },
}

/// Processor time, in seconds: all of it, and how much of that is Doorward's where another forwards.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spent {
    pub(super) all: f64,
    pub(super) asked: Option<f64>,
}

impl Contestant {
    /// The process, as soon as it listens at `address`.
    pub(super) fn new(
        name: &'static str,
        address: SocketAddr,
        process: Process,
        ports: Vec<Port>,
    ) -> Result<Self> {
        until(name, Duration::from_secs(20), || Ok(Client::connect(address).ok().map(drop)))?;
        let checks = name != "nginx";
        let mut contestant = Self { name, address, checks, at_first: 0.0, process, _ports: ports };
        contestant.at_first = contestant.resident()?;
        Ok(contestant)
    }

    /// Doorward in a place that is furnished, by whatever name, at its front door.
    pub(super) fn doorward(name: &'static str, binary: &Path, place: Place) -> Result<Self> {
        let gateway = started(&place, binary)?;
        Self::new(name, place.http(), Process::Doorward { gateway, place }, Vec::new())
    }

    /// The memory that it has in use, in MB.
    pub(super) fn resident(&self) -> Result<f64> {
        let (forwards, asked) = self.pids();
        Ok(resident_mb(forwards)? + asked.map_or(Ok(0.0), resident_mb)?)
    }

    /// The processor time that it has had so far.
    pub(super) fn spent(&self) -> Result<Spent> {
        let (forwards, asked) = self.pids();
        let asked = asked.map(processor_seconds).transpose()?;
        Ok(Spent { all: processor_seconds(forwards)? + asked.unwrap_or(0.0), asked })
    }

    /// Doorward and its place, if it is that alone.
    pub(super) fn gateway(&self) -> Option<(&Gateway, &Place)> {
        match &self.process {
            Process::Doorward { gateway, place } => Some((gateway, place)),
            Process::Asking { .. } | Process::Peer(_) => None,
        }
    }

    /// The processes: the one that forwards, and the one that it asks, if it does.
    fn pids(&self) -> (u32, Option<u32>) {
        match &self.process {
            Process::Peer(peer) => (peer.pid(), None),
            Process::Doorward { gateway, .. } => (gateway.pid(), None),
            Process::Asking { peer, gateway, .. } => (peer.pid(), Some(gateway.pid())),
        }
    }
}

/// Starts Doorward in a place that is furnished, and waits until it is ready.
pub(super) fn started(place: &Place, binary: &Path) -> Result<Gateway> {
    place.start_by(as_a_service(place, binary)?)
}

/// What starts it there, in the environment that its service unit has.
pub(super) fn as_a_service(place: &Place, binary: &Path) -> Result<Command> {
    let mut command = place.run(binary)?;
    dist::environment(&mut command)?;
    Ok(command)
}

impl Spent {
    /// What was spent from `self` to `later`, per request, in microseconds.
    pub(super) fn until(self, later: Self, requests: f64) -> Self {
        let each = |seconds: f64| seconds * 1e6 / requests;
        Self {
            all: each(later.all - self.all),
            asked: self.asked.zip(later.asked).map(|(from, to)| each(to - from)),
        }
    }
}
