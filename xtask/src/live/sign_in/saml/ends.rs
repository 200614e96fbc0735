//! A provider signs somebody out, and no gate lets them in.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use testbed::clock::{Stopwatch, let_pass};

use super::super::ends::{first_denial, tell, until_refused};
use super::super::house::{ORDERS, Replica};
use super::super::walker::{Arrived, Walker};
use super::super::watching::Watching;
use super::house::House;
use crate::live::Stage;

/// How many sessions are ended, in the usual tier and in the long one.
const TRIALS: (usize, usize) = (10, 100);

pub(in super::super) fn everywhere(stage: &Stage) -> Result<()> {
    let house = House::open(stage, false)?;
    let trials = if stage.is_soak() { TRIALS.1 } else { TRIALS.0 };
    let mut denied = Vec::new();
    for _ in 0..trials {
        denied.extend(trial(&house).map_err(|error| house.with_logs(error))?);
    }
    tell("from the provider's logout to the first denial", &mut denied, stage)
}

/// How long after the provider's logout each of the two gates denied.
fn trial(house: &House) -> Result<[Duration; 2]> {
    let [first, second] = house.replicas.as_slice() else { bail!("expected two gates") };
    let watch = Stopwatch::start();
    let mut alice = house.walker()?;
    let page = format!("{ORDERS}/campus/1");
    sign_in(&mut alice, &page, "alice")?;
    let at = |replica: &Replica| -> Result<Watching> {
        let walker = alice.at(replica.address());
        Ok(Watching::start(walker.target(&page)?, walker.fetches(&page)?, watch))
    };
    let watchings = [at(first)?, at(second)?];
    let_pass(Duration::from_millis(50));
    // Her browser goes from the provider to our place and back, as it is told to.
    let out = house.campus.sign_out_url(&format!("{ORDERS}/nowhere"));
    let done = watch.elapsed();
    alice.clone().go(&out)?;
    until_refused(&alice, &page, &house.replicas)?;
    let_pass(Duration::from_millis(100));
    let [one, other] = watchings;
    Ok([first_denial(&one.stop()?, done)?, first_denial(&other.stop()?, done)?])
}

/// Signs `user` in at SimpleSAMLphp, by its form and the one that its page sends by itself.
pub(super) fn sign_in(walker: &mut Walker, url: &str, user: &str) -> Result<()> {
    let arrived = try_to_sign_in(walker, url, user)?;
    let text = arrived.reply.text();
    ensure!(arrived.url == url && arrived.reply.status == 200, "came to {}: {text}", arrived.url);
    Ok(())
}

/// The same, wherever it leads.
pub(super) fn try_to_sign_in(walker: &mut Walker, url: &str, user: &str) -> Result<Arrived> {
    let login = walker.go(url)?;
    let text = login.reply.text();
    ensure!(text.contains("name=\"AuthState\""), "no form at {}: {text}", login.url);
    let password = format!("{user}-password");
    let state = value(&text, "AuthState");
    let said = [("username", user), ("password", &password), ("AuthState", state.as_str())];
    let answer = walker.post(login.url.split('?').next().unwrap_or_default(), &said)?;
    let text = answer.reply.text();
    let (action, answer, state) =
        (attribute(&text, "action"), value(&text, "SAMLResponse"), value(&text, "RelayState"));
    ensure!(!answer.is_empty(), "no answer: {text}");
    walker.post(&action, &[("SAMLResponse", &answer), ("RelayState", &state)])
}

/// The value of a field of a form.
fn value(html: &str, name: &str) -> String {
    let field = html.split_once(&format!("name=\"{name}\"")).map_or("", |(_, rest)| rest);
    attribute(field, "value")
}

/// The next attribute of this name.
fn attribute(html: &str, name: &str) -> String {
    let (_, rest) = html.split_once(&format!("{name}=\"")).unwrap_or_default();
    let text = rest.split('"').next().unwrap_or_default();
    text.replace("&amp;", "&").replace("&#45;", "-")
}
