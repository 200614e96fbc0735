use std::collections::BTreeMap;

use doors::authzen::DecisionPoint;
use gate::spec::{EvaluationSpec, IdentityForward, KindSpec, Place, ServiceSpec};

use super::Lowering;
use crate::config::file::{Authzen, DeclaredClaim, Service};
use crate::config::model;
use crate::config::source::Source;
use crate::config::value::Name;

/// The name of the service that takes the questions.
pub(super) const SERVICE: &str = "authzen";

/// What is asked for decisions, from all sides.
#[derive(Default)]
pub(super) struct Lowered {
    pub(super) service: Option<ServiceSpec>,
    pub(super) evaluation: Option<EvaluationSpec>,
    pub(super) point: Option<model::Authzen>,
    pub(super) origins: Vec<(Source, Place)>,
}

impl Lowering<'_> {
    pub(super) fn authzen(
        &mut self,
        authzen: Option<Authzen>,
        services: &BTreeMap<Name, Service>,
    ) -> Lowered {
        let Some(authzen) = authzen else { return Lowered::default() };
        let place = Place::key("authzen");
        if let Err(error) = DecisionPoint::new(&authzen.url.0, authzen.reasons) {
            let problem = self.problem(&place.then("url"), error.to_string());
            self.report(
                problem.help("write it as those who ask have it: `https://pdp.example.com`"),
            );
        }
        for name in services.keys() {
            let other = Place::key("services").then(name.as_str());
            if name.as_str() == SERVICE {
                let message = "`authzen` is the service that `authzen` describes";
                let problem = self.key_problem(&other, message);
                self.report(problem.help("give this one another name"));
            }
        }
        let globs = Some(authzen.policies);
        let (policies, origins) = self.policies(globs, &place.then("policies"));
        let subjects = self.kinds(authzen.subjects, &place.then("subjects"));
        let resources = self.kinds(authzen.resources, &place.then("resources"));
        let actions = self.kinds(authzen.actions, &place.then("actions"));
        let context = self.declared_claims(authzen.context, &place.then("context"));
        let service = ServiceSpec {
            name: SERVICE.to_owned(),
            audience: authzen.audience.0,
            identity: IdentityForward::default(),
        };
        // What could not be read has been reported; policies would be blamed for reading it.
        let whole = subjects.zip(resources).zip(actions).zip(context);
        let evaluation = whole.map(|(((subjects, resources), actions), context)| EvaluationSpec {
            service: SERVICE.to_owned(),
            subjects,
            resources,
            actions,
            context,
            policies,
        });
        let point = model::Authzen { url: authzen.url.0, reasons: authzen.reasons };
        Lowered { service: Some(service), evaluation, point: Some(point), origins }
    }

    fn kinds(
        &mut self,
        kinds: BTreeMap<String, BTreeMap<Name, DeclaredClaim>>,
        place: &Place,
    ) -> Option<Vec<KindSpec>> {
        let kinds: Vec<_> = kinds
            .into_iter()
            .map(|(name, properties)| {
                let properties = self.declared_claims(properties, &place.then(&name))?;
                Some(KindSpec { name, properties })
            })
            .collect();
        kinds.into_iter().collect()
    }
}
