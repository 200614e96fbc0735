use super::*;
use crate::claim::{ClaimKind, ClaimValue};
use crate::minting::options;

type Change = fn(&mut ProfileOptions);

fn pointer(text: &str) -> JsonPointer {
    JsonPointer::parse(text).unwrap()
}

fn claim(name: &str, kind: ClaimKind, absent: Absence) -> ClaimSpec {
    ClaimSpec { name: name.into(), from: pointer("/x"), kind, absent }
}

#[test]
fn a_new_profile_is_strict() {
    let options = ProfileOptions::new("corp", "https://idp.example.com");
    assert_eq!(options.token_types, [TokenType::AtJwt]);
    assert_eq!((options.skew, options.strict_rfc9068), (Duration::from_secs(30), true));
    assert_eq!(options.subjects, SubjectRule::User);
    assert_eq!(Profile::new(options).unwrap_err().to_string(), "expected at least one algorithm");
}

#[test]
fn profiles_of_the_same_options_share_them_for_as_long_as_there_is_one() {
    let made = |issuer: &str| {
        let options = ProfileOptions { issuer: issuer.to_owned(), ..options() };
        Profile::new(options).unwrap()
    };
    let kept = made("https://kept.test");
    // Many others come and go.
    for number in 0..1000 {
        assert_ne!(made(&format!("https://{number}.test")), kept);
    }
    let again = made("https://kept.test");
    assert!(std::ptr::eq(kept.options(), again.options()));
    assert!(IN_USE.lock().unwrap().len() < 500, "those that are gone are forgotten");
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let cases: [(Change, &str); 11] = [
        (|options| options.issuer.clear(), "expected the issuer's identifier"),
        (|options| options.algorithms.clear(), "expected at least one algorithm"),
        (|options| options.token_types.clear(), "expected at least one token type"),
        (
            |options| options.token_types = vec![TokenType::Jwt, TokenType::IdToken],
            "token types JWT and ID token cannot both be accepted: their `typ` is the same",
        ),
        (
            |options| options.skew = MAX_SKEW + Duration::from_millis(1),
            "a clock skew of 300.001s is more than 300s",
        ),
        (
            |options| options.max_age = Some(Duration::ZERO),
            "a greatest age or lifetime of zero accepts no token",
        ),
        (
            |options| options.max_lifetime = Some(Duration::ZERO),
            "a greatest age or lifetime of zero accepts no token",
        ),
        (
            |options| options.groups_required = true,
            "groups are required, but nothing says where they stand in a token",
        ),
        (
            |options| {
                let one = claim("a", ClaimKind::Bool, Absence::Ignore);
                let two = claim("a", ClaimKind::Long, Absence::Required);
                options.claims = vec![one, two];
            },
            "claim `a` is declared twice",
        ),
        (
            |options| {
                let default = Absence::Default(ClaimValue::String("true".into()));
                options.claims = vec![claim("a", ClaimKind::Bool, default)];
            },
            "the default of claim `a` is not a boolean",
        ),
        (
            |options| {
                let default = Absence::Default(ClaimValue::String("x".into()));
                options.claims = vec![claim("a", ClaimKind::Strings, default)];
            },
            "the default of claim `a` is not an array of strings, or a string",
        ),
    ];
    for (change, expected) in cases {
        let mut options = options();
        change(&mut options);
        assert_eq!(Profile::new(options).unwrap_err().to_string(), expected);
    }
    let mut edge = options();
    edge.skew = MAX_SKEW;
    assert!(Profile::new(edge).is_ok());
}

#[test]
fn every_option_changes_the_revision() {
    let changes: [Change; 20] = [
        |_| (),
        |options| options.name = "partner".into(),
        |options| options.issuer.push('/'),
        |options| options.algorithms = vec![Algorithm::Es384],
        |options| options.algorithms.push(Algorithm::Es384),
        |options| options.token_types = vec![TokenType::AtJwt],
        |options| options.token_types.push(TokenType::Other("x".into())),
        |options| options.skew = Duration::from_secs(31),
        |options| options.max_age = Some(Duration::from_secs(60)),
        |options| options.max_lifetime = Some(Duration::from_secs(60)),
        |options| options.strict_rfc9068 = false,
        |options| options.groups = Some(pointer("/groups")),
        |options| options.groups = Some(pointer("/group/s")),
        |options| (options.groups, options.groups_required) = (Some(pointer("/groups")), true),
        |options| options.claims = vec![claim("a", ClaimKind::Bool, Absence::Ignore)],
        |options| options.claims = vec![claim("a", ClaimKind::Long, Absence::Ignore)],
        |options| {
            options.claims =
                vec![claim("a", ClaimKind::Bool, Absence::Default(ClaimValue::Bool(true)))]
        },
        |options| {
            options.claims =
                vec![claim("a", ClaimKind::Bool, Absence::Default(ClaimValue::Bool(false)))]
        },
        |options| options.subjects = SubjectRule::Workload,
        |options| options.subjects = SubjectRule::WorkloadWhen(ClaimTest::Present(pointer("/x"))),
    ];
    let revision = |change: &Change| crate::minting::profile(*change).revision();
    let revisions: Vec<_> = changes.iter().map(revision).collect();
    for (left, a) in revisions.iter().enumerate() {
        for (right, b) in revisions.iter().enumerate() {
            assert_eq!(a == b, left == right, "changes {left} and {right}");
        }
    }
    assert_eq!(
        revisions,
        changes.iter().map(revision).collect::<Vec<_>>(),
        "changed back, it is the same"
    );
}

#[test]
fn a_profile_gives_back_what_it_was_made_of() {
    let profile = crate::minting::profile(|_| ());
    assert_eq!(profile.options(), &options());
    assert_eq!((&**profile.name(), profile.issuer()), ("corp", "https://idp.example.com"));
}
