use super::*;

fn object(text: &str) -> Object {
    match json::parse(text.as_bytes(), &Limits::DOCUMENT).unwrap() {
        Value::Object(members) => members,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_the_id_token_says_counts_and_what_is_kept_elsewhere_is_so_by_either_word() {
    let cases = [
        (r#"{"sub":"a","x":1}"#, r#"{"sub":"a","x":2,"y":3}"#, r#"{"sub":"a","x":1,"y":3}"#),
        (
            r#"{"sub":"a","_claim_names":{"g":"1"}}"#,
            r#"{"sub":"a","_claim_names":{"r":"2"}}"#,
            r#"{"sub":"a","_claim_names":{"g":"1","r":"2"}}"#,
        ),
        (
            r#"{"sub":"a"}"#,
            r#"{"sub":"a","_claim_names":{"r":"2"}}"#,
            r#"{"sub":"a","_claim_names":{"r":"2"}}"#,
        ),
        (
            r#"{"sub":"a","_claim_names":{"g":"1"}}"#,
            r#"{"sub":"a","_claim_names":7}"#,
            r#"{"sub":"a","_claim_names":7}"#,
        ),
    ];
    for (id_token, userinfo, expected) in cases {
        let all = together(&object(id_token), object(userinfo)).unwrap();
        assert_eq!(all, object(expected), "{id_token} {userinfo}");
    }
}

#[test]
fn a_null_is_an_absence_at_any_depth() {
    let given = Value::Object(object(r#"{"a":null,"b":[{"c":null,"d":1},null]}"#));
    assert_eq!(without_nulls(given), Value::Object(object(r#"{"b":[{"d":1},null]}"#)));
}
