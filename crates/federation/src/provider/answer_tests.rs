use super::*;
use crate::form::MAX_PARAMETERS;

#[test]
fn an_answer_is_a_code_or_an_error_and_never_both() {
    let cases = [
        ("", AnswerError::NoState),
        ("code=c", AnswerError::NoState),
        ("code=c&state=", AnswerError::NoState),
        ("state=s", AnswerError::NoCode),
        ("state=s&code=", AnswerError::NoCode),
        ("state=s&code=c&error=access_denied", AnswerError::CodeAndError),
        ("state=s&code=c&code=d", AnswerError::Repeated),
        ("state=s&code=c&%73tate=t", AnswerError::Repeated),
        ("state=s&code=c&iss=a&iss=b", AnswerError::Repeated),
        ("state=s&code=c&x=1&x=2", AnswerError::Repeated),
        ("state=s&code=%0a", AnswerError::CodeCharacter),
        ("state=s&code=%C3%BC", AnswerError::CodeCharacter),
        ("state=s&code=%zz", AnswerError::Escape),
        ("state=%ff&code=c", AnswerError::Escape),
    ];
    for (query, expected) in cases {
        assert_eq!(Answer::parse(query), Err(expected), "{query}");
    }
    let answer =
        Answer::parse("session_state=x&code=4%2F0A&state=s+t&iss=https://a.example&scope=a+b");
    let answer = answer.unwrap();
    assert_eq!(answer.state(), "s t");
    assert_eq!(answer.issuer.as_deref(), Some("https://a.example"));
    assert_eq!(answer.outcome, Ok("4/0A".to_owned()));
}

#[test]
fn an_answer_is_read_up_to_its_limits() {
    let code = |bytes: usize| format!("state=s&code={}", "c".repeat(bytes));
    assert!(Answer::parse(&code(MAX_CODE_BYTES)).is_ok());
    assert_eq!(Answer::parse(&code(MAX_CODE_BYTES + 1)), Err(AnswerError::LongCode));
    let whole = |bytes: usize| {
        let start = "code=c&state=";
        format!("{start}{}", "s".repeat(bytes - start.len()))
    };
    assert!(Answer::parse(&whole(MAX_ANSWER_BYTES)).is_ok());
    assert_eq!(Answer::parse(&whole(MAX_ANSWER_BYTES + 1)), Err(AnswerError::TooLong));
    let many: String = (0..MAX_PARAMETERS).map(|at| format!("&p{at}=")).collect();
    assert_eq!(Answer::parse(&format!("state=s{many}")), Err(AnswerError::TooMany));
}

#[test]
fn an_error_is_known_by_its_name_or_quoted_briefly() {
    let error = |name: &str| {
        let answer = Answer::parse(&format!("state=s&error={name}")).unwrap();
        answer.outcome.unwrap_err().0
    };
    let known = [
        "access_denied",
        "account_selection_required",
        "consent_required",
        "interaction_required",
        "invalid_request",
        "invalid_scope",
        "login_required",
        "server_error",
        "temporarily_unavailable",
        "unauthorized_client",
        "unmet_authentication_requirements",
        "unsupported_response_type",
    ];
    for name in known {
        assert_eq!((error(name).code(), error(name).to_string()), (name, name.to_owned()));
    }
    let odd = error("%1b[31m-odd");
    assert_eq!((odd.code(), odd.to_string().as_str()), ("other_error", "\\u{1b}[31m-odd"));
    assert_eq!(error(&"x".repeat(100)).to_string(), format!("{}…", "x".repeat(64)));
}
