use ::saml::{Endpoint, read_post, read_redirect};
use rcgen::{CertificateParams, KeyPair};
use tokens::{
    Absence, Algorithm, ClaimKind, ClaimSpec, ClaimValue, GroupSource, JsonPointer,
    SignerCertificate, SubjectRule,
};

use super::super::test_provider::random;
use super::*;

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
        let sso = Endpoint { redirect: Some("https://idp.example/sso".into()), post: None };
        let metadata = IdentityProvider {
            certificates: vec![self.them.certificate()],
            sign_in: sso,
            ..IdentityProvider::default()
        };
        SamlOptions {
            name: "corp".into(),
            issuer: ISSUER.into(),
            metadata: Arc::new(metadata),
            entity_id: US.into(),
            recipient: BACK.into(),
            logout: "https://id.example/.doorward/saml/corp/logout".into(),
            key: Arc::clone(&self.us.key),
            certificates: vec![self.us.der.clone()],
            decryption: Vec::new(),
            danger_cbc: false,
            name_format: Some(PERSISTENT.into()),
            mapping,
            skew: Duration::from_secs(30),
            max_age: MAX_ANSWER_AGE,
        }
    }

    fn provider(&self, subject: &str) -> SamlProvider {
        SamlProvider::new(self.options(subject), random())
    }

    /// A signed answer in which `from` is `to`.
    fn answer(&self, from: &str, to: &str) -> Vec<u8> {
        assert!(ANSWER.contains(from), "{from}");
        let signer = Signer { key: &self.them.key, certificate: &self.them.der };
        let text = ANSWER.replacen(from, to, 1);
        read_post(&::saml::post(&text, Some(&signer), &*random()).unwrap()).unwrap()
    }
}

fn flow() -> Flow {
    Flow { state: "state-1".into(), nonce: "nonce-1".into(), verifier: "verifier-1".into() }
}

const ANSWER: &str = r#"<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_r" Version="2.0" IssueInstant="2026-11-01T00:00:00Z" Destination="https://id.example/.doorward/callback/corp" InResponseTo="_nonce-1"><saml:Issuer>https://idp.example/saml</saml:Issuer><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status><saml:Assertion ID="_a" Version="2.0" IssueInstant="2026-11-01T00:00:00Z"><saml:Issuer>https://idp.example/saml</saml:Issuer><saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">alice</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData NotOnOrAfter="2026-11-01T00:05:00Z" Recipient="https://id.example/.doorward/callback/corp" InResponseTo="_nonce-1"/></saml:SubjectConfirmation></saml:Subject><saml:Conditions><saml:AudienceRestriction><saml:Audience>https://id.example/.doorward/saml/corp</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="2026-10-31T23:50:00Z" SessionIndex="s-1"><saml:AuthnContext><saml:AuthnContextClassRef>urn:example:mfa</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement><saml:Attribute Name="groups"><saml:AttributeValue>support</saml:AttributeValue><saml:AttributeValue>ops</saml:AttributeValue></saml:Attribute><saml:Attribute Name="urn:oid:0.9.2342.19200300.100.1.3"><saml:AttributeValue>alice@example.com</saml:AttributeValue></saml:Attribute></saml:AttributeStatement></saml:Assertion></samlp:Response>"#;

#[test]
fn people_are_sent_with_a_signed_request() {
    let pair = Pair::new();
    let url = pair.provider("/name_id").begin(&Wish::default(), &flow(), now()).unwrap();
    let query = url.strip_prefix("https://idp.example/sso?").unwrap();
    let read = read_redirect(query, &[pair.us.certificate()]).unwrap();
    assert!(read.signed);
    assert_eq!(read.relay_state.as_deref(), Some("state-1"));
    let text = String::from_utf8(read.message).unwrap();
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
    let url = pair.provider("/name_id").begin(&wish, &flow(), now()).unwrap();
    let read = read_redirect(url.split_once('?').unwrap().1, &[pair.us.certificate()]).unwrap();
    let text = String::from_utf8(read.message).unwrap();
    assert!(text.contains(" ForceAuthn=\"true\"") && text.contains(">urn:example:mfa<"), "{text}");
}

#[test]
fn nobody_is_sent_where_no_way_leads() {
    let pair = Pair::new();
    let begin = |change: &dyn Fn(&mut IdentityProvider)| {
        let mut options = pair.options("/name_id");
        change(Arc::make_mut(&mut options.metadata));
        let provider = SamlProvider::new(options, random());
        provider.begin(&Wish::default(), &flow(), now()).unwrap_err().to_string()
    };
    assert_eq!(
        begin(&|metadata| metadata.sign_in.redirect = None),
        "the provider's metadata has no SingleSignOnService by HTTP-Redirect"
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
    let signed_in =
        pair.provider("/name_id").finish(&answer, &flow(), &Wish::default(), now()).unwrap();
    let facts = signed_in.facts;
    assert_eq!(
        (facts.subject.as_str(), facts.groups.as_slice()),
        ("alice", &["support".to_owned(), "ops".to_owned()][..])
    );
    assert_eq!(facts.claims.get("email"), Some(&ClaimValue::String("alice@example.com".into())));
    assert_eq!(facts.acr.as_deref(), Some("urn:example:mfa"));
    assert_eq!(facts.auth_time, Some(now().minus(Duration::from_mins(10))));
    assert_eq!(signed_in.provider_session.as_deref(), Some("s-1"));
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
        let finished = pair.provider(subject).finish(&answer, &flow(), wish, now());
        finished.map_or_else(|refusal| refusal.code(), |_| "signed in")
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
    let refusal = pair.provider("/name_id").finish(&answer, &flow(), &plain, now()).unwrap_err();
    assert_eq!(refusal.code(), "signature_forged");
    let mut over = pair.options("/name_id");
    Arc::make_mut(&mut over.metadata).valid_until = Some(now());
    let over = SamlProvider::new(over, random());
    let refusal = over.finish(&pair.answer("alice", "alice"), &flow(), &plain, now()).unwrap_err();
    assert_eq!(refusal.code(), "saml_metadata_over");
}

#[test]
fn our_metadata_offers_encryption_only_with_a_key_for_it() {
    let pair = Pair::new();
    let text = pair.provider("/name_id").our_metadata();
    assert!(text.contains("use=\"signing\"") && !text.contains("use=\"encryption\""), "{text}");
    assert!(text.contains(&format!("entityID=\"{US}\"")) && text.contains(BACK), "{text}");
}
