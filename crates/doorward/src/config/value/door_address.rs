use super::socket_path::socket_path;
use super::{Address, Written, written};
use crate::config::decode::Complaint;
use crate::config::model::ListenAt;

/// An address at which proxies ask, such as `127.0.0.1:9191` or `unix:/run/doorward/ext_authz.sock`.
#[derive(Clone, Debug)]
pub(in crate::config) struct DoorAddress(pub(in crate::config) ListenAt);

written! { DoorAddress }

impl Written for DoorAddress {
    const TITLE: &'static str = "address";
    const EXPECTED: &'static str = "an address";
    const HELP: &'static str = "write `127.0.0.1:9191`, or `unix:` and a path";
    const MAY_REFER: bool = true;

    fn read(text: &str) -> Result<Self, Complaint> {
        match text.strip_prefix("unix:") {
            Some(path) => Ok(Self(ListenAt::Socket(socket_path(path, text)?))),
            None => Address::read(text).map(|address| Self(ListenAt::Address(address.0))),
        }
    }
}
