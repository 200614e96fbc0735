//! The gate alone, with nothing around it: prints the processor time of a judgement, in microseconds. `cargo xtask bench`
//! measures with it what more policies cost the decision itself.

mod house;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use gate::request::{RawRequest, Reading, Scheme};
use gate::{CanonicalRequest, Gate, IssuerKeys, Keys, Surroundings, Verdict};
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderMap, HeaderValue, Method};
use rustix::time::{ClockId, clock_gettime};
use tokens::{KeySet, TokenCache};

use self::house::House;

/// How many callers there are, each with a token and a route.
const CALLERS: usize = 2_000;
/// How many verified tokens are kept.
const KEPT: usize = 10_000;

fn main() -> Result<()> {
    let numbers = std::env::args().skip(1).map(|word| word.parse::<usize>());
    let numbers = numbers.collect::<Result<Vec<_>, _>>()?;
    let [routes, each, unscoped, seconds] = numbers[..] else {
        bail!("expected how many routes, policies for each and besides, and seconds")
    };
    let house = House { routes, each, unscoped };
    let (spec, issuer) = (house.spec()?, house::issuer()?);
    let gate = Gate::build(&spec).map_err(|errors| anyhow!("{errors:?}"))?;
    let keys = KeySet::parse(issuer.keys().as_bytes())?.set;
    let (keys, cache) = (Known(Arc::new(keys)), TokenCache::new(KEPT));
    let around =
        Surroundings { now: house::now(), keys: &keys, cache: Some(&cache), sessions: None };
    let callers = (0..CALLERS)
        .map(|caller| Ok((house.path(caller), issuer.credential(caller, &house.group(caller))?)))
        .collect::<Result<Vec<_>>>()?;
    let (mut spent, mut judged) = (0.0, 0_usize);
    judge(&gate, &callers, around)?;
    while spent < seconds as f64 {
        spent += judge(&gate, &callers, around)?;
        judged += callers.len();
    }
    println!("micros={:.3}", spent * 1e6 / judged as f64);
    Ok(())
}

/// Judges a request of every caller, each of which must be permitted, and tells how many seconds that took.
fn judge(gate: &Gate, callers: &[(String, HeaderValue)], around: Surroundings<'_>) -> Result<f64> {
    let requests = callers.iter().map(request).collect::<Result<Vec<_>>>()?;
    let before = processor_seconds();
    for request in requests {
        match gate.judge(request, around) {
            Verdict::Permit(_) => {}
            Verdict::Denial(denial) => bail!("a request was denied: {}", denial.code()),
            Verdict::Preflight(_) => bail!("a request was taken for a preflight"),
        }
    }
    Ok(processor_seconds() - before)
}

fn request((path, credential): &(String, HeaderValue)) -> Result<CanonicalRequest> {
    let mut headers = HeaderMap::new();
    headers.insert(HOST, HeaderValue::from_static(house::HOST));
    headers.insert(AUTHORIZATION, credential.clone());
    let raw = RawRequest {
        method: &Method::GET,
        target_authority: None,
        target_scheme: None,
        path,
        query: None,
        headers: &headers,
        peer: IpAddr::from(Ipv4Addr::LOCALHOST),
        scheme: Scheme::Http,
        certificate: None,
        door: "proxy",
        relay: None,
    };
    CanonicalRequest::read(&raw, &Reading::default()).ok().context("a request is ambiguous")
}

/// The keys of the one issuer.
struct Known(Arc<KeySet>);

impl Keys for Known {
    fn keys_of(&self, _: &str) -> IssuerKeys {
        IssuerKeys::Usable(Arc::clone(&self.0))
    }
}

/// The processor time that this thread has had so far, in seconds.
fn processor_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
