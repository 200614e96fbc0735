//! What changes while requests flow: the configuration, and the endpoints of a service. No request may fail that a
//! correct proxy could have served.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use testbed::clock::{let_pass, until};
use testbed::{Load, Place, Recorder};

use super::stage::{expect, file_issuer, house, request, token, with_issuer};
use super::{Listed, Stage};

pub(super) const SCENARIOS: Listed = &[
    ("a_changed_file_takes_over_under_load_without_a_failed_request", changed_file),
    ("a_hangup_signal_takes_over_under_load_without_a_failed_request", hangup),
    ("a_broken_file_leaves_the_good_one_running_and_is_shown", broken_file),
    ("a_dropped_key_is_refused_from_the_reload_on_and_a_new_one_taken", new_keys),
    ("an_endpoint_that_is_killed_and_revived_under_load_costs_no_request", endpoint_dies),
];

/// How long a change of the configuration may take to be in force.
const IN_FORCE: Duration = Duration::from_secs(10);

fn changed_file(stage: &Stage) -> Result<()> {
    takes_over(stage, |_| Ok(()))
}

fn hangup(stage: &Stage) -> Result<()> {
    takes_over(stage, testbed::Gateway::reload)
}

/// Opens and closes a route under load, and sees each change take effect.
fn takes_over(stage: &Stage, nudge: impl Fn(&testbed::Gateway) -> Result<()>) -> Result<()> {
    let service = Recorder::start()?;
    let endpoints = [format!("http://{}", service.address())];
    let (place, issuer) = house(&endpoints)?;
    let gateway = place.start(stage.binary())?;
    let token = token(&issuer)?;
    let load = orders_load(&place, &token);
    let plain = with_issuer(&endpoints, &file_issuer());
    let more = plain.clone()
        + "  - name: extra
    match: { host: orders.test, path: /extra, methods: [GET] }
    service: orders
    allow: [{ anyone: true }]
";
    for _ in 0..stage.rounds(3) {
        for (file, status) in [(&more, 200), (&plain, 404)] {
            place.configure(file)?;
            nudge(&gateway)?;
            until(&format!("{status} from the route that changed"), IN_FORCE, || {
                // A request that was under way when its route was taken away may be cut off with it.
                let reply = testbed::client::ask(place.http(), EXTRA).ok();
                Ok(reply.filter(|reply| reply.status == status).map(|_| ()))
            })?;
        }
    }
    let_pass(stage.spell());
    let answers = load.stop();
    ensure!(answers.failed() == 0 && answers.of(200) > 100, "{answers}");
    Ok(())
}

const EXTRA: &str = "GET /extra HTTP/1.1\r\nHost: orders.test\r\nConnection: close\r\n\r\n";

fn broken_file(stage: &Stage) -> Result<()> {
    let service = Recorder::start()?;
    let endpoints = [format!("http://{}", service.address())];
    let (place, issuer) = house(&endpoints)?;
    let gateway = place.start(stage.binary())?;
    let token = token(&issuer)?;
    let load = orders_load(&place, &token);
    place.configure(
        &with_issuer(&endpoints, &file_issuer()).replace("service: orders", "service: ordrs"),
    )?;
    gateway.reload()?;
    until("/readyz to show the broken file", IN_FORCE, || {
        Ok(testbed::client::get(place.admin(), "/readyz")?.text().contains("ordrs").then_some(()))
    })?;
    let_pass(stage.spell());
    let answers = load.stop();
    ensure!(answers.failed() == 0 && answers.of(200) > 100, "{answers}");
    place.configure(&with_issuer(&endpoints, &file_issuer()))?;
    gateway.reload()?;
    until("/readyz to show nothing any more", IN_FORCE, || {
        let reply = testbed::client::get(place.admin(), "/readyz")?;
        Ok((reply.status == 200 && !reply.text().contains("ordrs")).then_some(()))
    })?;
    expect(&place, "/orders/1", &token, 200)
}

fn new_keys(stage: &Stage) -> Result<()> {
    let service = Recorder::start()?;
    let (place, old) = house(&[format!("http://{}", service.address())])?;
    let gateway = place.start(stage.binary())?;
    let new = testbed::Issuer::new(super::stage::ISSUER, tokens::Algorithm::Es256)?;
    let (old_token, new_token) = (token(&old)?, token(&new)?);
    expect(&place, "/orders/1", &old_token, 200)?;
    expect(&place, "/orders/1", &new_token, 401)?;
    place.write("keys.json", &new.key_set().to_string())?;
    gateway.reload()?;
    until("the new key to be taken", IN_FORCE, || {
        Ok(expect(&place, "/orders/1", &new_token, 200).ok())
    })?;
    // Cached or not: with its key a verified token goes too.
    expect(&place, "/orders/1", &old_token, 401)
}

fn endpoint_dies(stage: &Stage) -> Result<()> {
    let steady = Recorder::start()?;
    let mut frail = Recorder::start()?;
    let port = frail.port();
    let endpoints = [&steady, &frail].map(|one| format!("http://{}", one.address()));
    let (place, issuer) = house(&endpoints)?;
    let _gateway = place.start(stage.binary())?;
    let token = token(&issuer)?;
    let load = orders_load(&place, &token);
    for _ in 0..stage.rounds(3) {
        let_pass(stage.spell());
        let seen = frail.stop().requests.len();
        ensure!(seen > 10, "the endpoint that dies was not used: {seen} requests");
        let_pass(stage.spell());
        frail = Recorder::start_on(port.clone())?;
        until("the revived endpoint to be used again", Duration::from_secs(30), || {
            Ok((!frail.take().requests.is_empty()).then_some(()))
        })?;
    }
    let answers = load.stop();
    ensure!(answers.failed() == 0 && answers.of(200) > 100, "{answers}");
    let log = steady.take();
    let used = log.requests.len();
    ensure!(used > 10, "the steady endpoint was not used: {used} requests");
    log.stray.is_empty().then_some(()).context("stray bytes at the steady endpoint")
}

fn orders_load(place: &Place, token: &str) -> Load {
    let token = token.to_owned();
    Load::start(place.http(), 8, move |number, turn| {
        request(&format!("/orders/{number}-{turn}"), &token)
    })
}
