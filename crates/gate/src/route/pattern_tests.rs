use proptest::prelude::*;

use super::*;

fn pattern(text: &str) -> PathPattern {
    PathPattern::parse(text).unwrap()
}

#[test]
fn a_pattern_that_no_request_can_meet_is_refused_with_the_remedy() {
    let table = [
        ("orders", "a path begins with `/`"),
        ("/a/**/b", "`**` stands for the rest of the path and can only be its last segment"),
        (
            "/a/*",
            "`*` is not a segment: one whole segment is `{name}`, the rest of the path is `**`",
        ),
        (
            "/a*",
            "`a*` is not a segment: one whole segment is `{name}`, the rest of the path is `**`",
        ),
        ("/{}", "`{}` is not a segment: a parameter takes a whole segment, as in `/orders/{id}`"),
        (
            "/x{id}",
            "`x{id}` is not a segment: a parameter takes a whole segment, as in `/orders/{id}`",
        ),
        ("/{id}/{id}", "the parameter `id` stands twice in the path"),
        ("/a/../b", "no request can have this path: the path contains a dot segment"),
        ("/a%zz", "no request can have this path: the path contains an invalid escape"),
    ];
    for (text, message) in table {
        assert_eq!(PathPattern::parse(text).unwrap_err().to_string(), message, "{text}");
    }
}

#[test]
fn a_pattern_is_as_long_as_a_path_can_be_and_no_longer() {
    assert!(PathPattern::parse(&"/a".repeat(MAX_SEGMENTS)).is_ok());
    assert!(PathPattern::parse(&format!("{}/**", "/a".repeat(MAX_SEGMENTS - 1))).is_ok());
    let message = "no request can have this path: the path has too many segments";
    for text in ["/a".repeat(MAX_SEGMENTS + 1), format!("{}/**", "/a".repeat(MAX_SEGMENTS))] {
        assert_eq!(PathPattern::parse(&text).unwrap_err().to_string(), message);
    }
}

#[test]
fn literals_are_compared_decoded() {
    assert_eq!(pattern("/admin@x"), pattern("/admin%40x"));
    assert_eq!(pattern("/café"), pattern("/caf%C3%A9"));
}

#[test]
fn covering_is_taking_every_path_of_the_other() {
    let table = [
        ("/**", "/a", true),
        ("/**", "/", true),
        ("/**", "/**", true),
        ("/a/**", "/a/b/**", true),
        ("/a/**", "/a/", true),
        ("/a/**", "/a", false),
        ("/a/**", "/**", false),
        ("/{x}", "/a", true),
        ("/{x}", "/", false),
        ("/{x}", "/{y}", true),
        ("/a", "/{x}", false),
        ("/{x}/b", "/a/{y}", false),
        ("/{x}/**", "/a/{y}/**", true),
        ("/{x}", "/**", false),
    ];
    for (broad, narrow, expected) in table {
        assert_eq!(pattern(broad).covers(&pattern(narrow)), expected, "{broad} covers {narrow}");
    }
}

fn patterns() -> impl Strategy<Value = PathPattern> {
    let segment = prop_oneof![Just("a"), Just("b"), Just("{x}"), Just("")];
    (prop::collection::vec(segment, 1..4), any::<bool>()).prop_map(|(segments, open)| {
        let mut seen = 0;
        let mut text = String::new();
        for segment in segments {
            seen += 1;
            text.push('/');
            text.push_str(&segment.replace('x', &format!("x{seen}")));
        }
        if open {
            text.push_str("/**");
        }
        pattern(&text)
    })
}

/// Whether `pattern` takes the path with these segments; the definition that the tree and the order must agree with.
fn takes(pattern: &PathPattern, path: &[&str]) -> bool {
    let enough = if pattern.is_open() {
        path.len() > pattern.segments().len()
    } else {
        path.len() == pattern.segments().len()
    };
    enough
        && pattern.segments().iter().zip(path).all(|(segment, text)| match segment {
            Segment::Literal(literal) => literal == text,
            Segment::Parameter(_) => !text.is_empty(),
        })
}

proptest! {
    #[test]
    fn the_meet_takes_exactly_what_both_take(
        a in patterns(),
        b in patterns(),
        path in prop::collection::vec(prop_oneof![Just("a"), Just("b"), Just("c"), Just("")], 1..6),
    ) {
        let both = takes(&a, &path) && takes(&b, &path);
        prop_assert_eq!(a.meet(&b).is_some_and(|meet| takes(&meet, &path)), both);
        if a.covers(&b) && takes(&b, &path) {
            prop_assert!(takes(&a, &path));
        }
    }
}
