use std::net::SocketAddr;

use super::{Written, written};
use crate::config::decode::Complaint;
use crate::config::tree::shortened;

/// An address to listen on, such as `127.0.0.1:8080`.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct Address(pub(in crate::config) SocketAddr);

written! { Address }

impl Written for Address {
    const TITLE: &'static str = "address";
    const EXPECTED: &'static str = "an address";
    const HELP: &'static str = "write `127.0.0.1:8080`";
    const MAY_REFER: bool = true;

    fn read(text: &str) -> Result<Self, Complaint> {
        text.parse().map(Self).map_err(|_| {
            let help = match text.rsplit_once(':') {
                Some(("" | "localhost", port)) if port.parse::<u16>().is_ok() => {
                    format!("write `127.0.0.1:{port}`, or `0.0.0.0:{port}` for every interface")
                }
                _ => "write an IP address and a port: `127.0.0.1:8080` or `[::1]:8080`".to_owned(),
            };
            Complaint::new(format!("`{}` is not an address", shortened(text))).help(help)
        })
    }
}
