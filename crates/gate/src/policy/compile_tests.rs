use cedar_policy::{PolicySet, Schema, ValidationMode, Validator};
use proptest::prelude::*;
use serde_json::json;

use crate::Gate;
use crate::minting::*;
use crate::policy::RuleKind;
use crate::spec::{ClaimTest, Condition, MatchValue, RouteSpec};

/// A caller in plain words, to hold a rule against without Cedar.
#[derive(Clone, Debug)]
struct Known {
    issuer: &'static str,
    subject: &'static str,
    workload: bool,
    groups: Vec<&'static str>,
    scopes: Vec<&'static str>,
    suspended: bool,
    level: i64,
    teams: Vec<&'static str>,
}

impl Known {
    fn token(&self) -> String {
        let kind = if self.workload { "workload" } else { "person" };
        let changes = json!({
            "sub": self.subject, "kind": kind, "groups": self.groups, "scope": self.scopes.join(" "),
            "suspended": self.suspended, "level": self.level, "teams": self.teams,
        });
        token(self.issuer, changes)
    }

    fn is_any_of(&self, names: &[String]) -> bool {
        names.contains(&format!("{}/{}", self.issuer, self.subject))
    }

    fn meets(&self, test: &ClaimTest) -> bool {
        test.any_of.iter().any(|value| match (&*test.claim, value) {
            ("suspended", MatchValue::Bool(value)) => *value == self.suspended,
            ("level", MatchValue::Long(value)) => *value == self.level,
            ("teams", MatchValue::String(value)) => self.teams.contains(&value.as_str()),
            other => panic!("{other:?}"),
        })
    }
}

/// What the doc comments of [`Condition`] say.
fn holds(condition: &Condition, caller: Option<&Known>, method: &str, client: &str) -> bool {
    let known = |test: &dyn Fn(&Known) -> bool| caller.is_some_and(test);
    let about_caller = (!condition.authenticated || caller.is_some())
        && (condition.groups.is_empty()
            || known(&|caller| {
                let scoped = |group: &&str| format!("{}/{group}", caller.issuer);
                caller.groups.iter().any(|group| condition.groups.contains(&scoped(group)))
            }))
        && (condition.users.is_empty()
            || known(&|caller| !caller.workload && caller.is_any_of(&condition.users)))
        && (condition.workloads.is_empty()
            || known(&|caller| caller.workload && caller.is_any_of(&condition.workloads)))
        && (condition.issuers.is_empty()
            || known(&|caller| condition.issuers.iter().any(|issuer| issuer == caller.issuer)))
        && condition.scopes.iter().all(|scope| known(&|c| c.scopes.contains(&scope.as_str())))
        && condition.claims.iter().all(|test| known(&|caller| caller.meets(test)));
    let network = |text: &String| {
        text.parse::<crate::request::Network>().unwrap().contains(client.parse().unwrap())
    };
    about_caller
        && (condition.methods.is_empty() || condition.methods.iter().any(|name| name == method))
        && (condition.networks.is_empty() || condition.networks.iter().any(network))
}

fn some_of(all: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(all, 0..=all.len().min(2))
}

fn named(all: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    prop_oneof![2 => Just(Vec::new()), 1 => some_of(all).prop_map(|names| texts(&names))]
}

fn claims() -> impl Strategy<Value = Vec<ClaimTest>> {
    let test = |claim: &'static str, values: Vec<MatchValue>| {
        let count = 1..=values.len();
        prop::sample::subsequence(values, count)
            .prop_map(move |any_of| ClaimTest { claim: claim.to_owned(), any_of })
    };
    let text = |text: &str| MatchValue::String(text.to_owned());
    let one = prop_oneof![
        test("suspended", vec![MatchValue::Bool(true), MatchValue::Bool(false)]),
        test("level", vec![MatchValue::Long(i64::MIN), MatchValue::Long(-1), MatchValue::Long(7)]),
        test("teams", vec![text("red"), text("b\"l\\ue")]),
    ];
    prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(one, 1..3)]
}

prop_compose! {
    fn conditions()(
        authenticated in any::<bool>(),
        groups in named(&["corp/support", "partner/support", "corp/ops"]),
        (users, workloads) in prop_oneof![
            (named(&["corp/alice", "partner/alice"]), Just(Vec::new())),
            (Just(Vec::new()), named(&["corp/spiffe://ci", "corp/alice"])),
        ],
        issuers in named(&["corp", "partner"]),
        scopes in named(&["read", "a.b:c"]),
        claims in claims(),
        methods in named(&["GET", "POST"]),
        networks in named(&["127.0.0.1", "192.0.2.0/24", "2001:db8::/32", "::ffff:192.0.2.7/128"]),
    ) -> Condition {
        Condition {
            anyone: false, authenticated, groups, users, workloads, issuers, scopes, claims, methods, networks,
        }
    }
}

prop_compose! {
    fn callers()(
        issuer in prop_oneof![Just("corp"), Just("partner")],
        subject in prop_oneof![Just("alice"), Just("spiffe://ci")],
        workload in any::<bool>(),
        groups in some_of(&["support", "ops"]),
        scopes in some_of(&["read", "a.b:c"]),
        suspended in any::<bool>(),
        level in prop_oneof![Just(i64::MIN), Just(-1), Just(7), Just(8)],
        teams in some_of(&["red", "b\"l\\ue"]),
    ) -> Known {
        Known { issuer, subject, workload, groups, scopes, suspended, level, teams }
    }
}

/// A gate whose one route has this one rule.
fn gate_with(kind: RuleKind, condition: &Condition) -> Gate {
    let rule = vec![condition.clone()];
    let mut route = route("r \"'\\\n/é", "/a");
    route.accept = texts(&["corp", "partner"]);
    route.matches.methods = texts(&["GET", "POST"]);
    let route = match kind {
        RuleKind::Allow => RouteSpec { allow: rule, ..route },
        RuleKind::Deny => RouteSpec { allow: vec![anyone()], deny: rule, ..route },
        RuleKind::Require => RouteSpec { allow: vec![anyone()], require: rule, ..route },
    };
    build(&spec(vec![route]))
}

fn assert_strictly_valid(gate: &Gate) {
    let (schema, _) = Schema::from_cedarschema_str(gate.schema()).unwrap();
    let policies = gate.index().policies().iter().map(|loaded| loaded.policy.clone());
    let set = PolicySet::from_policies(policies).unwrap();
    let result = Validator::new(schema).validate(&set, ValidationMode::Strict);
    let errors: Vec<_> = result.validation_errors().map(ToString::to_string).collect();
    assert!(errors.is_empty(), "{errors:?}\n{set}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_rule_means_what_it_says_and_passes_strict_validation(
        kind in prop_oneof![Just(RuleKind::Allow), Just(RuleKind::Deny), Just(RuleKind::Require)],
        condition in conditions(),
        callers in prop::collection::vec(callers(), 6),
    ) {
        prop_assume!(condition != Condition::default());
        let gate = gate_with(kind, &condition);
        assert_strictly_valid(&gate);
        let clients = ["127.0.0.1", "192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1"];
        let anonymous = [None].into_iter().filter(|_| kind != RuleKind::Allow);
        for caller in callers.iter().map(Some).chain(anonymous) {
            let token = caller.map(Known::token);
            for (method, client) in ["GET", "POST", "GET", "POST"].into_iter().zip(clients) {
                let mut ask = get("/a").method(method);
                ask.peer = client.parse().unwrap();
                let ask = token.iter().fold(ask, |ask, token| ask.by(token));
                let expected = match (kind, holds(&condition, caller, method, client)) {
                    (RuleKind::Allow, true) | (RuleKind::Deny, false) | (RuleKind::Require, true) => "permit",
                    (RuleKind::Allow, false) => "no_permit",
                    (RuleKind::Deny, true) | (RuleKind::Require, false) => "forbidden",
                };
                prop_assert_eq!(ask.outcome(&gate), expected, "{:?} {:?} {:?}", kind, caller, ask);
            }
        }
    }
}

#[test]
fn a_rule_reads_as_its_author_would_write_it() {
    let table = [
        (
            RuleKind::Allow,
            Condition {
                scopes: texts(&["orders:read"]),
                ..in_groups(&["corp/support", "corp/ops"])
            },
            "permit(principal, action, resource == Route::\"a\") when { (!(principal is Anonymous)) \
             && ((principal in Group::\"corp/support\") || (principal in Group::\"corp/ops\")) \
             && principal.scopes.contains(\"orders:read\") };",
        ),
        (
            RuleKind::Deny,
            Condition {
                methods: texts(&["GET"]),
                networks: texts(&["::ffff:10.0.0.1"]),
                ..Condition::default()
            },
            "forbid(principal, action in Action::\"GET\", resource in Route::\"a\") \
             when { context.client.isInRange(ip(\"10.0.0.1/32\")) };",
        ),
        (
            RuleKind::Require,
            Condition { methods: texts(&["GET"]), ..authenticated() },
            "forbid(principal, action, resource in Route::\"a\") \
             unless { (!(principal is Anonymous)) && (action in [Action::\"GET\"]) };",
        ),
    ];
    for (kind, condition, expected) in table {
        let issuer = issuer(options("corp"));
        let known = [&issuer];
        let names = super::ScopedNames::new(&known, known.to_vec(), known.to_vec());
        let schema = super::SchemaInput::default();
        let site = super::RuleSite {
            owner: "a",
            route: Some("a"),
            kind,
            index: 0,
            names: &names,
            schema: &schema,
        };
        let rule = super::compile(&site, &condition, &crate::spec::Place::key("a")).unwrap();
        assert_eq!(rule.policy.to_string(), expected);
    }
}
