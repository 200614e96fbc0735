use std::path::Path;
use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, KeyPair};
use saml::read_metadata;
use tokens::Timestamp;

use super::*;
use crate::provider::test_provider::{HandClock, TestProvider, egress, now, random};

const ISSUER: &str = "https://idp.example/saml";
const PLACE: &str = "https://idp.example/sso";

fn certificate() -> Vec<u8> {
    let pair = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["example".to_owned()]).unwrap();
    params.self_signed(&pair).unwrap().der().to_vec()
}

fn signer(der: &[u8]) -> SignerCertificate {
    SignerCertificate::from_der(der).unwrap()
}

/// An entity with these certificates, where people sign in at `place`.
fn entity(issuer: &str, certificates: &[&[u8]], place: &str, more: &str) -> String {
    let keys: String = certificates
        .iter()
        .map(|der| {
            let text = STANDARD.encode(der);
            format!("<md:KeyDescriptor><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data><ds:X509Certificate>{text}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>")
        })
        .collect();
    format!(
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{issuer}\"{more}><md:IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{keys}<md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" Location=\"{place}\"/></md:IDPSSODescriptor></md:EntityDescriptor>"
    )
}

fn options(place: MetadataPlace, pinned: Option<Vec<SignerCertificate>>) -> MetadataOptions {
    let (name, issuer) = ("corp".into(), ISSUER.to_owned());
    MetadataOptions { name, issuer, place, signed_by: None, pinned }
}

fn at_url() -> MetadataPlace {
    MetadataPlace::Url(Destination::configured("https://idp.example/metadata").unwrap())
}

fn at_file(path: &Path) -> MetadataPlace {
    MetadataPlace::File(path.to_owned())
}

/// One row for each thing that a document can say after another.
#[test]
fn what_a_document_says_takes_the_place_of_what_was_known_and_none_leaves_it() {
    let [old, new] = [certificate(), certificate()];
    let known = known::Known::default();
    let learn = |text: &str, pinned: &[&[u8]]| {
        let pinned = (!pinned.is_empty()).then(|| pinned.iter().map(|der| signer(der)).collect());
        let options = options(at_url(), pinned);
        match read_metadata(text.as_bytes(), None) {
            Ok(metadata) => known.learn(&options, Ok(&metadata), now()),
            Err(refusal) => known.learn(&options, Err(&refusal.into()), now()),
        }
    };
    let knows = || {
        let provider = known.provider.load_full()?;
        Some(provider.certificates.iter().map(SignerCertificate::fingerprint).collect::<Vec<_>>())
    };
    let both = Some(vec![signer(&old).fingerprint(), signer(&new).fingerprint()]);
    let [only_old, only_new] = [&old, &new].map(|der| Some(vec![signer(der).fingerprint()]));
    let told = |certificates: &[&[u8]]| entity(ISSUER, certificates, PLACE, "");

    assert_eq!((learn("<md:", &[]), knows()), (Report::Failed, None));
    assert_eq!((learn(&told(&[&old]), &[]), knows()), (Report::Changed, only_old.clone()));
    assert_eq!((learn(&told(&[&old]), &[]), knows()), (Report::Same, only_old.clone()));
    assert_eq!((learn(&told(&[&old, &new]), &[]), knows()), (Report::Changed, both.clone()));
    assert_eq!((learn("<md:", &[]), knows()), (Report::Failed, both.clone()));
    assert_eq!(
        (learn(&told(&[&old, &new]), &[&new]), knows()),
        (Report::Changed, only_new.clone())
    );
    let elsewhere = entity(ISSUER, &[&new], "https://idp.example/other", "");
    assert_eq!((learn(&elsewhere, &[]), knows()), (Report::Changed, only_new));
    // What it says no more is known no more.
    assert_eq!((learn(&told(&[&old]), &[&new]), knows()), (Report::Failed, None));
    assert_eq!((learn(&told(&[&old]), &[]), knows()), (Report::Changed, only_old));
    let other = entity("https://other.example", &[&old], PLACE, "");
    assert_eq!((learn(&other, &[]), knows()), (Report::Failed, None));
}

#[test]
fn what_is_fetched_is_believed_for_a_week_at_most() {
    let der = certificate();
    let until = |place: MetadataPlace, more: &str| {
        let known = known::Known::default();
        let text = entity(ISSUER, &[&der], PLACE, more);
        let metadata = read_metadata(text.as_bytes(), None).unwrap();
        known.learn(&options(place, None), Ok(&metadata), now());
        known.provider.load_full().unwrap().valid_until
    };
    let file = || at_file(Path::new("idp.xml"));
    let own = " validUntil=\"2099-01-01T00:00:00Z\"";
    assert_eq!(until(file(), ""), None);
    assert_eq!(until(at_url(), ""), Some(now().plus(BELIEVED_FOR)));
    let said = Some(Timestamp::from_secs(4_070_908_800));
    assert_eq!((until(file(), own), until(at_url(), own)), (said, Some(now().plus(BELIEVED_FOR))));
    let soon = " validUntil=\"2023-11-15T00:00:00Z\"";
    assert_eq!(until(at_url(), soon), until(file(), soon));
}

#[test]
fn a_document_that_is_over_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("idp.xml");
    let text = entity(ISSUER, &[&certificate()], PLACE, " validUntil=\"2099-01-01T00:00:00Z\"");
    std::fs::write(&path, text).unwrap();
    let end = Timestamp::from_secs(4_070_908_800);
    let read = |now| read_file(&path, None, now).map(drop).map_err(|error| error.to_string());
    assert_eq!(read(end.minus(Duration::from_millis(1))), Ok(()));
    assert_eq!(read(end), Err("the metadata is no longer valid (`validUntil`)".to_owned()));
    let signed = read_file(&path, Some(&[signer(&certificate())]), now()).unwrap_err();
    assert_eq!(signed.to_string(), "the metadata is not signed");
}

#[tokio::test]
async fn providers_of_one_document_share_it_and_what_runs_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("federation.xml");
    let (one, two) = (certificate(), certificate());
    let group = format!(
        "<md:EntitiesDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\">{}{}</md:EntitiesDescriptor>",
        entity(ISSUER, &[&one], PLACE, ""),
        entity("https://other.example", &[&two], PLACE, ""),
    );
    std::fs::write(&path, group).unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&told);
    let clock: Arc<dyn ledger::Clock> = Arc::new(HandClock::at(now()));
    let keeper = MetadataKeeper::new(egress(), clock, random(), move |name, report| {
        hears.lock().unwrap().push((name.to_owned(), report));
    });
    let named = |name: &str, issuer: &str| MetadataOptions {
        name: name.into(),
        issuer: issuer.to_owned(),
        ..options(at_file(&path), None)
    };
    let both = || vec![named("corp", ISSUER), named("other", "https://other.example")];
    let first = keeper.reconcile(both());
    let fingerprints: Vec<_> =
        first.iter().map(|it| it.current().unwrap().certificates[0].fingerprint()).collect();
    assert_eq!(fingerprints, [signer(&one).fingerprint(), signer(&two).fingerprint()]);
    let heard = vec![("corp".to_owned(), Report::Changed), ("other".to_owned(), Report::Changed)];
    assert_eq!(*told.lock().unwrap(), heard);

    // The same again: nothing is read.
    std::fs::remove_file(&path).unwrap();
    let again = keeper.reconcile(both());
    assert!(again.iter().all(|it| it.current().is_some() && it.trouble().is_none()));
    assert_eq!(told.lock().unwrap().len(), 2);
    // With one more it is begun anew, and what is known stays though the file is gone.
    let third = keeper.reconcile([both(), vec![named("third", "https://third.example")]].concat());
    let current: Vec<_> = third.iter().map(|it| it.current().is_some()).collect();
    assert_eq!(current, [true, true, false]);
    assert!(third.iter().all(|it| it.trouble().is_some()));
}

#[tokio::test]
async fn a_document_is_fetched_whole_and_signed_or_not_at_all() {
    let provider = TestProvider::start();
    let kind = "content-type: application/samlmetadata+xml\r\n".to_owned();
    let text = entity(ISSUER, &[&certificate()], PLACE, "");
    provider.handle("/good", move |seen| {
        assert!(seen.headers["accept"].starts_with("application/samlmetadata+xml"));
        (200, kind.clone(), text.clone())
    });
    let fetch = async |path: &str, signed_by: Option<&[SignerCertificate]>| {
        let url = Destination::configured(&format!("{}{path}", provider.url)).unwrap();
        let fetched = source::fetch(&egress(), &url, signed_by, now()).await;
        fetched.map(|it| it.providers.len()).map_err(|error| error.to_string())
    };
    assert_eq!(fetch("/good", None).await, Ok(1));
    assert_eq!(
        fetch("/good", Some(&[])).await,
        fetch("/good", Some(&[signer(&certificate())])).await
    );
    let refused = fetch("/good", Some(&[signer(&certificate())])).await;
    assert_eq!(refused, Err("the metadata is not signed".to_owned()));
    assert!(fetch("/gone", None).await.unwrap_err().contains("404"));
}
