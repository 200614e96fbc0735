//! Under which paths a policy can hold at all, as far as its first words say so.
//!
//! A condition is evaluated from its left. Where it begins with a test of `context.path`, which cannot fail, and the path
//! does not pass it, nothing behind is evaluated: the policy neither holds nor errs, and need not be asked.

use serde_json::Value;

use super::tree::is_attribute;

/// The beginnings of which a path must have one, for a policy in Cedar's JSON form to hold or to err. Nothing where it may
/// do so under any path.
pub(crate) fn beginnings(policy: &Value) -> Option<Vec<String>> {
    let first = policy.pointer("/conditions/0")?;
    if first.get("kind")? != "when" {
        return None;
    }
    of_test(leftmost(first.get("body")?)).filter(|all| all.iter().all(|one| !one.is_empty()))
}

/// What is evaluated first of this.
fn leftmost(condition: &Value) -> &Value {
    condition.pointer("/&&/left").map_or(condition, leftmost)
}

/// The beginnings of the paths that pass a test, if it is one of the path alone.
fn of_test(test: &Value) -> Option<Vec<String>> {
    let (operator, operands) = test.as_object().filter(|one| one.len() == 1)?.iter().next()?;
    let side = |name| operands.get(name);
    match operator.as_str() {
        "||" => {
            let mut either = of_test(side("left")?)?;
            either.extend(of_test(side("right")?)?);
            Some(either)
        }
        "like" if is_path(side("left")?) => {
            let literals = side("pattern")?.as_array()?.iter().map_while(|one| one.get("Literal"));
            Some(vec![literals.filter_map(Value::as_str).collect()])
        }
        "==" if is_path(side("left")?) => {
            Some(vec![side("right")?.get("Value")?.as_str()?.to_owned()])
        }
        "==" if is_path(side("right")?) => {
            Some(vec![side("left")?.get("Value")?.as_str()?.to_owned()])
        }
        _ => None,
    }
}

fn is_path(expression: &Value) -> bool {
    is_attribute(expression, "context", "path")
}

#[cfg(test)]
mod tests {
    use cedar_policy::Policy;

    use super::*;

    fn begins(conditions: &str) -> Option<Vec<String>> {
        let text = format!("forbid(principal, action, resource) {conditions};");
        beginnings(&Policy::parse(None, text).unwrap().to_json().unwrap())
    }

    #[test]
    fn a_test_of_the_path_that_is_evaluated_first_says_where_a_policy_can_hold() {
        for (conditions, expected) in [
            (r#"when { context.path like "/a/*" }"#, vec!["/a/"]),
            (r#"when { context.path like "/a*b*" }"#, vec!["/a"]),
            (r#"when { context.path like "/a\*b*" }"#, vec!["/a*b"]),
            (r#"when { context.path like "/a/b" }"#, vec!["/a/b"]),
            (r#"when { context["path"] == "/a" }"#, vec!["/a"]),
            (r#"when { "/a" == context.path }"#, vec!["/a"]),
            (r#"when { context.path like "/a/*" || context.path == "/b" }"#, vec!["/a/", "/b"]),
            (r#"when { context.path like "/a/*" && context.door == "x" && true }"#, vec!["/a/"]),
            (r#"when { context.path like "/a/*" && (context.door == "x" || true) }"#, vec!["/a/"]),
            (r#"when { (context.path like "/a/*" && true) && true }"#, vec!["/a/"]),
            (
                r#"when { context.path like "/a/*" } unless { context.path like "/a/b" }"#,
                vec!["/a/"],
            ),
            (r#"when { context.path like "/ä/*" }"#, vec!["/ä/"]),
        ] {
            let expected = expected.into_iter().map(ToOwned::to_owned).collect();
            assert_eq!(begins(conditions), Some(expected), "{conditions}");
        }
    }

    #[test]
    fn what_is_no_test_of_the_path_or_stands_behind_another_says_nothing() {
        for conditions in [
            "",
            r#"when { true }"#,
            r#"unless { context.path like "/a/*" }"#,
            r#"unless { context.path like "/a/*" } when { context.path like "/b/*" }"#,
            r#"when { context.path like "*" }"#,
            r#"when { context.path like "" }"#,
            r#"when { context.path like "*/a" }"#,
            r#"when { context.path like "/a/*" || context.path like "*/b" }"#,
            r#"when { context.path like "/a/*" || principal has x }"#,
            r#"when { principal has x || context.path like "/a/*" }"#,
            r#"when { principal.x > 1 && context.path like "/a/*" }"#,
            r#"when { !(context.path like "/a/*") }"#,
            r#"when { context.path != "/a" }"#,
            r#"when { context.path == context.host }"#,
            r#"when { context.host like "/a/*" }"#,
            r#"when { principal.path like "/a/*" }"#,
            r#"when { context.parameters.path like "/a/*" }"#,
            r#"when { if context.path like "/a/*" then true else false }"#,
            r#"when { (if true then context.path else context.host) like "/a/*" }"#,
        ] {
            assert_eq!(begins(conditions), None, "{conditions}");
        }
    }
}
