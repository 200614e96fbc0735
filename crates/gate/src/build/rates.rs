//! Rates: how many requests there may be, and which of them bind which route.

use std::sync::Arc;

use http::Method;

use super::Builder;
use crate::route::{Rate, Route};
use crate::spec::{Place, RateSpec};

impl Builder<'_> {
    pub(super) fn default_rates(&mut self) {
        self.rates =
            self.rates(&self.spec.defaults.rates, &Place::key("defaults").then("rates"), None);
    }

    pub(super) fn rates(
        &mut self,
        rates: &[RateSpec],
        place: &Place,
        at: Option<(Arc<str>, Vec<Method>)>,
    ) -> Vec<Arc<Rate>> {
        let owner = at.as_ref().map_or("defaults", |(route, _)| route).to_owned();
        let mut checked = Vec::with_capacity(rates.len());
        for (index, rate) in rates.iter().enumerate() {
            let refill =
                rate.per.checked_mul(rate.burst).and_then(|all| all.checked_div(rate.requests));
            if refill.is_none_or(|refill| refill > Rate::LONGEST_REFILL) {
                let message = format!(
                    "after a burst of {} it takes more than 30 days until all of it is there again",
                    rate.burst
                );
                self.push(place.at(index), &message, "allow more requests, or a smaller burst");
            }
            checked.push(Arc::new(Rate {
                id: format!("{owner}/rates/{index}").into(),
                by: rate.by,
                requests: rate.requests.max(1),
                per: rate.per,
                burst: rate.burst.max(1),
                at: at.clone(),
            }));
        }
        checked
    }

    /// The rates that bind a route: the defaults', those of broader routes, and its own.
    pub(super) fn rates_binding(&self, route: &Route, broader: &[usize]) -> Vec<Arc<Rate>> {
        let above = broader.iter().filter_map(|index| self.routes.get(*index));
        let above = above.flat_map(|route| &route.rates);
        self.rates.iter().chain(above).chain(&route.rates).cloned().collect()
    }
}
