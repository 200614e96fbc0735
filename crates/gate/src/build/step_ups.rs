//! Step-up: how surely callers must be known, which broader routes say for narrower ones too.

use super::Builder;
use crate::route::{Route, StepUp};
use crate::spec::Place;

impl Builder<'_> {
    /// What no caller of a route can meet: its broader routes and it name no `acr` in common.
    pub(super) fn step_ups(&mut self, bindings: &[Vec<usize>]) {
        let mut unmet = Vec::new();
        for ((index, route), broader) in self.routes.iter().enumerate().zip(bindings) {
            if self.step_up_binding(route, broader).is_none() {
                unmet.push((index, route.name.clone()));
            }
        }
        for (index, name) in unmet {
            let message = format!(
                "nobody can meet the `step_up` of `{name}` and of its broader routes at once"
            );
            let help = "name an `acr` here that the broader routes name too";
            self.push(Place::key("routes").at(index).then("step_up"), &message, help);
        }
    }

    /// How surely callers of a route must be known: as broader routes say, and as it says itself. Nothing if nobody can.
    pub(super) fn step_up_binding(&self, route: &Route, broader: &[usize]) -> Option<StepUp> {
        let above = broader.iter().filter_map(|index| self.routes.get(*index));
        StepUp::all(above.chain([route]).map(|route| &route.step_up))
    }
}
