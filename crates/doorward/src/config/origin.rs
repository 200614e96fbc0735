//! Where a configuration came from: finds the line that a later problem is about.

use std::path::PathBuf;
use std::sync::Arc;

use gate::BuildError;
use gate::spec::{Place, Step};

use super::decode::Hidden;
use super::problem::Problem;
use super::source::{Location, Source};
use super::tree::Node;

/// The text behind a configuration, and what stands where in it.
#[derive(Clone)]
pub(super) struct Origin {
    pub(super) source: Source,
    pub(super) tree: Arc<Node>,
    pub(super) hidden: Hidden,
    /// The file of each of the gate's policy files, and the key that names it.
    pub(super) policies: Vec<(Source, Place)>,
    /// The same of the policies of evaluations.
    pub(super) evaluation_policies: Vec<(Source, Place)>,
    /// Where names stand that nothing has.
    pub(super) dangling: Vec<Place>,
    /// Every file that was read, the configuration itself first.
    pub(super) files: Vec<PathBuf>,
}

impl Origin {
    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    pub(super) fn hide(&self, text: &str) -> String {
        self.hidden.hide(text)
    }

    /// Where `place` stands, or else the nearest thing around it.
    fn nearest(&self, place: &Place) -> Option<Location> {
        let place = self.in_file(place);
        let mut steps = place.steps();
        loop {
            let around = steps.iter().fold(Place::default(), then);
            if let Some(location) = self.tree.locate(&around) {
                return Some(location).filter(|_| !steps.is_empty());
            }
            steps = steps.split_last()?.1;
        }
    }

    /// The place in the file that a place in the gate's specification means: issuers and services are lists there,
    /// by name here; policies are files there, globs here.
    fn in_file(&self, place: &Place) -> Place {
        let (kind, index) = match place.steps() {
            // The service inside is described beside the others.
            [Step::Key(kind), Step::Key(name), key @ ..]
                if kind == "services" && name == "authzen" && self.tree.has("authzen") =>
            {
                return key.iter().fold(Place::key("authzen"), then);
            }
            [Step::Key(kind), Step::Key(policies), Step::Index(index)]
                if kind == "authzen" && policies == "policies" =>
            {
                let named = self.evaluation_policies.get(*index);
                return named.map_or_else(|| place.clone(), |(_, named)| named.clone());
            }
            // Providers are issuers there.
            [Step::Key(kind), Step::Key(name), key @ ..]
                if kind == "issuers"
                    && !self.has("issuers", name)
                    && self.has("providers", name) =>
            {
                return key.iter().fold(Place::key("providers").then(name), then);
            }
            [Step::Key(kind), Step::Index(index), ..] => (kind.as_str(), *index),
            _ => return place.clone(),
        };
        let rest = place.steps().iter().skip(2);
        let base = match kind {
            "policies" => self.policies.get(index).map(|(_, place)| place.clone()),
            "issuers" | "services" => {
                let mut names: Vec<_> = self
                    .tree
                    .entry(kind)
                    .map_or_else(Vec::new, |entry| entry.node.keys().collect());
                names.sort_unstable();
                names.get(index).map(|name| Place::key(kind).then(name))
            }
            _ => None,
        };
        let Some(base) = base else { return place.clone() };
        rest.fold(base, then)
    }

    /// Whether the top-level key `kind` has something by this name.
    fn has(&self, kind: &str, name: &str) -> bool {
        self.tree.entry(kind).is_some_and(|entry| entry.node.has(name))
    }
}

fn then(place: Place, step: &Step) -> Place {
    match step {
        Step::Index(index) => place.at(*index),
        Step::Key(key) => place.then(key),
    }
}

impl super::Config {
    /// Where the thing at `place` stands in the file, if it is written there.
    #[must_use]
    pub fn locate(&self, place: &Place) -> Option<Location> {
        self.origin.tree.locate(&self.origin.in_file(place))
    }

    /// What the file is called.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.origin.source
    }

    /// Every file that the configuration was read from, itself first: a change of any is a change of it.
    #[must_use]
    pub fn files(&self) -> &[PathBuf] {
        &self.origin.files
    }

    /// Whether everything that has a name in the file is there. Without it, whoever names it would be blamed.
    pub(super) fn names_are_complete(&self) -> bool {
        let written =
            |kind: &str| self.origin.tree.entry(kind).map_or(0, |entry| entry.node.keys().count());
        self.gate.issuers.len() == written("issuers") + written("providers")
            && self.gate.services.len() == written("services") + usize::from(self.authzen.is_some())
            && self.gate.evaluation.is_some() == self.origin.tree.has("authzen")
    }

    /// What the gate has found, but for what follows from a problem that has been reported.
    pub(super) fn gate_problems(&self, errors: Vec<BuildError>) -> impl Iterator<Item = Problem> {
        let problems = errors.into_iter().filter_map(|error| {
            let place = self.origin.in_file(&error.place);
            let sound = self.origin.tree.find(&place).is_none_or(Node::is_sound);
            let dangling = &self.origin.dangling;
            let named = !dangling.iter().any(|other| same_item(other, &place));
            (sound && named).then(|| self.explain(error))
        });
        let problems: Vec<_> = problems.collect();
        // What stands nowhere in the file comes of what stands somewhere.
        let somewhere = problems.iter().any(|problem| problem.location().is_some());
        problems.into_iter().filter(move |problem| !somewhere || problem.location().is_some())
    }

    fn explain(&self, error: BuildError) -> Problem {
        let problem = Problem::new(&self.origin.source, error.message);
        let problem = match error.help {
            Some(help) => problem.help(help),
            None => problem,
        };
        let here = self.origin.nearest(&error.place);
        let also = error.also.iter().filter_map(|place| self.origin.nearest(place));
        also.filter(|location| Some(*location) != here)
            .fold(problem.mark(here, None), |problem, location| {
                problem.mark(Some(location), Some("and here"))
            })
    }
}

/// Whether two places are in the same route, or in the same of other things at the top.
fn same_item(one: &Place, other: &Place) -> bool {
    let item = |place: &Place| place.steps().iter().take(2).cloned().collect::<Vec<_>>();
    item(one) == item(other)
}
