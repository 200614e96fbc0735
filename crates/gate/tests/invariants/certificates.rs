//! Client certificates: a workload's identity on routes that accept its issuer, by the same invariants as a token's.

use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gate::route::Route;
use gate::spec::{Condition, GateSpec, IssuerSpec, PolicyFile, RouteSpec};
use gate::{ClientCertificate, Gate, Standing, Surroundings, Verdict, Watch};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType, date_time_ymd,
};
use serde_json::json;
use tokens::{CertificateProfile, CertificateSubject, UnverifiedChain};

use super::support::*;

/// Midnight of 2024-01-01, the last second of every certificate here, after [`NOW`].
const END: u64 = 1_704_067_200 - NOW;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn dated(mut params: CertificateParams) -> CertificateParams {
    params.not_before = date_time_ymd(2023, 1, 1);
    params.not_after = date_time_ymd(2024, 1, 1);
    params
}

fn authority() -> Authority {
    let mut params = dated(CertificateParams::new(Vec::new()).unwrap());
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// The authorities of the issuers `mesh` and `lab`.
static MESH: LazyLock<Authority> = LazyLock::new(authority);
static LAB: LazyLock<Authority> = LazyLock::new(authority);

/// A certificate of an authority, for this SPIFFE ID.
fn certificate(by: &Authority, id: &str) -> Arc<ClientCertificate> {
    let mut params = dated(CertificateParams::default());
    params.subject_alt_names = vec![SanType::URI(id.try_into().unwrap())];
    let signed = params.signed_by(&KeyPair::generate().unwrap(), by).unwrap();
    let chain = UnverifiedChain::new([&**signed.der()]).unwrap();
    Arc::new(ClientCertificate::new(chain))
}

fn billing() -> Arc<ClientCertificate> {
    certificate(&MESH, "spiffe://corp.example/billing")
}

fn issuer_of(name: &str, authority: &Authority, trust_domain: &str) -> IssuerSpec {
    let subject = CertificateSubject::SpiffeId(trust_domain.parse().unwrap());
    let profile = CertificateProfile::new(name, [authority.der().to_vec()], subject);
    IssuerSpec::of_certificates(profile.unwrap())
}

/// `corp`, `partner`, and two issuers of certificates: `mesh`, for the trust domain `corp.example`, and `lab`.
fn spec_of(routes: Vec<RouteSpec>) -> GateSpec {
    let mut spec = spec(routes);
    spec.issuers.push(issuer_of("mesh", &MESH, "corp.example"));
    spec.issuers.push(issuer_of("lab", &LAB, "lab.example"));
    spec
}

fn workloads(names: &[&str]) -> Condition {
    Condition { workloads: texts(names), ..Condition::default() }
}

fn for_issuers(accept: &[&str], route: RouteSpec) -> RouteSpec {
    RouteSpec { accept: texts(accept), ..route }
}

fn shown(ask: Ask, certificate: &Arc<ClientCertificate>) -> Ask {
    Ask { certificate: Some(Arc::clone(certificate)), ..ask }
}

/// One route for each way to accept: only certificates, certificates or tokens, only tokens, anyone.
fn ways() -> Vec<RouteSpec> {
    let billing = "mesh/spiffe://corp.example/billing";
    vec![
        for_issuers(
            &["mesh"],
            RouteSpec { allow: vec![workloads(&[billing])], ..route("only", "/only") },
        ),
        for_issuers(&["mesh", "corp"], open_route("both", "/both")),
        open_route("tokens", "/tokens"),
        RouteSpec { allow: vec![anyone()], accept: Vec::new(), ..route("public", "/public") },
    ]
}

#[test]
fn a_certificate_opens_what_accepts_its_issuer_and_allows_its_workload() {
    let gate = build(&spec_of(ways()));
    let other = certificate(&MESH, "spiffe://corp.example/orders");
    let lab = certificate(&LAB, "spiffe://lab.example/billing");
    let nameless = certificate(&MESH, "https://corp.example/billing");
    let stranger = certificate(&authority(), "spiffe://corp.example/billing");
    let posing = certificate(&LAB, "spiffe://corp.example/billing");
    let table = [
        // What is shown, and what becomes of it on each of the routes above.
        (None, ["no_credential", "no_credential", "no_credential", "permit"]),
        (Some(&billing()), ["permit", "permit", "no_credential", "permit"]),
        (Some(&other), ["no_permit", "permit", "no_credential", "permit"]),
        (Some(&lab), ["no_credential", "no_credential", "no_credential", "permit"]),
        (Some(&nameless), ["bad_certificate", "bad_certificate", "no_credential", "permit"]),
        (Some(&stranger), ["bad_certificate", "bad_certificate", "no_credential", "permit"]),
        (Some(&posing), ["bad_certificate", "bad_certificate", "no_credential", "permit"]),
    ];
    for (certificate, expected) in table {
        let found = ["/only", "/both", "/tokens", "/public"].map(|path| {
            let ask = get(path);
            certificate.map_or(ask.clone(), |certificate| shown(ask, certificate)).outcome(&gate)
        });
        assert_eq!(found, expected, "{certificate:?}");
    }
}

#[test]
fn a_token_that_is_shown_says_who_asks_and_a_bad_one_is_not_made_up_for() {
    let gate = build(&spec_of(ways()));
    let (alice, billing) = (token("corp", json!({})), billing());
    let subject = |ask: &Ask| match ask.judged(&gate) {
        Verdict::Permit(permit) => {
            permit.caller().identity().map(|identity| identity.scoped_subject()).unwrap_or_default()
        }
        other => code(&other).to_owned(),
    };
    let both = || shown(get("/both"), &billing);
    assert_eq!(subject(&both()), "mesh/spiffe://corp.example/billing");
    assert_eq!(subject(&both().by(&alice)), "corp/alice");
    assert_eq!(subject(&both().by("nonsense")), "not_compact");
    assert_eq!(subject(&both().by("")), "not_compact");
    assert_eq!(subject(&shown(get("/only"), &billing).by(&alice)), "issuer_not_accepted");
    assert_eq!(
        subject(&both().with("authorization", "Basic eDp5")),
        "mesh/spiffe://corp.example/billing"
    );
}

#[test]
fn a_policy_reads_whose_certificate_a_token_came_with() {
    let mut spec = spec_of(vec![for_issuers(&["corp"], open_route("a", "/a"))]);
    spec.policies.push(PolicyFile {
        name: "gateway.cedar".to_owned(),
        text: r#"@id("through-the-gateway") forbid (principal, action, resource) unless {
            context has certificate && context.certificate.issuer == "mesh"
                && context.certificate.subject == "spiffe://corp.example/gateway" };"#
            .to_owned(),
    });
    let gate = build(&spec);
    let gateway = certificate(&MESH, "spiffe://corp.example/gateway");
    let ask = || get("/a").by(&token("corp", json!({})));
    assert_eq!(ask().outcome(&gate), "forbidden");
    assert_eq!(shown(ask(), &billing()).outcome(&gate), "forbidden");
    assert_eq!(shown(ask(), &gateway).outcome(&gate), "permit");
    spec.issuers[2].disabled = true;
    assert_eq!(shown(ask(), &gateway).outcome(&build(&spec)), "forbidden");
}

#[test]
fn a_token_that_is_bound_to_a_certificate_needs_it_on_the_same_connection() {
    let gate = build(&spec_of(vec![open_route("a", "/a")]));
    let billing = billing();
    let thumbprint = URL_SAFE_NO_PAD.encode(billing.thumbprint());
    let bound = |cnf: serde_json::Value| get("/a").by(&token("corp", json!({ "cnf": cnf })));
    let ours = || bound(json!({ "x5t#S256": thumbprint }));
    assert_eq!(shown(ours(), &billing).outcome(&gate), "permit");
    assert_eq!(ours().outcome(&gate), "sender_constrained");
    let other = certificate(&MESH, "spiffe://corp.example/billing");
    assert_eq!(shown(ours(), &other).outcome(&gate), "sender_constrained");
    let more = json!({ "x5t#S256": thumbprint, "jkt": thumbprint });
    assert_eq!(shown(bound(more), &billing).outcome(&gate), "sender_constrained");
    let unknown = json!({ "x5t#S256": thumbprint, "kid": "1" });
    assert_eq!(shown(bound(unknown), &billing).outcome(&gate), "sender_constrained");
}

#[test]
fn the_caller_is_told_which_credential_would_help() {
    let gate = build(&spec_of(ways()));
    let answer = |path| match get(path).judged(&gate) {
        Verdict::Denial(denial) => denial.answer(),
        other => panic!("{other:?}"),
    };
    let bearer = Some("Bearer realm=\"doorward\"");
    let expected = [
        (
            "/only",
            "a client certificate that is known here is needed",
            Some("Certificate realm=\"doorward\""),
        ),
        ("/both", "a bearer token or a client certificate is needed here", bearer),
        ("/tokens", "a bearer token is needed here", bearer),
    ];
    for (path, detail, challenge) in expected {
        let answer = answer(path);
        assert_eq!(
            (answer.status.as_u16(), &*answer.detail, answer.challenge.as_deref()),
            (401, detail, challenge)
        );
    }
}

type Change = fn(&mut GateSpec);

/// What takes a certificate's standing away.
const CHANGES: [(&str, Change, &str); 8] = [
    ("nothing", |_| (), "permit"),
    ("issuers are in another order", |spec| spec.issuers.rotate_right(1), "permit"),
    (
        "its subject is revoked",
        |spec| {
            let subject = "spiffe://corp.example/billing".to_owned();
            spec.revoked.subjects.push(("mesh".to_owned(), subject));
        },
        "revoked",
    ),
    ("its issuer is disabled", |spec| spec.issuers[2].disabled = true, "bad_certificate"),
    (
        "its issuer has another authority",
        |spec| {
            spec.issuers[2] = issuer_of("mesh", &authority(), "corp.example");
        },
        "bad_certificate",
    ),
    (
        "its issuer is of another trust domain",
        |spec| {
            spec.issuers[2] = issuer_of("mesh", &MESH, "other.example");
        },
        "bad_certificate",
    ),
    (
        "its issuer is gone",
        |spec| {
            spec.issuers.remove(2);
            spec.routes[0].accept = texts(&["corp"]);
        },
        "no_credential",
    ),
    (
        "its issuer is no longer accepted",
        |spec| spec.routes[0].accept = texts(&["corp"]),
        "no_credential",
    ),
];

#[test]
fn invariant_9_what_takes_a_certificate_away_takes_it_from_new_and_open_requests_alike() {
    let route = || for_issuers(&["mesh", "corp"], open_route("a", "/a"));
    let before = build(&spec_of(vec![route()]));
    for (name, change, code) in CHANGES {
        // The same connection lives through the change.
        let ask = shown(get("/a"), &billing());
        let watch = watch(&before, &ask);
        let mut spec = spec_of(vec![route()]);
        change(&mut spec);
        let gate = build(&spec);
        assert_eq!(ask.outcome(&gate), code, "{name}");
        let expected = if code == "permit" { Standing::Stands } else { Standing::Revoked };
        assert_eq!(gate.standing(&watch, around(&Ring::usual(), after(1))), expected, "{name}");
    }
}

#[test]
fn invariant_9_a_revoked_certificate_bars_even_public_routes_and_good_tokens() {
    let mut spec = spec_of(ways());
    let fingerprint = match shown(get("/only"), &billing()).judged(&build(&spec)) {
        Verdict::Permit(permit) => permit.caller().identity().unwrap().fingerprint(),
        other => panic!("{other:?}"),
    };
    let subject = "spiffe://corp.example/billing".to_owned();
    spec.revoked.subjects.push(("mesh".to_owned(), subject));
    let gate = build(&spec);
    assert_eq!(shown(get("/public"), &billing()).outcome(&gate), "revoked");
    let alice = token("corp", json!({}));
    assert_eq!(shown(get("/tokens").by(&alice), &billing()).outcome(&gate), "revoked");
    assert_eq!(get("/tokens").by(&alice).outcome(&gate), "permit");
    assert_eq!(fingerprint.to_string().len(), 64);
}

#[test]
fn invariant_9_one_certificate_is_revoked_by_its_fingerprint() {
    let mut spec = spec_of(ways());
    let (one, another) = (billing(), billing());
    let Verdict::Permit(permit) = shown(get("/only"), &one).judged(&build(&spec)) else {
        panic!("denied")
    };
    let fingerprint = permit.caller().identity().unwrap().fingerprint();
    spec.revoked.tokens.push(fingerprint.to_string());
    let gate = build(&spec);
    assert_eq!(shown(get("/only"), &one).outcome(&gate), "revoked");
    assert_eq!(shown(get("/only"), &another).outcome(&gate), "permit");
}

#[test]
fn invariant_1_a_permit_ends_with_the_certificate() {
    let gate = build(&spec_of(ways()));
    let end = after(END + 1);
    let by_certificate = watch(&gate, &shown(get("/only"), &billing()));
    assert_eq!(by_certificate.ends_at(), end);
    assert_eq!(gate.standing(&by_certificate, around(&Ring::usual(), end)), Standing::Ended);
    assert_eq!(watch(&gate, &shown(get("/public"), &billing())).ends_at(), end);
    // A connection that was opened in time is worth nothing afterwards.
    let ask = shown(get("/only"), &billing());
    for (now, code_then) in [(after(END), "permit"), (end, "bad_certificate")] {
        let around = Surroundings { now, keys: &Ring::usual(), cache: None, sessions: None };
        assert_eq!(code(&ask.admit(&gate, around)), code_then);
    }
}

#[test]
fn invariant_6_what_is_remembered_of_a_certificate_changes_no_verdict() {
    let mut other = spec_of(ways());
    other.issuers[2] = issuer_of("mesh", &authority(), "corp.example");
    let mut disabled = spec_of(ways());
    disabled.issuers[2].disabled = true;
    let gates = [build(&spec_of(ways())), build(&other), build(&disabled)];
    let (early, late) = (after(0), after(END + 1));
    let kept = billing();
    let asked = |certificate: &Arc<ClientCertificate>| -> Vec<String> {
        let told = |gate, now| {
            let around = Surroundings { now, keys: &Ring::usual(), cache: None, sessions: None };
            told(&shown(get("/only"), certificate).admit(gate, around))
        };
        gates.iter().flat_map(|gate| [told(gate, early), told(gate, late)]).collect()
    };
    let first = asked(&kept);
    for _ in 0..3 {
        assert_eq!(asked(&kept), first);
    }
    let codes: Vec<_> = first.iter().map(|told| told.starts_with("permit")).collect();
    assert_eq!(codes, [true, false, false, false, false, false]);
}

#[test]
fn invariant_5_two_issuers_that_vouch_for_one_certificate_make_it_nobodys() {
    // By the same authority: refused when it is configured.
    let mut spec = spec_of(ways());
    spec.issuers.push(issuer_of("twin", &MESH, "corp.example"));
    assert_eq!(
        problems(&spec),
        ["issuers.twin.certificates.ca: `mesh` and `twin` believe the same authority"]
    );
    // With trust domains of their own, one authority can serve two.
    let mut spec = spec_of(ways());
    spec.issuers.push(issuer_of("twin", &MESH, "twin.example"));
    assert_eq!(shown(get("/only"), &billing()).outcome(&build(&spec)), "permit");
}

#[test]
fn invariant_4_a_disabled_issuer_leaves_its_certificates_to_nobody_else() {
    let mut spec = spec_of(ways());
    let profile =
        CertificateProfile::new("hosts", [MESH.der().to_vec()], CertificateSubject::DnsName);
    spec.issuers.push(IssuerSpec::of_certificates(profile.unwrap()));
    spec.routes[0].accept = texts(&["mesh", "hosts"]);
    spec.routes[0].allow = vec![Condition { authenticated: true, ..Condition::default() }];
    let mut params = dated(CertificateParams::new(vec!["billing.test".to_owned()]).unwrap());
    params
        .subject_alt_names
        .push(SanType::URI("spiffe://corp.example/billing".try_into().unwrap()));
    let signed = params.signed_by(&KeyPair::generate().unwrap(), &*MESH).unwrap();
    let chain = UnverifiedChain::new([&**signed.der()]).unwrap();
    let both = Arc::new(ClientCertificate::new(chain));
    assert_eq!(shown(get("/only"), &both).outcome(&build(&spec)), "bad_certificate");
    spec.issuers[2].disabled = true;
    assert_eq!(shown(get("/only"), &both).outcome(&build(&spec)), "bad_certificate");
}

#[test]
fn a_rule_about_certificates_cannot_ask_for_what_they_do_not_say() {
    let mut route = for_issuers(&["mesh"], open_route("a", "/a"));
    route.deny =
        vec![in_groups(&["support"]), Condition { users: texts(&["x"]), ..Condition::default() }];
    assert_eq!(
        problems(&spec_of(vec![route])),
        [
            "routes[0].deny[0].groups[0]: the issuer `mesh` tells no groups, so this never holds",
            "routes[0].deny[1].users[0]: every subject of `mesh` is a workload, so this never holds",
        ]
    );
}

fn watch(gate: &Gate, ask: &Ask) -> Watch<Route> {
    match ask.judged(gate) {
        Verdict::Permit(permit) => permit.redeem().1,
        other => panic!("{other:?}"),
    }
}
