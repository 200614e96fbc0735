use std::collections::BTreeMap;
use std::time::Duration;

use prometheus_client::registry::Registry;

use super::*;
use crate::proxy::Dial;
use crate::{Ejection, Retry, Timeouts};

const NOW: Timestamp = Timestamp::from_secs(100);

fn options(endpoints: &[(&str, u32)]) -> ServiceOptions {
    let endpoints = endpoints.iter().map(|(host, weight)| at(host, *weight)).collect();
    ServiceOptions {
        name: "orders".into(),
        endpoints,
        health: None,
        timeouts: Timeouts {
            connect: Duration::ZERO,
            first_byte: Duration::ZERO,
            idle: Duration::ZERO,
            total: None,
        },
        max_connections: 1,
        max_pending: 1,
        max_streams: 1,
        caller_share_percent: 100,
        slow_start: Duration::ZERO,
        ejection: Ejection { errors: 3, at_most_percent: 50 },
        retry: Retry { statuses: Vec::new(), at_most_percent: 20 },
    }
}

fn at(host: &str, weight: u32) -> EndpointOptions {
    EndpointOptions { dial: Dial::plain(host, 1), weight }
}

fn service(endpoints: &[(&str, u32)]) -> Arc<Service> {
    Arc::new(Service::new(options(endpoints), &Metrics::new(&mut Registry::default())))
}

fn three() -> Arc<Service> {
    service(&[("a", 1), ("b", 1), ("c", 1)])
}

/// How many endpoints are up, and how many there are.
fn up(service: &Service) -> (usize, usize) {
    let all = service.standing(NOW);
    (all.iter().filter(|one| one.down.is_none()).count(), all.len())
}

/// The hosts in order.
fn order(service: &Service, chance: u64) -> String {
    service
        .in_order(NOW, chance)
        .iter()
        .filter_map(|endpoint| endpoint.name.chars().next())
        .collect()
}

/// Chances that are spread evenly, both halves by themselves.
fn chances() -> impl Iterator<Item = u64> {
    const EACH: u64 = 24;
    // A little more than the bound, so that rounding does not fall below it.
    let part = |number: u64| number * (1 << 32) / EACH + 1;
    (0..EACH).flat_map(move |high| (0..EACH).map(move |low| part(high) << 32 | part(low)))
}

/// How many of the chances lead to each endpoint first.
fn firsts(service: &Service) -> BTreeMap<char, usize> {
    let mut counts = BTreeMap::new();
    for first in chances().filter_map(|chance| order(service, chance).chars().next()) {
        *counts.entry(first).or_default() += 1;
    }
    counts
}

#[test]
fn of_two_that_are_drawn_the_one_with_fewer_requests_comes_first() {
    let service = three();
    assert_eq!(firsts(&service), BTreeMap::from([('a', 192), ('b', 192), ('c', 192)]), "all alike");
    let endpoints = service.endpoints();
    let one = endpoints[0].begin();
    assert_eq!(firsts(&service).get(&'a'), None, "the busiest is never chosen");
    let more = [1, 2].map(|place| [0, 1].map(|_| endpoints[place].begin()));
    let first = firsts(&service);
    assert!(first[&'a'] > first[&'b'] && first[&'a'] > first[&'c'], "{first:?}");
    drop((one, more));
    assert_eq!(firsts(&service), BTreeMap::from([('a', 192), ('b', 192), ('c', 192)]));
}

#[test]
fn each_is_given_as_much_as_its_weight() {
    let service = service(&[("a", 1), ("b", 2), ("c", 5)]);
    assert_eq!(firsts(&service), BTreeMap::from([('a', 72), ('b', 144), ('c', 360)]));
    // For its weight, `c` with four is less busy than `a` with one.
    let endpoints = service.endpoints();
    let _busy = [0, 2, 2, 2, 2].map(|place| endpoints[place].begin());
    assert_eq!(firsts(&service).get(&'a'), None);
    assert!(firsts(&service)[&'c'] > 0);
}

#[test]
fn the_next_ones_differ_with_the_first() {
    let service = three();
    let orders: std::collections::BTreeSet<_> =
        chances().map(|chance| order(&service, chance)).collect();
    assert_eq!(orders.into_iter().collect::<Vec<_>>(), ["abc", "bca", "cab"]);
    let alone = self::service(&[("a", 7)]);
    assert!(chances().all(|chance| order(&alone, chance) == "a"));
}

#[test]
fn those_that_are_down_come_last_and_all_are_tried_when_none_is_up() {
    let service = three();
    let endpoints = service.endpoints();
    endpoints[2].failed(NOW);
    assert_eq!(up(&service), (2, 3));
    assert!(chances().all(|chance| order(&service, chance).ends_with('c')));
    endpoints.iter().for_each(|endpoint| endpoint.failed(NOW));
    assert!(chances().all(|chance| order(&service, chance).len() == 3));
}

#[test]
fn one_that_answers_badly_rests_unless_too_many_do() {
    let service = three();
    let endpoints = service.endpoints();
    let bad = |place: usize, times: usize| {
        (0..times).for_each(|_| service.answered_badly(&endpoints[place], NOW));
    };
    bad(0, 2);
    assert_eq!(up(&service), (3, 3), "not often enough");
    bad(0, 1);
    assert_eq!(up(&service), (2, 3));
    bad(1, 30);
    bad(2, 30);
    assert_eq!(up(&service), (2, 3), "half of three at most");
    // One that is down for another reason counts among them.
    endpoints[0].answered();
    endpoints[1].failed(NOW);
    bad(0, 30);
    assert_eq!(up(&service), (2, 3));
}

#[test]
fn the_only_endpoint_rests_too_and_is_tried_all_the_same() {
    let service = service(&[("a", 1)]);
    (0..3).for_each(|_| service.answered_badly(&service.endpoints()[0], NOW));
    assert_eq!((up(&service), order(&service, 0).as_str()), ((0, 1), "a"));
}

#[test]
fn no_more_is_sent_again_than_the_budget_has() {
    let service = three();
    let endpoints = service.endpoints();
    let few: Vec<_> = (0..10).map_while(|_| service.retries()).collect();
    assert_eq!(few.len(), LEAST_RETRIES);
    drop(few);
    let _under_way: Vec<_> = (0..100).map(|at| endpoints[at % 3].begin()).collect();
    let many: Vec<_> = (0..100).map_while(|_| service.retries()).collect();
    assert_eq!(many.len(), 20);
    drop(many);
    assert!(service.retries().is_some());
}

#[test]
fn an_endpoint_that_stays_is_kept_and_one_that_comes_is_new() {
    let service = three();
    let before = service.endpoints();
    before[1].failed(NOW);
    service.has_endpoints(&[at("b", 1), at("d", 1)], NOW);
    let after = service.endpoints();
    assert_eq!(after.iter().map(|one| &*one.name).collect::<Vec<_>>(), ["b:1", "d:1"]);
    assert_eq!(after[0].id, before[1].id);
    assert!(!after[0].is_up(NOW) && after[1].is_up(NOW));
    // Another weight makes it another.
    service.has_endpoints(&[at("b", 2)], NOW);
    assert_ne!(service.endpoints()[0].id, before[1].id);
    // So does another name for its address.
    let before = service.endpoints()[0].id;
    let mut moved = at("b", 2);
    moved.dial.authority = "other.test:1".to_owned();
    service.has_endpoints(std::slice::from_ref(&moved), NOW);
    let after = service.endpoints();
    assert_ne!(after[0].id, before);
    assert_eq!(after[0].dial.authority, "other.test:1");
    service.has_endpoints(&[moved], NOW);
    assert_eq!(service.endpoints()[0].id, after[0].id);
}
