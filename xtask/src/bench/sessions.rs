//! Sessions beside bearer tokens: the same route of the same configuration, few of them and a crowd.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::json;
use testbed::browser::SESSION;
use testbed::{Demo, Issuer, Place};
use tokens::Algorithm;

use super::contestant::{Contestant, ISSUER};
use super::measure::Sample;
use super::wrk::Wrk;
use super::{FEW, far_away, mint};

/// What both gates are told, below `listen` and the first line of `audit`.
const CONFIG: &str = include_str!("../../bench/sessions.yaml");
/// The part above it of the gate where people sign in.
const SIGNS_IN: &str = "listen: { http: \"127.0.0.1:{gate}\", admin: \"127.0.0.1:{admin}\" }\n\
                        telemetry: { log: { level: error } }\n\
                        audit:\n  directory: \"{folder}/audit\"\n";
/// The host of the service.
pub(super) const HOST: &str = "orders.localhost";
/// How many sign in at once.
const AT_ONCE: usize = 4;

/// The contestants: each shows one kind of credential, so that its memory is what these take.
pub(super) const NAMES: [&str; 4] = ["few-tokens", "few-sessions", "many-tokens", "many-sessions"];

/// A gate for each kind and number of credentials.
pub(super) struct Rivals {
    pub(super) each: Vec<(Contestant, Wrk)>,
    /// How many a crowd is.
    pub(super) many: usize,
    _demo: Demo,
}

impl Rivals {
    /// Signs `many` in, all through the real thing, and starts the gates. `folder` is for what wrk reads.
    pub(super) fn enter(
        folder: &Path,
        binary: &Path,
        service: SocketAddr,
        many: usize,
    ) -> Result<Self> {
        let issuer = Issuer::new(ISSUER, Algorithm::Es256)?;
        let keys = folder.join("rivals-keys.json");
        std::fs::write(&keys, issuer.key_set().to_string())?;
        let config = format!("{SIGNS_IN}{CONFIG}").replace("{keys}", &keys.display().to_string());
        let demo = Demo::start(binary, &config, service)?;
        // The same for the others: they share its ledger.
        let filled = std::fs::read_to_string(demo.path("doorward.yaml"))?;
        let (_, rest) = filled.split_once("/audit\"\n").context("the audit section")?;
        let sessions = signed_in(&demo, many)?;
        let tokens = mint(&issuer, many, |_| json!({ "groups": ["support"], "exp": far_away() }))?;
        let tokens = tokens.iter().map(|token| format!("Authorization: Bearer {token}")).collect();
        let credentials: [Vec<String>; 2] = [tokens, sessions];
        let mut each = Vec::new();
        for (name, (kind, number)) in
            NAMES.into_iter().zip([(0, FEW), (1, FEW), (0, many), (1, many)])
        {
            let place = Place::new()?;
            place.configure(rest)?;
            let contestant = Contestant::doorward(name, binary, place)?;
            let lines = credentials.get(kind).and_then(|all| all.get(..number));
            let wrk = Wrk::new(folder, (name, HOST), lines.context("there are that many")?)?;
            each.push((contestant, wrk));
        }
        Ok(Self { each, many, _demo: demo })
    }

    /// Shows everything once or more, and measures all of them, by turns.
    pub(super) fn measure(&self, rounds: usize, seconds: u64) -> Result<Vec<Sample>> {
        let mut samples = Vec::new();
        for (contestant, wrk) in &self.each {
            wrk.check(contestant)?;
            wrk.warm_up(contestant)?;
        }
        for round in 0..rounds {
            for (contestant, wrk) in &self.each {
                let sample = wrk.measure(contestant, "sessions", round, seconds)?;
                println!("{sample}");
                samples.push(sample);
            }
        }
        Ok(samples)
    }
}

/// Signs in `many` times, and hands over the cookies, each as a header line.
fn signed_in(demo: &Demo, many: usize) -> Result<Vec<String>> {
    let done = AtomicUsize::new(0);
    let one = || -> Result<String> {
        let mut browser = demo.browser();
        let url = browser.url(HOST, "/orders/1");
        let enter = browser.passed(&url, ("staff", "alice"))?;
        browser.sent_on(&enter)?;
        let cookie = browser.cookie(HOST, SESSION).context("a session has a cookie")?;
        let so_far = done.fetch_add(1, Ordering::Relaxed) + 1;
        if so_far.is_multiple_of(10_000) {
            println!("{so_far} have signed in");
        }
        Ok(format!("Cookie: {SESSION}={cookie}"))
    };
    let some = || (0..many / AT_ONCE).map(|_| one()).collect::<Result<Vec<_>>>();
    let cookies = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(some)).collect();
        let cookies = threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| anyhow!("a thread that signs in panicked"))?);
        cookies.collect::<Result<Vec<_>>>()
    })?;
    let cookies = cookies.concat();
    ensure!(cookies.len() == many, "expected a multiple of {AT_ONCE}");
    Ok(cookies)
}
