use tokens::{Algorithm, KeySet, UnverifiedJws};

use super::*;
use crate::form::Parameters;
use crate::provider::test_provider::{NOW, now, random};

fn prove(
    auth: &ClientAuth,
    issuer: Option<&str>,
) -> Result<(String, Option<HeaderValue>), ClientAuthError> {
    let random = random();
    let client = Client { id: "door:ward", auth, issuer, random: &*random };
    let mut form = Form::default();
    let header = client.prove(&mut form, false, now())?;
    Ok((form.into_body(), header))
}

#[test]
fn a_secret_in_a_header_is_escaped_before_it_is_joined() {
    let auth = ClientAuth::SecretBasic(Secret::new("a:b%+é"));
    let (form, header) = prove(&auth, None).unwrap();
    assert_eq!(form, "");
    let header = header.unwrap();
    assert!(header.is_sensitive());
    let pair = STANDARD.encode("door%3Award:a%3Ab%25%2B%C3%A9");
    assert_eq!(header.to_str().unwrap(), format!("Basic {pair}"));
}

#[test]
fn an_assertion_is_for_the_issuer_alone_and_short_and_never_the_same() {
    let key = Arc::new(SigningKey::generate(Algorithm::Es256, &*random()).unwrap());
    let auth = ClientAuth::PrivateKeyJwt(Arc::clone(&key));
    let keys = serde_json::json!({ "keys": [key.public_jwk()] }).to_string();
    let keys = KeySet::parse(keys.as_bytes()).unwrap().set;
    let mut names = Vec::new();
    for _ in 0..2 {
        let (form, header) = prove(&auth, Some("https://idp.example.com")).unwrap();
        assert!(header.is_none());
        let mut form = Parameters::parse(&form).ok().unwrap();
        assert_eq!(form.take("client_id").as_deref(), Some("door:ward"));
        assert_eq!(form.take("client_assertion_type").as_deref(), Some(ASSERTION_TYPE));
        let assertion = form.take("client_assertion").unwrap();
        let jws = UnverifiedJws::parse(&assertion).unwrap();
        assert_eq!(jws.token_type(), Some("jwt"));
        let verified = jws.verify(&[Algorithm::Es256], &keys).unwrap();
        let mut claims: serde_json::Value = serde_json::from_slice(verified.payload()).unwrap();
        names.push(claims.as_object_mut().unwrap().remove("jti").unwrap());
        let expected = serde_json::json!({
            "iss": "door:ward", "sub": "door:ward", "aud": "https://idp.example.com",
            "iat": NOW, "exp": NOW + 60,
        });
        assert_eq!(claims, expected);
    }
    assert_ne!(names[0], names[1]);
    assert_eq!(prove(&auth, None), Err(ClientAuthError::NoAudience));
}
