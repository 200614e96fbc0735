use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    SanType, date_time_ymd,
};

use super::*;

/// 2026-01-01T00:00:00Z, when everything here is valid.
const NOW: Timestamp = Timestamp::from_secs(1_767_225_600);
/// Midnight of 2027-01-01, the last second of every certificate here that is not said to end earlier.
const END: Timestamp = Timestamp::from_secs(1_798_761_600);

type Authority = CertifiedIssuer<'static, KeyPair>;

fn dated(mut params: CertificateParams) -> CertificateParams {
    params.not_before = date_time_ymd(2025, 1, 1);
    params.not_after = date_time_ymd(2027, 1, 1);
    params
}

fn authority() -> Authority {
    let mut params = dated(CertificateParams::new(Vec::new()).unwrap());
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn uri(uri: &str) -> SanType {
    SanType::URI(uri.try_into().unwrap())
}

fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

fn named(names: &[SanType]) -> CertificateParams {
    let mut params = dated(CertificateParams::default());
    params.subject_alt_names = names.to_vec();
    params
}

fn signed(params: &CertificateParams, by: &Authority) -> Vec<u8> {
    params.signed_by(&KeyPair::generate().unwrap(), by).unwrap().der().to_vec()
}

fn chain(certificates: &[&[u8]]) -> UnverifiedChain {
    UnverifiedChain::new(certificates.iter().copied()).unwrap()
}

fn spiffe() -> CertificateSubject {
    CertificateSubject::SpiffeId("corp.example".parse().unwrap())
}

fn profile(authority: &Authority, subject: CertificateSubject) -> CertificateProfile {
    CertificateProfile::new("mesh", [authority.der().to_vec()], subject).unwrap()
}

/// What becomes of a certificate with these names.
fn subject_of(names: &[SanType], subject: CertificateSubject) -> Result<String, String> {
    let authority = authority();
    let der = signed(&named(names), &authority);
    let verified = chain(&[&der]).verify(&profile(&authority, subject), NOW);
    verified.map(|facts| facts.subject().to_owned()).map_err(|refusal| refusal.to_string())
}

#[test]
fn a_certificate_of_the_authority_tells_whose_it_is_and_for_how_long() {
    let authority = authority();
    let der = signed(&named(&[uri("spiffe://corp.example/billing")]), &authority);
    let facts = chain(&[&der]).verify(&profile(&authority, spiffe()), NOW).unwrap();
    assert_eq!(&**facts.issuer(), "mesh");
    assert_eq!(facts.subject(), "spiffe://corp.example/billing");
    assert_eq!(facts.usable_until(), END.plus(Duration::from_secs(1)));
    assert!(facts.is_usable_at(END) && !facts.is_usable_at(END.plus(Duration::from_secs(1))));
}

#[test]
fn the_one_spiffe_id_in_the_trust_domain_is_the_subject() {
    let id = "spiffe://corp.example/ns/prod/sa/billing";
    let not_an_id = "the name in the client certificate is not the SPIFFE ID of a workload";
    let other = "the client certificate is of another trust domain than `corp.example`";
    let none = "the client certificate has 0 names of the kind URI, and must have exactly one";
    let two = "the client certificate has 2 names of the kind URI, and must have exactly one";
    let table: &[(&[SanType], Result<&str, &str>)] = &[
        (&[uri(id)], Ok(id)),
        (&[dns("billing.corp.example"), uri(id)], Ok(id)),
        (&[uri(id), uri(id)], Err(two)),
        (&[uri(id), uri("https://corp.example/")], Err(two)),
        (&[dns("billing.corp.example")], Err(none)),
        (&[], Err(none)),
        (&[uri("spiffe://other.example/billing")], Err(other)),
        (&[uri("spiffe://corp.example.evil/billing")], Err(other)),
        (&[uri("https://corp.example/billing")], Err(not_an_id)),
        (&[uri("SPIFFE://corp.example/billing")], Err(not_an_id)),
        (&[uri("spiffe://Corp.example/billing")], Err(not_an_id)),
        (&[uri("spiffe://corp.example")], Err(not_an_id)),
        (&[uri("spiffe://corp.example/")], Err(not_an_id)),
        (&[uri("spiffe://corp.example/a//b")], Err(not_an_id)),
        (&[uri("spiffe://corp.example/a/../b")], Err(not_an_id)),
        (&[uri("spiffe://corp.example/a%2Fb")], Err(not_an_id)),
        (&[uri("spiffe://corp.example/a?b")], Err(not_an_id)),
        (&[uri("spiffe://corp.example:443/a")], Err(not_an_id)),
        (&[uri("spiffe://user@corp.example/a")], Err(not_an_id)),
        (&[uri("spiffe:///a")], Err(not_an_id)),
    ];
    for (names, expected) in table {
        let found = subject_of(names, spiffe());
        assert_eq!(found.as_deref().map_err(String::as_str), *expected, "{names:?}");
    }
    let of_length = |length: usize| {
        let prefix = "spiffe://corp.example/";
        format!("{prefix}{}", "a".repeat(length - prefix.len()))
    };
    assert!(subject_of(&[uri(&of_length(MAX_SPIFFE_ID_BYTES))], spiffe()).is_ok());
    let longer = subject_of(&[uri(&of_length(MAX_SPIFFE_ID_BYTES + 1))], spiffe());
    assert_eq!(longer.unwrap_err(), not_an_id);
}

#[test]
fn the_one_dns_name_is_the_subject() {
    let not_a_host = "the name in the client certificate is not the DNS name of one host";
    let two = "the client certificate has 2 names of the kind DNS name, and must have exactly one";
    let none = "the client certificate has 0 names of the kind DNS name, and must have exactly one";
    let table: &[(&[SanType], Result<&str, &str>)] = &[
        (&[dns("Billing.Example")], Ok("billing.example")),
        (&[dns("billing.example"), uri("spiffe://corp.example/a")], Ok("billing.example")),
        (&[dns("billing.example"), dns("orders.example")], Err(two)),
        (&[uri("spiffe://corp.example/a")], Err(none)),
        (&[dns("*.example")], Err(not_a_host)),
        (&[dns("billing.example.")], Err(not_a_host)),
        (&[dns("a/b")], Err(not_a_host)),
        (&[dns("")], Err(not_a_host)),
    ];
    for (names, expected) in table {
        let found = subject_of(names, CertificateSubject::DnsName);
        assert_eq!(found.as_deref().map_err(String::as_str), *expected, "{names:?}");
    }
}

#[test]
fn what_no_authority_of_the_issuer_vouches_for_now_is_refused() {
    let (ours, theirs) = (authority(), authority());
    let names = [uri("spiffe://corp.example/billing")];
    let profile = profile(&ours, spiffe());
    let refusal =
        |certificates: &[&[u8]], now| chain(certificates).verify(&profile, now).unwrap_err();
    let good = signed(&named(&names), &ours);

    assert!(matches!(
        refusal(&[&signed(&named(&names), &theirs)], NOW),
        CertificateRefusal::Unvouched(_)
    ));
    let alone = named(&names).self_signed(&KeyPair::generate().unwrap()).unwrap();
    assert!(matches!(refusal(&[alone.der()], NOW), CertificateRefusal::Unvouched(_)));
    assert_eq!(refusal(&[&good], END.plus(Duration::from_secs(1))), CertificateRefusal::Expired);
    let before = Timestamp::from_secs(1_735_689_599);
    assert_eq!(refusal(&[&good], before), CertificateRefusal::NotYetValid);
    assert_eq!(refusal(&[b"no certificate"], NOW), CertificateRefusal::Malformed);
    let mut longer = good.clone();
    longer.push(0);
    assert_eq!(refusal(&[&longer], NOW), CertificateRefusal::Malformed);

    let mut server = named(&names);
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    assert!(matches!(refusal(&[&signed(&server, &ours)], NOW), CertificateRefusal::Unvouched(_)));
    let mut above = named(&names);
    above.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    assert!(matches!(refusal(&[&signed(&above, &ours)], NOW), CertificateRefusal::Unvouched(_)));
}

#[test]
fn a_chain_ends_with_the_first_certificate_on_the_way_that_does() {
    let root = authority();
    let mut params = dated(CertificateParams::new(Vec::new()).unwrap());
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, "between");
    params.not_after = date_time_ymd(2026, 6, 1);
    let between: CertifiedIssuer<'static, KeyPair> =
        CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), &root).unwrap();
    let leaf = signed(&named(&[uri("spiffe://corp.example/billing")]), &between);
    let profile = profile(&root, spiffe());
    let facts = chain(&[&leaf, between.der()]).verify(&profile, NOW).unwrap();
    // 2026-06-01 and a second.
    assert_eq!(facts.usable_until(), Timestamp::from_secs(1_780_272_001));
    assert!(matches!(
        chain(&[&leaf]).verify(&profile, NOW).unwrap_err(),
        CertificateRefusal::Unvouched(_)
    ));
}

#[test]
fn everything_that_certificates_are_verified_by_is_in_the_revision() {
    let (one, another) = (authority(), authority());
    let usual = profile(&one, spiffe());
    assert_eq!(usual.revision(), profile(&one, spiffe()).revision());
    let others = [
        profile(&another, spiffe()),
        profile(&one, CertificateSubject::DnsName),
        profile(&one, CertificateSubject::SpiffeId("other.example".parse().unwrap())),
        CertificateProfile::new("other", [one.der().to_vec()], spiffe()).unwrap(),
        CertificateProfile::new("mesh", [one.der().to_vec(), another.der().to_vec()], spiffe())
            .unwrap(),
    ];
    for (index, other) in others.iter().enumerate() {
        assert_ne!(usual.revision(), other.revision(), "{index}");
    }
}

#[test]
fn a_profile_needs_an_authority_that_can_be_read() {
    let error = |authorities: Vec<Vec<u8>>| {
        CertificateProfile::new("mesh", authorities, spiffe()).unwrap_err().to_string()
    };
    assert_eq!(error(Vec::new()), "expected the certificate of an authority, and found none");
    assert_eq!(
        error(vec![authority().der().to_vec(), b"no certificate".to_vec()]),
        "expected certificates of authorities, and number 2 cannot be read as one"
    );
}

/// Authorities, each signed by the one before, all between `root` and what the last one signs.
fn between(root: &Authority, count: usize) -> Vec<Authority> {
    let mut all: Vec<Authority> = Vec::new();
    for number in 0..count {
        let mut params = dated(CertificateParams::new(Vec::new()).unwrap());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, format!("between {number}"));
        let key = KeyPair::generate().unwrap();
        let above = all.last().unwrap_or(root);
        all.push(CertifiedIssuer::signed_by(params, key, above).unwrap());
    }
    all
}

#[test]
fn only_what_leads_from_one_certificate_to_the_next_is_looked_at() {
    let root = authority();
    for (count, vouched) in [(0, true), (1, true), (MAX_BETWEEN, true), (MAX_BETWEEN + 1, false)] {
        let between = between(&root, count);
        let by = between.last().unwrap_or(&root);
        let leaf = signed(&named(&[uri("spiffe://corp.example/billing")]), by);
        let mut stray = named(&[uri("spiffe://corp.example/stray")]);
        stray.distinguished_name.push(rcgen::DnType::CommonName, "stray");
        let stray = signed(&stray, &root);
        // In whatever order, and with what does not belong to it.
        let mut all: Vec<&[u8]> = vec![&leaf, &stray];
        all.extend(between.iter().map(|one| &**one.der() as &[u8]));
        let shown = chain(&all);
        assert_eq!(shown.certificates().len(), 1 + count.min(MAX_BETWEEN), "{count}");
        assert_eq!(shown.verify(&profile(&root, spiffe()), NOW).is_ok(), vouched, "{count}");
    }
    assert_eq!(UnverifiedChain::new([]), None);
}

#[test]
fn among_certificates_of_one_name_no_way_is_searched_for() {
    let root = authority();
    let leaf = signed(&named(&[uri("spiffe://corp.example/billing")]), &root);
    // All of the name of the authority, and all signed by one of that name, with keys of their own.
    let namesakes: Vec<_> = (0..9).map(|_| authority()).collect();
    let mut all: Vec<&[u8]> = vec![&leaf];
    all.extend(namesakes.iter().map(|one| &**one.der() as &[u8]));
    assert_eq!(chain(&all).certificates().len(), 1);
    assert!(chain(&all).verify(&profile(&root, spiffe()), NOW).is_ok());
    assert!(chain(&all).verify(&profile(&authority(), spiffe()), NOW).is_err());
    // What is beyond the most is not even looked at.
    let leaf = signed(&named(&[uri("spiffe://corp.example/billing")]), &between(&root, 1)[0]);
    let mut many = vec![leaf.as_slice(); MAX_CHAIN];
    let above = between(&root, 1);
    many.push(above[0].der());
    assert_eq!(chain(&many).certificates().len(), 1);
}

#[test]
fn a_rewritten_signature_does_not_change_the_fingerprint_but_the_thumbprint() {
    let root = authority();
    let params = named(&[uri("spiffe://corp.example/billing")]);
    let key = KeyPair::generate().unwrap();
    let one = params.signed_by(&key, &root).unwrap();
    let verified = |der: &[u8]| chain(&[der]).verify(&profile(&root, spiffe()), NOW).unwrap();
    let facts = verified(one.der());
    // The last byte is of the signature: the certificate no longer verifies, and is not the one that was.
    let mut forged = one.der().to_vec();
    *forged.last_mut().unwrap() ^= 1;
    assert!(chain(&[&forged]).verify(&profile(&root, spiffe()), NOW).is_err());
    assert_ne!(chain(&[&forged]).thumbprint(), chain(&[one.der()]).thumbprint());
    assert_eq!(facts.fingerprint(), verified(one.der()).fingerprint());
    assert_ne!(facts.fingerprint(), Fingerprint::of("another"));
}

#[test]
fn a_server_needs_a_certificate_for_servers() {
    let root = authority();
    let mut params = named(&[uri("spiffe://corp.example/orders")]);
    let profile = profile(&root, spiffe());
    for (purpose, client, server) in [
        (ExtendedKeyUsagePurpose::ServerAuth, false, true),
        (ExtendedKeyUsagePurpose::ClientAuth, true, false),
    ] {
        params.extended_key_usages = vec![purpose];
        let der = signed(&params, &root);
        assert_eq!(chain(&[&der]).verify(&profile, NOW).is_ok(), client);
        assert_eq!(chain(&[&der]).verify_server(&profile, NOW).is_ok(), server);
    }
}

#[test]
fn the_trust_domain_of_an_id_is_what_stands_before_its_path() {
    let domain = |id| TrustDomain::of(id).map(|domain| domain.to_string());
    assert_eq!(domain("spiffe://corp.example/orders"), Some("corp.example".to_owned()));
    assert_eq!(domain("spiffe://corp.example"), None);
    assert_eq!(domain("https://corp.example/orders"), None);
}
