//! The configuration: one YAML file, read once into a checked model.
//!
//! ```text
//! text ─▶ tree (positions) ─▶ file form (serde; values checked alone) ─▶ Config (values checked together) ─▶ Gate
//! ```
//!
//! Each stage says everything it finds wrong before it gives up, and what it says points at the line. An unknown key,
//! a dangling name and an insecure combination are errors; each exception to a safe default has a key of its own that
//! begins with `danger_` and is told by [`Config::exceptions`].

mod check;
mod decode;
mod file;
#[doc(hidden)]
pub mod fuzz;
mod lower;
mod model;
mod origin;
mod problem;
pub mod reference;
mod schema;
mod source;
mod suggest;
mod surroundings;
mod tree;
mod value;

use std::path::Path;
use std::sync::Arc;

use gate::Gate;

pub use self::check::{Summary, check};
pub use self::model::{
    Acme, AskingDoor, AskingTls, Audit, Authzen, Config, Endpoint, Exception, Https, Identity,
    IssuerKeys, KeySource, Ledger, Limits, Listen, ListenAt, LogFormat, Logo, Otlp, Page, Party,
    Provider, Refresh, Retain, ServiceTls, SessionLimits, SignIn, SigningKeys, Sync, Telemetry,
    Upstream,
};
pub use self::problem::{Problem, Report};
pub use self::schema::{schema, schema_text};
pub use self::source::{Location, Source};
pub use self::surroundings::{MAX_FILE_BYTES, Machine, Nowhere, Surroundings};
pub use self::value::Network;

/// A configuration that has been found good, and the gate that it describes.
#[derive(Debug)]
pub struct Loaded {
    /// What Doorward runs by.
    pub config: Config,
    /// What requests are judged by.
    pub gate: Gate,
}

impl Loaded {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(path: &Path, surroundings: &dyn Surroundings) -> Result<Self, Report> {
        let name = path.display().to_string();
        let refused = |message: String| {
            let source = Source::new(&name, "");
            Report::new(&name, vec![Problem::new(&source, message)])
        };
        let bytes = surroundings
            .read(path, MAX_FILE_BYTES)
            .map_err(|error| refused(format!("cannot be read: {}", decode::plain(&error))))?;
        let text = std::str::from_utf8(&bytes).map_err(|error| {
            refused(format!("not text in UTF-8, from byte {} on", error.valid_up_to()))
        })?;
        let directory = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let mut loaded = Self::parse(&name, text, directory, surroundings)?;
        loaded.config.origin.files.insert(0, path.to_owned());
        Ok(loaded)
    }

    /// Reads `text`, which reports call `name`; relative paths in it start at `directory`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(
        name: &str,
        text: &str,
        directory: &Path,
        surroundings: &dyn Surroundings,
    ) -> Result<Self, Report> {
        let source = Source::new(name, text);
        let references = decode::References::new(surroundings, directory);
        let mut problems = Vec::new();
        let loaded = Self::look_for_problems(&source, &references, &mut problems);
        match loaded {
            Some(loaded) if problems.is_empty() => Ok(loaded),
            _ => {
                let hidden = references.hidden();
                let hide = |problem: Problem| problem.map_text(|text| hidden.hide(text));
                Err(Report::new(name, problems.into_iter().map(hide).collect()))
            }
        }
    }

    /// Goes as far as there is something to look at. None only when there are problems.
    fn look_for_problems(
        source: &Source,
        references: &decode::References<'_>,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let mut tree = match tree::Node::parse(source, problems) {
            Ok(tree) => tree,
            Err(problem) => {
                problems.push(problem);
                return None;
            }
        };
        if matches!(tree.value, tree::Value::Nothing) {
            tree.value = tree::Value::Mapping(Vec::new());
        }
        let file = decode::decode(&mut tree, references, source, problems)?;
        let tree = Arc::new(tree);
        let lowering = lower::Lowering::new(source, &tree, references);
        let (config, found) = lowering.lower(file, references.hidden());
        problems.extend(found);
        if !config.names_are_complete() {
            return None;
        }
        match Gate::build(&config.gate) {
            Ok(gate) => Some(Self { config, gate }),
            Err(errors) => {
                let known: Vec<_> = problems.iter().map(Problem::location).collect();
                let further = config.gate_problems(errors);
                problems.extend(further.filter(|problem| !known.contains(&problem.location())));
                None
            }
        }
    }
}
