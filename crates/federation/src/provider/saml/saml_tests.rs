use ::saml::{Endpoint, Message, NameId, read_redirect};
use rcgen::{CertificateParams, KeyPair};
use tokens::{
    Absence, Algorithm, ClaimKind, ClaimSpec, ClaimValue, GroupSource, JsonPointer, Mapping,
    SignerCertificate, SigningKey, SubjectRule,
};

use std::time::Duration;

use super::super::test_provider::random;
use super::*;
use crate::metadata::SamlMetadata;

const ISSUER: &str = "https://idp.example/saml";
const US: &str = "https://id.example/.doorward/saml/corp";
const BACK: &str = "https://id.example/.doorward/callback/corp";
const PERSISTENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";

/// 2026-11-01T00:00:00Z.
fn now() -> Timestamp {
    Timestamp::from_secs(1_793_491_200)
}

fn pointer(text: &str) -> JsonPointer {
    JsonPointer::parse(text).unwrap()
}

/// A key with its certificate.
struct Party {
    key: Arc<SigningKey>,
    der: Vec<u8>,
}

impl Party {
    fn new() -> Self {
        let pair = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["example".to_owned()]).unwrap();
        let der = params.self_signed(&pair).unwrap().der().to_vec();
        let key = SigningKey::from_pkcs8(Algorithm::Es256, pair.serialized_der()).unwrap();
        Self { key: Arc::new(key), der }
    }

    fn certificate(&self) -> SignerCertificate {
        SignerCertificate::from_der(&self.der).unwrap()
    }
}

/// A provider and us.
struct Pair {
    them: Party,
    us: Party,
}

impl Pair {
    fn new() -> Self {
        Self { them: Party::new(), us: Party::new() }
    }

    fn options(&self, subject: &str) -> SamlOptions {
        let email = ClaimSpec {
            name: "email".into(),
            from: pointer("/attributes/urn:oid:0.9.2342.19200300.100.1.3/0"),
            kind: ClaimKind::String,
            absent: Absence::Ignore,
        };
        let groups = vec![GroupSource::at(pointer("/attributes/groups"))];
        let mapping =
            Mapping::new(pointer(subject), SubjectRule::User, groups, vec![email]).unwrap();
        SamlOptions {
            name: "corp".into(),
            issuer: ISSUER.into(),
            entity_id: US.into(),
            recipient: BACK.into(),
            logout: "https://id.example/.doorward/logout/corp".into(),
            keys: OurKeys {
                signing: Arc::clone(&self.us.key),
                certificates: vec![self.us.der.clone()],
                decryption: Vec::new(),
            },
            encrypted: false,
            danger_cbc: false,
            name_format: Some(PERSISTENT.into()),
            mapping,
            skew: Duration::from_secs(30),
            max_age: MAX_ANSWER_AGE,
            idp_initiated: None,
        }
    }

    fn metadata(&self) -> IdentityProvider {
        let redirect = |url: &str| Endpoint { redirect: Some(url.into()), post: None };
        IdentityProvider {
            certificates: vec![self.them.certificate()],
            sign_in: redirect("https://idp.example/sso"),
            logout: redirect("https://idp.example/slo"),
            ..IdentityProvider::default()
        }
    }

    fn provider(&self, subject: &str) -> SamlProvider {
        self.provider_of(subject, self.metadata())
    }

    fn provider_of(&self, subject: &str, metadata: IdentityProvider) -> SamlProvider {
        SamlProvider::new(self.options(subject), SamlMetadata::fixed(metadata), random())
    }

    /// A signed answer in which `from` is `to`.
    fn answer(&self, from: &str, to: &str) -> String {
        assert!(ANSWER.contains(from), "{from}");
        let signer = Signer { key: &self.them.key, certificate: &self.them.der };
        let text = ANSWER.replacen(from, to, 1);
        ::saml::post(&text, Some(&signer), &*random()).unwrap()
    }
}

/// Where a redirect leads.
fn redirected(sent: Sent) -> String {
    match sent {
        Sent::Redirect(url) => url,
        Sent::Form { to, .. } => panic!("expected a redirect, found a form to {to}"),
    }
}

fn text(message: &Message) -> String {
    String::from_utf8(message.as_bytes().to_vec()).unwrap()
}

const ID: &str = "_nonce-1";
const STATE: &str = "state-1";

const ANSWER: &str = r#"<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_r" Version="2.0" IssueInstant="2026-11-01T00:00:00Z" Destination="https://id.example/.doorward/callback/corp" InResponseTo="_nonce-1"><saml:Issuer>https://idp.example/saml</saml:Issuer><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status><saml:Assertion ID="_a" Version="2.0" IssueInstant="2026-11-01T00:00:00Z"><saml:Issuer>https://idp.example/saml</saml:Issuer><saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">alice</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData NotOnOrAfter="2026-11-01T00:05:00Z" Recipient="https://id.example/.doorward/callback/corp" InResponseTo="_nonce-1"/></saml:SubjectConfirmation></saml:Subject><saml:Conditions><saml:AudienceRestriction><saml:Audience>https://id.example/.doorward/saml/corp</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="2026-10-31T23:50:00Z" SessionIndex="s-1"><saml:AuthnContext><saml:AuthnContextClassRef>urn:example:mfa</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement><saml:Attribute Name="groups"><saml:AttributeValue>support</saml:AttributeValue><saml:AttributeValue>ops</saml:AttributeValue></saml:Attribute><saml:Attribute Name="urn:oid:0.9.2342.19200300.100.1.3"><saml:AttributeValue>alice@example.com</saml:AttributeValue></saml:Attribute></saml:AttributeStatement></saml:Assertion></samlp:Response>"#;

#[test]
fn people_are_sent_with_a_signed_request() {
    let pair = Pair::new();
    let sent = pair.provider("/name_id").begin(&Wish::default(), (ID, STATE), now()).unwrap();
    let url = redirected(sent);
    let query = url.strip_prefix("https://idp.example/sso?").unwrap();
    let read = read_redirect(query, &[pair.us.certificate()]).unwrap();
    assert!(read.message.is_signed());
    assert_eq!(read.relay_state.as_deref(), Some("state-1"));
    let text = text(&read.message);
    for part in [
        " ID=\"_nonce-1\"",
        " Destination=\"https://idp.example/sso\"",
        " AssertionConsumerServiceURL=\"https://id.example/.doorward/callback/corp\"",
        ">https://id.example/.doorward/saml/corp</saml:Issuer>",
        PERSISTENT,
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("ForceAuthn") && !text.contains("RequestedAuthnContext"), "{text}");

    let wish = Wish {
        acr_values: vec!["urn:example:mfa".into()],
        acr_required: true,
        max_age: Some(Duration::from_mins(15)),
        login_hint: None,
    };
    let url = redirected(pair.provider("/name_id").begin(&wish, (ID, STATE), now()).unwrap());
    let read = read_redirect(url.split_once('?').unwrap().1, &[pair.us.certificate()]).unwrap();
    let text = String::from_utf8(read.message.as_bytes().to_vec()).unwrap();
    assert!(text.contains(" ForceAuthn=\"true\"") && text.contains(">urn:example:mfa<"), "{text}");
}

#[test]
fn nobody_is_sent_where_no_way_leads() {
    let pair = Pair::new();
    let begin = |change: &dyn Fn(&mut IdentityProvider)| {
        let mut metadata = pair.metadata();
        change(&mut metadata);
        let provider = pair.provider_of("/name_id", metadata);
        let Err(error) = provider.begin(&Wish::default(), (ID, STATE), now()) else {
            panic!("somebody was sent");
        };
        error.to_string()
    };
    assert_eq!(
        begin(&|metadata| metadata.sign_in.redirect = None),
        "the provider's metadata has no SingleSignOnService by HTTP-Redirect or HTTP-POST"
    );
    assert_eq!(
        begin(&|metadata| metadata.valid_until = Some(now())),
        "the provider's metadata is no longer valid (`validUntil`)"
    );
}

#[test]
fn an_answer_becomes_facts() {
    let pair = Pair::new();
    let answer = pair.answer("alice", "alice");
    let signed_in = pair.provider("/name_id").finish(&answer, ID, now()).unwrap().signed_in;
    let facts = signed_in.facts;
    assert_eq!(
        (facts.subject.as_str(), facts.groups.as_slice()),
        ("alice", &["support".to_owned(), "ops".to_owned()][..])
    );
    assert_eq!(facts.claims.get("email"), Some(&ClaimValue::String("alice@example.com".into())));
    assert_eq!(facts.acr.as_deref(), Some("urn:example:mfa"));
    assert_eq!(facts.auth_time, Some(now().minus(Duration::from_mins(10))));
    assert_eq!(signed_in.provider_session, Some(session_of("alice", "s-1")));
    let named = signed_in.keepsakes.named.unwrap();
    assert_eq!(named.alias(), Digest::of("alice"));
    assert_eq!((named.name.format.as_str(), named.session.as_deref()), (PERSISTENT, Some("s-1")));
    assert_eq!(signed_in.ends_at, None);
}

#[test]
fn a_session_ends_when_the_provider_says_that_it_does() {
    let pair = Pair::new();
    let over = "SessionIndex=\"s-1\" SessionNotOnOrAfter=\"2026-11-01T00:00:00Z\"";
    let answer = pair.answer("SessionIndex=\"s-1\"", over);
    let refusal = pair.provider("/name_id").finish(&answer, ID, now()).unwrap_err();
    assert_eq!(refusal.code(), "saml_session_over");
    let until = "SessionIndex=\"s-1\" SessionNotOnOrAfter=\"2026-11-01T01:00:00Z\"";
    let answer = pair.answer("SessionIndex=\"s-1\"", until);
    let signed_in = pair.provider("/name_id").finish(&answer, ID, now()).unwrap().signed_in;
    assert_eq!(signed_in.ends_at, Some(now().plus(Duration::from_hours(1))));
}

#[test]
fn a_provider_without_redirects_is_sent_a_form() {
    let pair = Pair::new();
    let place = "https://idp.example/sso?tenant=1".to_owned();
    let sign_in = Endpoint { redirect: None, post: Some(place.clone()) };
    let provider = pair.provider_of("/name_id", IdentityProvider { sign_in, ..pair.metadata() });
    let Ok(Sent::Form { to, fields }) = provider.begin(&Wish::default(), (ID, STATE), now()) else {
        panic!("expected a form");
    };
    assert_eq!(to, place);
    let [("SAMLRequest", request), ("RelayState", state)] = &fields[..] else {
        panic!("expected two fields");
    };
    assert_eq!(state, "state-1");
    let request = text(&read_post(request).unwrap());
    assert!(request.contains(" ID=\"_nonce-1\"") && request.contains("<ds:Signature"), "{request}");
}

/// A request of the provider to sign alice out.
fn request_of_theirs(session: Option<&str>) -> String {
    let name = NameId::new("alice", PERSISTENT);
    let request = ::saml::OurLogoutRequest {
        id: "_theirs",
        issued: now(),
        issuer: ISSUER,
        destination: "https://id.example/.doorward/logout/corp",
        audience: US,
        name: &name,
        session,
    };
    request.to_xml()
}

/// A request or an answer of the provider about signing out, signed in its query.
fn of_provider(pair: &Pair, role: Role, message: &str) -> String {
    let signer = Signer { key: &pair.them.key, certificate: &pair.them.der };
    let to = "https://id.example/.doorward/logout/corp";
    let url = ::saml::redirect(to, (role, message), Some("their-state"), Some(&signer), &*random());
    url.unwrap().split_once('?').unwrap().1.to_owned()
}

#[test]
fn a_provider_signs_out_the_sessions_that_it_names_or_all_of_a_subject() {
    let pair = Pair::new();
    let provider = pair.provider("/name_id");
    let request = |session: Option<&str>| {
        let query = of_provider(&pair, Role::Request, &request_of_theirs(session));
        match provider.sign_out_message(Brought::Query(query), now()).unwrap() {
            SignOutMessage::Request(request) => request,
            SignOutMessage::Answer(..) => panic!("expected a request"),
        }
    };
    let one = request(Some("s-1"));
    assert_eq!((one.sessions, one.alias), (vec![session_of("alice", "s-1")], Digest::of("alice")));
    let all = request(None);
    assert!(all.sessions.is_empty());
    assert_eq!(all.until, now().plus(MAX_ANSWER_AGE).plus(Duration::from_secs(30)));

    let url = redirected(provider.answer(&all, true, "_ours", now()).unwrap());
    let query = url.strip_prefix("https://idp.example/slo?").unwrap();
    let answer = read_redirect(query, &[pair.us.certificate()]).unwrap();
    assert_eq!((answer.role, answer.message.is_signed()), (Role::Response, true));
    assert_eq!(answer.relay_state.as_deref(), Some("their-state"));
    let answer = text(&answer.message);
    for part in [" InResponseTo=\"_theirs\"", "status:Success", " ID=\"_ours\""] {
        assert!(answer.contains(part), "{part}: {answer}");
    }
    let refused = redirected(provider.answer(&all, false, "_ours", now()).unwrap());
    let query = refused.strip_prefix("https://idp.example/slo?").unwrap();
    let answer = text(&read_redirect(query, &[pair.us.certificate()]).unwrap().message);
    assert!(answer.contains("status:Responder"), "{answer}");
}

#[test]
fn nobody_but_the_provider_signs_out_anybody() {
    let (pair, stranger) = (Pair::new(), Pair::new());
    let provider = pair.provider("/name_id");
    let request = request_of_theirs(None);
    let read = |brought| match provider.sign_out_message(brought, now()) {
        Ok(_) => "believed",
        Err(refusal) => refusal.code(),
    };
    let query = of_provider(&stranger, Role::Request, &request);
    assert_eq!(read(Brought::Query(query)), "signature_forged");
    let field = ::saml::post(&request, None, &*random()).unwrap();
    let form =
        |request: Option<String>, answer| Brought::Form { request, answer, relay_state: None };
    assert_eq!(read(form(Some(field.clone()), None)), "saml_unsigned");
    assert_eq!(read(form(Some(field.clone()), Some(field))), "saml_unreadable");
    assert_eq!(read(form(None, None)), "saml_unreadable");
    assert_eq!(read(Brought::Query(String::new())), "saml_unreadable");
    let signer = Signer { key: &pair.them.key, certificate: &pair.them.der };
    let signed = ::saml::post(&request, Some(&signer), &*random()).unwrap();
    assert_eq!(read(form(Some(signed), None)), "believed");
}

#[test]
fn whoever_signs_out_here_is_signed_out_there_and_the_answer_is_that_to_our_request() {
    let pair = Pair::new();
    let provider = pair.provider("/name_id");
    let named = Named { name: NameId::new("alice", PERSISTENT), session: Some("s-1".into()) };
    let sent = provider.end_session(&named, ("_ours", "our-state"), now()).unwrap();
    let url = redirected(sent);
    let query = url.strip_prefix("https://idp.example/slo?").unwrap();
    let request = read_redirect(query, &[pair.us.certificate()]).unwrap();
    assert!(request.message.is_signed());
    assert_eq!(request.relay_state.as_deref(), Some("our-state"));
    let request = text(&request.message);
    assert!(request.contains(">alice<") && request.contains(">s-1<"), "{request}");

    let answer = ::saml::OurLogoutAnswer {
        id: "_theirs",
        request: "_ours",
        issued: now(),
        issuer: ISSUER,
        destination: "https://id.example/.doorward/logout/corp",
        done: true,
    };
    let query = of_provider(&pair, Role::Response, &answer.to_xml());
    let read = provider.sign_out_message(Brought::Query(query), now()).unwrap();
    let SignOutMessage::Answer(message, state) = read else { panic!("expected an answer") };
    assert_eq!(state.as_deref(), Some("their-state"));
    assert_eq!(provider.signed_out(&message, "_ours", now()), Ok(()));
    let other = provider.signed_out(&message, "_another", now()).unwrap_err();
    assert_eq!(other.code(), "saml_request");
}

#[test]
fn each_reason_not_to_sign_in_has_its_code() {
    let pair = Pair::new();
    let wish = |acr: &str, minutes: u64| Wish {
        acr_values: vec![acr.to_owned()],
        acr_required: true,
        max_age: Some(Duration::from_mins(minutes)),
        login_hint: None,
    };
    let plain = Wish::default();
    let code = |subject: &str, from: &str, to: &str, wish: &Wish| {
        let answer = pair.answer(from, to);
        let provider = pair.provider(subject);
        let finished = provider.finish(&answer, ID, now());
        let assured = finished.and_then(|it| provider.assured(&it.signed_in.facts, wish, now()));
        assured.map_or_else(|refusal| refusal.code(), |()| "signed in")
    };
    assert_eq!(code("/name_id", "alice", "alice", &wish("urn:example:mfa", 15)), "signed in");
    assert_eq!(code("/name_id", "alice", "alice", &wish("urn:example:other", 15)), "saml_context");
    assert_eq!(code("/name_id", "alice", "alice", &wish("urn:example:mfa", 9)), "saml_old");
    // The clocks may differ by half a minute.
    assert_eq!(
        code("/name_id", "23:50:00Z", "23:49:30Z", &wish("urn:example:mfa", 10)),
        "signed in"
    );
    assert_eq!(
        code("/name_id", "23:50:00Z", "23:49:29Z", &wish("urn:example:mfa", 10)),
        "saml_old"
    );
    assert_eq!(
        code("/name_id", "nameid-format:persistent", "nameid-format:transient", &plain),
        "saml_transient"
    );
    let by_mail = "/attributes/urn:oid:0.9.2342.19200300.100.1.3/0";
    assert_eq!(
        code(by_mail, "nameid-format:persistent", "nameid-format:transient", &plain),
        "signed in"
    );
    assert_eq!(code("/attributes/uid/0", "alice", "alice", &plain), "missing_claim");
    assert_eq!(
        code("/name_id", "<saml:AttributeValue>ops<", "<saml:AttributeValue><saml:x/><", &plain),
        "mistyped_claim"
    );
    assert_eq!(code("/name_id", "_nonce-1", "_nonce-2", &plain), "saml_request");
    let stranger = Pair::new();
    let answer = stranger.answer("alice", "alice");
    let refusal = pair.provider("/name_id").finish(&answer, ID, now()).unwrap_err();
    assert_eq!(refusal.code(), "signature_forged");
    let over = IdentityProvider { valid_until: Some(now()), ..pair.metadata() };
    let over = pair.provider_of("/name_id", over);
    let refusal = over.finish(&pair.answer("alice", "alice"), ID, now()).unwrap_err();
    assert_eq!(refusal.code(), "saml_metadata_over");
}

#[test]
fn our_metadata_offers_encryption_only_with_a_key_for_it() {
    let pair = Pair::new();
    let text = pair.provider("/name_id").our_metadata();
    assert!(text.contains("use=\"signing\"") && !text.contains("use=\"encryption\""), "{text}");
    assert!(text.contains(&format!("entityID=\"{US}\"")) && text.contains(BACK), "{text}");
}
