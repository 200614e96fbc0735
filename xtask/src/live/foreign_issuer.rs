//! Tokens of an OpenID provider that we did not write.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, ensure};
use testbed::clock::{Stopwatch, let_pass, until};
use testbed::{Load, Place, Recorder, client};

use super::provider::Provider;
use super::stage::{expect, request, with_issuer};
use super::{Listed, Stage};

pub(super) const SCENARIOS: Listed = &[
    ("a_foreign_provider's_token_opens_its_service_and_no_other", opens),
    ("keys_rotate_under_load_and_no_valid_token_fails", rotates),
    ("a_removed_key_stops_within_the_stated_bound", retires),
    ("an_issuer_that_is_down_is_outlived_for_the_grace_and_then_named", is_down),
];

/// How long a withdrawn key is still believed at most: `refresh.max`.
const REFRESH: Duration = Duration::from_secs(2);
/// How long keys are believed when the issuer is down: `refresh.stale_grace`.
const GRACE: Duration = Duration::from_secs(4);
/// How long an issuer that is back may take to be asked again.
const PATIENCE: Duration = Duration::from_secs(30);
/// What a check may be late by: one look, one fetch, one turn of a busy machine.
const LATE: Duration = Duration::from_secs(2);

fn opens(stage: &Stage) -> Result<()> {
    let service = Recorder::start()?;
    let place = Place::new()?;
    let provider = Provider::start(&place)?;
    configure(&place, &provider, &service)?;
    let _gateway = place.start(stage.binary())?;
    let token = provider.token()?;
    expect(&place, "/orders/1", &token, 200)?;
    expect(&place, "/bills/1", &token, 401)?;
    expect(&place, "/orders/1", &format!("{token}x"), 401)?;
    let seen = service.take().requests;
    ensure!(seen.len() == 1, "expected one request at the service, got {}", seen.len());
    let user: Vec<_> = seen.iter().flat_map(|seen| seen.values("x-forwarded-user")).collect();
    ensure!(user == ["reporter"], "expected the service to be told `reporter`, got {user:?}");
    Ok(())
}

fn rotates(stage: &Stage) -> Result<()> {
    let service = Recorder::start()?;
    let place = Place::new()?;
    let provider = Provider::start(&place)?;
    configure(&place, &provider, &service)?;
    let _gateway = place.start(stage.binary())?;
    let newest = Arc::new(Mutex::new(provider.token()?));
    let shown = Arc::clone(&newest);
    let load = Load::start(place.http(), 8, move |number, turn| {
        let token = shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
        request(&format!("/orders/{number}-{turn}"), &token)
    });
    for _ in 0..stage.rounds(3) {
        let_pass(stage.spell());
        provider.rotate()?;
        // From here on, requests carry a token of a key that nobody has fetched yet.
        let token = provider.token()?;
        *newest.lock().unwrap_or_else(PoisonError::into_inner) = token;
    }
    let_pass(stage.spell());
    let answers = load.stop();
    ensure!(answers.failed() == 0 && answers.of(200) > 100, "{answers}");
    Ok(())
}

fn retires(stage: &Stage) -> Result<()> {
    let service = Recorder::start()?;
    let place = Place::new()?;
    let provider = Provider::start(&place)?;
    configure(&place, &provider, &service)?;
    let _gateway = place.start(stage.binary())?;
    let old = provider.token()?;
    provider.rotate()?;
    let new = provider.token()?;
    expect(&place, "/orders/1", &old, 200)?;
    expect(&place, "/orders/1", &new, 200)?;
    provider.retire()?;
    let watch = Stopwatch::start();
    until("a token of the removed key to be refused", REFRESH + LATE, || {
        Ok(expect(&place, "/orders/1", &old, 401).ok())
    })?;
    println!("  refused {:?} after it was removed (bound {REFRESH:?})", watch.elapsed());
    expect(&place, "/orders/1", &new, 200)
}

fn is_down(stage: &Stage) -> Result<()> {
    let service = Recorder::start()?;
    let place = Place::new()?;
    let mut provider = Provider::start(&place)?;
    configure(&place, &provider, &service)?;
    let _gateway = place.start(stage.binary())?;
    let token = provider.token()?;
    expect(&place, "/orders/1", &token, 200)?;
    provider.fail()?;
    let watch = Stopwatch::start();
    while watch.elapsed() < GRACE {
        expect(&place, "/orders/1", &token, 200)?;
        let_pass(Duration::from_millis(100));
    }
    until("tokens of the issuer that is down to be refused", REFRESH + LATE, || {
        Ok(expect(&place, "/orders/1", &token, 503).ok())
    })?;
    println!("  refused {:?} after the issuer went down (grace {GRACE:?})", watch.elapsed());
    ensure!(is_named(&place)?, "expected /readyz to name the issuer");
    provider.recover(&place)?;
    until("tokens of the issuer that is back to pass", PATIENCE, || {
        Ok(expect(&place, "/orders/1", &token, 200).ok())
    })?;
    ensure!(!is_named(&place)?, "expected /readyz to name the issuer no more");
    Ok(())
}

/// Whether `/readyz` names the issuer among what is worth knowing.
fn is_named(place: &Place) -> Result<bool> {
    Ok(client::get(place.admin(), "/readyz")?.text().contains("issuer `corp` cannot be reached"))
}

fn configure(place: &Place, provider: &Provider, service: &Recorder) -> Result<()> {
    let section = format!(
        "    issuer: {}\n    refresh: {{ min: 1s, max: {}s, stale_grace: {}s, unknown_kid_interval: 1s }}\n",
        provider.issuer(),
        REFRESH.as_secs(),
        GRACE.as_secs()
    );
    place.configure(&with_issuer(&[format!("http://{}", service.address())], &section))
}
