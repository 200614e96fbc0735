use cedar_policy::EvalResult;
use http::{HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;
use crate::policy::evaluation::evaluated;

fn sorted(values: HashMap<String, Vec<String>>) -> Vec<(String, Vec<String>)> {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort();
    values
}

/// Names, each with its values.
type Expected = [(&'static str, &'static [&'static str])];

fn pairs(expected: &Expected) -> Vec<(String, Vec<String>)> {
    let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    expected.iter().map(|(name, values)| ((*name).to_owned(), owned(values))).collect()
}

#[test]
fn a_header_is_told_in_every_way_it_could_be_read() {
    let mut headers = HeaderMap::new();
    for (name, value) in [("x-role", "user"), ("x-role", "admin, ops"), ("x_role", "root")] {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_static(value));
    }
    let expected =
        [("x-role", &["user", "admin, ops", "admin", "ops", "root"][..]), ("x_role", &["root"])];
    assert_eq!(sorted(header_values(&headers)), pairs(&expected));
}

#[test]
fn a_query_parameter_is_told_in_every_way_it_could_be_read() {
    let table: [(&str, &Expected); 6] = [
        ("", &[]),
        ("a=1&a=2&b", &[("a", &["1", "2"]), ("b", &[""])]),
        ("a=1;admin=1", &[("a", &["1;admin=1", "1"]), ("admin", &["1"])]),
        ("%61=x+y%20z", &[("a", &["x y z"])]),
        ("a=%zz%2&=v", &[("", &["v"]), ("a", &["%zz%2"])]),
        ("a=b=c&&", &[("a", &["b=c"])]),
    ];
    for (query, expected) in table {
        assert_eq!(sorted(query_values(query)), pairs(expected), "{query}");
    }
}

proptest! {
    #[test]
    fn no_two_actors_are_one(
        a in ("(corp|/|:| |%|2|0|F){0,5}", "(a|/| ){1,4}"),
        b in ("(corp|/|:| |%|2|0|F){0,5}", "(a|/| ){1,4}"),
        own in "(a|/| |:|corp){1,6}",
    ) {
        let (one, other) = (foreign(&a.0, &a.1), foreign(&b.0, &b.1));
        prop_assert_eq!(one == other, a == b);
        prop_assert_ne!(one, scoped("corp", &own));
    }

    #[test]
    fn a_moment_is_the_same_moment_to_cedar(
        millis in prop_oneof![0..253_402_300_800_000_u64, 1_700_000_000_000..1_800_000_000_000_u64],
    ) {
        let told = datetime_text(Timestamp::from_millis(millis));
        let test = format!(
            "datetime(\"{told}\") == datetime(\"1970-01-01\").offset(duration(\"{millis}ms\"))",
        );
        prop_assert_eq!(evaluated(&test), EvalResult::Bool(true));
    }
}

#[test]
fn an_actor_with_an_issuer_of_its_own_is_told_with_it() {
    assert_eq!(foreign("https://idp.example.com/eu", "alice"), "https://idp.example.com/eu alice");
    assert_eq!(foreign("corp/a", "b"), "corp%2Fa b");
}

#[test]
fn a_moment_beyond_the_year_9999_is_its_end() {
    assert_eq!(datetime_text(Timestamp::MAX), "9999-12-31T23:59:59.999Z");
}
