//! What must hold of whatever is asked.

use tokens::json::{Object, Value};

use super::asked::{Asked, MAX_EVALUATIONS, parse};
use super::decision_point::Endpoint;

/// Reads bytes as a question and as many. What is asked about is what stands there, whole and nowhere else: in the
/// evaluation itself, or where that does not have the member at all, beside them all.
///
/// # Panics
/// If an invariant is broken.
pub(crate) fn check(bytes: &[u8]) {
    let Ok(document) = parse(bytes) else { return };
    for endpoint in [Endpoint::Evaluation, Endpoint::Evaluations] {
        let Ok(asked) = Asked::read(&document, endpoint) else { continue };
        assert!(!asked.items.is_empty(), "nothing is asked");
        assert!(asked.items.len() <= MAX_EVALUATIONS, "too much is asked");
        let top = document.as_object().cloned().unwrap_or_default();
        let listed = top.get("evaluations").and_then(Value::as_array).unwrap_or_default();
        for (index, item) in asked.items.iter().enumerate() {
            let Ok(matter) = item.matter() else {
                assert!(asked.listed, "one question is wrong, and is asked");
                continue;
            };
            let own = listed.get(index).filter(|_| asked.listed).and_then(Value::as_object);
            let told = |what: &str| {
                let own = own.and_then(|own| own.get(what));
                own.or_else(|| top.get(what)).and_then(Value::as_object)
            };
            let text = |object: Option<&Object>, name: &str| {
                object.and_then(|object| object.get(name)?.as_str().map(str::to_owned))
            };
            let things = [("subject", matter.subject), ("resource", matter.resource)];
            for (what, thing) in things {
                let object = told(what);
                assert_eq!(text(object, "type").as_deref(), Some(thing.kind), "{what}");
                assert_eq!(text(object, "id").as_deref(), Some(thing.id), "{what}");
                assert!(!thing.kind.is_empty() && !thing.id.is_empty(), "{what}");
            }
            assert_eq!(text(told("action"), "name").as_deref(), Some(matter.action.kind));
            let context = matter.context.and_then(Value::as_object);
            assert_eq!(context, told("context"), "the circumstances are others");
        }
    }
}
