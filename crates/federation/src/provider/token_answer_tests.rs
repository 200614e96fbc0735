use super::*;

fn parse(text: &str) -> Result<TokenAnswer, TokenAnswerError> {
    TokenAnswer::parse(text.as_bytes())
}

#[test]
fn an_answer_has_a_bearer_token_in_whatever_case() {
    for kind in ["Bearer", "bearer", "BEARER"] {
        let answer =
            parse(&format!(r#"{{"access_token":"a","token_type":"{kind}","x":1}}"#)).unwrap();
        assert_eq!(answer.access_token.expose(), "a");
        assert!(answer.id_token.is_none() && answer.refresh_token.is_none());
    }
    let text = r#"{"access_token":"a","token_type":"Bearer","expires_in":60,"id_token":"i","refresh_token":"r"}"#;
    let answer = parse(text).unwrap();
    assert_eq!(answer.id_token.unwrap().expose(), "i");
    assert_eq!(answer.refresh_token.unwrap().expose(), "r");
}

#[test]
fn anything_else_is_no_answer() {
    let with = |member: &str| format!(r#"{{"access_token":"a","token_type":"Bearer",{member}}}"#);
    let cases = [
        ("access_token=a&token_type=bearer".to_owned(), "token_answer_json"),
        (with(r#""access_token":"b""#), "token_answer_json"),
        ("[]".to_owned(), "token_answer_not_an_object"),
        ("{}".to_owned(), "token_answer_no_type"),
        (r#"{"token_type":"Bearer"}"#.to_owned(), "token_answer_no_access_token"),
        (r#"{"token_type":"mac","access_token":"a"}"#.to_owned(), "token_answer_other_type"),
        (r#"{"token_type":"Bearer","access_token":""}"#.to_owned(), "token_answer_mistyped"),
        (r#"{"token_type":"Bearer","access_token":7}"#.to_owned(), "token_answer_mistyped"),
        (with(r#""id_token":null"#), "token_answer_mistyped"),
        (with(r#""refresh_token":"a b""#), "token_answer_mistyped"),
        (with(r#""expires_in":"60""#), "token_answer_mistyped"),
        (with(r#""expires_in":-1"#), "token_answer_mistyped"),
        (with(r#""expires_in":1.5"#), "token_answer_mistyped"),
    ];
    for (text, code) in cases {
        assert_eq!(parse(&text).unwrap_err().code(), code, "{text}");
    }
}

#[test]
fn a_token_is_taken_up_to_its_limit() {
    let answer = |bytes: usize| {
        format!(r#"{{"access_token":"{}","token_type":"Bearer"}}"#, "a".repeat(bytes))
    };
    assert!(parse(&answer(MAX_TOKEN_BYTES)).is_ok());
    let refused = parse(&answer(MAX_TOKEN_BYTES + 1)).unwrap_err();
    assert_eq!(refused.to_string(), "`access_token` of the token answer has more than 16384 bytes");
}
