use super::*;

#[test]
fn every_preset_makes_a_provider() {
    let issuers = [
        ("auth0", Some("https://corp.eu.auth0.com/")),
        ("cognito", Some("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC")),
        ("entra", Some("https://login.microsoftonline.com/8f3e-11/v2.0")),
        ("github", None),
        ("gitlab", Some("https://gitlab.com")),
        ("google", None),
        ("keycloak", Some("https://sso.example.com/realms/corp")),
        ("okta", Some("https://corp.okta.com/oauth2/default")),
    ];
    assert_eq!(issuers.map(|(name, _)| name), PRESETS.each_ref().map(|preset| preset.name));
    for (name, issuer) in issuers {
        let preset = Preset::named(name).unwrap();
        assert!(preset.protocol(issuer).is_some(), "{name}");
        assert_eq!(preset.groups("door").unwrap().len(), preset.groups.len(), "{name}");
        assert!(JsonPointer::parse(preset.subject).is_ok(), "{name}");
        let openid = preset.scopes.contains(&"openid");
        assert_eq!(openid, preset.places.is_none(), "{name}");
    }
    assert!(Preset::named("Google").is_none());
}

#[test]
fn an_issuer_of_another_shape_is_not_the_providers() {
    let cases = [
        ("auth0", "https://corp.eu.auth0.com"),
        ("cognito", "https://cognito-idp.eu-west-1.amazonaws.com.evil.example/x"),
        ("cognito", "https://cognito-idp.eu-west-1.evil.com/x"),
        ("entra", "https://login.microsoftonline.com/common/v2.0"),
        ("entra", "https://login.microsoftonline.com/organizations/v2.0"),
        ("entra", "https://login.microsoftonline.com/consumers/v2.0"),
        ("entra", "https://login.microsoftonline.com//v2.0"),
        ("entra", "https://login.microsoftonline.com/8f3e-11"),
        ("entra", "https://login.microsoftonline.com/8f3e-11/v2.0/"),
        ("entra", "https://login.microsoftonline.com/a/b/v2.0"),
        ("gitlab", "https://gitlab.com/group"),
        ("google", "https://accounts.google.com/"),
        ("keycloak", "https://sso.example.com/auth"),
        ("keycloak", "http://sso.example.com/realms/corp"),
        ("okta", "https://corp.okta.com/oauth2/"),
    ];
    for (name, issuer) in cases {
        assert!(Preset::named(name).unwrap().protocol(Some(issuer)).is_none(), "{issuer}");
    }
    assert!(Preset::named("entra").unwrap().protocol(None).is_none());
}

#[test]
fn roles_of_a_client_stand_where_it_is_named_and_are_called_after_it() {
    let keycloak = PRESETS.iter().find(|preset| preset.name == "keycloak").unwrap();
    let groups = keycloak.groups("a/b~c").unwrap();
    let source = groups.last().unwrap();
    let place = GroupPlace::At(JsonPointer::parse("/resource_access/a~1b~0c/roles").unwrap());
    assert_eq!((&source.place, &*source.prefix), (&place, "a/b~c/"));
}
