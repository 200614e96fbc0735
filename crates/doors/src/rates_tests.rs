use std::time::Duration;

use gate::spec::RateSpec;
use gate::spec::{
    Condition, Defaults, GateSpec, IdentityForward, RouteMatch, RouteSpec, ServiceSpec,
};
use gate::{Gate, request};
use http::{HeaderMap, HeaderValue, Method, header};
use prometheus_client::registry::Registry;

use super::*;

/// A gate with one public route, with these rates at it and among the defaults.
fn gate(defaults: Vec<RateSpec>, rates: Vec<RateSpec>) -> Gate {
    let anyone = Condition { anyone: true, ..Condition::default() };
    let route = |name: &str| RouteSpec {
        name: name.to_owned(),
        matches: RouteMatch {
            host: "*".to_owned(),
            path: format!("/{name}/**"),
            methods: vec!["GET".to_owned()],
        },
        service: "app".to_owned(),
        allow: vec![anyone.clone()],
        rates: rates.clone(),
        ..RouteSpec::default()
    };
    let service = ServiceSpec {
        name: "app".to_owned(),
        audience: "app".to_owned(),
        identity: IdentityForward::default(),
    };
    Gate::build(&GateSpec {
        services: vec![service],
        defaults: Defaults { rates: defaults, ..Defaults::default() },
        routes: vec![route("a"), route("b")],
        ..GateSpec::default()
    })
    .unwrap()
}

fn rate(by: RateBy, requests: u32, burst: u32) -> RateSpec {
    RateSpec { by, requests, per: Duration::from_secs(1), burst }
}

fn from(address: &str, path: &str) -> CanonicalRequest {
    let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("app.test"))]);
    let raw = request::RawRequest {
        method: &Method::GET,
        target_authority: None,
        target_scheme: None,
        path,
        query: None,
        headers: &headers,
        peer: address.parse().unwrap(),
        scheme: request::Scheme::Http,
        certificate: None,
        door: "proxy",
        relay: None,
    };
    CanonicalRequest::read(&raw, &request::Reading::default()).unwrap()
}

struct House {
    rates: Rates,
    gate: Gate,
    epoch: Instant,
}

impl House {
    fn new(most: usize, gate: Gate) -> Self {
        let metrics = Metrics::new(&mut Registry::default());
        let epoch = Instant::now();
        Self { rates: Rates::new(epoch, most, 7, &metrics), gate, epoch }
    }

    /// Whether a request goes through, so many milliseconds after the beginning; else how many there are to wait.
    fn arrive(&self, address: &str, path: &str, millis: u64) -> Result<(), u128> {
        let request = from(address, path);
        let counted = self.gate.counted(&request).unwrap();
        let now = self.epoch + Duration::from_millis(millis);
        let arrived = self.rates.arrive(counted.rates(), &request, counted.route, now);
        arrived.map_err(|exceeded| exceeded.wait.as_millis())
    }
}

#[test]
fn an_address_has_its_burst_and_then_its_rate_and_others_have_theirs() {
    let house = House::new(1000, gate(Vec::new(), vec![rate(RateBy::Address, 10, 3)]));
    for _ in 0..3 {
        assert_eq!(house.arrive("192.0.2.1", "/a/x", 0), Ok(()));
    }
    assert_eq!(house.arrive("192.0.2.1", "/a/x", 0), Err(100));
    assert_eq!(house.arrive("192.0.2.2", "/a/x", 0), Ok(()));
    assert_eq!(house.arrive("192.0.2.1", "/b/x", 0), Ok(()), "another route counts by itself");
    assert_eq!(house.arrive("192.0.2.1", "/a/x", 99), Err(1));
    assert_eq!(house.arrive("192.0.2.1", "/a/x", 100), Ok(()));
    assert_eq!(house.arrive("192.0.2.1", "/a/x", 100), Err(100));
}

#[test]
fn all_addresses_of_a_network_of_ipv6_are_one() {
    let house = House::new(1000, gate(Vec::new(), vec![rate(RateBy::Address, 1, 1)]));
    assert_eq!(house.arrive("2001:db8:0:1::1", "/a/x", 0), Ok(()));
    assert_eq!(house.arrive("2001:db8:0:1:ffff::2", "/a/x", 0), Err(1000));
    assert_eq!(house.arrive("2001:db8:0:2::1", "/a/x", 0), Ok(()));
    assert_eq!(house.arrive("192.0.2.1", "/a/x", 0), Ok(()));
    assert_eq!(house.arrive("::ffff:192.0.2.1", "/a/x", 0), Err(1000));
}

#[test]
fn the_defaults_count_an_address_over_all_routes_and_each_route_by_itself() {
    let defaults = vec![rate(RateBy::Address, 1, 2), rate(RateBy::Route, 1, 3)];
    let house = House::new(1000, gate(defaults, Vec::new()));
    assert_eq!(house.arrive("192.0.2.1", "/a/x", 0), Ok(()));
    assert_eq!(house.arrive("192.0.2.1", "/nowhere", 0), Ok(()));
    assert_eq!(house.arrive("192.0.2.1", "/b/x", 0), Err(1000));
    assert_eq!(house.arrive("192.0.2.2", "/a/x", 0), Ok(()));
    assert_eq!(house.arrive("192.0.2.3", "/a/x", 0), Ok(()));
    assert_eq!(house.arrive("192.0.2.4", "/a/x", 0), Err(1000));
    assert_eq!(house.arrive("192.0.2.5", "/b/x", 0), Ok(()));
}

#[test]
fn a_full_table_forgets_nobody_who_is_limited_and_lets_nobody_go_uncounted() {
    // One request each hour: whoever is counted stays for an hour.
    let slow = RateSpec { per: Duration::from_hours(1), ..rate(RateBy::Address, 1, 1) };
    let most = 320;
    let house = House::new(most, gate(Vec::new(), vec![slow]));
    assert_eq!(house.arrive("192.0.2.1", "/a/x", 0), Ok(()));
    let through = (0..5000_u32)
        .filter(|n| house.arrive(&format!("10.0.{}.{}", n >> 8, n & 255), "/a/x", 1).is_ok())
        .count();
    // As many as there is room for, and one that stands for all others.
    assert!(through <= most, "{through} went through");
    assert!(house.rates.addresses.len() <= most);
    assert!(house.arrive("192.0.2.1", "/a/x", 2).is_err(), "the limited one was forgotten");
    assert!(house.arrive("198.51.100.9", "/a/x", 3).is_err(), "an uncounted one went through");
    // Once the hour is over, what is past makes room.
    let later = 2 * 3_600_000;
    assert_eq!(house.arrive("192.0.2.1", "/a/x", later), Ok(()));
    assert_eq!(house.arrive("198.51.100.9", "/a/x", later), Ok(()));
}

#[test]
fn who_is_idle_is_forgotten() {
    let house = House::new(1000, gate(Vec::new(), vec![rate(RateBy::Address, 1000, 1)]));
    for n in 0..500_u32 {
        let _ = house.arrive(&format!("10.0.{}.{}", n >> 8, n & 255), "/a/x", 0);
    }
    assert!(house.rates.addresses.len() > 400);
    for n in 0..500_u64 {
        let _ = house.arrive(&format!("10.1.{}.{}", n >> 8, n & 255), "/a/x", 10 + n * 10);
    }
    assert!(house.rates.addresses.len() < 64, "{}", house.rates.addresses.len());
}

#[test]
fn who_shows_no_credential_is_counted_by_address() {
    let house = House::new(1000, gate(Vec::new(), vec![rate(RateBy::Identity, 1, 1)]));
    let identified = |address: &str| {
        let request = from(address, "/a/x");
        let counted = house.gate.counted(&request).unwrap();
        house.rates.identified(counted.rates(), &request, None, house.epoch)
    };
    assert_eq!(identified("192.0.2.1"), Ok(()));
    assert_eq!(identified("192.0.2.1").unwrap_err().wait, Duration::from_secs(1));
    assert_eq!(identified("192.0.2.2"), Ok(()));
}
