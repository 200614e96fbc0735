//! The examples that the RFCs print, which every implementation must read alike.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use serde_json::{Value, json};
use tokens::{Algorithm, KeySet, Thumbprint, TokenRefusal, UnverifiedJws, UnverifiedToken};

/// `{"iss":"joe",␍␊ "exp":1300819380,␍␊ "http://example.com/is_root":true}`, in RFC 7515 and RFC 7519.
const JOE: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

struct Example {
    name: &'static str,
    key: Value,
    token: String,
    payload: Option<&'static str>,
    thumbprint: Option<&'static str>,
}

fn examples() -> [Example; 4] {
    [
        Example {
            name: "RFC 7515 A.2, RS256",
            key: json!({ "kty": "RSA", "e": "AQAB", "n": concat!(
                "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4Ql",
                "L-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUs",
                "LA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoud",
                "F8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ") }),
            token: format!(
                "eyJhbGciOiJSUzI1NiJ9.{JOE}.{}",
                concat!(
                    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujG",
                    "bds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K",
                    "0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6",
                    "LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
                )
            ),
            payload: None,
            thumbprint: None,
        },
        Example {
            name: "RFC 7515 A.3, ES256",
            key: json!({ "kty": "EC", "crv": "P-256",
                "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" }),
            token: format!(
                "eyJhbGciOiJFUzI1NiJ9.{JOE}.{}",
                "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
            ),
            payload: None,
            thumbprint: None,
        },
        Example {
            name: "RFC 7515 A.4, ES512",
            key: json!({ "kty": "EC", "crv": "P-521",
                "x": "AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",
                "y": "ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2" }),
            token: format!(
                "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.{}",
                concat!(
                    "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwF",
                    "KdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn"
                )
            ),
            payload: Some("Payload"),
            thumbprint: None,
        },
        Example {
            name: "RFC 8037 A.3 and A.4, EdDSA",
            key: json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }),
            token: format!(
                "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.{}",
                "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
            ),
            payload: Some("Example of Ed25519 signing"),
            thumbprint: Some("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),
        },
    ]
}

fn key_set(key: &Value) -> KeySet {
    let parsed = KeySet::parse(json!({ "keys": [key] }).to_string().as_bytes()).unwrap();
    assert_eq!(parsed.skipped, []);
    parsed.set
}

#[test]
fn the_signed_examples_verify() {
    for example in examples() {
        let keys = key_set(&example.key);
        let jws = UnverifiedJws::parse(&example.token).unwrap();
        let verified = jws
            .verify(&Algorithm::ALL, &keys)
            .unwrap_or_else(|error| panic!("{}: {error}", example.name));
        match example.payload {
            Some(payload) => assert_eq!(verified.payload(), payload.as_bytes(), "{}", example.name),
            None => {
                assert_eq!(UnverifiedToken::parse(&example.token).unwrap().claimed_issuer(), "joe")
            }
        }
        if let Some(thumbprint) = example.thumbprint {
            assert_eq!(verified.key_thumbprint().to_string(), thumbprint, "{}", example.name);
        }
    }
}

#[test]
fn the_signed_examples_verify_with_no_other_key() {
    for example in examples() {
        for other in examples() {
            let keys = key_set(&other.key);
            let verified = UnverifiedJws::parse(&example.token)
                .unwrap()
                .verify(&Algorithm::ALL, &keys)
                .is_ok();
            assert_eq!(
                verified,
                example.name == other.name,
                "{} with the key of {}",
                example.name,
                other.name
            );
        }
    }
}

#[test]
fn the_thumbprint_of_rfc_7638_is_the_one_it_prints() {
    let key = json!({
        "kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29",
        "n": concat!(
            "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiF",
            "V4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9",
            "c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1",
            "jF44-csFCur-kEgU8awapJzKnqDKgw"),
    });
    let keys = key_set(&key);
    let thumbprint = Thumbprint::parse("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs").unwrap();
    assert!(keys.contains(&thumbprint));
    assert!(keys.contains_kid("2011-04-29"));
}

/// RFC 7515 A.1 and RFC 7519 §3.1 are signed with a shared secret, RFC 7519 §6.1 and RFC 7515 A.5 with nothing.
#[test]
fn the_examples_without_a_public_key_signature_are_refused() {
    let hs256 = format!(
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{JOE}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    );
    let none = format!("eyJhbGciOiJub25lIn0.{JOE}.");
    for (token, name) in [(hs256, "HS256"), (none, "none")] {
        let error = UnverifiedToken::parse(&token).unwrap_err();
        assert!(matches!(error, TokenRefusal::UnknownAlgorithm { .. }));
        let names = "ES256, ES384, ES512, EdDSA, Ed25519, PS256, PS384, PS512, RS256, RS384, RS512";
        assert_eq!(
            error.to_string(),
            format!("algorithm `{name}` is not accepted; expected one of {names}")
        );
    }
}
