//! The examples of proxies that no test runs: each key is one that the published API has, and what is Doorward's own is good.
//! Those that can be run are, by `cargo xtask test --live`.

#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// What Traefik's dynamic configuration has (its reference of the file provider, 3.7). `*` is any name.
const TRAEFIK: &[&str] = &[
    "http.routers.*.middlewares",
    "http.routers.*.rule",
    "http.routers.*.service",
    "http.services.*.loadBalancer.passHostHeader",
    "http.services.*.loadBalancer.servers.url",
    "http.middlewares.*.forwardAuth.address",
    "http.middlewares.*.forwardAuth.authResponseHeaders",
    "http.middlewares.*.forwardAuth.maxResponseBodySize",
    "http.middlewares.*.forwardAuth.preserveLocationHeader",
    "http.middlewares.*.forwardAuth.trustForwardHeader",
    "http.middlewares.*.headers.customRequestHeaders.*",
];

/// What Istio's `MeshConfig.ExtensionProvider` has (`mesh/v1alpha1/config.proto`).
const MESH: &[&str] = &[
    "extensionProviders.name",
    "extensionProviders.envoyExtAuthzGrpc.failOpen",
    "extensionProviders.envoyExtAuthzGrpc.port",
    "extensionProviders.envoyExtAuthzGrpc.service",
    "extensionProviders.envoyExtAuthzGrpc.timeout",
];

/// What every Kubernetes object has.
const OBJECT: &[&str] = &["apiVersion", "kind", "metadata.name", "metadata.namespace"];

/// What each kind has (Istio's CustomResourceDefinitions, and the API of Kubernetes).
const KINDS: [(&str, &str, &[&str]); 6] = [
    (
        "security.istio.io/v1",
        "AuthorizationPolicy",
        &["spec.action", "spec.provider.name", "spec.rules", "spec.selector.matchLabels.*"],
    ),
    (
        "security.istio.io/v1",
        "PeerAuthentication",
        &["spec.mtls.mode", "spec.selector.matchLabels.*"],
    ),
    (
        "networking.istio.io/v1",
        "Sidecar",
        &[
            "spec.ingress.defaultEndpoint",
            "spec.ingress.port.name",
            "spec.ingress.port.number",
            "spec.ingress.port.protocol",
            "spec.workloadSelector.labels.*",
        ],
    ),
    (
        "networking.istio.io/v1",
        "ServiceEntry",
        &[
            "spec.endpoints.address",
            "spec.hosts",
            "spec.location",
            "spec.ports.name",
            "spec.ports.number",
            "spec.ports.protocol",
            "spec.resolution",
        ],
    ),
    ("v1", "ConfigMap", &["data.*"]),
    (
        "apps/v1",
        "Deployment",
        &[
            "spec.selector.matchLabels.*",
            "spec.template.metadata.labels.*",
            "spec.template.spec.containers.args",
            "spec.template.spec.containers.image",
            "spec.template.spec.containers.name",
            "spec.template.spec.containers.readinessProbe.exec.command",
            "spec.template.spec.containers.securityContext.allowPrivilegeEscalation",
            "spec.template.spec.containers.securityContext.readOnlyRootFilesystem",
            "spec.template.spec.containers.securityContext.runAsNonRoot",
            "spec.template.spec.containers.securityContext.runAsUser",
            "spec.template.spec.containers.volumeMounts.mountPath",
            "spec.template.spec.containers.volumeMounts.name",
            "spec.template.spec.containers.volumeMounts.readOnly",
            "spec.template.spec.volumes.configMap.name",
            "spec.template.spec.volumes.emptyDir",
            "spec.template.spec.volumes.name",
        ],
    ),
];

#[test]
fn the_example_of_traefik_has_keys_that_traefik_has() {
    let [example] = documents("traefik/dynamic.yaml").try_into().expect("one document");
    assert_eq!(unknown(&example, TRAEFIK), BTreeSet::new());
    let asks = &example["http"]["middlewares"]["doorward"]["forwardAuth"];
    assert_eq!(asks["trustForwardHeader"], false);
    let copied = asks["authResponseHeaders"].as_array().expect("names");
    assert!(copied.contains(&"Cookie".into()), "the session would go on to the service");
    assert_eq!(asks["address"], "http://127.0.0.1:9192/check?service=orders");
    let order = &example["http"]["routers"]["orders"]["middlewares"];
    assert_eq!(order, &serde_json::json!(["no-upgrades", "doorward", "told-by-us"]));
}

#[test]
fn the_example_of_istio_has_keys_that_istio_and_kubernetes_have() {
    let [mesh] = documents("istio/mesh-config.yaml").try_into().expect("one document");
    assert_eq!(unknown(&mesh, MESH), BTreeSet::new());
    let provider = &mesh["extensionProviders"][0];
    assert_eq!(provider["envoyExtAuthzGrpc"]["failOpen"], false);
    let objects = documents("istio/doorward.yaml");
    assert_eq!(objects.len(), KINDS.len());
    for object in &objects {
        let kind = KINDS
            .iter()
            .find(|(version, kind, _)| object["apiVersion"] == *version && object["kind"] == *kind);
        let (_, kind, keys) = kind.expect("a kind that is known");
        let keys = [OBJECT, keys].concat();
        assert_eq!(unknown(object, &keys), BTreeSet::new(), "{kind}");
    }
    let of = |kind: &str| {
        objects.iter().find(|object| object["kind"] == kind).expect("an object of each kind")
    };
    let policy = &of("AuthorizationPolicy")["spec"];
    assert_eq!(
        (&policy["action"], &policy["provider"]["name"]),
        (&"CUSTOM".into(), &provider["name"])
    );
    let entry = &of("ServiceEntry")["spec"];
    let asked = &provider["envoyExtAuthzGrpc"];
    assert_eq!(
        (&entry["hosts"][0], &entry["ports"][0]["number"]),
        (&asked["service"], &asked["port"])
    );
    let configuration = of("ConfigMap")["data"]["doorward.yaml"].as_str().expect("a configuration");
    check(&configuration.replace("/etc/istio-ca/root-cert.pem", "ca.pem"));
}

#[test]
fn the_configuration_of_the_sidecars_is_good() {
    check(&read("envoy-sidecars/doorward.yaml").replace("mesh.pem", "ca.pem"));
}

#[test]
fn what_is_not_run_says_so() {
    for example in ["traefik/dynamic.yaml", "istio/mesh-config.yaml", "istio/doorward.yaml"] {
        assert!(read(example).contains("\n# NOT RUN: "), "{example}");
    }
}

/// What stands between the keys of a way. No key has it.
const BETWEEN: &str = " > ";

/// The keys of a document that are none of `known`.
fn unknown(document: &Value, known: &[&str]) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    leaves(document, "", &mut keys);
    keys.retain(|key| {
        let parts: Vec<_> = key.split(BETWEEN).collect();
        !known.iter().any(|known| {
            let known: Vec<_> = known.split('.').collect();
            known.len() == parts.len()
                && known.iter().zip(&parts).all(|(one, part)| *one == "*" || one == part)
        })
    });
    keys
}

/// The way to each value that has no keys of its own, by keys alone.
fn leaves(value: &Value, way: &str, all: &mut BTreeSet<String>) {
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            for (key, value) in entries {
                let way = if way.is_empty() { key.clone() } else { format!("{way}{BETWEEN}{key}") };
                leaves(value, &way, all);
            }
        }
        Value::Array(values) if !values.is_empty() => {
            values.iter().for_each(|value| leaves(value, way, all));
        }
        _ => {
            all.insert(way.to_owned());
        }
    }
}

/// What `doorward check` says of a configuration beside `ca.pem`.
fn check(configuration: &str) {
    let folder = tempfile::tempdir().expect("a directory");
    std::fs::copy("tests/config/files/ca.pem", folder.path().join("ca.pem")).expect("an authority");
    let file = folder.path().join("doorward.yaml");
    std::fs::write(&file, configuration).expect("to be written");
    let output = Command::new(env!("CARGO_BIN_EXE_doorward")).arg("check").arg(&file).output();
    let output = output.expect("the binary runs");
    assert!(output.status.success(), "{output:?}");
}

/// The documents of an example.
fn documents(path: &str) -> Vec<Value> {
    let text = read(path);
    let documents = text.split("\n---\n").map(serde_saphyr::from_str);
    documents.collect::<Result<_, _>>().expect("YAML")
}

fn read(path: &str) -> String {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    std::fs::read_to_string(examples.join(path)).expect("the example is there")
}
