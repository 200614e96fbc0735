//! The ways in which the OpenID provider knows its clients.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use testbed::{Authority, Issuer, Place, Recorder};
use tokens::Algorithm;

use super::client::{self, CHALLENGE, VERIFIER, says};
use super::openid::Openid;
use crate::live::Stage;
use crate::live::browser::Browser;

const SECRET: &str = "client-secret-of-the-live-test";
/// By what a client says that it signs a token.
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The ways (RFC 8414, `token_endpoint_auth_methods_supported`); each is the id of a client too.
const WAYS: [&str; 4] = ["client_secret_basic", "client_secret_post", "none", "private_key_jwt"];

pub(super) fn are_known(_: &Stage) -> Result<()> {
    let (place, web) = (Place::new()?, Recorder::start()?);
    place.write("ca.pem", &Authority::new()?.pem())?;
    let callback = format!("http://{}/callback", web.address());
    let signer = Issuer::new("private_key_jwt", Algorithm::Es256)?;
    let clients = WAYS.map(|way| {
        let (key, value) = match way {
            "private_key_jwt" => ("jwks", signer.key_set()),
            _ => ("client_secret", SECRET.into()),
        };
        json!({
            "client_id": way,
            "token_endpoint_auth_method": way,
            "redirect_uris": [callback],
            key: value,
        })
    });
    let corp = Openid::start(&place, "corp", &json!(clients), place.path("ca.pem"))?;
    let browser = Browser::start(&place, &[], &place.path("ca.pem"))?;
    let person = browser.person()?;
    let tab = person.tab()?;
    for way in WAYS {
        let query = client::encoded(&[
            ("client_id", way),
            ("response_type", "code"),
            ("redirect_uri", &callback),
            ("scope", "openid"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ]);
        tab.goto(&format!("{}/auth?{query}", corp.issuer()))?;
        if way == WAYS[0] {
            corp.sign_in(&tab, "carol")?;
        }
        let code = client::answer(&tab.until_url("**/callback?**")?, "code")?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", &callback),
            ("code_verifier", VERIFIER),
        ];
        let assertion = signer.token(way, &corp.issuer(), json!({}))?;
        let (headers, more) = match way {
            "client_secret_basic" => (client::basic(way, SECRET), vec![]),
            "client_secret_post" => {
                (String::new(), vec![("client_id", way), ("client_secret", SECRET)])
            }
            "private_key_jwt" => (
                String::new(),
                vec![("client_assertion_type", ASSERTION), ("client_assertion", &*assertion)],
            ),
            _ => (String::new(), vec![("client_id", way)]),
        };
        // Known in no way, the same code is worth nothing, and not used up.
        let unknown = client::post(corp.address(), "/token", "", &form)?;
        ensure!(unknown.status == 400, "{way}: {} {}", unknown.status, unknown.text());
        let reply = client::post(corp.address(), "/token", &headers, &[&form, &*more].concat())?;
        let tokens: Value = serde_json::from_str(&reply.text())?;
        ensure!(reply.status == 200, "{way}: {tokens}");
        let claims = client::claims(&client::text(&tokens, "id_token")?)?;
        says(&claims, &json!({ "sub": "carol", "aud": way }))?;
    }
    Ok(())
}
