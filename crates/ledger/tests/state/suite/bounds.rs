//! How much of everything there may be, at the edges.

use ledger::state::{
    LedgerError, MAX_FACTS_BYTES, MAX_HOST_BYTES, MAX_PROVIDER_BYTES, MAX_ROWS, MAX_SECRETS_BYTES,
    MAX_SUBJECT_BYTES, NewFacts, NewSession, Position, Secrets, SessionFilter,
};

use super::{House, NOW, cookie, id, session};

async fn start(house: &House, new: NewSession) -> Result<bool, LedgerError> {
    house.ledger().start_session(new, NOW).await
}

pub(crate) async fn facts_and_secrets_have_a_limit(house: House) {
    let facts = |bytes| NewFacts {
        facts: vec![b'x'; bytes],
        secrets: None,
        same_until: None,
        refresh_at: None,
        claim: None,
    };
    let long = NewSession {
        facts: vec![b'x'; MAX_FACTS_BYTES],
        secrets: Some(Secrets::new(vec![1; MAX_SECRETS_BYTES])),
        ..session(1)
    };
    start(&house, long).await.unwrap();
    let found = house.ledger().session(cookie(1), NOW).await.unwrap().unwrap();
    assert_eq!(found.facts.len(), MAX_FACTS_BYTES);
    let secrets = house.ledger().claim_refresh(id(1), NOW.plus(super::IDLE), NOW).await.unwrap();
    assert_eq!(secrets.unwrap().secrets.as_bytes().len(), MAX_SECRETS_BYTES);
    assert!(house.ledger().replace_facts(id(1), facts(MAX_FACTS_BYTES), NOW).await.unwrap());

    let too_long = NewSession { facts: vec![b'x'; MAX_FACTS_BYTES + 1], ..session(2) };
    let error = start(&house, too_long).await.unwrap_err();
    assert_eq!(error.to_string(), "the facts may have 528384 bytes at most");
    assert!(!error.is_retryable());
    let secrets = Some(Secrets::new(vec![1; MAX_SECRETS_BYTES + 1]));
    let error = start(&house, NewSession { secrets: secrets.clone(), ..session(2) }).await;
    assert_eq!(error.unwrap_err().to_string(), "the secrets may have 16384 bytes at most");
    let error = house.ledger().replace_facts(id(1), facts(MAX_FACTS_BYTES + 1), NOW).await;
    assert_eq!(error.unwrap_err().to_string(), "the facts may have 528384 bytes at most");
    let error = house.ledger().replace_facts(id(1), NewFacts { secrets, ..facts(1) }, NOW).await;
    assert_eq!(error.unwrap_err().to_string(), "the secrets may have 16384 bytes at most");
}

pub(crate) async fn texts_have_a_limit_and_no_nul(house: House) {
    let longest = NewSession {
        host: "h".repeat(MAX_HOST_BYTES),
        provider: "p".repeat(MAX_PROVIDER_BYTES),
        subject: "é".repeat(MAX_SUBJECT_BYTES / 2),
        provider_session: Some("s".repeat(MAX_SUBJECT_BYTES)),
        ..session(1)
    };
    start(&house, longest.clone()).await.unwrap();
    let found = house.ledger().session(cookie(1), NOW).await.unwrap().unwrap();
    assert_eq!((found.host, found.subject), (longest.host, longest.subject));
    let base = || session(2);
    let cases = [
        (NewSession { host: "h".repeat(254), ..base() }, "the host may have 253 bytes at most"),
        (
            NewSession { provider: "p".repeat(257), ..base() },
            "the name of the provider may have 256 bytes at most",
        ),
        (
            NewSession { subject: "s".repeat(1025), ..base() },
            "the subject may have 1024 bytes at most",
        ),
        (
            NewSession { provider_session: Some("s".repeat(1025)), ..base() },
            "the name of the session at its provider may have 1024 bytes at most",
        ),
        (NewSession { subject: "al\0ice".into(), ..base() }, "the subject has a NUL"),
        (NewSession { host: "\0".into(), ..base() }, "the host has a NUL"),
    ];
    for (new, expected) in cases {
        assert_eq!(start(&house, new).await.unwrap_err().to_string(), expected);
    }
    let host = "h".repeat(MAX_HOST_BYTES + 1);
    let error = house.ledger().add_cookie(id(1), cookie("b"), &host, NOW).await.unwrap_err();
    assert_eq!(error.to_string(), "the host may have 253 bytes at most");
}

pub(crate) async fn a_call_has_at_most_so_many_rows(house: House) {
    let (ledger, filter) = (house.ledger(), SessionFilter::default());
    let seen = vec![(id(1), NOW); MAX_ROWS as usize + 1];
    ledger.touch(&seen[1..]).await.unwrap();
    ledger.list_sessions(&filter, None, MAX_ROWS, NOW).await.unwrap();
    ledger.log_after(Position::START, MAX_ROWS).await.unwrap();
    ledger.sweep(NOW, MAX_ROWS).await.unwrap();
    let over = MAX_ROWS + 1;
    let errors = [
        ledger.touch(&seen).await.unwrap_err(),
        ledger.list_sessions(&filter, None, over, NOW).await.unwrap_err(),
        ledger.log_after(Position::START, over).await.unwrap_err(),
        ledger.sweep(NOW, over).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.to_string(), "more than 1000 rows are asked for at once");
    }
}
