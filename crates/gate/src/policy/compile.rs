//! The short form, compiled to Cedar.

use std::fmt::Write as _;
use std::sync::Arc;

use cedar_policy::EntityUid;
use tokens::{Profile, SubjectRule};

use super::names::{EntityType, quoted};
use super::needs::{ContextMember, Needs};
use super::schema::SchemaInput;
use super::scope::ScopedNames;
use super::{PrincipalKeys, RuleKind};
use crate::build::BuildError;
use crate::request::Network;
use crate::spec::{ClaimTest, Condition, MatchValue, Place};

/// A short-form rule as Cedar text, with what its author's words say about whom it can concern.
#[derive(Clone, Debug)]
pub(crate) struct CompiledRule {
    pub(crate) id: Arc<str>,
    pub(crate) text: String,
    pub(crate) keys: PrincipalKeys,
    pub(crate) needs: Needs,
}

/// Where a rule of the short form stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RuleSite<'a> {
    /// `defaults`, or the route's name.
    pub(crate) owner: &'a str,
    /// The route's entity; none for `defaults`.
    pub(crate) route: Option<&'a EntityUid>,
    pub(crate) kind: RuleKind,
    pub(crate) index: usize,
    /// How names without an issuer are read here.
    pub(crate) names: &'a ScopedNames<'a>,
    /// Knows the methods that routes take.
    pub(crate) schema: &'a SchemaInput,
}

/// Compiles one rule.
///
/// # Errors
/// Everything wrong with it, each at its place.
pub(crate) fn compile(
    site: &RuleSite<'_>,
    condition: &Condition,
    place: &Place,
) -> Result<CompiledRule, Vec<BuildError>> {
    let mut terms = Terms { site, errors: Vec::new(), terms: Vec::new(), keys: Vec::new() };
    terms.read(condition, place);
    if !terms.errors.is_empty() {
        return Err(terms.errors);
    }
    let id = format!("{}/{}/{}", site.owner, site.kind.as_str(), site.index);
    let effect = if site.kind == RuleKind::Allow { "permit" } else { "forbid" };
    let action = match condition.methods.as_slice() {
        // A `require` on methods is a condition, not a scope: it must forbid the methods that are not named.
        methods if !methods.is_empty() && site.kind != RuleKind::Require => {
            let names: Vec<_> =
                methods.iter().map(|m| EntityType::Action.named(m).to_string()).collect();
            format!("action in [{}]", names.join(", "))
        }
        _ => "action".to_owned(),
    };
    let resource = match (site.route, site.kind) {
        (None, _) => "resource".to_owned(),
        (Some(route), RuleKind::Allow) => format!("resource == {route}"),
        (Some(route), _) => format!("resource in {route}"),
    };
    let mut text = format!("{effect}(principal, {action}, {resource})");
    if !terms.terms.is_empty() {
        let word = if site.kind == RuleKind::Require { "unless" } else { "when" };
        let _ = write!(text, "\n{word} {{ {} }}", terms.terms.join(" && "));
    }
    text.push(';');
    // An `unless` concerns everyone but those it names.
    let keys = match (site.kind, terms.keys) {
        (RuleKind::Require, _) => PrincipalKeys::Anyone,
        (_, keys) if keys.is_empty() => PrincipalKeys::Anyone,
        (_, keys) => PrincipalKeys::AnyOf(keys),
    };
    let networks = Needs::one(ContextMember::Client);
    let needs = if condition.networks.is_empty() { Needs::default() } else { networks };
    Ok(CompiledRule { id: id.into(), text, keys, needs })
}

struct Terms<'a> {
    site: &'a RuleSite<'a>,
    errors: Vec<BuildError>,
    terms: Vec<String>,
    /// The principals and groups of the most telling term.
    keys: Vec<EntityUid>,
}

impl Terms<'_> {
    fn read(&mut self, condition: &Condition, place: &Place) {
        let allow = self.site.kind == RuleKind::Allow;
        if *condition == Condition::default() {
            self.error(place, "an empty rule says nothing", "write `anyone: true` or `authenticated: true`, or name groups, users, workloads, scopes or claims");
            return;
        }
        if condition.anyone && !allow {
            self.error(&place.then("anyone"), "`anyone` belongs in `allow` alone", "to shut a route, set `disabled: true`; to demand a sign-in, write `require: [{ authenticated: true }]`");
        }
        if condition.anyone
            && *condition
                != (Condition {
                    methods: condition.methods.clone(),
                    networks: condition.networks.clone(),
                    ..anyone()
                })
        {
            self.error(
                place,
                "`anyone` cannot stand beside a rule about who is asking",
                "drop `anyone: true`, or put it in a rule of its own",
            );
        }
        if !condition.users.is_empty() && !condition.workloads.is_empty() {
            self.error(
                place,
                "nobody is a user and a workload at once, so this rule never holds",
                "put `users` and `workloads` in two rules",
            );
        }
        if condition.authenticated || (allow && !condition.anyone) {
            self.terms.push("!(principal is Anonymous)".to_owned());
        }
        self.groups(condition, place);
        self.users(&condition.users, &place.then("users"));
        self.workloads(&condition.workloads, &place.then("workloads"));
        self.issuers(condition, place);
        for scope in &condition.scopes {
            self.terms.push(format!("principal.scopes.contains({})", quoted(scope)));
        }
        for test in &condition.claims {
            self.claim(condition, test, &place.then("claims").then(&test.claim));
        }
        if self.site.kind == RuleKind::Require && !condition.methods.is_empty() {
            let names: Vec<_> =
                condition.methods.iter().map(|m| EntityType::Action.named(m).to_string()).collect();
            self.terms.push(format!("action in [{}]", names.join(", ")));
        }
        self.methods(&condition.methods, &place.then("methods"));
        self.networks(&condition.networks, &place.then("networks"));
    }

    /// A method that is never asked for would leave a hole in a `deny`.
    fn methods(&mut self, methods: &[String], place: &Place) {
        for (index, method) in methods.iter().enumerate() {
            if method == "*" {
                let help = "leave `methods` out, and the rule holds for any";
                self.error(&place.at(index), "`*` is not a method", help);
            } else if !self.site.schema.has_method(method) {
                let message = format!("no route takes the method `{method}`");
                let help = "write a method as routes do, such as `GET`";
                self.error(&place.at(index), &message, help);
            }
        }
    }

    fn networks(&mut self, networks: &[String], place: &Place) {
        let mut tests = Vec::new();
        for (index, network) in networks.iter().enumerate() {
            match network.parse::<Network>() {
                Ok(network) => {
                    let range = quoted(&network.to_string());
                    tests.push(format!("context.client.isInRange(ip({range}))"));
                }
                Err(error) => self.error(&place.at(index), &error.to_string(), ""),
            }
        }
        if !tests.is_empty() {
            self.terms.push(any_of(&tests));
        }
    }

    fn groups(&mut self, condition: &Condition, place: &Place) {
        let tells = |profile: &Profile| profile.options().groups.is_some();
        self.named(EntityType::Group, &condition.groups, &place.then("groups"), |profile| {
            (!tells(profile)).then(|| {
                let name = profile.name();
                let help = format!("say under `issuers.{name}.groups` where they stand in a token");
                (format!("the issuer `{name}` tells no groups, so this never holds"), help)
            })
        });
    }

    fn users(&mut self, names: &[String], place: &Place) {
        self.named(EntityType::User, names, place, |profile| {
            (profile.options().subjects == SubjectRule::Workload).then(|| {
                let message = format!(
                    "every subject of `{}` is a workload, so this never holds",
                    profile.name()
                );
                (message, "write the name under `workloads`".to_owned())
            })
        });
    }

    fn workloads(&mut self, names: &[String], place: &Place) {
        self.named(EntityType::Workload, names, place, |profile| {
            (profile.options().subjects == SubjectRule::User).then(|| {
                let message =
                    format!("every subject of `{}` is a user, so this never holds", profile.name());
                (message, "write the name under `users`".to_owned())
            })
        });
    }

    /// A term that holds for any of these. In a `deny`, a name that nobody can have is a hole, and refused.
    fn named(
        &mut self,
        kind: EntityType,
        names: &[String],
        place: &Place,
        never: impl Fn(&Profile) -> Option<(String, String)>,
    ) {
        let mut uids = Vec::new();
        for (index, name) in names.iter().enumerate() {
            match self.site.names.resolve(self.site.kind, name) {
                Ok((profile, id)) => {
                    uids.push(kind.named(&id));
                    let hole = never(profile).filter(|_| self.site.kind == RuleKind::Deny);
                    if let Some((message, help)) = hole {
                        self.error(&place.at(index), &message, &help);
                    }
                }
                Err(problem) => self.errors.push(problem.at(place.at(index))),
            }
        }
        self.one_of(if kind == EntityType::Group { "in" } else { "==" }, uids);
    }

    fn issuers(&mut self, condition: &Condition, place: &Place) {
        let mut tests = Vec::new();
        for (index, issuer) in condition.issuers.iter().enumerate() {
            match self.site.names.issuer(self.site.kind, issuer) {
                Ok(_) => tests.push(format!("principal in {}", EntityType::Issuer.named(issuer))),
                Err(problem) => self.errors.push(problem.at(place.then("issuers").at(index))),
            }
        }
        if !tests.is_empty() {
            self.terms.push(any_of(&tests));
        }
    }

    fn one_of(&mut self, operator: &str, uids: Vec<EntityUid>) {
        if uids.is_empty() {
            return;
        }
        let tests: Vec<_> = uids.iter().map(|uid| format!("principal {operator} {uid}")).collect();
        self.terms.push(any_of(&tests));
        // Any one term narrows; the last, a named principal, narrows most.
        self.keys = uids;
    }

    fn claim(&mut self, condition: &Condition, test: &ClaimTest, place: &Place) {
        let only: Vec<&str> = condition.issuers.iter().map(String::as_str).collect();
        let kind = match self.site.names.claim(self.site.kind, &test.claim, &only) {
            Ok(kind) => kind,
            Err(problem) => {
                self.errors.push(problem.at(place.clone()));
                return;
            }
        };
        let name = &test.claim;
        if test.any_of.is_empty() {
            let message = format!("the claim `{name}` is compared with nothing");
            self.error(place, &message, "name at least one value, or drop the claim here");
            return;
        }
        let mut tests = Vec::new();
        for value in &test.any_of {
            let (fits, literal) = match value {
                MatchValue::Bool(value) => (kind == tokens::ClaimKind::Bool, value.to_string()),
                MatchValue::Long(value) => (kind == tokens::ClaimKind::Long, value.to_string()),
                MatchValue::String(value) => (
                    matches!(kind, tokens::ClaimKind::String | tokens::ClaimKind::Strings),
                    quoted(value),
                ),
            };
            if !fits {
                let message = format!(
                    "the claim `{name}` is declared as {}, and `{literal}` is none",
                    kind_name(kind)
                );
                self.error(
                    place,
                    &message,
                    "write a value of the declared type, or change the claim's `type`",
                );
                return;
            }
            let claim = format!("principal.claims[{}]", quoted(name));
            tests.push(match kind {
                tokens::ClaimKind::Strings => format!("{claim}.contains({literal})"),
                _ => format!("{claim} == {literal}"),
            });
        }
        self.terms.push(format!("(principal.claims has {} && {})", quoted(name), any_of(&tests)));
    }

    fn error(&mut self, place: &Place, message: &str, help: &str) {
        self.errors.push(BuildError::new(place.clone(), message).with_help(help));
    }
}

fn anyone() -> Condition {
    Condition { anyone: true, ..Condition::default() }
}

fn any_of(tests: &[String]) -> String {
    match tests {
        [one] => one.clone(),
        many => format!("({})", many.join(" || ")),
    }
}

fn kind_name(kind: tokens::ClaimKind) -> &'static str {
    match kind {
        tokens::ClaimKind::Bool => "a bool",
        tokens::ClaimKind::Long => "a whole number",
        tokens::ClaimKind::String => "a string",
        tokens::ClaimKind::Strings => "a list of strings",
    }
}

#[cfg(test)]
#[path = "compile_tests.rs"]
mod tests;
