//! One endpoint of three goes wrong, and too much is asked: short forms of `cargo xtask resilience`, with bounds that do
//! not depend on the machine.

use std::time::Duration;

use anyhow::{Result, ensure};
use testbed::clock::{let_pass, until};
use testbed::offered::Outcome;
use testbed::{Behaviour, Habit, Load, Misbehaving, Narrow, Offer, Offered, Recorder};

use super::stage::{expect, house, request, token};
use super::{Listed, Stage};
use crate::resilience::{Fault, Spells, play};

pub(super) const SCENARIOS: Listed = &[
    ("an_endpoint_of_three_that_is_killed_costs_no_request", killed),
    ("an_endpoint_of_three_that_resets_its_connections_costs_no_get", resetting),
    ("callers_that_send_their_heads_slowly_are_turned_away_and_do_the_others_no_harm", slow_heads),
    ("requests_beyond_what_a_service_takes_are_answered_with_503_and_none_is_lost", overload),
];

const SPELLS: Spells = Spells {
    before: Duration::from_secs(1),
    during: Duration::from_secs(3),
    after: Duration::from_secs(2),
};

fn killed(stage: &Stage) -> Result<()> {
    let toll = play("Doorward", Fault::Killed, SPELLS, stage.binary())?;
    println!("  {toll}");
    // A POST that was under way when its endpoint died cannot be sent again.
    ensure!(toll.gets.1 == 0 && toll.gets.0 > 1_000, "{toll}");
    ensure!(toll.posts.1 <= 2 && toll.posts_repeated == 0, "{toll}");
    ensure!(toll.answered_after > 0, "the endpoint that came back was not used: {toll}");
    Ok(())
}

fn resetting(stage: &Stage) -> Result<()> {
    let toll = play("Doorward", Fault::Behaves(Behaviour::Resetting), SPELLS, stage.binary())?;
    println!("  {toll}");
    ensure!(toll.gets.1 == 0 && toll.gets.0 > 1_000, "{toll}");
    ensure!(toll.posts_repeated == 0, "{toll}");
    ensure!(toll.answered_after > 0, "the endpoint that was well again was not used: {toll}");
    Ok(())
}

/// What the service can do in a second, and what is offered in one.
const CAPACITY: u32 = 100;
const OFFERED: u32 = 3 * CAPACITY;

fn overload(stage: &Stage) -> Result<()> {
    let service = Narrow::start(1, Duration::from_secs(1) / CAPACITY)?;
    let (place, issuer) = house(&[format!("http://{}", service.address())])?;
    let file = std::fs::read_to_string(place.path("doorward.yaml"))?;
    let narrow = file.replacen(
        "    audience: orders\n",
        "    audience: orders\n    max_connections: 4\n    max_pending: 16\n",
        1,
    );
    place.write("doorward.yaml", &narrow)?;
    let gateway = place.start(stage.binary())?;
    let token = token(&issuer)?;
    let shown = token.clone();
    let offer = Offer {
        address: place.http(),
        rate: Some(OFFERED),
        connections: 500,
        patience: Duration::from_secs(10),
    };
    let load = Offered::start(offer, move |number| request(&format!("/orders/{number}"), &shown))?;
    let_pass(stage.spell());
    let endings = load.stop()?;
    let of = |outcome| endings.iter().filter(|ending| ending.outcome == outcome).count();
    let (served, shed) = (of(Outcome::Answered(200)), of(Outcome::Answered(503)));
    println!("  {} offered, {served} served, {shed} answered with 503", endings.len());
    ensure!(served + shed == endings.len(), "{} were lost", endings.len() - served - shed);
    ensure!(served > 20 && shed > 0, "expected some of both");
    expect(&place, "/orders/1", &token, 200)?;
    gateway.stop()
}

/// How many callers send slowly.
const SLOW: usize = 200;

fn slow_heads(stage: &Stage) -> Result<()> {
    let service = Recorder::start()?;
    let (place, issuer) = house(&[format!("http://{}", service.address())])?;
    let file = std::fs::read_to_string(place.path("doorward.yaml"))?;
    place.write("doorward.yaml", &(file + "limits: { header_timeout: 2s }\n"))?;
    let gateway = place.start(stage.binary())?;
    let shown = token(&issuer)?;
    let slow = request("/orders/slow", &shown);
    let others = Misbehaving::start(place.http(), Habit::SlowHead, SLOW, &slow)?;
    until("all of them to be connected", Duration::from_secs(10), || {
        Ok((others.open() >= SLOW).then_some(()))
    })?;
    let load = Load::start(place.http(), 4, move |number, turn| {
        request(&format!("/orders/{number}-{turn}"), &shown)
    });
    until("each of them to be turned away", Duration::from_secs(20), || {
        Ok((others.turned_away() >= SLOW).then_some(()))
    })?;
    let answers = load.stop();
    ensure!(answers.failed() == 0 && answers.of(200) > 100, "{answers}");
    gateway.stop()
}
