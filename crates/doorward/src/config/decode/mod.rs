//! From the tree to the file form. A problem does not stop the reading: it is reported, its value cut out of the
//! tree, and the rest read again, until what is left can be read.

mod choice;
mod complaint;
mod decoder;
mod describe;
mod reference;

use gate::spec::{Place, Step};
use serde::Deserialize;

use self::complaint::Aim;
use self::decoder::Decoder;
use super::problem::Problem;
use super::source::Source;
use super::tree::Node;

pub(super) use self::complaint::Complaint;
pub(super) use self::reference::{Hidden, References, plain};

/// The name by which a newtype tells the decoder that references in its text are to be followed.
pub(super) const MAY_REFER: &str = "doorward::may_refer";

/// The same, for a text that must hold a reference.
pub(super) const MUST_REFER: &str = "doorward::must_refer";

/// More problems than this are not looked for.
pub(super) const MAX_PROBLEMS: usize = 50;

/// Reads what can be read of `tree`, cuts what cannot, and says why in `problems`. None when too little is left.
pub(super) fn decode<T: for<'de> Deserialize<'de>>(
    tree: &mut Node,
    references: &References<'_>,
    source: &Source,
    problems: &mut Vec<Problem>,
) -> Option<T> {
    while problems.len() < MAX_PROBLEMS {
        match T::deserialize(Decoder { node: tree, references }) {
            Ok(file) => return Some(file),
            Err(complaint) => {
                let place = complaint.place();
                if !follows_from_another(tree, &place, &complaint) {
                    problems.push(explain(tree, &place, complaint, source));
                }
                if place.steps().is_empty() || !tree.cut(&place) {
                    return None;
                }
            }
        }
    }
    None
}

/// Whether a key is missing only because it was cut.
fn follows_from_another(tree: &Node, place: &Place, complaint: &Complaint) -> bool {
    match complaint.aim {
        Aim::Missing(field) => tree.find(place).is_some_and(|node| node.has(field)),
        Aim::Consequence => true,
        Aim::Key | Aim::Secret | Aim::Value => false,
    }
}

/// Whether a key that nothing reads may be meant for a secret.
fn may_be_a_secret(place: &Place) -> bool {
    let Some(Step::Key(key)) = place.steps().last() else { return false };
    ["secr", "passw", "token"].iter().any(|part| key.to_ascii_lowercase().contains(part))
}

fn explain(tree: &Node, place: &Place, complaint: Complaint, source: &Source) -> Problem {
    let location = match complaint.aim {
        Aim::Key => tree.locate_key(place).or_else(|| tree.locate(place)),
        Aim::Consequence | Aim::Missing(_) | Aim::Secret | Aim::Value => tree.locate(place),
    };
    let used = tree.find(place).and_then(|node| node.used).filter(|_| complaint.aim != Aim::Key);
    let problem = Problem::new(source, complaint.message).mark(location, None);
    let problem = match complaint.aim {
        Aim::Secret => problem.hiding(location),
        Aim::Key if may_be_a_secret(place) => problem.hiding(tree.locate(place)),
        _ => problem,
    };
    let problem = match used {
        Some(used) => problem.mark(Some(used), Some("used here")),
        None => problem,
    };
    match complaint.help {
        Some(help) => problem.help(help),
        None => problem,
    }
}
