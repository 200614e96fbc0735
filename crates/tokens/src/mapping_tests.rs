use serde_json::{Value as Json, json};

use super::*;
use crate::claim::ClaimValue;
use crate::json::{self, Limits};
use crate::profile::ClaimTest;
use crate::verified::SubjectKind;

fn pointer(text: &str) -> JsonPointer {
    JsonPointer::parse(text).unwrap()
}

fn mapping(subject: &str, groups: Vec<GroupSource>) -> Mapping {
    Mapping::new(pointer(subject), SubjectRule::User, groups, Vec::new()).unwrap()
}

fn facts(mapping: &Mapping, document: Json) -> Result<Facts, MappingRefusal> {
    let limits = Limits { bytes: usize::MAX, values: usize::MAX, ..Limits::DOCUMENT };
    let document = json::parse(document.to_string().as_bytes(), &limits).unwrap();
    mapping.facts(document.as_object().unwrap(), Assurance::default())
}

fn each(list: &str, name: &[&str]) -> GroupSource {
    let name = name.iter().map(|name| pointer(name)).collect();
    let place = GroupPlace::Each { list: pointer(list), name };
    GroupSource { place, prefix: "".into(), required: true }
}

#[test]
fn a_subject_is_a_text_or_a_whole_number() {
    let mapping = mapping("/user/id", Vec::new());
    let subject = |id: Json| facts(&mapping, json!({ "user": { "id": id } }));
    assert_eq!(subject(json!("alice")).unwrap().subject, "alice");
    assert_eq!(subject(json!(583_231)).unwrap().subject, "583231");
    assert_eq!(subject(json!(u64::MAX)).unwrap().subject, "18446744073709551615");
    let mistyped = "claim `/user/id` is not a string, or a whole number";
    let name = "claim `/user/id` is not a name: not empty, without control characters";
    let cases = [
        (json!(1.5), mistyped),
        (json!(true), mistyped),
        (json!(null), mistyped),
        (json!(["a"]), mistyped),
        (json!(""), name),
        (json!("a\u{0}b"), name),
        (json!("a".repeat(256)), "`/user/id` is longer than 255 bytes"),
    ];
    for (id, expected) in cases {
        assert_eq!(subject(id).unwrap_err().to_string(), expected);
    }
    let error = facts(&mapping, json!({ "user": {} })).unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), error.code()),
        ("claim `/user/id` is missing", "missing_claim")
    );
}

#[test]
fn groups_come_from_all_places_in_their_order() {
    let roles = GroupSource { prefix: "role:".into(), ..GroupSource::at(pointer("/realm/roles")) };
    let sources = vec![
        GroupSource::at(pointer("/groups")),
        roles,
        each("/teams", &["/organization/login", "/slug"]),
    ];
    let mapping = mapping("/sub", sources);
    let document = json!({
        "sub": "a", "groups": "staff", "realm": { "roles": ["admin"] },
        "teams": [{ "organization": { "login": "acme" }, "slug": "ops", "id": 1 }],
    });
    assert_eq!(facts(&mapping, document).unwrap().groups, ["staff", "role:admin", "acme/ops"]);
    let cases = [
        (json!({ "sub": "a" }), "claim `/teams` is missing"),
        (json!({ "sub": "a", "teams": {} }), "claim `/teams` is not an array of objects"),
        (json!({ "sub": "a", "teams": ["x"] }), "claim `/teams` is not an array of objects"),
        (
            json!({ "sub": "a", "teams": [{ "organization": { "login": "acme" } }] }),
            "claim `/slug` is missing",
        ),
        (
            json!({ "sub": "a", "teams": [{ "organization": { "login": 7 }, "slug": "x" }] }),
            "claim `/organization/login` is not a string",
        ),
        (
            json!({ "sub": "a", "teams": [{ "organization": { "login": "a/b" }, "slug": "x" }] }),
            "claim `/organization/login` is not a text without `/`, which is put between the parts of a name",
        ),
        (
            json!({ "sub": "a", "teams": [], "groups": 7 }),
            "claim `/groups` is not an array of strings, or a string",
        ),
        (
            json!({ "sub": "a", "teams": [], "_claim_names": { "groups": "src1" } }),
            "claim `/groups` is distributed (`_claim_names`), and such claims are not fetched",
        ),
    ];
    for (document, expected) in cases {
        assert_eq!(facts(&mapping, document).unwrap_err().to_string(), expected);
    }
}

#[test]
fn groups_and_facts_are_taken_up_to_their_limits() {
    let mapping = mapping("/sub", vec![GroupSource::at(pointer("/groups"))]);
    let of = |count: usize| facts(&mapping, json!({ "sub": "a", "groups": vec!["g"; count] }));
    assert_eq!(of(MAX_GROUPS).unwrap().groups.len(), MAX_GROUPS);
    let error = of(MAX_GROUPS + 1).unwrap_err();
    assert_eq!(error.to_string(), "the subject is in 4097 groups, more than 4096");
    assert_eq!(error.code(), "too_many_groups");

    let long = |bytes: usize| facts(&mapping, json!({ "sub": "a", "groups": "g".repeat(bytes) }));
    let around = MAX_FACTS_BYTES - long(0).unwrap().to_json().len();
    let longest = long(around).unwrap();
    assert_eq!(Facts::from_json(longest.to_json().as_bytes()), Ok(longest));
    let error = long(around + 1).unwrap_err();
    assert_eq!(error.to_string(), "the facts have 262145 bytes, more than 262144");
    assert_eq!(error.code(), "long_facts");
}

#[test]
fn claims_kinds_and_assurance_are_mapped() {
    let test = ClaimTest::Equals(pointer("/type"), "bot".to_owned());
    let spec = ClaimSpec {
        name: "admin".into(),
        from: pointer("/admin"),
        kind: ClaimKind::Bool,
        absent: Absence::Required,
    };
    let kind = SubjectRule::WorkloadWhen(test);
    let mapping = Mapping::new(pointer("/sub"), kind, Vec::new(), vec![spec.clone()]).unwrap();
    let document = json!({ "sub": "a", "type": "bot", "admin": true, "acr": "gold" });
    let facts_of = facts(&mapping, document).unwrap();
    assert_eq!(facts_of.kind, SubjectKind::Workload);
    assert_eq!(facts_of.claims.get("admin"), Some(&ClaimValue::Bool(true)));
    // A document says nothing of how sure its provider is: the ID token does.
    assert_eq!(facts_of.acr, None);
    let error = facts(&mapping, json!({ "sub": "a", "admin": "true" })).unwrap_err();
    assert_eq!(error.to_string(), "claim `/admin` is not a boolean");

    let user = || SubjectRule::User;
    let twice = Mapping::new(pointer("/sub"), user(), Vec::new(), vec![spec.clone(), spec.clone()]);
    assert_eq!(twice.unwrap_err().to_string(), "claim `admin` is declared twice");
    let absent = Absence::Default(ClaimValue::Long(1));
    let default =
        Mapping::new(pointer("/sub"), user(), Vec::new(), vec![ClaimSpec { absent, ..spec }]);
    assert_eq!(default.unwrap_err().to_string(), "the default of claim `admin` is not a boolean");
    let nameless = Mapping::new(pointer("/sub"), user(), vec![each("/orgs", &[])], Vec::new());
    assert_eq!(
        nameless.unwrap_err().to_string(),
        "expected at least one place for the names of the groups in `/orgs`"
    );
}
