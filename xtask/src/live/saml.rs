//! SAML messages before other judges: what we believe, they believe too, and what we sign.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use saml::{Answers, AuthnRequest, Expectations, NameId, OurLogoutRequest, Signer, read_response};
use serde::Deserialize;
use tokens::{Algorithm, SignerCertificate, SigningKey, Timestamp};

use super::{Listed, Stage};
use crate::command::{Run, program, root};
use crate::install::{debian, python};

pub(super) const SCENARIOS: Listed = &[
    ("each_answer_of_a_known_corpus_is_believed_or_refused_for_its_own_reason", corpus),
    ("what_we_sign_is_believed_by_xmlsec1", ours),
];

/// An answer of the corpus: for whom it was made, and what comes of it.
#[derive(Debug, Deserialize)]
struct Case {
    origin: String,
    issuer: String,
    audience: String,
    recipient: String,
    request: Option<String>,
    /// In seconds.
    now: u64,
    says: String,
}

/// python3-saml's answers, most of which are signed as nobody should sign any more, signed anew, at the time at which
/// they were made. Those that are encrypted are left out: their keys are too short.
fn corpus(_: &Stage) -> Result<()> {
    let source = python::source(&python::SAML_ANSWERS)?;
    let scripts = root().join("xtask/live/saml");
    let python = python::python_with(&scripts.join("requirements.txt"))?;
    let xmlsec1 = debian::tool(&debian::XMLSEC1)?;
    let cases: Vec<Case> = serde_json::from_slice(&std::fs::read(scripts.join("cases.json"))?)?;
    let folder = tempfile::tempdir()?;
    program(&python)
        .arg(scripts.join("resign.py"))
        .arg(source.join("tests/data/responses"))
        .arg(keys().join("rsa2048.key.pem"))
        .arg(scripts.join("cases.json"))
        .arg(folder.path())
        .output_text()?;
    let certificates = [SignerCertificate::from_der(&certificate()?)?];
    let mut believed = 0;
    for case in &cases {
        let path = folder.path().join(format!("{}.xml", case.origin.replace('/', ".")));
        let text = std::fs::read_to_string(&path)?;
        let expected = Expectations {
            issuer: &case.issuer,
            audience: &case.audience,
            recipient: &case.recipient,
            answers: case.request.as_deref().map_or(Answers::Nothing, Answers::Request),
            certificates: &certificates,
            keys: &[],
            danger_cbc: false,
            skew: Duration::from_secs(30),
            max_age: Duration::from_mins(5),
        };
        // A second later: some say that they hold from a fraction of one on.
        let now = Timestamp::from_secs(case.now + 1);
        let read = read_response(text.as_bytes(), &expected, now);
        let says = read.as_ref().map_or_else(saml::ResponseRefusal::code, |_| "accepted");
        ensure!(says == case.says, "{}: expected {}, got {says}: {read:?}", case.origin, case.says);
        if read.is_ok() {
            for number in 1..=text.matches("SignedInfo>").count() / 2 {
                judged(&xmlsec1, &path, number)
                    .with_context(|| format!("{}: only we believe it", case.origin))?;
            }
            believed += 1;
        }
    }
    ensure!(believed >= 20 && cases.len() - believed >= 40, "{believed} of {}", cases.len());
    println!("  {} answers, {believed} believed, by xmlsec1 too", cases.len());
    Ok(())
}

fn ours(_: &Stage) -> Result<()> {
    let xmlsec1 = debian::tool(&debian::XMLSEC1)?;
    let key = PrivatePkcs8KeyDer::from_pem_file(keys().join("rsa2048.key.pem"))?;
    let key = SigningKey::from_pkcs8(Algorithm::Rs256, key.secret_pkcs8_der())?;
    let certificate = certificate()?;
    let random = testbed::entropy::source();
    let signer = Signer { key: &key, certificate: &certificate };
    let (issued, destination) =
        (Timestamp::from_secs(1_793_491_260), "https://idp.example/?a&b=\"<é>\"");
    let contexts = ["urn:oasis:names:tc:SAML:2.0:ac:classes:Password".to_owned()];
    let request = AuthnRequest {
        id: "_request",
        issued,
        issuer: "https://id.example/&",
        destination,
        recipient: "https://id.example/acs",
        name_format: Some("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"),
        contexts: &contexts,
        force: true,
    };
    let name = NameId {
        by_provider: true,
        for_us: true,
        ..NameId::new("zoë & <co>\r\n\t", "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified")
    };
    let logout = OurLogoutRequest {
        id: "_logout",
        issued,
        issuer: "https://id.example/&",
        destination,
        audience: "https://idp.example/\"",
        name: &name,
        session: Some("s"),
    };
    let folder = tempfile::tempdir()?;
    for (name, message) in [("request", request.to_xml()), ("logout", logout.to_xml())] {
        let field = saml::post(&message, Some(&signer), &random)?;
        let text = saml::read_post(&field)?;
        let path = folder.path().join(format!("{name}.xml"));
        std::fs::write(&path, text.as_bytes())?;
        judged(&xmlsec1, &path, 1).with_context(|| format!("the {name} is not believed"))?;
        let changed = std::str::from_utf8(text.as_bytes())?.replace("id.example", "id.evil");
        std::fs::write(&path, changed)?;
        ensure!(judged(&xmlsec1, &path, 1).is_err(), "xmlsec1 believes a {name} that was changed");
    }
    Ok(())
}

/// Whether xmlsec1 verifies the signature of this number with the one certificate, whatever keys the message holds.
fn judged(xmlsec1: &Path, path: &Path, number: usize) -> Result<()> {
    let elements = [
        "urn:oasis:names:tc:SAML:2.0:protocol:Response",
        "urn:oasis:names:tc:SAML:2.0:assertion:Assertion",
        "urn:oasis:names:tc:SAML:2.0:protocol:AuthnRequest",
        "urn:oasis:names:tc:SAML:2.0:protocol:LogoutRequest",
    ];
    let mut command = program(xmlsec1);
    command.args(["--verify", "--enabled-key-data", "key-name", "--pubkey-cert-pem"]);
    command.arg(keys().join("rsa2048.cert.pem"));
    for element in elements {
        command.args(["--id-attr:ID", element]);
    }
    let node = format!("(//*[local-name()='Signature'])[{number}]");
    command.args(["--node-xpath", &node]).arg(path).output_text().map(drop)
}

fn keys() -> PathBuf {
    root().join("crates/saml/tests/data/signed")
}

fn certificate() -> Result<CertificateDer<'static>> {
    Ok(CertificateDer::from_pem_file(keys().join("rsa2048.cert.pem"))?)
}
