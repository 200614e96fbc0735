use cedar_policy::Policy;

use super::*;

fn reads(policy: &str) -> CallerReads {
    CallerReads::of_policy(&Policy::parse(None, policy).unwrap().to_json().unwrap())
}

fn when(condition: &str) -> CallerReads {
    reads(&format!("permit(principal, action, resource) when {{ {condition} }};"))
}

fn group(name: &str) -> Trait {
    Trait::Within(EntityType::Group.named(name))
}

fn scope(name: &str) -> Trait {
    Trait::Scope(name.into())
}

#[test]
fn a_scope_of_a_policy_and_its_tests_tell_the_traits_that_it_reads() {
    let alice = || Trait::Within(EntityType::User.named("corp/alice"));
    for (policy, traits) in [
        ("permit(principal, action, resource);", vec![]),
        ("permit(principal is User, action, resource);", vec![]),
        (r#"permit(principal == User::"corp/alice", action, resource);"#, vec![alice()]),
        (r#"permit(principal in Group::"a", action, resource);"#, vec![group("a")]),
        (r#"permit(principal is User in Group::"a", action, resource);"#, vec![group("a")]),
        (
            r#"forbid(principal in Group::"a", action, resource in Route::"r")
               when { action == Action::"GET" && context.method == "GET" }
               unless { principal.scopes.contains("x") };"#,
            vec![group("a"), scope("x")],
        ),
    ] {
        assert_eq!(reads(policy), CallerReads::traits(traits), "{policy}");
    }
    for (condition, traits) in [
        ("true", vec![]),
        ("principal is User || !(principal is Anonymous)", vec![]),
        (r#"principal in Group::"a" || principal in Group::"b""#, vec![group("a"), group("b")]),
        (r#"principal in [Group::"b", Group::"a"]"#, vec![group("a"), group("b")]),
        (r#"principal is User in Group::"a""#, vec![group("a")]),
        (
            r#"resource in Route::"a" && resource in Service::"b" && action == Action::"GET""#,
            vec![],
        ),
        (r#"principal == User::"corp/alice""#, vec![alice()]),
        (r#"User::"corp/alice" != principal"#, vec![alice()]),
        (
            r#"principal.scopes.contains("x") && principal["scopes"].contains("x")"#,
            vec![scope("x")],
        ),
        (
            r#"if principal in Group::"a" then true else principal.scopes.contains("x")"#,
            vec![group("a"), scope("x")],
        ),
    ] {
        assert_eq!(when(condition), CallerReads::traits(traits), "{condition}");
    }
}

#[test]
fn whatever_else_is_read_of_a_caller_tells_nothing() {
    for condition in [
        r#"principal.subject == "a""#,
        r#"principal has client"#,
        r#"principal.claims has level"#,
        r#"principal.scopes.contains(context.method)"#,
        r#"principal.scopes.containsAll(["x"])"#,
        r#"principal.scopes == ["x"]"#,
        r#"principal.actors.contains("x")"#,
        r#"["x"].containsAll(principal.scopes)"#,
        r#"principal in resource"#,
        r#"principal in [Group::"a", resource]"#,
        r#"resource == principal"#,
        r#"[principal].contains(User::"a")"#,
        r#"{ a: principal }.a is User"#,
        r#"(if true then principal else principal) is User"#,
        r#"principal in Elsewhere::Group::"a""#,
        r#"principal == User::"a" && principal.acr == "x""#,
        // The caller may be the one that is named.
        r#"User::"corp/alice".scopes.contains("x")"#,
        r#"Workload::"corp/ci" has client"#,
        r#"User::"corp/alice" in Group::"corp/a""#,
        r#"User::"corp/alice" is User in Group::"corp/a""#,
        r#"principal in User::"corp/alice" && [User::"corp/alice"].contains(User::"corp/alice")"#,
        r#"Names::"headers".hasTag("x")"#,
    ] {
        assert_eq!(when(condition), CallerReads::All, "{condition}");
    }
}

#[test]
fn callers_are_alike_who_have_the_same_of_all_traits() {
    let reads = CallerReads::traits([group("corp/a"), group("corp/b"), scope("x"), scope("y")]);
    let caller = |kind: EntityType, groups: &[&str]| {
        let uid = kind.named("corp/someone");
        let groups = groups.iter().map(|group| EntityType::Group.named(group));
        Membership { kind, keys: groups.chain([uid.clone()]).collect(), uid }
    };
    let scopes = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let like = |kind, groups: &[&str], granted: &[&str]| {
        reads
            .likeness(&Method::GET, &caller(kind, groups), scopes(granted).as_slice().into())
            .unwrap()
    };
    let (user, workload) = (EntityType::User, EntityType::Workload);
    let one = like(user, &["corp/a", "corp/z"], &["y"]);
    assert_eq!(one, like(user, &["corp/other", "corp/a"], &["z", "y", "y"]));
    for other in [
        like(workload, &["corp/a"], &["y"]),
        like(user, &["corp/b"], &["y"]),
        like(user, &["corp/a", "corp/b"], &["y"]),
        like(user, &["partner/a"], &["y"]),
        like(user, &["corp/a"], &["x"]),
        like(user, &["corp/a"], &["x", "y"]),
        like(user, &["corp/a"], &[]),
    ] {
        assert_ne!(one, other);
    }
    let posted =
        reads.likeness(&Method::POST, &caller(user, &["corp/a"]), scopes(&["y"]).as_slice().into());
    assert_ne!(Some(one), posted);
}

#[test]
fn callers_are_told_apart_by_64_traits_and_no_more() {
    let all = |count: usize| CallerReads::traits((0..count).map(|n| scope(&format!("{n:03}"))));
    let uid = EntityType::User.named("corp/a");
    let caller = Membership { kind: EntityType::User, keys: vec![uid.clone()], uid };
    let like = |count, granted: &str| {
        all(count).likeness(&Method::GET, &caller, [granted.to_owned()].as_slice().into())
    };
    let every: std::collections::HashSet<_> =
        (0..=64).map(|n| like(64, &format!("{n:03}")).unwrap()).collect();
    assert_eq!(every.len(), 65);
    assert_eq!(like(65, "000"), None);
}
