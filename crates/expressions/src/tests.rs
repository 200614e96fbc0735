use proptest::prelude::*;

use super::*;

fn list<const N: usize>(texts: [&str; N]) -> Value {
    texts.into_iter().map(Value::from).collect()
}

fn map<const N: usize>(members: [(&str, Value); N]) -> Value {
    members.into_iter().collect()
}

fn claims() -> Value {
    let team = |organization: &str, slug: &str| {
        map([("organization", map([("login", organization.into())])), ("slug", slug.into())])
    };
    map([
        ("sub", "alice".into()),
        ("email", "Alice@Example.COM".into()),
        ("id", Value::Int(u64::MAX.into())),
        ("level", Value::Int(3)),
        ("score", Value::Double(2.5)),
        ("admin", true.into()),
        ("nothing", Value::Null),
        ("groups", list(["app-ops", "app-dev", "staff"])),
        ("teams", [team("acme", "ops"), team("evil", "admins")].into_iter().collect()),
        ("access", map([("a", list(["x", "y"])), ("b", list(["z"]))])),
        ("kept_elsewhere", Value::Withheld),
    ])
}

fn say(text: &str) -> Result<Value, String> {
    let expression = Expression::parse(text).map_err(|error| error.to_string())?;
    expression.evaluate(&claims(), &mut Budget::full()).map_err(|error| error.to_string())
}

/// A value as an expression would write it.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Double(number) => format!("{number:?}"),
        Value::String(text) => format!("{text:?}"),
        Value::List(elements) => {
            let elements: Vec<_> = elements.iter().map(shown).collect();
            format!("[{}]", elements.join(", "))
        }
        Value::Map(members) => {
            let members: Vec<_> =
                members.iter().map(|(name, value)| format!("{name:?}: {}", shown(value))).collect();
            format!("{{{}}}", members.join(", "))
        }
        Value::Withheld => "withheld".to_owned(),
    }
}

#[test]
fn expressions_say_what_they_say_in_cel() {
    let cases = [
        // Literals and operators.
        ("1 + 2 * 3 - 8 / 4 % 3", "5"),
        ("-7 / 2", "-3"),
        ("-7 % 2", "-1"),
        ("- -3", "3"),
        ("!true", "false"),
        ("0x1F", "31"),
        ("1.5 + 2e-1", "1.7"),
        ("7.0 / 2.0", "3.5"),
        ("'a' + \"b\"", "\"ab\""),
        (r#"'\'\"\\\n\t\x41\u00e9\U0001F600'"#, "\"'\\\"\\\\\\n\\tAé😀\""),
        (r"r'a\d'", r#""a\\d""#),
        ("[1, 'a', [true,],]", "[1, \"a\", [true]]"),
        ("[1] + [2]", "[1, 2]"),
        ("{'b': 1, 'a': null}", "{\"a\": null, \"b\": 1}"),
        ("// a remark\n1 // and one more", "1"),
        // Comparison.
        ("1 == 1.0", "true"),
        ("18446744073709551615 == 18446744073709551615.0", "false"),
        ("9007199254740993 > 9007199254740992.0", "true"),
        ("1 < 1.5 && -1 > -1.5", "true"),
        ("1 == '1'", "false"),
        ("null == false", "false"),
        ("[1, [2]] == [1.0, [2]]", "true"),
        ("{'a': 1} == {'a': 1.0}", "true"),
        ("{'a': 1} != {'b': 1}", "true"),
        ("'a' < 'b' && 'Z' < 'a' && false < true", "true"),
        ("2 >= 2 && 2 <= 2 && !(2 > 2)", "true"),
        ("2 in [1, 2] && !('c' in {'a': 1})", "true"),
        // Precedence: `?:` is loosest and leads to the right.
        ("true || false && false", "true"),
        ("false ? 1 : true ? 2 : 3", "2"),
        ("1 + 1 == 2 ? 'yes' : 'no'", "\"yes\""),
        ("!false == true", "true"),
        ("-1 + 2", "1"),
        ("-claims.level", "-3"),
        // One side decides although the other fails; the sides may stand either way.
        ("true || 1 / 0 == 1", "true"),
        ("1 / 0 == 1 || true", "true"),
        ("false && claims.missing", "false"),
        ("claims.missing && false", "false"),
        // Claims.
        ("claims.sub", "\"alice\""),
        ("claims['sub']", "\"alice\""),
        ("string(claims.id)", "\"18446744073709551615\""),
        ("claims.groups[0]", "\"app-ops\""),
        ("has(claims.sub) && !has(claims.missing)", "true"),
        ("has(claims.nothing)", "true"),
        ("has(claims.missing) ? claims.missing : null", "null"),
        // Macros.
        ("claims.groups.filter(g, g.startsWith('app-'))", "[\"app-ops\", \"app-dev\"]"),
        (
            "claims.teams.map(t, t.organization.login + '/' + t.slug)",
            "[\"acme/ops\", \"evil/admins\"]",
        ),
        ("claims.teams.map(t, t.organization.login == 'acme', t.slug)", "[\"ops\"]"),
        (
            "claims.access.map(client, claims.access[client].map(role, client + ':' + role)).flatten()",
            "[\"a:x\", \"a:y\", \"b:z\"]",
        ),
        ("claims.groups.exists(g, g == 'staff')", "true"),
        ("claims.groups.exists(g, g == 'none')", "false"),
        ("claims.groups.all(g, g != 'none')", "true"),
        ("claims.groups.exists_one(g, g.startsWith('app-'))", "false"),
        ("[].all(x, false) && ![].exists(x, true)", "true"),
        ("[1, 0].exists(x, 1 / x == 1)", "true"),
        ("[0, 1].exists(x, 1 / x == 1)", "true"),
        ("[0, 2].all(x, 1 / x == 1)", "false"),
        ("claims.access.filter(name, name == 'a')", "[\"a\"]"),
        // An inner variable hides an outer one, and only within its macro.
        ("[1].map(x, [2].map(x, x)[0] + x)", "[3]"),
        ("['shadow'].map(claims, claims)", "[\"shadow\"]"),
        // Functions.
        ("size('né') + size([1]) + 'ab'.size() + size({'a': 1})", "6"),
        ("int('-12') + int(5)", "-7"),
        ("string(true) + string(-1)", "\"true-1\""),
        ("'a,b'.split(',')", "[\"a\", \"b\"]"),
        ("'né'.split('')", "[\"n\", \"é\"]"),
        ("['a', 'b'].join() + ['a', 'b'].join('-')", "\"aba-b\""),
        ("claims.email.lowerAscii()", "\"alice@example.com\""),
        ("'é a'.upperAscii()", "\"é A\""),
        ("' a\t'.trim()", "\"a\""),
        ("'aXbX'.replace('X', '-')", "\"a-b-\""),
        ("'abc'.contains('b') && 'abc'.endsWith('c')", "true"),
        ("'ou=ops,dc=x'.matches('^ou=[a-z]+,')", "true"),
        ("[1, 1.0, 'a', 'a'].distinct()", "[1, \"a\"]"),
        ("[[1], 2, [[3]]].flatten()", "[1, 2, [3]]"),
    ];
    for (text, expected) in cases {
        assert_eq!(say(text).as_ref().map(shown), Ok(expected.to_owned()), "{text}");
    }
}

#[test]
fn what_cannot_be_said_is_an_error_with_its_place() {
    let cases = [
        ("claims.missing", "no such member at character 8"),
        ("claims['missing']", "no such member at character 7"),
        ("claims.groups[3]", "no such element at character 14"),
        ("claims.groups[-1]", "no such element at character 14"),
        ("claims.sub.name", "expected a map, found a text at character 12"),
        ("has(claims.sub.name)", "expected a map, found a text at character 1"),
        ("claims.sub + 1", "expected a text, found a whole number at character 12"),
        ("1 + 1.0", "expected a whole number, found a fraction at character 3"),
        ("claims.nothing + 'a'", "expected a number, found null at character 16"),
        ("!claims.sub", "expected a boolean, found a text at character 9"),
        ("claims.sub ? 1 : 2", "expected a boolean, found a text at character 8"),
        ("-claims.sub", "expected a number, found a text at character 1"),
        ("1 < 'a'", "expected a number, found a text at character 3"),
        ("1 in 'a'", "expected a list or a map, found a text at character 3"),
        ("1 in {'a': 1}", "expected a text, found a whole number at character 3"),
        ("{1: 1}", "expected a text, found a whole number at character 2"),
        ("{'a': 1, 'a': 2}", "two members of the same name at character 10"),
        ("18446744073709551615 + 1", "a number out of range at character 22"),
        ("-9223372036854775807 - 2", "a number out of range at character 22"),
        ("-(-9223372036854775807 - 1)", "9223372036854775808"),
        ("1e308 * 10.0", "a number out of range at character 7"),
        ("1 / 0", "a division by zero at character 3"),
        ("1 % 0", "a division by zero at character 3"),
        ("1.0 / 0.0", "a number out of range at character 5"),
        ("1.5 % 1.0", "expected whole numbers, found a fraction at character 5"),
        ("int('1.5')", "a text that is not a whole number at character 1"),
        ("int('+1')", "a text that is not a whole number at character 1"),
        ("int('99999999999999999999')", "a number out of range at character 1"),
        (
            "string(1.5)",
            "expected a text, a whole number or a boolean, found a fraction at character 1",
        ),
        ("string(null)", "expected a text, a whole number or a boolean, found null at character 1"),
        ("size(1)", "expected a text, a list or a map, found a whole number at character 1"),
        ("[1].join()", "expected a text, found a whole number at character 5"),
        ("claims.sub.map(x, x)", "expected a list or a map, found a text at character 8"),
        ("[1].filter(x, x)", "expected a boolean, found a whole number at character 15"),
        ("[0].exists(x, 1 / x == 1)", "a division by zero at character 17"),
        ("'é' + claims.missing", "no such member at character 14"),
        // Neither its presence nor its absence is known, and nothing hides that.
        ("claims.kept_elsewhere", "a claim that the provider keeps elsewhere at character 8"),
        ("has(claims.kept_elsewhere)", "a claim that the provider keeps elsewhere at character 1"),
        ("'kept_elsewhere' in claims", "a claim that the provider keeps elsewhere at character 18"),
        (
            "claims.map(name, claims[name])",
            "a claim that the provider keeps elsewhere at character 1",
        ),
        ("size(claims) == 0", "a claim that the provider keeps elsewhere at character 1"),
        ("claims == {'sub': 'alice'}", "a claim that the provider keeps elsewhere at character 8"),
        (
            "claims.exists(name, name == 'x')",
            "a claim that the provider keeps elsewhere at character 1",
        ),
        ("claims == claims", "a claim that the provider keeps elsewhere at character 8"),
        (
            "has(claims.kept_elsewhere) || true",
            "a claim that the provider keeps elsewhere at character 1",
        ),
        (
            "[1].exists(x, claims.kept_elsewhere == x) || true",
            "a claim that the provider keeps elsewhere at character 22",
        ),
    ];
    for (text, expected) in cases {
        let said = say(text);
        let said = said.as_ref().map(shown).unwrap_or_else(|error| error.clone());
        assert_eq!(said, expected, "{text}");
    }
}

/// An error that `||`, `&&`, `all` or `exists` hides must not leave its variable behind for the next macro to read.
#[test]
fn an_error_that_is_hidden_takes_its_variables_along() {
    let failing = [
        "['admin'].map(t, t.split('/')[1]) == []",
        "['admin'].map(t, true, t.split('/')[1]) == []",
        "['admin'].filter(t, t.split('/')[1] == '') == []",
        "['admin'].exists_one(t, t.split('/')[1] == '')",
        "['admin'].exists(t, t.split('/')[1] == '')",
        "['admin'].all(t, t.split('/')[1] == '')",
        "['admin'].map(t, ['x'].map(u, u[0])) == []",
        "['admin'].exists(t, ['x'].exists_one(u, [t].map(v, v.missing) == []))",
    ];
    for failing in failing {
        let holds = |text: &str| say(text).map(|value| shown(&value));
        // The second half is decided by its own elements alone.
        let error = say(&format!("{failing} || ['user'].exists(r, r == 'admin')"));
        assert!(error.is_err(), "{failing}: {error:?}");
        let error = say(&format!("{failing} || ['suspended'].all(f, f != 'suspended')"));
        assert!(error.is_err(), "{failing}: {error:?}");
        let truth = Ok("true".to_owned());
        assert_eq!(
            holds(&format!("{failing} || ['user'].exists(r, r == 'user')")),
            truth,
            "{failing}"
        );
        assert_eq!(
            holds(&format!("!({failing} && ['user'].exists(r, r == 'admin'))")),
            truth,
            "{failing}"
        );
        let outer = format!("['a', 'b'].exists(o, ({failing} || o == 'b') && o == 'b')");
        assert_eq!(holds(&outer), truth, "{failing}");
        let outer = format!("['a', 'b'].all(o, {failing} || o in ['a', 'b'])");
        assert_eq!(holds(&outer), truth, "{failing}");
    }
}

#[test]
fn patterns_mean_what_they_mean_in_cel() {
    for (text, expected) in [
        ("'аdmin'.matches(r'^\\w+$')", "false"),
        ("'١٢'.matches(r'^\\d+$')", "false"),
        ("'é'.matches('^.$')", "true"),
        ("matches('ops', 'p')", "true"),
        ("'OPS'.matches('(?i)ops')", "true"),
        ("'a@example.com'.matches(r'^\\w+@\\w+\\.com$')", "true"),
    ] {
        let text = text.replace("\\\\", "\\");
        assert_eq!(say(&text).as_ref().map(shown), Ok(expected.to_owned()), "{text}");
    }
    let refused = "the pattern is not a regular expression at character 5";
    for pattern in ["[a-z&&[^b]]", "[a-z--b]", "[[a]]", r"\pL", "a(?=b)"] {
        let error = say(&format!("'a'.matches(r'{pattern}')")).map(|value| shown(&value));
        assert_eq!(error, Err(refused.to_owned()), "{pattern}");
    }
}

#[test]
fn what_is_not_an_expression_is_refused_when_it_is_read() {
    let cases = [
        ("", "expected a value, found the end at character 1"),
        ("1 +", "expected a value, found the end at character 4"),
        ("1 2", "expected an operator, or the end, found a number at character 3"),
        ("user.sub", "there is no variable `user` at character 1"),
        ("claims.sub.upper()", "there is no function `upper`; write `upperAscii` at character 12"),
        ("claims.sub.shout()", "there is no function `shout` at character 12"),
        ("lowerAscii(claims.sub)", "`lowerAscii` is called as in `x.lowerAscii()` at character 1"),
        ("claims.id.string()", "`string` is called as in `string(x)` at character 11"),
        ("'a'.split()", "`split` takes 1 arguments, not 0 at character 5"),
        ("[1].join(1, 2)", "`join` takes 0 or 1 arguments, not 2 at character 5"),
        ("'a'.matches(claims.sub)", "the pattern of `matches` must be written out at character 5"),
        ("'a'.matches('(')", "the pattern is not a regular expression at character 5"),
        ("'a'.matches('[a-z]{1000}{1000}')", "the pattern is too large at character 5"),
        ("'a'.matches()", "`matches` takes one pattern at character 5"),
        (
            "has(claims['a'])",
            "`has` takes a member, as in `has(claims.email)`; for other names write `\"name\" in claims` at character 1",
        ),
        ("[1].map(1, x)", "expected a name for the element, found a number at character 9"),
        ("[1].map(in, x)", "expected a name for the element, found `in` at character 9"),
        ("[1].filter(x, true, x)", "expected `)`, found `,` at character 19"),
        ("while.sub", "there is no variable `while` at character 1"),
        ("claims.in", "expected the name of a member, found `in` at character 8"),
        ("claims.?sub", "expected the name of a member, found `?` at character 8"),
        ("b'abc'", "there is no variable `b` at character 1"),
        ("'''a'''", "texts over several lines are not taken at character 1"),
        ("'a", "the text is not closed at character 1"),
        ("'a\nb'", "the text is not closed at character 1"),
        (r"'\q'", "the escape is not known at character 2"),
        (r"'\ud800'", "the escape is not known at character 2"),
        (r"'\UFFFFFFFF'", "the escape is not known at character 2"),
        ("1u", "`1u` is not a number at character 1"),
        ("1.", "`1.` is not a number at character 1"),
        ("1e999", "`1e999` is not a number at character 1"),
        ("18446744073709551616", "`18446744073709551616` is not a number at character 1"),
        ("0xg", "`0xg` is not a number at character 1"),
        ("1 = 1", "expected an operator, or the end, found `=` at character 3"),
        ("1 & 1", "`&` has no meaning at character 3"),
        ("'é' §", "`§` has no meaning at character 5"),
        ("{1}", "expected `:`, found `}` at character 3"),
        ("(1", "expected `)`, found the end at character 3"),
        ("[1", "expected `]`, found the end at character 3"),
    ];
    for (text, expected) in cases {
        let error = Expression::parse(text).map(|expression| expression.as_str().to_owned());
        assert_eq!(error.map_err(|error| error.to_string()), Err(expected.to_owned()), "{text}");
    }
}

#[test]
fn length_and_depth_are_taken_up_to_their_limits() {
    let long = |bytes: usize| format!("'{}'", "a".repeat(bytes - 2));
    assert!(Expression::parse(&long(MAX_BYTES)).is_ok());
    let error = Expression::parse(&long(MAX_BYTES + 1)).unwrap_err();
    assert_eq!(error.to_string(), "the expression has 4097 bytes, more than 4096");

    let nested: [fn(usize) -> String; 7] = [
        |depth| format!("{}1{}", "[".repeat(depth - 1), "]".repeat(depth - 1)),
        |depth| format!("{}1{}", "(".repeat(depth - 1), ")".repeat(depth - 1)),
        |depth| format!("{}true", "!".repeat(depth - 1)),
        |depth| format!("claims{}", ".a".repeat(depth - 1)),
        |depth| format!("1{}", " + 1".repeat(depth - 1)),
        |depth| format!("{}1", "true ? 1 : ".repeat(depth - 1)),
        |depth| format!("{}1{}", "{'a': ".repeat(depth - 1), "}".repeat(depth - 1)),
    ];
    for nested in nested {
        let expression = Expression::parse(&nested(MAX_DEPTH)).unwrap();
        let _ = expression.evaluate(&claims(), &mut Budget::full());
        let error = Expression::parse(&nested(MAX_DEPTH + 1)).unwrap_err();
        let message = error.to_string();
        assert!(
            message.starts_with("the expression nests more than 48 deep at character"),
            "{message}"
        );
    }
    // What stands side by side does not nest.
    let flat = |between: &str| Expression::parse(&["true"; 400].join(between));
    assert!(flat(" || ").is_ok() && flat(" && ").is_ok());
}

#[test]
fn no_expression_costs_more_than_the_limit() {
    let many = (0..4_000).map(|number| Value::from(format!("group-{number}"))).collect();
    let long = Value::from("a".repeat(200 * 1024));
    let claims = map([("many", many), ("long", long)]);
    let run = |text: &str| {
        Expression::parse(text)
            .unwrap()
            .evaluate(&claims, &mut Budget::full())
            .map_err(|error| error.to_string())
    };
    // What a mapping may well do.
    assert!(run("claims.many.filter(g, g.startsWith('group-1') && !g.endsWith('9'))").is_ok());
    assert!(run("claims.many.map(g, 'corp/' + g.replace('group-', ''))").is_ok());
    // What none should.
    for text in [
        "claims.many.map(a, claims.many.map(b, a))",
        "claims.many.distinct()",
        "claims.many.all(a, claims.many.exists(b, a == b))",
        "claims.many.all(a, a in claims.many)",
        "claims.many.map(a, claims.long + claims.long)",
        "claims.many.map(a, claims.long.contains('b'))",
        "claims.many.map(a, claims.long.matches('b+$'))",
        "claims.many.map(a, claims.long == claims.long)",
        "claims.many.map(a, claims.long < claims.long)",
        "claims.long.replace('a', claims.long)",
        "claims.long.split('').map(a, claims.long).join(claims.long)",
        "claims.many.map(a, claims.many).flatten()",
        "[[[claims.many, claims.many], [claims.many, claims.many]]].map(a, claims.many.map(b, a == a))",
        // The budget does not come back when one side of `||` has spent it.
        "claims.many.map(a, claims.many.map(b, a)).size() == 0 || true",
        "claims.many.exists(a, claims.many.map(b, a).size() == 0)",
    ] {
        let error = run(text).map(|_| ()).unwrap_err();
        assert!(error.starts_with("more than 250000 steps at character"), "{text}: {error}");
    }
}

#[test]
fn expressions_are_the_same_if_their_texts_are() {
    let one = Expression::parse("claims.sub").unwrap();
    assert_eq!(one, Expression::parse("claims.sub").unwrap());
    assert_ne!(one, Expression::parse("claims.id").unwrap());
    assert_eq!(format!("{one:?}"), "Expression(claims.sub)");
}

proptest! {
    #[test]
    fn no_text_makes_it_fail(text in ".{0,80}") {
        let _ = Expression::parse(&text);
    }

    /// Texts of the language's own words, most of which are no expression and some of which are.
    #[test]
    fn no_expression_makes_it_fail(words in prop::collection::vec(prop::sample::select(vec![
        "claims", ".", "sub", "groups", "id", "(", ")", "[", "]", "{", "}", ",", ":", "?", "||", "&&", "!", "-", "+",
        "*", "/", "%", "==", "<", "in", "1", "0", "1.5", "'a'", "''", "has(", ".map(x,", ".filter(x,", ".exists(x,",
        "x", "null", "true", ".size()", "size(", "string(", "int(", ".split('a')", ".join()", ".flatten()",
        ".distinct()", ".matches('a')", ".replace('a','')",
    ]), 1..14)) {
        if let Ok(expression) = Expression::parse(&words.concat()) {
            let _ = expression.evaluate(&claims(), &mut Budget::full());
        }
    }
}
