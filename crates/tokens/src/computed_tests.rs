use serde_json::{Value as Json, json};

use super::*;
use crate::claim::{Absence, ClaimKind, ClaimSpec, ClaimValue};
use crate::facts::Facts;
use crate::json;
use crate::mapping::{Assurance, GroupSource, Mapping, MappingRefusal};
use crate::pointer::JsonPointer;
use crate::profile::{ClaimTest, SubjectRule};
use crate::verified::SubjectKind;

fn pointer(text: &str) -> JsonPointer {
    JsonPointer::parse(text).unwrap()
}

fn computed(expressions: &[(&str, &str)]) -> BTreeMap<Arc<str>, Expression> {
    let each = expressions.iter();
    each.map(|(name, text)| ((*name).into(), Expression::parse(text).unwrap())).collect()
}

fn mapping() -> Mapping {
    let email = ClaimSpec {
        name: "email".into(),
        from: pointer("/computed/email"),
        kind: ClaimKind::String,
        absent: Absence::Ignore,
    };
    let groups = vec![GroupSource::at(pointer("/computed/groups"))];
    let bot = ClaimTest::Equals(pointer("/computed/kind"), "bot".to_owned());
    let kind = SubjectRule::WorkloadWhen(bot);
    Mapping::new(pointer("/computed/subject"), kind, groups, vec![email]).unwrap()
}

fn facts(expressions: &[(&str, &str)], document: Json) -> Result<Facts, MappingRefusal> {
    let mut all =
        vec![("subject", "claims.sub"), ("groups", "null"), ("email", "null"), ("kind", "null")];
    all.retain(|(name, _)| expressions.iter().all(|(other, _)| other != name));
    all.extend(expressions);
    let document = json::parse(document.to_string().as_bytes(), &Limits::DOCUMENT).unwrap();
    let mapping = mapping().computing(computed(&all)).unwrap();
    mapping.facts(document.as_object().unwrap(), Assurance::default())
}

#[test]
fn subject_groups_claims_and_kind_can_be_computed() {
    let document = json!({
        "id": 18_446_744_073_709_551_615_u64, "mail": "A@Example.COM", "type": "Bot",
        "teams": [{ "org": "acme", "slug": "ops" }, { "org": "evil", "slug": "admins" }],
    });
    let expressions = [
        ("subject", "string(claims.id)"),
        ("email", "claims.mail.lowerAscii()"),
        ("groups", "claims.teams.map(t, t.org == 'acme', t.slug)"),
        ("kind", "claims.type.lowerAscii()"),
    ];
    let facts = facts(&expressions, document).unwrap();
    assert_eq!(facts.subject, "18446744073709551615");
    assert_eq!(facts.claims.get("email"), Some(&ClaimValue::String("a@example.com".to_owned())));
    assert_eq!(facts.groups, ["ops"]);
    assert_eq!(facts.kind, SubjectKind::Workload);
}

#[test]
fn null_is_absent_and_everything_else_must_have_its_type() {
    let of = |text: &str| facts(&[("email", text)], json!({ "sub": "a" }));
    assert_eq!(of("has(claims.email) ? claims.email : null").unwrap().claims.len(), 0);
    assert_eq!(of("''").unwrap().claims.len(), 1);
    let error = of("1").unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), error.code()),
        ("claim `/computed/email` is not a string", "mistyped_claim")
    );
    let error = of("claims.email").unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), error.code()),
        ("`email` cannot be computed: no such member at character 8", "computed_claim")
    );
}

#[test]
fn what_a_provider_says_is_computed_is_not_seen() {
    let document = json!({ "sub": "a", "computed": { "groups": ["admins"], "email": "root" } });
    let named = facts(&[], document.clone()).unwrap();
    assert_eq!((named.groups, named.claims.len()), (Vec::new(), 0));
    let error = facts(&[("groups", "claims.computed.groups")], document.clone()).unwrap_err();
    assert_eq!(error.to_string(), "`groups` cannot be computed: no such member at character 8");
    // Nor where nothing is computed at all.
    let error = mapping().computing(BTreeMap::new()).unwrap_err();
    assert_eq!(error.to_string(), "nothing computes `/computed/subject`");
}

#[test]
fn all_expressions_share_what_may_be_spent_on_a_document() {
    let many: Vec<_> = (0..210).collect();
    let document = json!({ "sub": "a", "many": many });
    let costly = "claims.many.map(a, claims.many.map(b, a)).size()";
    assert!(facts(&[("x", costly)], document.clone()).is_ok());
    let both = [("x", costly), ("y", costly), ("z", costly)];
    let error = facts(&both, document).unwrap_err().to_string();
    assert!(
        error.starts_with("`z` cannot be computed: more than 250000 steps at character"),
        "{error}"
    );
}

#[test]
fn what_a_provider_keeps_elsewhere_is_not_absent() {
    let of = |text: &str, document: Json| facts(&[("groups", text)], document);
    let text = "has(claims.groups) ? claims.groups : []";
    assert!(of(text, json!({ "sub": "a" })).is_ok());
    let error = of(text, json!({ "sub": "a", "_claim_names": { "groups": "src1" } })).unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), error.code()),
        (
            "`groups` cannot be computed: a claim that the provider keeps elsewhere at character 1",
            "distributed_claim"
        )
    );
    let both = json!({ "sub": "a", "groups": ["x"], "_claim_names": { "groups": "src1" } });
    assert_eq!(of(text, both).unwrap().groups, ["x"]);
    let error = of(text, json!({ "sub": "a", "_claim_names": ["groups"] })).unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), error.code()),
        ("claim `_claim_names` is not an object", "mistyped_claim")
    );
}

#[test]
fn what_is_computed_is_no_larger_than_a_document() {
    let of = |text: &str| facts(&[("x", text)], json!({ "sub": "a".repeat(200) }));
    // 2 to the 14th texts in 2 to the 15th - 1 values, all but a few of which are the same.
    let halves =
        (0..14).fold("claims.sub".to_owned(), |text, _| format!("[{text}].map(x, [x, x])[0]"));
    let error = of(&halves).unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), error.code()),
        (
            "`x` cannot be computed: it makes more than 16384 values or 262144 bytes",
            "computed_claim"
        )
    );
    let fewer = halves.replacen("[x, x]", "[x]", 5);
    assert!(of(&fewer).is_ok());
}

#[test]
fn places_lead_to_what_is_computed() {
    let error = mapping().computing(computed(&[("subject", "claims.sub")])).unwrap_err();
    assert_eq!(error.to_string(), "nothing computes `/computed/kind`");
    let many: Vec<_> = (0..=MAX_COMPUTED).map(|number| format!("n{number}")).collect();
    let many: Vec<_> = many.iter().map(|name| (name.as_str(), "1")).collect();
    let plain =
        || Mapping::new(pointer("/sub"), SubjectRule::User, Vec::new(), Vec::new()).unwrap();
    assert!(plain().computing(computed(&many[1..])).is_ok());
    let error = plain().computing(computed(&many)).unwrap_err();
    assert_eq!(error.to_string(), "33 values are computed, more than 32");
}

#[test]
fn the_fuzz_target_takes_its_seeds() {
    for seed in ["operators", "teams"] {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds/expression/");
        let bytes = std::fs::read(format!("{folder}{seed}")).unwrap();
        let (text, _) = str::from_utf8(&bytes).unwrap().split_once('\n').unwrap();
        assert!(Expression::parse(text).is_ok(), "{seed}");
        crate::fuzz::fuzz_expression(&bytes);
    }
}
