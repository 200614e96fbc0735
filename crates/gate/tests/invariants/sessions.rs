//! The invariants, of people who have signed in: a session is good where its provider is accepted, on its own host, as
//! long as it stands, and for nobody else's pages.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use gate::route::StepUp;
use gate::spec::{Condition, CorsSpec, GateSpec, IssuerSpec, ProviderSpec, RouteSpec};
use gate::{FoundSession, Gate, Identity, Session, Sessions, Standing, Surroundings, Verdict};
use serde_json::json;
use tokens::{Digest, Facts, Revision, SessionId, SubjectKind, SubjectRule, Timestamp};

use super::support::*;

fn provider(name: &str) -> IssuerSpec {
    IssuerSpec::of_sessions(ProviderSpec {
        name: name.into(),
        groups: true,
        subjects: SubjectRule::User,
        claims: Vec::new(),
        revision: Revision::of_text(name),
    })
}

/// A session at `provider`, whose cookie is good on `host`.
fn session(provider: &str, host: &str) -> Session {
    Session {
        provider: provider.into(),
        facts: Facts {
            subject: "alice".to_owned(),
            kind: SubjectKind::User,
            groups: vec!["support".to_owned()],
            claims: Default::default(),
            acr: Some("silver".to_owned()),
            amr: vec!["pwd".to_owned()],
            auth_time: Some(after(0)),
        },
        id: SessionId::new([7; 16]),
        host: host.into(),
        ends_at: after(3600),
        refresh_at: None,
        fresh_until: after(3600),
        revision: Revision::of_text(provider),
        as_of: 0,
    }
}

/// Sessions by the value of their cookie; what is not there is not at hand.
#[derive(Default)]
struct Table {
    found: HashMap<Digest, FoundSession>,
    fallen: bool,
}

impl Table {
    fn of(entries: &[(&str, FoundSession)]) -> Self {
        let entry = |(cookie, found): &(&str, FoundSession)| (Digest::of(cookie), found.clone());
        Self { found: entries.iter().map(entry).collect(), fallen: false }
    }

    fn usual() -> Self {
        let known = |provider, host| {
            FoundSession::Known(Arc::new(Identity::of_session(session(provider, host))))
        };
        Self::of(&[
            ("staff", known("staff", "orders.example.com")),
            ("elsewhere", known("staff", "billing.example.com")),
            ("guests", known("guests", "orders.example.com")),
            ("ended", FoundSession::Ended),
            ("unsure", FoundSession::Unavailable),
        ])
    }
}

impl Sessions for Table {
    fn find(&self, cookie: &Digest, _now: Timestamp) -> FoundSession {
        self.found.get(cookie).cloned().unwrap_or(FoundSession::NotAtHand)
    }

    fn stands(&self, _session: &Session, _now: Timestamp) -> bool {
        !self.fallen
    }
}

/// `corp` issues tokens; `staff` and `guests` are providers.
fn house(routes: Vec<RouteSpec>) -> GateSpec {
    let mut house = spec(routes);
    house.issuers.extend([provider("staff"), provider("guests")]);
    house
}

fn staff_route(path: &str) -> RouteSpec {
    RouteSpec {
        accept: vec!["corp".to_owned(), "staff".to_owned()],
        allow: vec![Condition { groups: vec!["staff/support".to_owned()], ..Default::default() }],
        ..route("a", path)
    }
}

fn ask(cookie: &str) -> Ask {
    get("/a").on("orders.example.com").with("cookie", &format!("__Host-doorward={cookie}"))
}

fn judged(gate: &Gate, ask: &Ask, table: &Table, now: Timestamp) -> Verdict {
    ask.admit(gate, Surroundings { sessions: Some(table), ..around(&Ring::usual(), now) })
}

fn outcome(gate: &Gate, ask: &Ask) -> &'static str {
    code(&judged(gate, ask, &Table::usual(), after(0)))
}

#[test]
fn invariant_5_a_session_is_good_where_its_provider_is_accepted_and_on_its_own_host() {
    let gate = build(&house(vec![staff_route("/a")]));
    for (cookie, expected) in [
        ("staff", "permit"),
        ("elsewhere", "session_of_other_host"),
        ("guests", "provider_not_accepted"),
        ("ended", "session_ended"),
        ("unsure", "sessions_unavailable"),
        ("never seen", "sessions_unavailable"),
    ] {
        assert_eq!(outcome(&gate, &ask(cookie)), expected, "{cookie}");
    }
    assert_eq!(outcome(&gate, &get("/a").on("orders.example.com")), "no_credential");
}

#[test]
fn invariant_5_groups_of_one_provider_are_not_those_of_another() {
    let both =
        RouteSpec { accept: vec!["staff".to_owned(), "guests".to_owned()], ..staff_route("/a") };
    let gate = build(&house(vec![both]));
    assert_eq!(outcome(&gate, &ask("staff")), "permit");
    assert_eq!(outcome(&gate, &ask("guests")), "no_permit");
}

#[test]
fn where_no_provider_is_accepted_or_nobody_signs_in_a_session_is_nobody() {
    let gate =
        build(&house(vec![RouteSpec { accept: vec!["corp".to_owned()], ..open_route("a", "/a") }]));
    assert_eq!(outcome(&gate, &ask("staff")), "no_credential");
    let gate = build(&house(vec![staff_route("/a")]));
    assert_eq!(ask("staff").outcome(&gate), "session_ended");
}

#[test]
fn on_a_public_route_a_session_that_does_not_count_is_as_good_as_none() {
    let public = RouteSpec {
        allow: vec![Condition { anyone: true, ..Default::default() }],
        accept: Vec::new(),
        ..route("a", "/a")
    };
    let gate = build(&house(vec![public]));
    for cookie in ["ended", "elsewhere", "unsure", "staff"] {
        let verdict = judged(&gate, &ask(cookie), &Table::usual(), after(0));
        let Verdict::Permit(permit) = verdict else { panic!("{cookie}: {verdict:?}") };
        assert_eq!(permit.caller().identity().is_some(), cookie == "staff", "{cookie}");
    }
    // Whether it counts is not known before the ledger was asked.
    assert_eq!(outcome(&gate, &ask("never seen")), "sessions_unavailable");
}

#[test]
fn a_token_counts_before_a_session_and_a_bad_one_is_not_made_good_by_it() {
    let gate = build(&house(vec![staff_route("/a")]));
    let with = |token: &str| ask("staff").by(token);
    assert_eq!(outcome(&gate, &with(&token("corp", json!({})))), "no_permit");
    assert_eq!(outcome(&gate, &with("no.such.token")), "encoding");
}

#[test]
fn invariant_8_no_cookie_of_ours_goes_on_and_two_sessions_are_refused() {
    let gate = build(&house(vec![staff_route("/a")]));
    let cookies = "a=1; __Host-doorward=staff; __Host-doorward-browser=b; c=2";
    let ask = get("/a").on("orders.example.com").with("cookie", cookies);
    let Verdict::Permit(permit) = judged(&gate, &ask, &Table::usual(), after(0)) else {
        panic!("denied")
    };
    assert_eq!(permit.request().headers().get("cookie").unwrap(), "a=1; c=2");
    let two =
        get("/a").on("orders.example.com").with("cookie", &format!("{cookies}; __Host-doorward=x"));
    assert_eq!(outcome(&gate, &two), "doubled_session");
}

#[test]
fn invariant_9_a_session_ends_for_new_and_running_use_alike() {
    type Change = fn(&mut GateSpec, &mut Table);
    let table: [(&str, Change, Standing, &str); 7] = [
        ("nothing", |_, _| {}, Standing::Stands, "permit"),
        (
            "issuers are in another order",
            |spec, _| spec.issuers.rotate_right(1),
            Standing::Stands,
            "permit",
        ),
        (
            "it has ended",
            |_, table| {
                table.fallen = true;
                table.found.insert(Digest::of("staff"), FoundSession::Ended);
            },
            Standing::Revoked,
            "session_ended",
        ),
        (
            "its provider is disabled",
            |spec, _| spec.issuers[2].disabled = true,
            Standing::Revoked,
            "provider_not_accepted",
        ),
        (
            "its provider is set up otherwise",
            |spec, _| {
                spec.issuers[2] = IssuerSpec::of_sessions(ProviderSpec {
                    revision: Revision::of_text("another"),
                    ..spec.issuers[2].sessions().unwrap().clone()
                });
            },
            Standing::Revoked,
            "provider_changed",
        ),
        (
            "the route takes it no longer",
            |spec, _| {
                spec.routes[0].accept = vec!["corp".to_owned(), "guests".to_owned()];
                spec.routes[0].allow =
                    vec![Condition { authenticated: true, ..Default::default() }];
            },
            Standing::Revoked,
            "provider_not_accepted",
        ),
        (
            "its subject is revoked",
            |spec, _| {
                spec.revoked.subjects = vec![("staff".to_owned(), "alice".to_owned())];
            },
            Standing::Revoked,
            "revoked",
        ),
    ];
    for (what, change, standing, expected) in table {
        let mut spec = house(vec![staff_route("/a")]);
        let mut sessions = Table::usual();
        let verdict = judged(&build(&spec), &ask("staff"), &sessions, after(0));
        let Verdict::Permit(permit) = verdict else { panic!("{verdict:?}") };
        let (_, watch) = permit.redeem();
        change(&mut spec, &mut sessions);
        let (gate, ring) = (build(&spec), Ring::usual());
        let now = Surroundings { sessions: Some(&sessions), ..around(&ring, after(1)) };
        assert_eq!(gate.standing(&watch, now), standing, "{what}");
        assert_eq!(code(&ask("staff").admit(&gate, now)), expected, "{what}");
    }
}

#[test]
fn invariant_1_a_permit_ends_with_its_session() {
    let gate = build(&house(vec![staff_route("/a")]));
    let verdict = judged(&gate, &ask("staff"), &Table::usual(), after(0));
    let Verdict::Permit(permit) = verdict else { panic!("{verdict:?}") };
    assert_eq!(permit.ends_at(), after(3600));
    let end = code(&judged(&gate, &ask("staff"), &Table::usual(), after(3600)));
    assert_eq!(end, "session_ended");
}

#[test]
fn who_could_sign_in_is_told_where_and_how_to_come_back() {
    let gate = build(&house(vec![staff_route("/**")]));
    let link = |ask: Ask| {
        let Verdict::Denial(denial) = judged(&gate, &ask, &Table::usual(), after(0)) else {
            panic!("let in")
        };
        denial.answer().sign_in.map(|link| (link.to, link.redirect))
    };
    let at = |target: &str| get(target).on("orders.example.com");
    let to = |to: &str| Some((format!("/.doorward/sign-in?to={to}"), true));
    assert_eq!(link(at("/a/b?x=1&y=%2F")), to("/a/b%3Fx%3D1%26y%3D%252F"));
    assert_eq!(link(ask("ended")), to("/a"));
    assert_eq!(link(at(&format!("/{}", "x".repeat(1023)))), to(&format!("/{}", "x".repeat(1023))));
    assert_eq!(link(at(&format!("/{}", "x".repeat(1024)))), to("/"));
    // A bad token is no browser's, and who is signed in and denied would be no better off.
    assert_eq!(link(at("/a").by("no.such.token")), None);
    assert_eq!(link(ask("unsure")), None);
}

#[test]
fn nobody_is_sent_to_sign_in_where_every_provider_is_disabled() {
    let mut spec = house(vec![staff_route("/a")]);
    spec.issuers[2].disabled = true;
    let gate = build(&spec);
    for ask in [get("/a").on("orders.example.com"), ask("staff"), ask("guests")] {
        let Verdict::Denial(denial) = judged(&gate, &ask, &Table::usual(), after(0)) else {
            panic!("let in")
        };
        assert_eq!(denial.answer().sign_in, None);
    }
}

#[test]
fn pages_of_other_origins_cannot_act_with_somebodys_session() {
    let open = RouteSpec { websocket: true, ..staff_route("/a") };
    let shared = RouteSpec {
        cors: Some(CorsSpec {
            origins: vec!["https://app.example.com".to_owned()],
            credentials: true,
            ..CorsSpec::default()
        }),
        ..staff_route("/a")
    };
    for (name, spec, method, headers, expected) in [
        (
            "a page of ours",
            staff_route("/a"),
            "POST",
            &[("origin", "http://orders.example.com")][..],
            "permit",
        ),
        ("nobody says", staff_route("/a"), "POST", &[], "permit"),
        (
            "a sibling's page",
            staff_route("/a"),
            "POST",
            &[("origin", "http://evil.example.com")],
            "cross_origin",
        ),
        ("a sandboxed page", staff_route("/a"), "POST", &[("origin", "null")], "cross_origin"),
        (
            "the same host, another port",
            staff_route("/a"),
            "POST",
            &[("origin", "http://orders.example.com:81")],
            "cross_origin",
        ),
        (
            "the same host over TLS",
            staff_route("/a"),
            "POST",
            &[("origin", "https://orders.example.com")],
            "cross_origin",
        ),
        (
            "one of two",
            staff_route("/a"),
            "POST",
            &[("origin", "http://orders.example.com"), ("origin", "null")],
            "cross_origin",
        ),
        (
            "no origin and another site",
            staff_route("/a"),
            "POST",
            &[("sec-fetch-site", "same-site")],
            "cross_origin",
        ),
        (
            "no origin and the same",
            staff_route("/a"),
            "POST",
            &[("origin", "null"), ("sec-fetch-site", "same-origin")],
            "permit",
        ),
        (
            "a link from elsewhere",
            staff_route("/a"),
            "GET",
            &[("sec-fetch-site", "cross-site")],
            "permit",
        ),
        (
            "reading from elsewhere",
            staff_route("/a"),
            "GET",
            &[("origin", "http://evil.example.com")],
            "permit",
        ),
        (
            "a link from elsewhere where there are WebSockets",
            open.clone(),
            "GET",
            &[("sec-fetch-site", "cross-site")],
            "permit",
        ),
        (
            "a WebSocket from elsewhere",
            open.clone(),
            "GET",
            &[("origin", "http://evil.example.com")],
            "cross_origin",
        ),
        ("a WebSocket of ours", open, "GET", &[("origin", "http://orders.example.com")], "permit"),
        (
            "a page that is let in",
            shared.clone(),
            "POST",
            &[("origin", "https://app.example.com")],
            "permit",
        ),
        (
            "one that is not",
            shared,
            "POST",
            &[("origin", "https://evil.example.com")],
            "cross_origin",
        ),
    ] {
        let mut spec = spec;
        spec.matches.methods = vec!["GET".to_owned(), "POST".to_owned()];
        let gate = build(&house(vec![spec]));
        let ask = headers.iter().fold(ask("staff").method(method), |ask, (n, v)| ask.with(n, v));
        assert_eq!(outcome(&gate, &ask), expected, "{name}");
    }
}

#[test]
fn what_nobody_can_meet_is_an_error() {
    let step_up = |acr: &str| Some(StepUp { acr: vec![acr.to_owned()], max_age: None });
    let broad = RouteSpec { name: "b".into(), step_up: step_up("gold"), ..staff_route("/**") };
    let narrow = RouteSpec { step_up: step_up("silver"), ..staff_route("/a") };
    let errors = Gate::build(&house(vec![broad, narrow])).unwrap_err();
    let told: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["nobody can meet the `step_up` of `a` and of its broader routes at once"]);
}

#[test]
fn people_are_sent_to_sign_in_for_hosts_that_a_route_names() {
    for (host, sign_in_host, expected) in [
        ("orders.example.com", "id.example.com", true),
        ("*", "id.example.com", false),
        ("*.example.com", "id.example.com", false),
        ("*", "orders.example.com", true),
        ("billing.example.com", "orders.example.com", false),
    ] {
        let mut route = staff_route("/a");
        route.matches.host = host.to_owned();
        let gate = build(&house(vec![route]));
        let wanted = gate.wanted(&get("/a").on("orders.example.com").read(), sign_in_host);
        let providers = wanted.map(|wanted| wanted.providers);
        let told = providers.as_ref().map(|names| names.iter().map(|name| &**name).collect());
        assert_eq!(told, expected.then(|| vec!["staff"]), "{host} {sign_in_host}");
    }
}

#[test]
fn who_has_signed_in_later_than_now_has_not() {
    let recent = StepUp { acr: Vec::new(), max_age: Some(Duration::from_secs(60)) };
    let gate = build(&house(vec![RouteSpec { step_up: Some(recent), ..staff_route("/a") }]));
    for (seconds, expected) in [(0, "permit"), (30, "permit"), (31, "step_up")] {
        let mut later = session("staff", "orders.example.com");
        later.facts.auth_time = Some(after(seconds));
        let known = FoundSession::Known(Arc::new(Identity::of_session(later)));
        let verdict = judged(&gate, &ask("staff"), &Table::of(&[("staff", known)]), after(0));
        assert_eq!(code(&verdict), expected, "{seconds}");
    }
}

#[test]
fn invariant_4_a_route_and_its_broader_ones_say_how_surely_a_caller_must_be_known() {
    let step_up = |acr: &[&str], max_age: Option<u64>| {
        Some(StepUp {
            acr: acr.iter().map(|acr| (*acr).to_owned()).collect(),
            max_age: max_age.map(Duration::from_secs),
        })
    };
    for (name, broad, narrow, now, expected) in [
        ("nothing more", None, None, 0, "permit"),
        ("what it has", None, step_up(&["gold", "silver"], None), 0, "permit"),
        ("more than it has", None, step_up(&["gold"], None), 0, "step_up"),
        ("a recent sign-in", None, step_up(&[], Some(60)), 59, "permit"),
        ("one too long ago", None, step_up(&[], Some(60)), 60, "step_up"),
        ("what the broader route says", step_up(&["gold"], None), None, 0, "step_up"),
        ("both", step_up(&["gold", "silver"], None), step_up(&["gold"], None), 0, "step_up"),
    ] {
        let broad = RouteSpec { name: "b".into(), step_up: broad, ..staff_route("/**") };
        let narrow = RouteSpec { step_up: narrow, ..staff_route("/a") };
        let gate = build(&house(vec![broad, narrow]));
        let verdict = judged(&gate, &ask("staff"), &Table::usual(), after(now));
        assert_eq!(code(&verdict), expected, "{name}");
    }
    let recent = RouteSpec { step_up: step_up(&[], Some(60)), ..staff_route("/a") };
    let gate = build(&house(vec![recent]));
    let verdict = judged(&gate, &ask("staff"), &Table::usual(), after(10));
    let Verdict::Permit(permit) = verdict else { panic!("{verdict:?}") };
    assert_eq!(permit.ends_at(), after(60));
    let Verdict::Denial(denial) = judged(&gate, &ask("staff"), &Table::usual(), after(61)) else {
        panic!("let in")
    };
    let challenge =
        "Bearer realm=\"doorward\", error=\"insufficient_user_authentication\", max_age=60";
    assert_eq!(denial.answer().challenge.as_deref(), Some(challenge));
    assert_eq!(denial.reason(), "the route wants a sign-in in the last 60 seconds");
}
