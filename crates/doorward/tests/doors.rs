//! One verdict at every door, through the real binary: the proxy door, and the two at which proxies only ask.

#[path = "doors/agreement.rs"]
mod agreement;
#[path = "doors/cookies.rs"]
mod cookies;
#[path = "doors/envoy.rs"]
mod envoy;
#[path = "doors/house.rs"]
mod house;
#[path = "doors/links.rs"]
mod links;
#[path = "doors/nginx.rs"]
mod nginx;
#[path = "doors/questions.rs"]
mod questions;
#[path = "doors/requests.rs"]
mod requests;
#[path = "doors/wire.rs"]
mod wire;
