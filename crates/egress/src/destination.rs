//! Where a request may go, and who said so.

use std::fmt;
use std::net::IpAddr;

use crate::address::AddressKind;
use crate::error::Fault;
use crate::url::{Origin, Scheme, Url, UrlError};

/// A place to fetch from, with how far it is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    url: Url,
    /// The origin of the configured URL that this place comes from.
    configured: Origin,
    plain_http: PlainHttp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PlainHttp {
    Anywhere,
    LoopbackOnly,
}

impl Destination {
    /// A place that the operator configured: any address is accepted. Plain HTTP is accepted only to loopback.
    ///
    /// # Errors
    /// If it is not an absolute URL without userinfo and fragment, or if it is plain HTTP to another machine.
    pub fn configured(url: &str) -> Result<Self, UrlError> {
        let url = Url::parse(url)?;
        if url.origin.scheme == Scheme::Http && !url.origin.host.is_loopback() {
            return Err(UrlError::PlainHttp);
        }
        Ok(Self { configured: url.origin.clone(), url, plain_http: PlainHttp::LoopbackOnly })
    }

    /// As [`Destination::configured`], for an issuer whose operator accepted with `danger_plain_http` that anyone on
    /// the way may replace its keys.
    ///
    /// # Errors
    /// If it is not an absolute URL without userinfo and fragment.
    pub fn danger_plain_http(url: &str) -> Result<Self, UrlError> {
        let url = Url::parse(url)?;
        Ok(Self { configured: url.origin.clone(), url, plain_http: PlainHttp::Anywhere })
    }

    /// A place that was named by a document fetched from `from`. On the origin (scheme, host and port) of the
    /// configured URL that it all began with, it is as good as that; elsewhere it must be https, and every address of
    /// its host must be on the public internet.
    ///
    /// # Errors
    /// If it is not an absolute URL without userinfo and fragment, or if it is plain HTTP on another origin.
    pub fn learned(url: &str, from: &Self) -> Result<Self, UrlError> {
        let url = Url::parse(url)?;
        if url.origin.scheme == Scheme::Http && url.origin != from.configured {
            return Err(UrlError::PlainHttp);
        }
        Ok(Self { url, configured: from.configured.clone(), plain_http: from.plain_http })
    }

    /// Whether the connection may go to `address`, one that the host resolved to.
    pub(crate) fn permit(&self, address: IpAddr) -> Result<(), Fault> {
        if self.url.origin != self.configured {
            return match AddressKind::of(address) {
                AddressKind::Public => Ok(()),
                kind => Err(Fault::AddressForbidden { address, kind }),
            };
        }
        let plain = self.url.origin.scheme == Scheme::Http;
        if plain
            && self.plain_http == PlainHttp::LoopbackOnly
            && !address.to_canonical().is_loopback()
        {
            return Err(Fault::PlainHttpNotLoopback { address });
        }
        Ok(())
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }
}

impl fmt::Display for Destination {
    /// The URL without its query, which may hold what a log must not.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}

#[cfg(test)]
#[path = "destination_tests.rs"]
mod tests;
