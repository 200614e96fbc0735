//! Sessions beside bearer tokens: the same route of the same configuration, few of them and a crowd.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::json;
use testbed::browser::SESSION;
use testbed::{Demo, Issuer, Place};
use tokens::Algorithm;

use super::contestant::Contestant;
use super::field::{Field, ISSUER, mint};
use super::section::Section;
use super::wrk::{Wrk, by_turns};
use super::{FEW, Sections};

/// What both gates are told, below `listen` and the first line of `audit`.
const CONFIG: &str = include_str!("../../bench/sessions.yaml");
/// The part above it of the gate where people sign in.
const SIGNS_IN: &str = "listen: { http: \"127.0.0.1:{gate}\", admin: \"127.0.0.1:{admin}\" }\n\
                        telemetry: { log: { level: error } }\n\
                        audit:\n  directory: \"{folder}/audit\"\n";
/// The host of the service.
const HOST: &str = "orders.localhost";
/// How many sessions, or tokens, a crowd has: signing in takes milliseconds of the machine.
const MANY: usize = 30_000;
/// The same in a quick run.
const MANY_IF_QUICK: usize = 4_000;
/// How many sign in at once.
const AT_ONCE: usize = 4;

/// The contestants: each shows one kind of credential, so that its memory is what these take.
const NAMES: [&str; 4] = ["few-tokens", "few-sessions", "many-tokens", "many-sessions"];

/// How long a run takes, in seconds.
const SECONDS: u64 = 4;

/// Signs many in, all through the real thing, and measures a gate for each kind and number of credentials.
pub(super) fn measure(field: &Field) -> Sections {
    let many = field.usually(MANY, MANY_IF_QUICK);
    let issuer = Issuer::new(ISSUER, Algorithm::Es256)?;
    let keys = field.folder.join("sessions-keys.json");
    std::fs::write(&keys, issuer.key_set().to_string())?;
    let config = format!("{SIGNS_IN}{CONFIG}").replace("{keys}", &keys.display().to_string());
    let demo = Demo::start(&field.binary, &config, field.service)?;
    // The same for the others: they share its ledger.
    let filled = std::fs::read_to_string(demo.path("doorward.yaml"))?;
    let (_, rest) = filled.split_once("/audit\"\n").context("the audit section")?;
    let sessions = signed_in(&demo, many)?;
    let tokens = mint(&issuer, many, |_| json!({ "groups": ["support"] }))?;
    let credentials = [tokens, sessions];
    let mut each = Vec::new();
    for (name, (kind, number)) in NAMES.into_iter().zip([(0, FEW), (1, FEW), (0, many), (1, many)])
    {
        let place = Place::new()?;
        place.configure(rest)?;
        let contestant = Contestant::doorward(name, &field.binary, place)?;
        let lines = credentials.get(kind).and_then(|all| all.get(..number));
        let lines = lines.context("there are that many")?;
        each.push((contestant, Wrk::new(&field.folder, name, lines)?.host(HOST)));
    }
    let pairs: Vec<_> = each.iter().map(|(contestant, wrk)| (contestant, wrk)).collect();
    let samples = by_turns(field, &pairs, SECONDS)?;
    let about = format!(
        "One route that takes the tokens of an issuer (ES256) and the sessions of a provider. Everyone has signed in \
         through the gate itself, with the provider of the demo; the sessions are in SQLite, and each gate below has \
         been started anew on it. Few are {FEW}, many are {many}, shown in turn; each has been shown before, so all are \
         at hand. Every use of a session is noted in the ledger, each at least once a minute."
    );
    let rivals = ["few-tokens", "many-tokens"];
    let title = ("sessions", "Sessions beside tokens");
    Ok(vec![Section::of_runs(title, &about, &samples, &rivals)])
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
