//! The invariants of the design, each with the tests that show it for the gate.

#[cfg(test)]
mod caches;
#[cfg(test)]
mod certificates;
#[cfg(test)]
mod doors;
#[cfg(test)]
mod identities;
#[cfg(test)]
mod permits;
#[cfg(test)]
mod preflights;
#[cfg(test)]
mod rates;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod routes;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod support;
