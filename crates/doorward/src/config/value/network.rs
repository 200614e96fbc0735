use std::fmt;
use std::net::IpAddr;

use super::{Written, written};
use crate::config::decode::Complaint;
use crate::config::tree::shortened;

/// A network of peers, such as `10.0.0.0/8`. No bits are set behind the prefix.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Its first address.
    #[must_use]
    pub fn address(self) -> IpAddr {
        self.address
    }

    /// How many leading bits its addresses share.
    #[must_use]
    pub fn prefix(self) -> u8 {
        self.prefix
    }

    /// Whether `address` is in it. An IPv4 address in IPv6 clothes counts as the IPv4 address.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4()
            && first_of(address, self.prefix) == Some(self.address)
    }

    /// Whether it holds every address there is.
    pub(in crate::config) fn is_everyone(self) -> bool {
        self.prefix == 0
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A network as it is written.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct PeerNetwork(pub(in crate::config) Network);

written! { PeerNetwork }

impl Written for PeerNetwork {
    const TITLE: &'static str = "network";
    const EXPECTED: &'static str = "a network";
    const HELP: &'static str = "write `10.0.0.0/8`";
    const MAY_REFER: bool = true;

    fn read(text: &str) -> Result<Self, Complaint> {
        let refused = || Complaint::new(format!("`{}` is not a network", shortened(text)));
        let Some((address, prefix)) = text.split_once('/') else {
            return Err(match text.parse::<IpAddr>() {
                Ok(address) => refused().help(format!("write `{address}/{}`", bits(address))),
                Err(_) => refused().help("write an IP address and a prefix: `10.0.0.0/8`"),
            });
        };
        let help = "write an IP address and a prefix: `10.0.0.0/8` or `fd00::/8`";
        let address: IpAddr = address.parse().map_err(|_| refused().help(help))?;
        let digits = prefix.bytes().all(|byte| byte.is_ascii_digit()) && prefix.len() <= 3;
        let prefix = prefix.parse::<u8>().ok().filter(|prefix| digits && *prefix <= bits(address));
        let prefix = prefix.ok_or_else(|| {
            refused().help(format!("the prefix is a number from 0 to {}", bits(address)))
        })?;
        match first_of(address, prefix) {
            Some(first) if first == address => Ok(Self(Network { address, prefix })),
            Some(first) => Err(Complaint::new(format!("`{text}` has bits set behind its prefix"))
                .help(format!(
                    "write `{first}/{prefix}` for the network, `{address}/{}` for the one address",
                    bits(address)
                ))),
            None => Err(refused().help(help)),
        }
    }
}

/// A network in a rule, where no reference is followed.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct RuleNetwork(pub(in crate::config) Network);

written! { RuleNetwork }

impl Written for RuleNetwork {
    const TITLE: &'static str = PeerNetwork::TITLE;
    const EXPECTED: &'static str = PeerNetwork::EXPECTED;
    const HELP: &'static str = PeerNetwork::HELP;
    const MAY_REFER: bool = false;

    fn read(text: &str) -> Result<Self, Complaint> {
        PeerNetwork::read(text).map(|network| Self(network.0))
    }
}

fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The first address of the network of `address` with `prefix` leading bits.
fn first_of(address: IpAddr, prefix: u8) -> Option<IpAddr> {
    Some(match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32_u32.checked_sub(prefix.into())?).unwrap_or(0);
            IpAddr::V4((address.to_bits() & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128_u32.checked_sub(prefix.into())?).unwrap_or(0);
            IpAddr::V6((address.to_bits() & mask).into())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_its_own_addresses_only() {
        let network = PeerNetwork::read("10.1.0.0/16").unwrap().0;
        for (address, inside) in [
            ("10.1.0.0", true),
            ("10.1.255.255", true),
            ("10.2.0.0", false),
            ("::ffff:10.1.2.3", true),
            ("::1", false),
        ] {
            assert_eq!(network.contains(address.parse().unwrap()), inside, "{address}");
        }
        let everyone = PeerNetwork::read("0.0.0.0/0").unwrap().0;
        assert!(everyone.is_everyone() && everyone.contains("8.8.8.8".parse().unwrap()));
        let one = PeerNetwork::read("fd00::1/128").unwrap().0;
        assert!(
            one.contains("fd00::1".parse().unwrap()) && !one.contains("fd00::2".parse().unwrap())
        );
    }
}
