use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio_rustls::TlsConnector;

use super::*;

const ACME: &[u8] = b"acme-tls/1";

/// A client that wants to see any certificate.
#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

fn made(name: &str) -> (CertificateDer<'static>, PemFile, PrivatePkcs8KeyDer<'static>) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let bytes = (certificate.pem() + &key.serialize_pem()).into_bytes();
    let file = PemFile { name: "one.pem".to_owned(), bytes };
    (certificate.der().clone(), file, PrivatePkcs8KeyDer::from(key.serialize_der()))
}

/// What a caller that asks for `name` with these protocols gets: the certificate that it is shown and the protocol, or
/// nothing; and whether a request may follow.
async fn asked(
    tls: &ServerTls,
    name: &'static str,
    protocols: &[&[u8]],
) -> (Option<(CertificateDer<'static>, Option<Vec<u8>>)>, bool) {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone))
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|one| one.to_vec()).collect();
    let (ours, theirs) = tokio::io::duplex(64 << 10);
    let name = ServerName::try_from(name).unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let (served, client) = tokio::join!(tls.accept(ours), connector.connect(name, theirs));
    let seen = client.ok().map(|client| {
        let session = client.get_ref().1;
        let shown = session.peer_certificates().unwrap()[0].clone();
        (shown, session.alpn_protocol().map(<[u8]>::to_vec))
    });
    (seen, matches!(served, Ok(Some(_))))
}

fn tls(clients: &ClientCertificates, files: &[PemFile]) -> (ServerTls, Arc<Obtained>) {
    let obtained = Arc::new(Obtained::default());
    (ServerTls::new(files, clients, Some(Arc::clone(&obtained))).unwrap(), obtained)
}

#[tokio::test]
async fn an_acme_server_is_answered_while_an_order_is_under_way_and_never_otherwise() {
    let (tls, obtained) = tls(&ClientCertificates::default(), &[]);
    let (usual, file, _) = made("one.test");
    obtained.show("one.test", &file).unwrap();
    let nothing = (None, false);
    assert_eq!(asked(&tls, "one.test", &[ACME]).await, nothing);
    let (challenge, _, key) = made("one.test");
    let proof = obtained.prove("one.test", challenge.clone(), key).unwrap();

    // It sees the proof, and no request may follow.
    let answered = (Some((challenge, Some(ACME.to_vec()))), false);
    assert_eq!(asked(&tls, "one.test", &[ACME]).await, answered);
    assert_eq!(asked(&tls, "ONE.test", &[ACME]).await, answered);
    assert_eq!(asked(&tls, "two.test", &[ACME]).await, nothing);
    // Callers see what they have always seen.
    let h2 = (Some((usual.clone(), Some(b"h2".to_vec()))), true);
    assert_eq!(asked(&tls, "one.test", &[b"h2"]).await, h2);
    assert_eq!(asked(&tls, "one.test", &[ACME, b"h2"]).await, h2);
    assert_eq!(asked(&tls, "one.test", &[ACME, b"other"]).await, nothing);
    assert_eq!(asked(&tls, "one.test", &[]).await, (Some((usual, None)), true));

    drop(proof);
    assert_eq!(asked(&tls, "one.test", &[ACME]).await, nothing);
}

#[tokio::test]
async fn an_acme_server_need_not_show_a_client_certificate() {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let clients =
        ClientCertificates { authorities: vec![authority.der().to_vec()], required: true };
    let (tls, obtained) = tls(&clients, &[made("file.test").1]);
    let (challenge, _, key) = made("one.test");
    let _proof = obtained.prove("one.test", challenge.clone(), key).unwrap();
    let answered = (Some((challenge, Some(ACME.to_vec()))), false);
    assert_eq!(asked(&tls, "one.test", &[ACME]).await, answered);
    assert!(!asked(&tls, "file.test", &[b"h2"]).await.1);
}

#[tokio::test]
async fn a_certificate_from_a_file_comes_before_one_that_was_obtained() {
    let (from_file, file, _) = made("both.test");
    let (tls, obtained) = tls(&ClientCertificates::default(), &[file]);
    obtained.show("both.test", &made("both.test").1).unwrap();
    let (own, file, _) = made("own.test");
    obtained.show("own.test", &file).unwrap();
    for (name, expected) in
        [("both.test", Some(from_file)), ("own.test", Some(own)), ("no.test", None)]
    {
        let (seen, _) = asked(&tls, name, &[]).await;
        assert_eq!(seen.map(|(shown, _)| shown), expected, "{name}");
    }
    let ends = tls.ends();
    assert_eq!(ends.keys().collect::<Vec<_>>(), ["both.test", "own.test"]);
}
