//! The short form, compiled to Cedar.

use std::sync::Arc;

use cedar_policy::pst::{
    self, ActionConstraint, Clause, Effect, EntityOrSlot, Expr, PrincipalConstraint,
    PstConstructionError, ResourceConstraint, StaticPolicy, Template,
};
use cedar_policy::{EntityUid, Policy};
use tokens::{ClaimKind, SubjectRule};

use super::expression;
use super::likeness::{CallerReads, Trait};
use super::names::{EntityType, quoted};
use super::needs::{ContextMember, Needs};
use super::schema::SchemaInput;
use super::scope::ScopedNames;
use super::{PrincipalKeys, RuleKind};
use crate::build::BuildError;
use crate::request::Network;
use crate::spec::{ClaimTest, Condition, IssuerSpec, MatchValue, Place};

/// A short-form rule as a Cedar policy, with what its author's words say about whom it can concern.
#[derive(Clone, Debug)]
pub(crate) struct CompiledRule {
    pub(crate) id: Arc<str>,
    pub(crate) policy: Policy,
    pub(crate) keys: PrincipalKeys,
    pub(crate) needs: Needs,
    pub(crate) reads: CallerReads,
}

/// Where a rule of the short form stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RuleSite<'a> {
    /// `defaults`, or the route's name.
    pub(crate) owner: &'a str,
    /// The route's name; none for `defaults`.
    pub(crate) route: Option<&'a str>,
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
    let mut terms =
        Terms { site, errors: Vec::new(), terms: Vec::new(), keys: Vec::new(), traits: Vec::new() };
    terms.read(condition, place);
    if !terms.errors.is_empty() {
        return Err(terms.errors);
    }
    let id = format!("{}/{}/{}", site.owner, site.kind.as_str(), site.index);
    let policy = policy(site, condition, &id, terms.terms).map_err(|error| {
        let message = format!("this rule cannot be compiled: {error}");
        vec![BuildError::new(place.clone(), &message)]
    })?;
    // An `unless` concerns everyone but those it names.
    let keys = match (site.kind, terms.keys) {
        (RuleKind::Require, _) => PrincipalKeys::Anyone,
        (_, keys) if keys.is_empty() => PrincipalKeys::Anyone,
        (_, keys) => PrincipalKeys::AnyOf(keys),
    };
    let networks = Needs::one(ContextMember::Client);
    let needs = if condition.networks.is_empty() { Needs::default() } else { networks };
    let reads = if condition.claims.is_empty() {
        CallerReads::traits(terms.traits)
    } else {
        CallerReads::All
    };
    Ok(CompiledRule { id: id.into(), policy, keys, needs, reads })
}

fn policy(
    site: &RuleSite<'_>,
    condition: &Condition,
    id: &str,
    terms: Vec<Expr>,
) -> Result<Policy, PstConstructionError> {
    let effect = if site.kind == RuleKind::Allow { Effect::Permit } else { Effect::Forbid };
    let action = match condition.methods.as_slice() {
        // A `require` on methods is a condition, not a scope: it must forbid the methods that are not named.
        methods if !methods.is_empty() && site.kind != RuleKind::Require => {
            ActionConstraint::In(actions(methods))
        }
        _ => ActionConstraint::Any,
    };
    let route = site.route.map(|name| EntityType::Route.named_in_tree(name));
    let resource = match (route.map(EntityOrSlot::Entity), site.kind) {
        (None, _) => ResourceConstraint::Any,
        (Some(route), RuleKind::Allow) => ResourceConstraint::Eq(route),
        (Some(route), _) => ResourceConstraint::In(route),
    };
    let mut template = Template::new(id, effect, PrincipalConstraint::Any, action, resource);
    if let Some(body) = expression::all_of(terms) {
        let body = Arc::new(body);
        let unless = site.kind == RuleKind::Require;
        template.try_add_clause(if unless { Clause::Unless(body) } else { Clause::When(body) })?;
    }
    Policy::from_pst(pst::Policy::Static(StaticPolicy::try_from(template)?))
}

fn actions(methods: &[String]) -> Vec<pst::EntityUID> {
    methods.iter().map(|method| EntityType::Action.named_in_tree(method)).collect()
}

struct Terms<'a> {
    site: &'a RuleSite<'a>,
    errors: Vec<BuildError>,
    terms: Vec<Expr>,
    /// The principals and groups of the most telling term.
    keys: Vec<EntityUid>,
    /// What all terms but those on claims ask of a caller.
    traits: Vec<Trait>,
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
            self.terms.push(expression::is_known());
        }
        self.groups(condition, place);
        self.users(&condition.users, &place.then("users"));
        self.workloads(&condition.workloads, &place.then("workloads"));
        self.issuers(condition, place);
        for scope in &condition.scopes {
            self.terms.push(expression::has_scope(scope));
            self.traits.push(Trait::Scope(scope.as_str().into()));
        }
        for test in &condition.claims {
            self.claim(condition, test, &place.then("claims").then(&test.claim));
        }
        if self.site.kind == RuleKind::Require && !condition.methods.is_empty() {
            self.terms.push(expression::action_in(actions(&condition.methods)));
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
                Ok(network) => tests.push(expression::client_in(network)),
                Err(error) => self.error(&place.at(index), &error.to_string(), ""),
            }
        }
        self.terms.extend(expression::any_of(tests));
    }

    fn groups(&mut self, condition: &Condition, place: &Place) {
        self.named(EntityType::Group, &condition.groups, &place.then("groups"), |issuer| {
            (!issuer.tells_groups()).then(|| {
                let name = issuer.name();
                let help = match issuer.tokens() {
                    Some(_) => {
                        format!("say under `issuers.{name}.groups` where they stand in a token")
                    }
                    None => "name the workloads under `workloads`".to_owned(),
                };
                (format!("the issuer `{name}` tells no groups, so this never holds"), help)
            })
        });
    }

    fn users(&mut self, names: &[String], place: &Place) {
        self.named(EntityType::User, names, place, |issuer| {
            (issuer.subjects() == SubjectRule::Workload).then(|| {
                let message = format!(
                    "every subject of `{}` is a workload, so this never holds",
                    issuer.name()
                );
                (message, "write the name under `workloads`".to_owned())
            })
        });
    }

    fn workloads(&mut self, names: &[String], place: &Place) {
        for (index, name) in names.iter().enumerate() {
            let Ok((issuer, id)) = self.site.names.resolve(self.site.kind, name) else { continue };
            let subject = id.split_once('/').map_or("", |(_, subject)| subject);
            let Some(profile) = issuer.certificates() else { continue };
            if let Err(expected) = profile.subject().could_be(subject) {
                let message = format!("no certificate of `{}` names `{subject}`", issuer.name());
                self.error(&place.at(index), &message, &format!("write {expected}"));
            }
        }
        self.named(EntityType::Workload, names, place, |issuer| {
            (issuer.subjects() == SubjectRule::User).then(|| {
                let message =
                    format!("every subject of `{}` is a user, so this never holds", issuer.name());
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
        never: impl Fn(&IssuerSpec) -> Option<(String, String)>,
    ) {
        let (mut tests, mut keys) = (Vec::new(), Vec::new());
        let test = match kind {
            EntityType::Group => expression::principal_in,
            _ => expression::principal_is,
        };
        for (index, name) in names.iter().enumerate() {
            match self.site.names.resolve(self.site.kind, name) {
                Ok((issuer, id)) => {
                    tests.push(test(kind.named_in_tree(&id)));
                    keys.push(kind.named(&id));
                    let hole = never(issuer).filter(|_| self.site.kind == RuleKind::Deny);
                    if let Some((message, help)) = hole {
                        self.error(&place.at(index), &message, &help);
                    }
                }
                Err(problem) => self.errors.push(problem.at(place.at(index))),
            }
        }
        if let Some(term) = expression::any_of(tests) {
            self.terms.push(term);
            self.traits.extend(keys.iter().cloned().map(Trait::Within));
            // Any one term narrows; the last, a named principal, narrows most.
            self.keys = keys;
        }
    }

    fn issuers(&mut self, condition: &Condition, place: &Place) {
        let mut tests = Vec::new();
        for (index, issuer) in condition.issuers.iter().enumerate() {
            match self.site.names.issuer(self.site.kind, issuer) {
                Ok(_) => {
                    let uid = EntityType::Issuer.named_in_tree(issuer);
                    tests.push(expression::principal_in(uid));
                    self.traits.push(Trait::Within(EntityType::Issuer.named(issuer)));
                }
                Err(problem) => self.errors.push(problem.at(place.then("issuers").at(index))),
            }
        }
        self.terms.extend(expression::any_of(tests));
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
            let (fits, written) = match value {
                MatchValue::Bool(value) => (kind == ClaimKind::Bool, value.to_string()),
                MatchValue::Long(value) => (kind == ClaimKind::Long, value.to_string()),
                MatchValue::String(value) => {
                    (matches!(kind, ClaimKind::String | ClaimKind::Strings), quoted(value))
                }
            };
            if !fits {
                let declared = kind_name(kind);
                let message = format!(
                    "the claim `{name}` is declared as {declared}, and `{written}` is none"
                );
                let help = "write a value of the declared type, or change the claim's `type`";
                self.error(place, &message, help);
                return;
            }
            tests.push(match kind {
                ClaimKind::Strings => expression::claim_contains(name, value),
                _ => expression::claim_is(name, value),
            });
        }
        let guarded = [expression::has_claim(name)].into_iter().chain(expression::any_of(tests));
        self.terms.extend(expression::all_of(guarded));
    }

    fn error(&mut self, place: &Place, message: &str, help: &str) {
        self.errors.push(BuildError::new(place.clone(), message).with_help(help));
    }
}

fn anyone() -> Condition {
    Condition { anyone: true, ..Condition::default() }
}

fn kind_name(kind: ClaimKind) -> &'static str {
    match kind {
        ClaimKind::Bool => "a bool",
        ClaimKind::Long => "a whole number",
        ClaimKind::String => "a string",
        ClaimKind::Strings => "a list of strings",
    }
}

#[cfg(test)]
#[path = "compile_tests.rs"]
mod tests;
