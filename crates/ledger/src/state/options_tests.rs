use super::*;

#[test]
fn beyond_this_machine_the_certificate_must_be_the_hosts() {
    let url = PostgresUrl::parse("postgres://doorward:secret@db.test/ledger").unwrap();
    assert!(matches!(url.options().get_ssl_mode(), PgSslMode::VerifyFull));
    PostgresUrl::parse("postgresql://u@db.test/l?sslmode=verify-full&sslrootcert=ca.pem").unwrap();
    for mode in ["disable", "allow", "prefer", "require", "verify-ca"] {
        for host in ["db.test", "192.0.2.1", "[2001:db8::1]"] {
            let url = format!("postgres://u:secret@{host}/ledger?sslmode={mode}");
            let error = PostgresUrl::parse(&url).unwrap_err();
            assert!(matches!(error, PostgresUrlError::Unverified { .. }), "{url}");
        }
    }
    let error = PostgresUrl::parse("postgres://u:secret@db.test/l?sslmode=require").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the PostgreSQL URL weakens `sslmode` for `db.test`; expected `verify-full` for a host that is not this machine"
    );
    // What follows a `#` is no parameter.
    let error = PostgresUrl::parse("postgres://u@db.test/l?sslmode=disable#&sslmode=verify-full");
    assert!(error.is_err());
    assert!(PostgresUrl::parse("postgres://u@db.test/l#?sslmode=verify-full").is_err());
    // The host that counts is the one that is connected to.
    let error = PostgresUrl::parse("postgres://localhost/l?host=db.test&sslmode=disable");
    assert!(matches!(error, Err(PostgresUrlError::Unverified { .. })));
}

#[test]
fn on_this_machine_the_url_decides() {
    for host in ["localhost", "127.0.0.1", "[::1]", "%2Frun%2Fpostgresql"] {
        for (mode, expected) in [("", "Prefer"), ("?sslmode=disable", "Disable")] {
            let url = PostgresUrl::parse(&format!("postgres://u@{host}/ledger{mode}")).unwrap();
            assert_eq!(format!("{:?}", url.options().get_ssl_mode()), expected, "{host}");
        }
    }
    PostgresUrl::parse("postgres:///ledger?host=/run/postgresql").unwrap();
}

#[test]
fn what_is_wrong_is_said_without_the_password() {
    let cases = [
        ("mysql://u:secret@db.test/l", "cannot be read"),
        ("postgres://u:secret@db.test:port/l", "cannot be read"),
        ("postgres://u:secret@/l?sslmode=secret", "cannot be read"),
        ("postgres://u:se?cret=1@db.test/l", "has an unknown parameter"),
        ("postgres://u@db.test/l?passwort=secret", "has an unknown parameter"),
        ("postgres://u@db.test/l?pass%77ord=secret", "has an unknown parameter"),
    ];
    for (url, expected) in cases {
        let error = PostgresUrl::parse(url).unwrap_err();
        assert!(error.to_string().contains(expected), "{url}: {error}");
        assert!(!format!("{error} {error:?}").contains("cret"), "{error}");
    }
    let url = PostgresUrl::parse("postgres://u:secret@db.test/ledger").unwrap();
    assert_eq!(format!("{url:?}"), "PostgresUrl(db.test)");
}
