//! Real proxies that ask about each request, beside the proxy door: one verdict.

mod comparison;
mod conversations;
mod house;
mod proxy;
mod sidecars;
mod signing_in;
mod stalls;
mod table;

use anyhow::Result;

use self::house::House;
use self::proxy::Proxy;
use super::{Listed, Stage};

pub(super) const SCENARIOS: Listed = &[
    ("envoy_asks_and_the_verdict_is_the_proxy_doors", |stage| same(stage, Proxy::Envoy)),
    ("nginx_asks_and_the_verdict_is_the_proxy_doors", |stage| same(stage, Proxy::Nginx)),
    ("caddy_asks_and_the_verdict_is_the_proxy_doors", |stage| same(stage, Proxy::Caddy)),
    ("haproxy_asks_and_the_verdict_is_the_proxy_doors", |stage| same(stage, Proxy::Haproxy)),
    ("asking_proxies_let_nothing_through_while_the_gate_is_stopped_or_slow", stalls::play),
    ("haproxy_lets_nothing_through_when_its_action_fails", stalls::action),
    ("asking_proxies_send_people_to_where_they_can_sign_in", signing_in::play),
    ("asking_proxies_pass_on_the_conversations_that_are_permitted", conversations::play),
    ("a_certificate_shown_to_envoy_is_the_identity_and_sidecars_show_theirs", sidecars::play),
];

fn same(stage: &Stage, proxy: Proxy) -> Result<()> {
    let house = House::open(stage, proxy)?;
    house.until_well()?;
    comparison::compare(&house)?;
    house.fails_closed(stage)
}
